"""Files of arrays (.npz): written piece by piece, so that a long array is never in memory whole, and read with limits.

`open_npz` is the only reader of .npz files that there is: it looks at what an entry says of itself before it takes any memory for it, takes
no more than the file's own size allows, and reads no pickles. Errors are ValueErrors about the file; callers read inside `reading.reading`.
"""

from __future__ import annotations

import io
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

PIECE: Final = 2**20  # bytes of an array that are looked at or written at once: more is not faster
# What a file may unpack to: that many times its own size, or the allowance if that is more. Motions, poses and keypoints unpack to twice
# their size, takes of somebody who stands still to twenty times; 3 MB of zeros to 3 GB.
RATIO: Final = 100
ALLOWANCE: Final = 64 * 2**20
LARGEST: Final = 16 * 2**30  # bytes, whatever the size of the file
MOST_ENTRIES: Final = 100_000
LARGEST_HEADER: Final = 10_000  # bytes: numpy's own bound
LARGEST_TEXT: Final = 64 * 2**20
MOST_AXES: Final = 32
LONGEST_AXIS: Final = 2**40

Done = Callable[[npt.NDArray[Any]], None]  # takes an array of which a piece is done with


def pieces(array: npt.NDArray[Any], done: Done) -> Iterator[npt.NDArray[Any]]:
    """The array along its first axis, PIECE bytes at a time or one entry; what has no axes comes whole. `done` after each."""
    if array.ndim == 0:
        yield array
    else:
        step = max(1, PIECE * len(array) // max(array.nbytes, 1))
        for start in range(0, len(array), step):
            yield array[start : start + step]
            done(array)


def write_npz(file: IO[bytes], arrays: Mapping[str, npt.NDArray[Any]], done: Done) -> None:
    """Writes the arrays into an open file. `done` is called with an array for each piece of it that has been written.

    Raises ValueError for an array that would need a pickle, OSError as writing does.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise ValueError(f"{name} holds objects")
            header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
            # the size is not known beforehand, and might be above the 2 GB of a plain entry
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array_header_1_0(entry, header)
                for piece in pieces(array, done):
                    entry.write(piece.tobytes())


@dataclass(frozen=True)
class Header:
    """What an entry says of its array, before it is read. `dtype` is of kind O for a pickled object."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran_order: bool

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Npz:
    """An open .npz; made by `open_npz`. `names`: of the arrays, in the file's order."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise ValueError(f"it holds more than {MOST_ENTRIES} arrays")
        bound = min(LARGEST, max(ALLOWANCE, RATIO * size))
        if sum(entry.file_size for entry in entries) > bound:
            raise ValueError("it unpacks to far more than its size allows")
        self._archive, self._entries = archive, {entry.filename.removesuffix(".npy"): entry for entry in entries}
        if len(self._entries) != len(entries):
            raise ValueError("it holds two arrays of one name")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def header(self, name: str) -> Header:
        """Raises KeyError for a name that is not there, ValueError for an entry that is no array."""
        with self._open(name) as file:
            return _read_header(file, name)

    def array(self, name: str) -> npt.NDArray[Any]:
        """The array of that name. Raises KeyError, or ValueError for what is damaged or pickled."""
        with self._open(name) as file:
            header = _read_header(file, name)
            if header.dtype.hasobject:
                raise ValueError(f"its {name} is pickled")
            left = self._entries[name].file_size - file.tell()
            if header.nbytes != left:
                raise ValueError(f"its {name} has {left} bytes where its header says {header.nbytes}")
            data = self._rest(file, left)
        if not header.nbytes:
            if math.prod(header.shape):  # texts of no length: numpy would make them longer
                raise ValueError(f"its {name} holds values of no size")
            return np.zeros(header.shape, header.dtype)
        flat: npt.NDArray[Any] = np.frombuffer(data, header.dtype)
        _check_values(flat, name)
        return flat.reshape(header.shape, order="F" if header.fortran_order else "C")

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of them."""
        return {name: self.array(name) for name in self._entries}

    def number(self, name: str) -> float:
        """The one finite number of that name."""
        header = self.header(name)
        if header.dtype.kind not in "fiu" or math.prod(header.shape) != 1:
            raise ValueError(f"its {name} is no number")
        value = float(self.array(name).reshape(())[()])
        if not math.isfinite(value):
            raise ValueError(f"its {name} is {value}")
        return value

    def text(self, name: str) -> str:
        """The one text of that name."""
        header = self.header(name)
        if header.dtype.kind != "U" or header.shape:
            raise ValueError(f"its {name} is no text")
        if header.nbytes > LARGEST_TEXT:
            raise ValueError(f"its {name} is too long")
        return str(self.array(name)[()])

    def pickled(self, name: str) -> bytes:
        """The pickle of an entry whose header says that it holds objects."""
        with self._open(name) as file:
            if not _read_header(file, name).dtype.hasobject:
                raise ValueError(f"its {name} is not pickled")
            return bytes(self._rest(file, self._entries[name].file_size - file.tell()))

    def _open(self, name: str) -> IO[bytes]:
        entry = self._entries[name]
        if entry.flag_bits & 1:
            raise ValueError("it is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("it is compressed in a way that no .npz is")
        return self._archive.open(entry)

    @staticmethod
    def _rest(file: IO[bytes], size: int) -> bytearray:
        """The entry's last `size` bytes; memory grows with what is really there, and at the end the checksum is compared."""
        data = bytearray()
        while piece := file.read(PIECE):
            data += piece
        if len(data) != size:
            raise EOFError("it is cut off")
        return data


@contextmanager
def open_npz(path: str | os.PathLike[str]) -> Iterator[Npz]:
    """The .npz at `path`, open. Raises OSError, ValueError, KeyError, EOFError and what zip archives raise: read inside `reading`."""
    size = Path(path).stat().st_size
    with zipfile.ZipFile(path) as archive:
        yield Npz(archive, size)


@contextmanager
def npz_in(data: bytes) -> Iterator[Npz]:
    """The .npz that these bytes are, open; raises as `open_npz` does."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield Npz(archive, len(data))


def read_npz(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Every array of the .npz at `path`; raises as `open_npz` does."""
    with open_npz(path) as file:
        return file.arrays()


# numpy's header is a Python dictionary. These are the three things that one may say; there is no need for a Python parser to read them.
_DTYPE = re.compile(r"""['"]descr['"]\s*:\s*['"]([<>|=]?)([biufUSO])(\d{0,9})['"]""")
_BOOL = re.compile(r"""['"]descr['"]\s*:\s*['"]\|?(\?)['"]""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,L]{0,1000})\)""")


def _read_header(file: IO[bytes], name: str) -> Header:
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise ValueError(f"its {name} is no array")
    length = int.from_bytes(file.read(2 if magic[6] == 1 else 4), "little")
    if length > LARGEST_HEADER:
        raise ValueError(f"the header of its {name} is too long")
    text = file.read(length).decode("latin1")
    kind, order, shape = _DTYPE.search(text) or _BOOL.search(text), _ORDER.search(text), _SHAPE.search(text)
    if len(text) != length or kind is None or order is None or shape is None:
        raise ValueError(f"its {name} is an array of a kind that is not used here")
    axes = tuple(int(word.rstrip("L")) for word in shape[1].replace(",", " ").split())
    if len(axes) > MOST_AXES or any(axis > LONGEST_AXIS for axis in axes):
        raise ValueError(f"its {name} has an impossible shape")
    try:
        dtype = np.dtype("".join(kind.groups()))
    except (TypeError, ValueError):
        raise ValueError(f"its {name} is an array of a kind that is not used here") from None
    return Header(dtype, axes, order[1] == "True")


def _check_values(flat: npt.NDArray[Any], name: str) -> None:
    """Bytes that numpy takes for values and that are none: it would stumble over them much later."""
    if flat.dtype.kind == "b" and any((piece.view(np.uint8) > 1).any() for piece in pieces(flat, lambda _: None)):
        raise ValueError(f"its {name} holds flags that are neither true nor false")
    if flat.dtype.kind == "U" and flat.dtype.itemsize:
        code = flat.view(flat.dtype.byteorder.replace("|", "=") + "u4")
        if ((code > 0x10FFFF) | ((code >= 0xD800) & (code < 0xE000))).any():
            raise ValueError(f"its {name} holds characters that there are not")
