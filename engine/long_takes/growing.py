"""Columns that grow frame by frame, where nobody knows yet how long the take is."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.long_takes.scratch import let_go, long_array

_GROWTH: Final = 1.25  # where there are more frames than were expected
_LEAST: Final = 16
_AT_HAND: Final = 1024  # frames that stay in memory


class Growing:
    """A column of which a frame has that `shape` and type; memory is taken only for the frames that came. `expected`: how many, as far as
    known."""

    def __init__(self, shape: tuple[int, ...] = (), dtype: npt.DTypeLike = np.float32, expected: int = 0) -> None:
        self._values = long_array((max(expected, _LEAST), *shape), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, value: npt.ArrayLike) -> None:
        """Of the frame behind the last one."""
        if self._count == len(self._values):
            longer = long_array((int(_GROWTH * self._count) + 1, *self._values.shape[1:]), self._values.dtype)
            longer[: self._count] = self._values
            self._values = longer
        self._values[self._count] = value
        self._count += 1
        if self._count % _AT_HAND == 0:
            let_go(self._values)

    @property
    def values(self) -> npt.NDArray[Any]:
        """(T,...) of the frames that came: what is written there is kept."""
        return self._values[: self._count]
