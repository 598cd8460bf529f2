"""Which foot stands on the ground, by height and speed with hysteresis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.kinematics.smoothing import penalty, smooth_runs, velocity

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A contact begins below the first and ends above the second: height of the sole (m) and speed of the slower end of the foot (m/s).
LOW, HIGH = 0.06, 0.10
SLOW, FAST = 0.40, 0.70
# Shorter contacts are noise, shorter gaps are jitter (seconds).
SHORTEST_CONTACT = 0.10
SHORTEST_GAP = 0.07
# Speeds are taken from feet smoothed at this frequency, so that the detector's tremble does not count as motion.
SPEED_HZ = 5.0


def find_contacts(ankles: Array, toes: Array, ankle_height: float, toe_height: float, runs: list[slice], fps: float) -> Flags:
    """(T,2) contacts of the left and right foot.

    ankles, toes (T,2,3) world metres, Z up, ground at z=0; the heights (m) are those of the joints above the sole of a planted foot.
    """
    height = np.minimum(ankles[..., 2] - ankle_height, toes[..., 2] - toe_height)
    slower = np.minimum(speed(ankles, runs, fps), speed(toes, runs, fps))
    begins = (height < LOW) & (slower < SLOW)
    lasts = (height < HIGH) & (slower < FAST)
    out = np.zeros(height.shape, bool)
    for run in runs:
        for foot in range(height.shape[1]):
            flags = hysteresis(begins[run, foot], lasts[run, foot])
            flags = ~_without_short(~flags, SHORTEST_GAP * fps, keep_ends=True)
            out[run, foot] = _without_short(flags, SHORTEST_CONTACT * fps, keep_ends=True)
    return out


def standing(ankles: Array, toes: Array, runs: list[slice], fps: float) -> Flags:
    """(T,2) feet of which one end hardly moves, wherever the ground may be; ankles, toes (T,2,3) metres."""
    return np.minimum(speed(ankles, runs, fps), speed(toes, runs, fps)) < SLOW


def hysteresis(begins: Flags, lasts: Flags) -> Flags:
    """(T,) every stretch of `lasts` that holds at least one frame of `begins`."""
    lasts = lasts | begins
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lasts, [False]]).astype(int)))
    out = np.zeros(len(lasts), bool)
    for start, stop in edges.reshape(-1, 2):
        out[start:stop] = begins[start:stop].any()
    return out


def stretches(flags: Flags) -> list[slice]:
    """The stretches of True frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _without_short(flags: Flags, shortest: float, keep_ends: bool) -> Flags:
    """Without stretches of fewer than `shortest` frames; those at either end may be the rest of longer ones."""
    out = flags.copy()
    for stretch in stretches(flags):
        at_end = stretch.start == 0 or stretch.stop == len(flags)
        if stretch.stop - stretch.start < shortest and not (keep_ends and at_end):
            out[stretch] = False
    return out


def speed(points: Array, runs: list[slice], fps: float) -> Array:
    """(T,J) metres per second of points (T,J,3), without the detector's tremble."""
    weights = np.ones(points.shape[:2])
    steady = smooth_runs(points, weights, runs, fps, SPEED_HZ) if penalty(SPEED_HZ, fps) > 0 else points
    return np.linalg.norm(velocity(steady, runs, fps), axis=-1)
