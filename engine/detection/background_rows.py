"""What was seen of the background in every frame that was looked at, in arrays that may be as long as the take."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contract.detection_file import CORNERS, corners_rounded
from engine.footage.background import Seen
from engine.long_takes import Growing


@dataclass(frozen=True)
class Background:
    """Of K frames that were looked at: `index` (K,) their numbers, rising, `times` (K,) seconds, `key` (K,) the number of the keyframe (its
    own where a frame shows nothing of what was seen before), `corners` (K,CORNERS,4) x, y there and x, y here, pixels; NaN: not found.
    `lines` (M,4): straight lines of some of the frames, x, y of one end and of the other, pixels; `line_frame` (M,) whose."""

    index: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]
    key: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float32]
    line_frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lines: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    def __len__(self) -> int:
        return len(self.index)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Background:
        """What was seen in the frames that are `chosen` (K,), and their lines."""
        lines = np.isin(self.line_frame, self.index[chosen])
        columns = self.index[chosen], self.times[chosen], self.key[chosen], self.corners[chosen]
        return Background(*columns, self.line_frame[lines], self.lines[lines])


class BackgroundRows:
    """Frames in the order in which they come. `expected`: how many, as far as known."""

    def __init__(self, expected: int = 0) -> None:
        self._index, self._key = Growing((), np.int64, expected), Growing((), np.int64, expected)
        self._times, self._corners = Growing((), np.float64, expected), Growing((CORNERS, 4), expected=expected)
        self._lines: list[tuple[int, npt.NDArray[np.float32]]] = []

    def append(self, index: int, time: float, seen: Seen | None) -> None:
        """Another frame behind the last one; None of one that was not looked at, which is left out."""
        if seen is None or (len(self._index) and index <= self._index.values[-1]):
            return
        self._index.append(index)
        self._times.append(time)
        self._key.append(seen[0])
        self._corners.append(corners_rounded(seen[1]))  # what can be kept, kept or not
        if seen[2] is not None:
            self._lines.append((index, corners_rounded(seen[2])))

    @property
    def background(self) -> Background:
        frames = [np.full(len(lines), index, np.int64) for index, lines in self._lines]
        lines = [lines for _, lines in self._lines]
        return Background(
            self._index.values, self._times.values, self._key.values, self._corners.values,
            np.concatenate([np.zeros(0, np.int64), *frames]), np.concatenate([np.zeros((0, 4), np.float32), *lines]),
        )  # fmt: skip
