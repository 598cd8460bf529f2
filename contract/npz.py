"""Arrays into an .npz file as numpy's `savez_compressed` lays it out, piece by piece, so that a long array is never in memory whole."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

PIECE: Final = 2**20  # bytes of an array that are looked at or written at once: more is not faster

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
