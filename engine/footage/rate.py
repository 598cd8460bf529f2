"""The rate of a video, from the times of its frames: that of the usual step, whatever pauses and dropped frames there are.

Phones write 29.87 or 25.03 frames a second and vary by the frame; engines and Blender's own importer keep whole frames of a standard rate
only. So a take has a standard rate wherever the video's is near one or varies, and the motion is read between the frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TICK: Final = 1e-3  # seconds: the coarsest clock of a container (Matroska counts milliseconds)
FASTEST: Final = 1000.0  # frames a second; more is a container's clock taken for its rate
SLOWEST: Final = 1.0  # frames a second; what happens between two such pictures nobody can tell
USUAL: Final = 30.0  # frames a second, where a file does not say
# Seconds between two frames that are filled in: half a step of a walk. What is longer is a hole in time: a pause of the recording, or
# nobody in the picture. The motion in between would be a guess.
LONGEST_GAP: Final = 0.5

# Pictures a second that are looked at, at least, where a video has more: the networks run at 30, and what is a little slower is 30 to them.
LOOKED_AT: Final = 29.0

_SAME_RATE: Final = 0.1  # of a frame: a rate is constant where no frame is further off its place than this or a tick
_FEW_DROPPED: Final = 0.8  # of the frames of an even rate that must be there for it to be the rate of the video
_USUAL_STEP: Final = 1.5  # times the median, or a part of it, that a usual step has; two steps in one are a dropped frame
# times the mean rate that the usual one may be: beyond, most of the take would be frames that nobody saw
_MOST_ABOVE_MEAN: Final = 4.0
_EXACT: Final = 1e-4
_NEAR: Final = 0.01  # a rate so near to a standard one becomes that
_NTSC: Final = tuple(n * 1000.0 / 1001.0 for n in (24, 30, 48, 60, 120, 240))
STANDARD: Final = tuple(
    sorted((*_NTSC, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 12.5, 15.0, 20.0, 24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 75.0, 90.0,
            100.0, 120.0, 144.0, 200.0, 240.0, 300.0, 480.0, 500.0, 600.0, 960.0, 1000.0))
)  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """`fps`: of the take, a standard rate or the file's own even one. `file_fps`: the file's, by its usual step. `varies`: its steps do."""

    fps: float
    file_fps: float
    varies: bool


def usual_rate(times: Array) -> float:
    """Frames a second by the usual step between `times` (T,), two at least, rising: the mean of those about the median."""
    steps = np.diff(times)
    middle = float(np.median(steps))
    usual = steps[(steps <= _USUAL_STEP * middle) & (steps * _USUAL_STEP >= middle)]
    return 1.0 / float(usual.mean())


def looked_at(times: Array, fps: float) -> npt.NDArray[np.bool_]:
    """(T,) which of the frames at `times` (T,) seconds, of usual rate `fps`, are looked at: all, or of a fast video LOOKED_AT to twice as
    many a second, evenly. Frames on either side of a longer step are, and the last; so it depends on the file alone."""
    every = int(fps / LOOKED_AT)
    if every < 2 or len(times) < 2:
        return np.ones(len(times), bool)
    looked = np.diff(np.rint(times * fps).astype(np.int64) // every, prepend=-1) > 0
    long = np.diff(times) > 1.5 * every / fps
    looked[:-1] |= long
    looked[1:] |= long
    looked[-1] = True
    return np.asarray(looked, bool)


def measure_rate(times: Array, nominal: float) -> Rate:
    """The rate of frames at `times` (T,) seconds, rising, whose usual rate is from SLOWEST to FASTEST.

    `nominal`: what the container says, which decides where the times alone cannot (a second of 29.97 in milliseconds is a second of 30
    too). A usual rate is returned exact. Where a few frames of an even rate are missing, that rate is returned.
    """
    if len(times) < 2:
        rate = _snap(nominal, 1e-3)
        return Rate(rate, rate, False)
    said = _snap(nominal, 1e-5)
    average = (len(times) - 1) / float(times[-1] - times[0])
    steps = np.arange(len(times))
    # in order of trust: the container's own rate if it is a usual one, the usual ones, and the plain average
    near = [rate for rate in (*STANDARD, *range(max(1, int(average * 0.95)), int(average * 1.05) + 2)) if abs(rate / average - 1.0) < 0.05]
    for rates in ([said] if _is_usual(said) else [], near, [said, average]):
        off = {rate: _off(times, steps, rate) for rate in rates}
        best = min(off, key=lambda rate: off[rate], default=None)
        if best is not None and off[best] <= max(TICK, _SAME_RATE / best):
            best = float(best)
            return Rate(best if _is_usual(best) else _standard(best, _NEAR), best, False)
    gaps = np.diff(times)
    own = usual_rate(times)
    held = gaps[gaps <= LONGEST_GAP + 1.0 / own]
    if _is_usual(said) and abs(said / own - 1.0) < 0.05:
        places = np.rint((times - times[0]) * said)
        on_grid = np.abs(times - times[0] - places / said).max() <= max(TICK, _SAME_RATE / said) and (np.diff(places) > 0).all()
        if on_grid and len(held) >= _FEW_DROPPED * held.sum() * said:
            return Rate(said, said, True)
    mean = len(held) / float(held.sum()) if len(held) else average
    # one that is the usual step's to the tick, one that the mean is near, the one nearest to the usual step's
    for rate, tolerance in ((own, _EXACT), (mean, _NEAR), (own, np.inf)):
        fps = _standard(min(rate, max(_MOST_ABOVE_MEAN * mean, SLOWEST)), tolerance)
        if fps in STANDARD:
            break
    return Rate(fps, _snap(own, 1e-3), True)


def _is_usual(rate: float) -> bool:
    """Whether it is a standard rate, or a whole one."""
    return rate == round(rate) or rate in STANDARD


def _standard(rate: float, tolerance: float = np.inf) -> float:
    """The standard rate nearest to `rate`, if it is within that part of it; else `rate`."""
    nearest = min(STANDARD, key=lambda standard: abs(np.log(standard / rate)))
    return nearest if abs(nearest / rate - 1.0) <= tolerance else rate


def _off(times: Array, steps: npt.NDArray[np.int64], rate: float) -> float:
    """The furthest that a frame is from its place on the grid k/rate, wherever the grid begins; seconds."""
    residual = times - steps / rate
    return float(residual.max() - residual.min()) / 2.0


def _snap(rate: float, tolerance: float) -> float:
    """The usual rate within that part of `rate`, else `rate`."""
    nearest = min((*_NTSC, max(1.0, float(round(rate)))), key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest - rate) <= tolerance * rate else rate
