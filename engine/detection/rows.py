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
from engine.long_takes.scratch import let_go, long_array

Row = npt.NDArray[np.float32]  # (33,6): x, y in pixels, visibility, world x, y, z of each landmark
COLUMNS: Final = 6
SKIPPED: Final = np.zeros((0, COLUMNS), np.float32)  # the row of a frame that was not looked at
_GROWTH: Final = 1.25  # where there are more rows than were expected
_AT_HAND: Final = 1024  # rows that stay in memory


class Rows:
    """Rows in the order in which they come. `expected`: how many, as far as known; memory is taken only for those that came.

    A row is its frame's time in seconds and the person, (33,6), None where nobody is, or SKIPPED.
    """

    def __init__(self, expected: int = 0) -> None:
        self._times = np.zeros(max(expected, 16))
        self._detected = np.zeros(len(self._times), bool)
        self._skipped = np.zeros(len(self._times), bool)
        self._values = long_array((len(self._times), len(LANDMARKS), COLUMNS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: int) -> tuple[float, Row | None]:
        if not 0 <= k < self._count:
            raise IndexError(k)
        if self._skipped[k]:
            return float(self._times[k]), SKIPPED
        return float(self._times[k]), self._values[k] if self._detected[k] else None

    def __iter__(self) -> Iterator[tuple[float, Row | None]]:
        return (self[k] for k in range(self._count))

    def append(self, time: float, row: Row | None) -> None:
        """Another frame behind the last one."""
        if self._count == len(self._times):
            size = int(_GROWTH * self._count) + 1
            columns = (self._times, self._detected, self._skipped, self._values)
            self._times, self._detected, self._skipped, self._values = (_longer(a, size) for a in columns)
        self._times[self._count] = time
        self._count += 1
        self.put(self._count - 1, row)
        if self._count % _AT_HAND == 0:
            let_go(self._values)

    def put(self, k: int, row: Row | None) -> None:
        """Says something else of frame `k`."""
        self._skipped[k] = skipped = is_skipped(row)
        self._detected[k] = row is not None and not skipped
        self._values[k] = 0.0 if row is None or skipped else rounded(row)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """(T,) seconds."""
        return self._times[: self._count]

    @property
    def detected(self) -> npt.NDArray[np.bool_]:
        """(T,) whether somebody is there."""
        return self._detected[: self._count]

    @property
    def skipped(self) -> npt.NDArray[np.bool_]:
        """(T,) whether nobody looked."""
        return self._skipped[: self._count]

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """(T,33,6), zero where nobody is."""
        return self._values[: self._count]


def is_skipped(row: Row | None) -> bool:
    """Whether it is that of a frame that was not looked at."""
    return row is not None and not len(row)


def _longer(values: npt.NDArray, size: int) -> npt.NDArray:  # type: ignore[type-arg]
    longer = long_array((size, *values.shape[1:]), values.dtype)
    longer[: len(values)] = values
    return longer
