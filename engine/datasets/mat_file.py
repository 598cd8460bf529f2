"""Cells of numbers out of MATLAB 5 files (.mat), with limits: all that MPI-INF-3DHP's annotations hold.

SciPy's reader believes a file's sizes, and follows cells in cells until the processor's stack is used up.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from contract.npz import ALLOWANCE, RATIO
from contract.reading import read_limited

LARGEST: Final = 2**31  # bytes of a file
MOST_CELLS: Final = 10_000
_HEADER: Final = 128
_MATRIX, _COMPRESSED = 14, 15  # types of an element
_CELL: Final = 1  # classes of a matrix; numbers have 6 to 15
_NUMBERS: Final = range(6, 16)
_TYPES: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}


def read_cells(path: Path, names: tuple[str, ...]) -> dict[str, list[npt.NDArray[np.float64]]]:
    """The matrices in the cells of the variables `names`. Raises OSError, KeyError for a variable that is not there, ValueError, zlib.error
    and EOFError for a file that is damaged: read inside `reading`."""
    data = memoryview(read_limited(path, LARGEST))
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None:
        raise EOFError("it is cut off or no MATLAB 5 file")
    reader, found = _Reader(order), {}
    bound = max(ALLOWANCE, RATIO * len(data))
    for kind, content in reader.elements(data[_HEADER:]):
        if kind == _COMPRESSED:
            packed = zlib.decompressobj()
            inner = packed.decompress(content, bound)
            if not packed.eof:
                raise EOFError("it is cut off, or unpacks to far more than its size allows")
            bound -= len(inner)
            kind, content = next(reader.elements(memoryview(inner)))
        if kind == _MATRIX:
            name, cells = reader.cells(content, names)
            if name in names:
                found[name] = cells
    return {name: found[name] for name in names}


class _Reader:
    """`order`: of a number's bytes, "<" or ">"."""

    def __init__(self, order: str) -> None:
        self.order = order

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """(type, content) of each element that lies in the data one after another."""
        at = 0
        while at < len(data):
            if at + 8 > len(data):
                raise EOFError("it is cut off")
            first, size = self._int(data[at : at + 4]), self._int(data[at + 4 : at + 8])
            start, kind = at + 8, first
            if first >> 16:  # a small one stands in its own head
                start, kind, size = at + 4, first & 0xFFFF, first >> 16
                if size > 4:
                    raise ValueError("it has an element of an impossible size")
                at += 8
            else:
                # all but compressed ones begin at whole eights
                at = start + (size if kind == _COMPRESSED else (size + 7) // 8 * 8)
            if start + size > len(data):
                raise EOFError("it is cut off")
            yield kind, data[start : start + size]

    def cells(self, matrix: memoryview, names: tuple[str, ...]) -> tuple[str, list[npt.NDArray[np.float64]]]:
        """(name, matrices) of a cell; no matrices for another name."""
        kind, shape, name, rest = self._head(matrix)
        if name not in names:
            return name, []
        if kind != _CELL or math.prod(shape) > MOST_CELLS:
            raise ValueError(f"its {name} is no list of matrices")
        cells = [self._matrix(content) for _, content in rest]
        if len(cells) != math.prod(shape):
            raise EOFError("it is cut off")
        return name, cells

    def _matrix(self, matrix: memoryview) -> npt.NDArray[np.float64]:
        kind, shape, _, rest = self._head(matrix)
        if kind not in _NUMBERS:
            raise ValueError("it has a cell that holds no numbers")
        stored, content = next(rest, (0, matrix[:0]))
        if stored not in _TYPES:
            raise ValueError("it has numbers of an unknown type")
        values = np.frombuffer(content, self.order + _TYPES[stored])
        if len(values) != math.prod(shape):
            raise ValueError(f"it has {len(values)} numbers for a matrix of {shape}")
        return values.astype(np.float64).reshape(shape, order="F")

    def _head(self, matrix: memoryview) -> tuple[int, tuple[int, ...], str, Iterator[tuple[int, memoryview]]]:
        """(class, shape, name, the elements after them) of a matrix."""
        parts = self.elements(matrix)
        found = [next(parts, None) for _ in range(3)]
        if any(part is None for part in found):
            raise EOFError("it is cut off")
        (_, flags), (_, shape), (_, name) = (part for part in found if part is not None)
        if len(flags) < 4 or len(shape) % 4 or not 2 <= len(shape) // 4 <= 8:
            raise ValueError("it has a matrix without a shape")
        axes = tuple(int(axis) for axis in np.frombuffer(shape, self.order + "i4"))
        if min(axes) < 0:
            raise ValueError("it has a matrix of an impossible shape")
        return self._int(flags[:4]) & 0xFF, axes, bytes(name[:100]).decode("latin1"), parts

    def _int(self, data: memoryview) -> int:
        return int.from_bytes(data, "little" if self.order == "<" else "big")
