"""Where an animator should look: the stretches of a motion that rest on little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.kinematics.contacts import stretches
from engine.long_takes import mapped

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LIMBS = [BODY_22.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in "LR"]
# A limb joint is hidden where the detector is less sure of it than this; more hidden ones of the twelve than that are too many.
HIDDEN, MOST_HIDDEN = 0.5, 3
# The mean distance, as a share of the person's size in the picture, between the motion and the limb points that are seen.
FARTHEST_OFF = 0.04
# Both were chosen on 47 segments of held-out people in held-out motions: there the joints are 103 to 137 mm off beyond them, else 69
# to 87 (and 102 mm with just three hidden).
# The mean disagreement of the hypotheses over the limbs, metres (only where there is more than one).
WIDEST_SPREAD = 0.05
# Doubts nearer to each other than the first are one, those shorter than the second are none (seconds).
JOINED_SECONDS, SHORTEST_SECONDS = 0.25, 0.1
REASONS = ("filled", "outside the picture", "hidden", "off the picture", "hypotheses differ", "camera too fast")


@dataclass(frozen=True)
class Doubt:
    """A stretch of frames, and the reason that holds in most of them (one of REASONS)."""

    frames: slice
    reason: str


def find_doubts(
    detected: Flags, confidence: Array, pixel_errors: Array, person_pixels: float, spread: Array, runs: list[slice], fps: float,
    too_fast: Flags | None = None,
) -> list[Doubt]:  # fmt: skip
    """The unsure stretches, in order, none across a hole in time.

    detected (T,); confidence (T,22), 0 outside the picture; pixel_errors (T,22); person_pixels: the person's size; spread (T,22) metres;
    too_fast (T,): frames in which the camera could not be followed.
    """

    def reasons(there: Flags, sure: Array, errors: Array, differ: Array, fast: Flags | None) -> Flags:
        seen = np.where(sure[:, LIMBS] >= HIDDEN, 1.0, 0.0)
        off = (errors[:, LIMBS] * seen).sum(1) / np.maximum(seen.sum(1), 1) / max(person_pixels, 1.0)
        outside = there & (sure[:, LIMBS] <= 0).any(1)
        hidden, apart = (seen == 0).sum(1) > MOST_HIDDEN, differ[:, LIMBS].mean(1) > WIDEST_SPREAD
        return np.stack([~there, outside, hidden, off > FARTHEST_OFF, apart, np.zeros(len(there), bool) if fast is None else fast], 1)

    causes = mapped(reasons, detected, confidence, pixel_errors, spread, too_fast)
    found: list[Doubt] = []
    for run in runs:
        unsure = causes[run].any(1)
        for gap in stretches(~unsure):
            inside = gap.start > 0 and gap.stop < len(unsure)
            if inside and gap.stop - gap.start < JOINED_SECONDS * fps:
                unsure[gap] = True
        for stretch in stretches(unsure):
            if stretch.stop - stretch.start >= SHORTEST_SECONDS * fps - 1e-6:
                frames = slice(run.start + stretch.start, run.start + stretch.stop)
                found.append(Doubt(frames, REASONS[int(causes[frames].sum(0).argmax())]))
    return found
