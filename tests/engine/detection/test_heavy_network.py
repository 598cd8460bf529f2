"""The committed weights, and the rounding against its definition and against the network that it rounds."""

from __future__ import annotations

import lzma
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from contract.failure import Failure
from engine.detection import heavy_network, model_bundle, tflite_file

ROOT = Path(__file__).parents[3]


def _large(tflite: bytes) -> list[np.ndarray]:
    """The weights that are rounded, by the number of outputs, found by their shape alone."""
    model = tflite_file.parsed(tflite)
    found = []
    for tensor in model.subgraphs[0].tensors:
        shape = tuple(int(n) for n in tensor.shape) if tensor.shape is not None else ()
        data = model.buffers[tensor.buffer].data
        if len(shape) == 4 and shape[1:3] == (1, 1) and np.prod(shape) >= 80_000 and data is not None and len(data) == 2 * np.prod(shape):
            found.append(np.frombuffer(bytes(data), np.float16).reshape(shape[0], -1).astype(np.float64))
    return found


def test_a_grid_moves_no_weight_by_more_than_half_a_step() -> None:
    random = np.random.default_rng(0)
    weights = (random.normal(0, 1, (7, 1, 1, 400)) * 10.0 ** random.uniform(-3, 1, (7, 1, 1, 1))).astype(np.float16)
    for bits in (5, 9):
        rounded = heavy_network.on_grid(weights, bits).astype(np.float64)
        exact = weights.astype(np.float64)
        size = np.sqrt((exact**2).mean((1, 2, 3), keepdims=True))
        step = size * 2.0**-bits * np.sqrt(2.0)  # the nearest power of two is at most so much larger
        assert np.all(np.abs(rounded - exact) <= step / 2 + 2.0**-11 * np.abs(exact))
        for row in rounded:  # and every row lies on one grid of a power of two
            fraction = np.abs(row[row != 0])
            least = 2.0 ** np.floor(np.log2(size.min() * 2.0**-bits) - 1)
            assert np.all(np.mod(fraction, least) == 0)


def test_a_row_of_zeros_stays() -> None:
    assert not heavy_network.on_grid(np.zeros((2, 1, 1, 5), np.float16), 5).any()


def test_the_committed_weights_are_heavy_and_rounded() -> None:
    tflite = heavy_network.read()
    assert heavy_network.PACKED_FILE.stat().st_size < 20e6
    large = _large(tflite)
    assert sum(weights.size for weights in large) > 11e6
    for weights in large:
        bits = 5 if weights.size >= 200_000 else 9
        for row in weights[:: max(1, len(weights) // 8)]:
            size = np.sqrt((row**2).mean())
            # rounding changes the root mean square a little, so a step at the edge may be the neighbour
            steps = 2.0 ** (np.round(np.log2(size * 2.0**-bits)) + np.array([-1.0, 0.0, 1.0]))
            assert any(np.all(np.mod(row, step) == 0) for step in steps)


@pytest.mark.skipif(not model_bundle.MODELS["full"].file.is_file(), reason="the models have not been made: run the set-up")
def test_shrink_rounds_the_large_layers_and_nothing_else() -> None:
    with zipfile.ZipFile(model_bundle.MODELS["full"].file) as archive:
        before = archive.read(model_bundle.LANDMARKS_NAME)
    after = heavy_network.shrink(before)
    first, second = tflite_file.parsed(before), tflite_file.parsed(after)
    changed = 0
    for a, b in zip(first.buffers, second.buffers, strict=True):
        if a.data is not None and bytes(a.data) != bytes(b.data):
            old, new = (np.frombuffer(bytes(data), np.float16).astype(np.float64) for data in (a.data, b.data))
            assert old.size >= 80_000
            assert np.linalg.norm(new - old) < 0.02 * np.linalg.norm(old)
            changed += old.size
    assert changed == sum(weights.size for weights in _large(before)) > 0
    assert len(heavy_network.compress(after)) < 0.9 * len(heavy_network.compress(before))
    assert lzma.decompress(heavy_network.compress(after)) == after


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.xz"
    bad.write_bytes(heavy_network.PACKED_FILE.read_bytes()[:1000])
    for path in (bad, tmp_path / "none.xz"):
        with pytest.raises(Failure, match="git checkout") as failure:
            heavy_network.read(path)
        assert failure.value.code == "bad_installation"


def test_the_command_refuses_another_network(tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(b"TFL3 of something else")
    command = [sys.executable, "-m", "engine.detection.heavy_network", other, tmp_path / "out.xz"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.xz").exists()
    missing = subprocess.run([*command[:3], tmp_path / "none.tflite", tmp_path / "out.xz"], cwd=ROOT, capture_output=True, text=True)
    assert missing.returncode == 3 and "none.tflite cannot be read" in missing.stderr


def test_the_network_that_it_is_made_of_is_never_written_over(tmp_path, capsys):
    source = tmp_path / "pose_landmark_heavy.tflite"
    source.write_bytes(b"somebody's")
    (tmp_path / "link.tflite").symlink_to(source)
    for out in (source, tmp_path / "link.tflite"):
        assert heavy_network.main([str(source), str(out)]) == 2
        assert source.read_bytes() == b"somebody's" and capsys.readouterr().err
