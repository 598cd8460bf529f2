"""Figures about a finished motion: what was seen, how well it fits the picture, how still and how firm it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24
from engine.kinematics.doubt import Doubt, find_doubts
from engine.long_takes import each, gathered

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

_LIMBS = [ARMATURE_24.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in "LR"]
_ANKLES = [ARMATURE_24.index("ankle.L"), ARMATURE_24.index("ankle.R")]
_TOES = [ARMATURE_24.index("toe.L"), ARMATURE_24.index("toe.R")]
# Points the detector is less sure of than this do not judge the reprojection.
CONFIDENT = 0.5


def acceleration(positions: Floats, runs: list[slice], fps: float) -> float:
    """Mean size of the limb joints' accelerations, m/s^2; positions (T,24,3) metres. Trembling adds to it."""
    return _mean(each(lambda some: np.linalg.norm(np.diff(some[:, _LIMBS], 2, axis=0), axis=-1) * fps**2, positions, runs=runs, ahead=2))


def jerk(positions: Floats, runs: list[slice], fps: float) -> float:
    """Root mean square of the limb joints' jerks, m/s^3; positions (T,24,3) metres."""
    squares = each(lambda some: (np.diff(some[:, _LIMBS], 3, axis=0) ** 2).sum(-1) * fps**6, positions, runs=runs, ahead=3)
    return float(np.sqrt(_mean(squares)))


def foot_slide(positions: Floats, contacts: Flags, runs: list[slice], fps: float) -> float:
    """Mean horizontal speed, cm/s, of the slower end of each foot while it stands; 0 without contacts."""

    def speeds(some: Floats, stands: Flags) -> Floats:
        ends = some[:, [_ANKLES, _TOES], :2]
        return (np.linalg.norm(np.diff(ends, axis=0), axis=-1) * fps).min(1)[stands[1:] & stands[:-1]]

    return 100 * _mean(each(speeds, positions, contacts, runs=runs, ahead=1))


def under_ground(positions: Floats) -> float:
    """Mean depth, mm, of ankles and toes under the ground."""
    return 1000 * _mean(each(lambda some: np.maximum(-some[:, _ANKLES + _TOES, 2], 0), positions))


def report(
    positions: Floats, contacts: Flags, detected: Flags, runs: list[slice], fps: float,
    pixel_errors: Floats, confidence: Floats, image_points: Floats, fit_error: float, spread: Floats, times: Array,
    too_fast: Flags | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The quality report as it goes into the motion's provenance; all values are plain numbers.

    positions (T,24,3) world metres; pixel_errors, confidence (T,22), image_points (T,22,2); spread (T,22) metres;
    fit_error: mean metres from the smoothed joints to those of the bones; times (T,) seconds; too_fast (T,): see `find_doubts`.
    `unsure` names the stretches to look at: first and last frame of the video, the seconds, the reason.
    """
    least = CONFIDENT if any(each(lambda sure: (sure >= CONFIDENT).any(), confidence)) else 0.0
    pixels = _median(pixel_errors, confidence, least)
    person = max(_person_pixels(image_points, confidence), 1.0)
    doubts = find_doubts(detected, confidence, pixel_errors, person, spread, runs, fps, too_fast)
    return {
        "frames": len(positions),
        "detected": int(detected.sum()),
        "filled": int((~detected).sum()),
        "runs": len(runs),
        "reprojection_px": round(pixels, 2),
        "reprojection_percent": round(100 * pixels / person, 2),
        "acceleration": round(acceleration(positions, runs, fps), 3),
        "jerk": round(jerk(positions, runs, fps), 1),
        "foot_slide_cm_s": round(foot_slide(positions, contacts, runs, fps), 2),
        "contact_percent": round(100 * float(contacts.any(1).mean()), 1),
        "under_ground_mm": round(under_ground(positions), 2),
        "fit_mm": round(1000 * fit_error, 2),
        "unsure_percent": round(100 * sum(d.frames.stop - d.frames.start for d in doubts) / max(len(positions), 1), 1),
        "unsure": [_where(d, times, fps) for d in doubts],
    }


def _where(doubt: Doubt, times: Array, fps: float) -> dict[str, Any]:
    first, last = float(times[doubt.frames.start]), float(times[doubt.frames.stop - 1])
    return {
        "first_frame": round(first * fps), "last_frame": round(last * fps), "start": round(first, 3), "end": round(last + 1 / fps, 3),
        "reason": doubt.reason,
    }  # fmt: skip


def _person_pixels(image_points: Floats, confidence: Floats) -> float:
    """Median over frames of the longer side of the box around the points that are seen."""

    def sides(points: Floats, sure: Floats) -> Floats:
        seen = np.where((sure >= CONFIDENT)[..., None], points, np.nan)
        seen = seen[np.isfinite(seen[..., 0]).sum(1) > 1]
        return (np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)).max(1) if len(seen) else np.zeros(0, points.dtype)

    longer = gathered(sides, image_points, confidence)
    return float(np.median(longer)) if longer.size else 0.0


def _mean(values: Iterable[Floats]) -> float:
    """The mean of all of the values together, 0 where there are none."""
    total, count = 0.0, 0
    for some in values:
        total, count = total + float(some.sum(dtype=np.float64)), count + some.size
    return total / count if count else 0.0


def _median(values: Floats, confidence: Floats, least: float) -> float:
    """The median of the values (T,J), not negative, that have at least that confidence (T,J), to single precision.

    Such numbers are in the same order as their bits: first those values are counted that share the upper half, and then, of those in the
    middle, the lower half. So they need not be in memory together to be sorted.
    """

    def counted(upper: int | None) -> npt.NDArray[np.int64]:
        """(65536,) how many have each upper half; or each lower half of those with that upper one."""

        def count(some: Floats, sure: Floats) -> npt.NDArray[np.int64]:
            bits = some[sure >= least].astype(np.float32).view(np.uint32)
            halves = bits >> 16 if upper is None else bits[bits >> 16 == upper] & 0xFFFF
            return np.bincount(halves.astype(np.int64), minlength=2**16)

        return np.asarray(sum(each(count, values, confidence), np.zeros(2**16, np.int64)))

    ranks = np.cumsum(counted(None))
    middle = []
    for place in ((ranks[-1] - 1) // 2, ranks[-1] // 2):
        upper = int(np.searchsorted(ranks, place, side="right"))
        before = int(ranks[upper - 1]) if upper else 0
        lower = int(np.searchsorted(np.cumsum(counted(upper)), place - before, side="right"))
        middle.append(float(np.array(upper << 16 | lower, np.uint32).view(np.float32)))
    return sum(middle) / 2
