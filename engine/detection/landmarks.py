"""The detector's 33 landmarks, and how BODY_22's joints are read from them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22

LANDMARKS = (
    "nose", "eye_inner.L", "eye.L", "eye_outer.L", "eye_inner.R", "eye.R", "eye_outer.R", "ear.L", "ear.R", "mouth.L", "mouth.R",
    "shoulder.L", "shoulder.R", "elbow.L", "elbow.R", "wrist.L", "wrist.R", "pinky.L", "pinky.R", "index.L", "index.R",
    "thumb.L", "thumb.R", "hip.L", "hip.R", "knee.L", "knee.R", "ankle.L", "ankle.R", "heel.L", "heel.R", "toe.L", "toe.R",
)  # fmt: skip


# What a network's odds that a landmark is seen are worth in those of the full one: where the heavy network gives 1 to 3 its points lie as
# near to the joints as the full one's where that gives 1.7 to 1, and likewise from 0.02 to 0.9 (`python benchmarks/points.py --every 1` on
# the same pictures read by each).
SEEN_ODDS: Final = {"full": 1.0, "heavy": 5.2}


def trust(visibility: npt.NDArray[np.float64], detector: str) -> npt.NDArray[np.float64]:
    """Visibilities (an array, 0..1) of that network, as the full one would give them to points so near to the joints."""
    odds = SEEN_ODDS[detector]
    return visibility if odds == 1.0 else visibility * odds / (1.0 + visibility * (odds - 1.0))


def _other_side(name: str) -> str:
    return name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name[-2:] in (".L", ".R") else name


LANDMARK_MIRROR: tuple[int, ...] = tuple(LANDMARKS.index(_other_side(name)) for name in LANDMARKS)

# How far along mid-hip -> mid-shoulder the base of the neck lies: about 5 cm above the line of the shoulder joints.
_NECK = 1.1
# head_top from mid-hip -> mid-shoulder -> mid-ear: the skull's top lies about as far above the ears as 0.7 of ear-neck.
_HEAD_TOP = 0.7


def _body_from_landmarks() -> npt.NDArray[np.float64]:
    rows: dict[str, npt.NDArray[np.float64]] = {}

    def mean(*names: str) -> npt.NDArray[np.float64]:
        row = np.zeros(len(LANDMARKS))
        for name in names:
            row[LANDMARKS.index(name)] += 1.0 / len(names)
        return row

    pelvis, shoulders = mean("hip.L", "hip.R"), mean("shoulder.L", "shoulder.R")
    neck = pelvis + _NECK * (shoulders - pelvis)
    head = mean("ear.L", "ear.R")
    rows |= {"pelvis": pelvis, "neck": neck, "head": head, "head_top": head + _HEAD_TOP * (head - neck)}
    # The mocap's own fractions of the chain pelvis .. neck (its README).
    rows |= {"spine": 0.5 * (pelvis + neck), "chest": 0.25 * pelvis + 0.75 * neck}
    for side in ("L", "R"):
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe"):
            rows[f"{joint}.{side}"] = mean(f"{joint}.{side}")
        rows[f"hand.{side}"] = mean(f"index.{side}", f"pinky.{side}")
    return np.stack([rows[joint] for joint in BODY_22.joints])


# (22,33): BODY_22 = BODY_FROM_LANDMARKS @ landmarks, for 2D and 3D landmarks alike. Rows sum to one.
BODY_FROM_LANDMARKS: npt.NDArray[np.float64] = _body_from_landmarks()

# For each landmark the joint of BODY_22 that carries it: the face rides on the head, fingers on the hand, the heel on the ankle.
LANDMARK_JOINT: tuple[int, ...] = tuple(
    BODY_22.index(
        "head" if i <= 10 else name.replace("pinky", "hand").replace("index", "hand").replace("thumb", "hand").replace("heel", "ankle")
    )
    for i, name in enumerate(LANDMARKS)
)


def view_axes(rays: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(...,2) slopes of lines of sight -> (...,3,3): in its columns the axes of a level camera that looks there.

    The detector works on a crop: its world landmarks have the axes of a camera that looks straight at the person.
    """
    forward = np.concatenate([rays, np.ones_like(rays[..., :1])], -1)
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], -1)
