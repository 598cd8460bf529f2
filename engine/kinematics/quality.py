"""Figures about a finished motion: what was seen, how well it fits the picture, how still and how firm it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24
from engine.kinematics.doubt import Doubt, find_doubts
from engine.windows import pieces

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LIMBS = [ARMATURE_24.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in "LR"]
_ANKLES = [ARMATURE_24.index("ankle.L"), ARMATURE_24.index("ankle.R")]
_TOES = [ARMATURE_24.index("toe.L"), ARMATURE_24.index("toe.R")]
# Points the detector is less sure of than this do not judge the reprojection.
CONFIDENT = 0.5


def acceleration(positions: Array, runs: list[slice], fps: float) -> float:
    """Mean size of the limb joints' accelerations, m/s^2; positions (T,24,3) metres. Trembling adds to it."""
    values = [np.linalg.norm(np.diff(limbs, 2, axis=0), axis=-1).ravel() * fps**2 for limbs in _limbs(positions, runs, 2)]
    return _mean(np.concatenate([np.zeros(0), *values]))


def jerk(positions: Array, runs: list[slice], fps: float) -> float:
    """Root mean square of the limb joints' jerks, m/s^3; positions (T,24,3) metres."""
    values = [(np.diff(limbs, 3, axis=0) ** 2).sum(-1).ravel() * fps**6 for limbs in _limbs(positions, runs, 3)]
    return float(np.sqrt(_mean(np.concatenate([np.zeros(0), *values]))))


def _limbs(positions: Array, runs: list[slice], order: int) -> Iterator[Array]:
    """The limb joints of the runs piece by piece, each with so many frames of the next that their differences of that order are those of
    the run."""
    for run in runs:
        for part in pieces(run.stop - run.start - order, positions):
            yield positions[run.start + part.start : run.start + part.stop + order][:, _LIMBS]


def foot_slide(positions: Array, contacts: Flags, runs: list[slice], fps: float) -> float:
    """Mean horizontal speed, cm/s, of the slower end of each foot while it stands; 0 without contacts."""
    values = [np.zeros(0)]
    for run in runs:
        ends = positions[run][:, [_ANKLES, _TOES], :2]
        speed = (np.linalg.norm(np.diff(ends, axis=0), axis=-1) * fps).min(1)
        values.append(speed[contacts[run][1:] & contacts[run][:-1]])
    return 100 * _mean(np.concatenate(values))


def under_ground(positions: Array) -> float:
    """Mean depth, mm, of ankles and toes under the ground."""
    return 1000 * float(np.maximum(-positions[:, _ANKLES + _TOES, 2], 0).mean())


def report(
    positions: Array, contacts: Flags, detected: Flags, runs: list[slice], fps: float,
    pixel_errors: Array, confidence: Array, image_points: Array, fit_error: float, spread: Array, times: Array,
) -> dict[str, Any]:  # fmt: skip
    """The quality report as it goes into the motion's provenance; all values are plain numbers.

    positions (T,24,3) world metres; pixel_errors, confidence (T,22), image_points (T,22,2); spread (T,22) metres;
    fit_error: mean metres from the smoothed joints to those of the bones; times (T,) seconds. `unsure` names the stretches to look at:
    first and last frame of the video, the seconds, the reason.
    """
    sure = pixel_errors[confidence >= CONFIDENT]
    pixels = float(np.median(sure if sure.size else pixel_errors))
    person = max(_person_pixels(image_points, confidence), 1.0)
    doubts = find_doubts(detected, confidence, pixel_errors, person, spread, runs, fps)
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


def _person_pixels(image_points: Array, confidence: Array) -> float:
    """Median over frames of the longer side of the box around the points that are seen."""
    sides = [np.zeros(0)]
    for part in pieces(len(image_points), image_points, confidence):
        seen = np.where((confidence[part] >= CONFIDENT)[..., None], image_points[part], np.nan)
        seen = seen[np.isfinite(seen[..., 0]).sum(1) > 1]
        if len(seen):
            sides.append((np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)).max(1))
    longer = np.concatenate(sides)
    return float(np.median(longer)) if longer.size else 0.0


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else 0.0
