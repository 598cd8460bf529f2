"""One run of a track as the networks see it: at their rate, encoded piece by piece, so that an hour needs no more memory than a minute."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from engine.lifter.codec import CENTRE_WINDOW, NETWORK_FPS, SIZE_WINDOW, Encoded, encode, upright_roll
from engine.long_takes import Columns, each, made
from engine.person.track import Track

SAME_RATE: Final = 0.02  # share by which a video's rate may differ from the networks' before it is resampled (29.97 is 30 to them)
_AROUND: Final = max(CENTRE_WINDOW, SIZE_WINDOW) // 2  # frames before and after that a frame's encoding depends on
_KNOTS: Final = 40  # of a spline on either side: what a knot does to the curve fades to 0.27 from one to the next

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]


class TrackRun:
    """Frames `run` of the track, camera matrix (3,3). Its length is that at the networks' rate."""

    def __init__(self, track: Track, run: slice, camera_matrix: Array) -> None:
        self._track, self._run = track, run
        self._focal, self._centre = np.diag(camera_matrix)[:2], camera_matrix[:2, 2]
        self.times = track.times[run]
        self.grid = grid_of(self.times, track.fps)
        # how many frames of the video one of the networks' stands for
        self._frames = 1.0 if self.same_rate else track.fps / NETWORK_FPS
        self._roll = self._upright_roll()

    def __len__(self) -> int:
        return len(self.grid)

    @property
    def same_rate(self) -> bool:
        return len(self.grid) == len(self.times)

    def encode(self, first: int, last: int) -> tuple[Encoded, Floats]:
        """The codec's view of frames `first` to `last` (1,T,...), and their visibility (1,T,33)."""
        a, b = max(first - _AROUND, 0), min(last + _AROUND, len(self))
        rays, visibility, world, detected = self._inputs(a, b)
        whole = encode(rays, visibility, world, detected, self._roll)
        kept = slice(first - a, last - a)
        return Encoded(*(getattr(whole, f)[:, kept] for f in ("features", "base", "points", "rotation"))), visibility[:, kept]

    def on_track(self, *columns: Floats) -> Columns:
        """Columns (T,...) at the networks' rate -> at the times of the run's frames."""

        def there(part: slice) -> Columns:
            return tuple(resample(self.grid, column, self.times, part) for column in columns)

        return made(there, len(self.times), beside=columns)

    @property
    def looked_at(self) -> Columns:
        """The columns that `encode` looks at."""
        return self._track.image, self._track.visibility, self._track.world

    def _inputs(self, first: int, last: int) -> list[Floats]:
        """rays, visibility, world, detected, each (1,T,...)."""
        grid, near = self.grid[first:last], slice(first, last)
        if not self.same_rate:
            around = int(self._frames / 2) + 2
            a, b = np.searchsorted(self.times, (grid[0], grid[-1]))
            near = slice(max(int(a) - around, 0), min(int(b) + around, len(self.times)))
        times, rows = self.times[near], slice(self._run.start + near.start, self._run.start + near.stop)
        track = self._track
        inputs: list[Floats] = []
        rays = (track.image[rows] - self._centre) / self._focal
        for values in (rays, track.visibility[rows], track.world[rows], track.detected[rows]):
            values = box_mean(values.astype(np.float64), self._frames, None if track.between is None else ~track.between[rows])
            if not self.same_rate:
                flat = values.reshape(len(times), -1)
                values = np.stack([np.interp(grid, times, column) for column in flat.T], 1).reshape(len(grid), *values.shape[1:])
            inputs.append(values.astype(np.float32)[None])
        return inputs

    def _upright_roll(self) -> Floats:
        """(1,) radians, from the mean over the whole run."""
        total = sum(each(lambda image: image.sum(0, dtype=np.float64), self._track.image, runs=[self._run]))
        mean = (total / len(self.times) - self._centre) / self._focal
        roll: Floats = upright_roll(mean.astype(np.float32)[None, None])
        return roll


def grid_of(times: Array, fps: float) -> Array:
    """The networks' times over a run: the run's own where its rate is near enough."""
    if abs(fps / NETWORK_FPS - 1.0) <= SAME_RATE or len(times) < 2:
        return times
    count = max(2, round((times[-1] - times[0]) * NETWORK_FPS) + 1)
    return np.linspace(times[0], times[-1], count)


def box_mean(values: Array, factor: float, seen: npt.NDArray[np.bool_] | None = None) -> Array:
    """A running mean over `factor` frames (odd, rounded) along the first axis, so that dropping frames keeps what they knew; over those
    `seen` (T,), where not all were looked at: the others know nothing more, and would flatten a fast motion."""
    width = 2 * int(factor / 2) + 1
    if width < 3 or len(values) < width:
        return values
    if seen is not None and not seen.all():
        weights = seen.astype(np.float64).reshape(-1, *[1] * (values.ndim - 1))
        share = box_mean(weights, factor)
        return np.where(share > 1e-9, box_mean(values * weights, factor) / np.maximum(share, 1e-9), values)
    padded = np.concatenate([values[:1].repeat(width // 2, 0), values, values[-1:].repeat(width // 2, 0)])
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
    return (total[width:] - total[:-width]) / width


def resample(grid: Array, values: Floats, times: Array, part: slice) -> Floats:
    """Values (T,...) on the grid -> at `times[part]`, by a cubic spline; as they are where the grid is the times."""
    if grid is times:
        return values[part]
    at = times[part]
    a, b = np.searchsorted(grid, (at[0], at[-1]))
    near = slice(max(int(a) - _KNOTS, 0), int(b) + _KNOTS)
    return np.asarray(CubicSpline(grid[near], values[near].astype(float), axis=0)(at), values.dtype)
