"""Against a real network, read back by the schema that MediaPipe installs and by the bytes of the weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from contract.failure import Failure
from engine.detection import model_bundle, tflite_file

pytestmark = pytest.mark.skipif(not model_bundle.MODELS["full"].file.is_file(), reason="the models have not been made: run the set-up")


@pytest.fixture(scope="module")
def network() -> bytes:
    with zipfile.ZipFile(model_bundle.MODELS["full"].file) as archive:
        return archive.read(model_bundle.LANDMARKS_NAME)


def test_written_is_what_was_parsed(network: bytes) -> None:
    before = tflite_file.parsed(network)
    again = tflite_file.written(tflite_file.parsed(network))
    after = tflite_file.parsed(again)
    assert again[4:8] == b"TFL3"
    assert [op.opcodeIndex for op in after.subgraphs[0].operators] == [op.opcodeIndex for op in before.subgraphs[0].operators]
    assert len(after.buffers) == len(before.buffers)
    for a, b in zip(before.buffers, after.buffers, strict=True):
        assert (a.data is None) == (b.data is None)
        if a.data is not None:
            assert bytes(a.data) == bytes(b.data)


def test_a_change_is_written_and_weights_are_aligned(network: bytes) -> None:
    model = tflite_file.parsed(network)
    largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    marked = np.frombuffer(bytes(largest.data), np.uint8).copy()
    marked[:16] = np.arange(100, 116)
    largest.data = marked
    place = tflite_file.written(model).find(bytes(marked))
    assert place > 0 and place % tflite_file.ALIGNMENT == 0


def test_put_writes_whole_or_nothing(tmp_path: Path) -> None:
    out = tmp_path / "new" / "a.task"
    tflite_file.put(b"whole", out)
    assert out.read_bytes() == b"whole" and [p.name for p in out.parent.iterdir()] == ["a.task"]
    for place in (out / "b.task", out.parent):  # a file for a folder, and a folder for a file
        with pytest.raises(Failure) as failure:
            tflite_file.put(b"more", place)
        assert failure.value.code == "not_writable"
    assert out.read_bytes() == b"whole" and not list(tmp_path.rglob("*.part"))


def test_an_unknown_schema_is_a_failure() -> None:
    with pytest.raises(Exception, match="MediaPipe is not installed"):
        tflite_file.schema("no_such_schema")
