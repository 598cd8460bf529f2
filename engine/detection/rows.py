"""What the detector says of every frame, row by row, in one array instead of an object for each.

Rows are rounded to what a detection file can hold (far less than the detector's own trembling), so that a motion from such a file is that
of the capture, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from contract.detection_file import rounded
from engine.detection.landmarks import LANDMARKS
from engine.long_takes import Growing

Row = npt.NDArray[np.float32]  # (33,6): x, y in pixels, visibility, world x, y, z of each landmark
COLUMNS: Final = 6
SKIPPED: Final = np.zeros((0, COLUMNS), np.float32)  # the row of a frame that was not looked at


class Rows:
    """Rows in the order in which they come. `expected`: how many, as far as known; memory is taken only for those that came.

    A row is its frame's time in seconds and the person, (33,6), None where nobody is, or SKIPPED.
    """

    def __init__(self, expected: int = 0) -> None:
        self._times, self._detected, self._skipped = (Growing((), kind, expected) for kind in (np.float64, np.bool_, np.bool_))
        self._values = Growing((len(LANDMARKS), COLUMNS), expected=expected)

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, k: int) -> tuple[float, Row | None]:
        if not 0 <= k < len(self):
            raise IndexError(k)
        if self.skipped[k]:
            return float(self.times[k]), SKIPPED
        return float(self.times[k]), self.values[k] if self.detected[k] else None

    def __iter__(self) -> Iterator[tuple[float, Row | None]]:
        return (self[k] for k in range(len(self)))

    def append(self, time: float, row: Row | None) -> None:
        """Another frame behind the last one."""
        for column, value in zip((self._times, self._detected, self._skipped, self._values), (time, *_columns_of(row)), strict=True):
            column.append(value)

    def put(self, k: int, row: Row | None) -> None:
        """Says something else of frame `k`."""
        self.detected[k], self.skipped[k], self.values[k] = _columns_of(row)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """(T,) seconds."""
        return self._times.values

    @property
    def detected(self) -> npt.NDArray[np.bool_]:
        """(T,) whether somebody is there."""
        return self._detected.values

    @property
    def skipped(self) -> npt.NDArray[np.bool_]:
        """(T,) whether nobody looked."""
        return self._skipped.values

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """(T,33,6), zero where nobody is."""
        return self._values.values


def is_skipped(row: Row | None) -> bool:
    """Whether it is that of a frame that was not looked at."""
    return row is not None and not len(row)


def _columns_of(row: Row | None) -> tuple[bool, bool, Row | float]:
    """Whether somebody is there, whether nobody looked, and the row as it is kept."""
    if row is None or is_skipped(row):
        return False, row is not None, 0.0
    return True, False, rounded(row)
