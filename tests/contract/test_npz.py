from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from contract import npz
from contract.npz import open_npz, pieces, read_npz, write_npz

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


def entry(header: bytes, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    header += b"\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(2 if version[0] == 1 else 4, "little") + header + data


def archive(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(f"{name}.npy", data)
    return path


def test_everything_that_is_written_is_read(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **ARRAYS)
        found = read_npz(tmp_path / "a.npz")
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype and found[name].shape == array.shape
            np.testing.assert_array_equal(found[name], array)
            assert found[name].flags.writeable


def test_headers_of_other_programs_are_read(tmp_path: Path) -> None:
    headers = [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }",
        b'{"shape": (2,), "descr": "f8", "fortran_order": False}',
    ]
    for header in headers:
        for version in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
            archive(tmp_path / "a.npz", {"a": entry(header, np.array([1.0, 2.0]).tobytes(), version)})
            assert read_npz(tmp_path / "a.npz")["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }", b"12345678"), "8 bytes where its header says"),
        (entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }"), "impossible shape"),
        (entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1," * 40 + b"), }", b"12345678"), "impossible shape"),
        (entry(b"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }"), "no size"),
        (entry(b"{'descr': '|O', 'fortran_order': False, 'shape': (), }", b"(."), "pickled"),
        (entry(b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", b"12345678"), "a kind that is not used"),
        (entry(b"{'descr': '<f3', 'fortran_order': False, 'shape': (1,), }", b"123"), "a kind that is not used"),
        (entry(b"((((((" * 500), "a kind that is not used"),
        (entry(b"{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", b"\x01\x07"), "neither true nor false"),
        (entry(b"{'descr': '<U1', 'fortran_order': False, 'shape': (), }", b"\x00\x00\x11\x00"), "characters"),
        (entry(b"{'descr': '<U1', 'fortran_order': False, 'shape': (), }", b"\x00\xd8\x00\x00"), "characters"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "too long"),
        (b"nothing", "no array"),
        (b"", "no array"),
    ],
)
def test_an_entry_that_is_no_array_is_refused_before_memory_is_taken(tmp_path: Path, data: bytes, said: str) -> None:
    archive(tmp_path / "a.npz", {"a": data})
    tracemalloc.start()
    with pytest.raises(ValueError, match=said):
        read_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_holds(tmp_path: Path) -> None:
    size = 80 * 2**20
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},), }}".encode()
    archive(tmp_path / "a.npz", {"a": entry(header, bytes(size))})
    assert (tmp_path / "a.npz").stat().st_size < 2**20
    with pytest.raises(ValueError, match="far more than its size"):
        read_npz(tmp_path / "a.npz")
    # the same with a directory that lies about the size: no more is unpacked than it says
    content = bytearray((tmp_path / "a.npz").read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(content)
    tracemalloc.start()
    with pytest.raises((ValueError, EOFError, zipfile.BadZipFile)):
        read_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()


def test_encryption_other_compressions_and_two_of_one_name_are_told(tmp_path: Path) -> None:
    good = entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"12345678")
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ValueError, match="compressed in a way"):
            read_npz(archive(tmp_path / "a.npz", {"a": good}, kind))
    content = bytearray(archive(tmp_path / "a.npz", {"a": good}).read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="encrypted"):
        read_npz(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", good)
        file.writestr("a", good)
    with pytest.raises(ValueError, match="two arrays of one name"):
        read_npz(tmp_path / "a.npz")


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.arange(1000.0))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[600] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(zipfile.BadZipFile):
        read_npz(tmp_path / "a.npz")


def test_single_values_are_asked_for_by_their_kind(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", fps=np.array(30.0), name=np.array("a"), many=np.zeros(2), flag=np.array(True), none=np.array(np.nan))
    with open_npz(tmp_path / "a.npz") as file:
        assert file.number("fps") == 30.0 and file.text("name") == "a"
        for name in ("many", "flag", "none", "name"):
            with pytest.raises(ValueError, match=name):
                file.number(name)
        with pytest.raises(ValueError, match="fps is no text"):
            file.text("fps")
        with pytest.raises(KeyError):
            file.number("other")
