from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from contract import npz
from contract.npz import pieces, write_npz

RNG = np.random.default_rng(5)
ARRAYS = {
    "long": RNG.normal(size=(1000, 24, 3)).astype(np.float32),
    "every_other": RNG.normal(size=(300, 7))[::2],
    "turned": np.asfortranarray(RNG.normal(size=(40, 50))),
    "flags": RNG.random((77, 2)) < 0.5,
    "names": np.array(["pelvis", "spine.L"]),
    "words": np.array('{"a": "ä"}'),
    "number": np.array(29.97),
    "none": np.zeros((0, 24, 3), np.float32),
    "other_order": RNG.integers(0, 9, 20).astype(">i8"),
}


@pytest.mark.parametrize("piece", [1, 1000, 2**20])
def test_numpy_reads_what_was_written_as_if_it_had_written_it_itself(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "PIECE", piece)
    ours, theirs = io.BytesIO(), io.BytesIO()
    write_npz(ours, ARRAYS, lambda _: None)
    np.savez_compressed(theirs, **ARRAYS)
    ours.seek(0)
    with np.load(ours, allow_pickle=False) as file, zipfile.ZipFile(ours) as a, zipfile.ZipFile(theirs) as b:
        assert file.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert file[name].dtype == array.dtype and file[name].shape == array.shape
            assert file[name].tobytes() == array.tobytes(), name
        assert a.namelist() == b.namelist()
        assert all(info.compress_type == zipfile.ZIP_DEFLATED for info in a.infolist())
        for name in set(ARRAYS) - {"turned"}:  # numpy writes that one column by column
            assert a.read(f"{name}.npy") == b.read(f"{name}.npy"), name


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="thing"):
        write_npz(io.BytesIO(), {"thing": np.array([{}], dtype=object)}, lambda _: None)


def test_pieces_are_the_array_and_each_is_told() -> None:
    array, told = np.arange(3_000_000, dtype=np.float64).reshape(-1, 3), []
    found = list(pieces(array, told.append))
    np.testing.assert_array_equal(np.concatenate(found), array)
    assert len(found) == len(told) == 23 and all(a is array for a in told)
    assert max(piece.nbytes for piece in found) <= npz.PIECE


def test_writing_needs_no_memory_for_the_whole_array() -> None:
    class Nowhere(io.RawIOBase):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            return len(data)

        def writable(self) -> bool:
            return True

    array = np.zeros((5_000_000, 2), np.float32)
    array[::1000] = 1.0
    tracemalloc.start()
    write_npz(Nowhere(), {"a": array}, lambda _: None)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < array.nbytes / 8
