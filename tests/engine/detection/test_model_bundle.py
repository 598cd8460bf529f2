"""The bundle is read back with code of its own: a small flatbuffers walk, zipfile, and the networks of the wheel."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from contract.failure import Failure
from engine.detection import heavy_network, model_bundle

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel() -> Path:
    """MediaPipe's wheel of 0.10.21: KINOLIFT_MEDIAPIPE_WHEEL, or what the set-up left in wheels/."""
    found = [Path(os.environ[name]) for name in ("KINOLIFT_MEDIAPIPE_WHEEL",) if os.environ.get(name)]
    found += sorted((ROOT / "wheels").rglob("mediapipe-0.10.21-*.whl"))
    if not found:
        pytest.skip("the wheel of mediapipe 0.10.21 is not here")
    return found[0]


@pytest.fixture(scope="module", params=model_bundle.MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(name: str) -> Path:
    file = model_bundle.MODELS[name].file
    if not file.is_file():
        pytest.skip("the models have not been made: run the set-up")
    return file


def _metadata(tflite: bytes) -> bytes:
    """The TFLITE_METADATA buffer of a model, by walking the flatbuffer by hand (fields: 4 buffers, 6 metadata)."""

    def field(table: int, index: int) -> int:
        vtable = table - struct.unpack_from("<i", tflite, table)[0]
        offset = struct.unpack_from("<H", tflite, vtable + 4 + 2 * index)[0]
        assert offset
        return table + offset

    def follow(position: int) -> int:
        return position + struct.unpack_from("<I", tflite, position)[0]

    model = follow(0)
    entries = follow(field(model, 6))
    for k in range(struct.unpack_from("<I", tflite, entries)[0]):
        entry = follow(entries + 4 + 4 * k)
        name = follow(field(entry, 0))
        if tflite[name + 4 : name + 19] == b"TFLITE_METADATA":
            number = struct.unpack_from("<I", tflite, field(entry, 1))[0]
            data = follow(field(follow(follow(field(model, 4)) + 4 + 4 * number), 0))
            assert data % 4 == 0
            return tflite[data + 4 : data + 4 + struct.unpack_from("<I", tflite, data)[0]]
    raise AssertionError("no TFLITE_METADATA")


def test_the_bundles_in_place_are_whole(bundle: Path) -> None:
    model_bundle.verify()


def test_bundle_holds_two_stored_aligned_networks(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.namelist() == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            with bundle.open("rb") as file:
                file.seek(entry.header_offset + 26)
                start = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
                assert start % 16 == 0
                file.seek(start + 4)
                assert file.read(4) == b"TFL3"


@pytest.mark.parametrize(
    ("network", "mean", "std"), [("pose_detector.tflite", 127.5, 127.5), ("pose_landmarks_detector.tflite", 0.0, 255.0)]
)
def test_normalization_is_written(bundle: Path, network: str, mean: float, std: float) -> None:
    with zipfile.ZipFile(bundle) as archive:
        metadata = _metadata(archive.read(network))
    assert metadata[4:8] == b"M001"
    for value in (mean, std):  # each a vector of one float
        assert struct.pack("<If", 1, value) in metadata
    assert struct.pack("<If", 1, 99.0) not in metadata


def _model(name: str, folder: Path) -> model_bundle.Model:
    """The same model somewhere else."""
    return replace(model_bundle.MODELS[name], file=folder / "model.task")


def test_pack_is_reproducible_and_keeps_the_weights(wheel: Path, name: str, tmp_path: Path) -> None:
    model = _model(name, tmp_path / "new")
    model_bundle.pack(wheel, model)
    assert hashlib.sha256(model.file.read_bytes()).hexdigest() == model.sha256
    assert [p.name for p in model.file.parent.iterdir()] == ["model.task"]
    assert model_bundle.read(model)
    # the largest weight tensors of the source stand in the bundle unchanged
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(model.file) as packed:
        source = archive.read("mediapipe/modules/pose_landmark/pose_landmark_full.tflite")
        copy = packed.read("pose_landmarks_detector.tflite")
    if model.heavy:
        source = heavy_network.read()
    middle = len(source) // 2
    assert source[middle : middle + 4096] in copy
    assert abs(len(copy) - len(source)) < 64 * 1024


def test_pack_refuses_another_file(tmp_path: Path) -> None:
    not_zip = tmp_path / "a.whl"
    not_zip.write_text("not a wheel")
    other = tmp_path / "b.whl"
    with zipfile.ZipFile(other, "w") as archive:
        for source in ("pose_detection/pose_detection", "pose_landmark/pose_landmark_full"):
            archive.writestr(f"mediapipe/modules/{source}.tflite", b"something else")
    for wheel in (tmp_path / "missing.whl", not_zip, other):
        with pytest.raises(Failure) as failure:
            model_bundle.pack(wheel, _model("full", tmp_path / "out"))
        assert failure.value.code == "bad_installation"
        assert wheel.name in failure.value.message
    assert not (tmp_path / "out").exists()


def test_pack_refuses_a_result_that_differs(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="came out different"):
        model_bundle.pack(wheel, replace(_model("full", tmp_path), sha256="f" * 64))
    assert not list(tmp_path.iterdir())


def test_read_tells_missing_from_damaged(tmp_path: Path) -> None:
    model = _model("heavy", tmp_path)
    with pytest.raises(Failure, match="is missing") as failure:
        model_bundle.read(model)
    assert failure.value.code == "bad_installation"
    assert "kinolift.py setup --again" in failure.value.message
    model.file.write_bytes(b"half a model")
    with pytest.raises(Failure, match="is damaged") as failure:
        model_bundle.read(model)
    assert failure.value.code == "bad_installation"


def test_the_command_refuses_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.detection.model_bundle"]
    bad = subprocess.run([*command, tmp_path / "no.whl"], cwd=ROOT, capture_output=True, text=True)
    assert bad.returncode == 5
    assert len(bad.stderr.strip().splitlines()) == 1
    model_bundle.verify()  # what was there is there


def test_the_command_makes_every_model(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {name: replace(model, file=tmp_path / model.file.name) for name, model in model_bundle.MODELS.items()}
    monkeypatch.setattr(model_bundle, "MODELS", models)
    assert model_bundle.main([str(wheel)]) == 0
    model_bundle.verify()
    assert len(list(tmp_path.iterdir())) == 2
