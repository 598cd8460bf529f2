"""Other motions under the detector's real errors: a run's truth is replaced by a stretch of motion capture before a virtual camera.

What the detector got wrong about the rendered person, in the picture and in depth, is kept and laid over the new motion. Only a few bodies
and an hour of motion were rendered; this shows the lifter the rest of the motion capture, with errors of the right size and persistence.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine.datasets.mixed_motion import Mixing, draw_mixed
from engine.landmarks import LANDMARK_JOINT
from engine.refiner.codec import WORLD_TO_STATURE, view_rotation
from engine.training.augmentation import Pairs

Array = npt.NDArray[np.floating]

ELEVATION_MEAN, ELEVATION_SIGMA = math.radians(8.0), math.radians(14.0)  # cameras look slightly down more often than up
LEG_SHARE = 0.491  # (thigh + shin) / stature, the motion capture's own proportion
NEAREST = 0.8  # metres between the camera and any joint


class Motions:
    """Stretches of motion capture to draw from, long clips as often as they are long."""

    def __init__(self, clips: list[Array], mixed: float = 0.0) -> None:
        """clips: (T,22,3) metres, Z up; mixed: share of the draws that put parts of several motions together."""
        self.clips, self.mixed = clips, mixed
        self.lengths = np.array([len(c) for c in clips], dtype=np.float64)

    def draw(self, frames: int, rng: np.random.Generator) -> Array:
        """(frames,22,3)."""
        if self.mixed and rng.random() < self.mixed:
            return draw_mixed(lambda count: self.stretch(count, rng), frames, Mixing(), rng)
        return self.stretch(frames, rng)

    def stretch(self, frames: int, rng: np.random.Generator) -> Array:
        """(frames,22,3) of one clip that is long enough; fewer frames where none is."""
        frames = min(frames, int(self.lengths.max()))
        usable = np.where(self.lengths >= frames, self.lengths, 0.0)
        clip = self.clips[int(rng.choice(len(self.clips), p=usable / usable.sum()))]
        start = int(rng.integers(0, len(clip) - frames + 1))
        return clip[start : start + frames]


def stature_of(positions: Array) -> float:
    """Metres, from the mean length of the legs of (T,22,3) joints."""
    legs = 0.0
    for side in "LR":
        hip, knee, ankle = (positions[:, BODY_22.index(f"{j}.{side}")] for j in ("hip", "knee", "ankle"))
        legs += np.linalg.norm(hip - knee, axis=-1).mean() + np.linalg.norm(knee - ankle, axis=-1).mean()
    return float(legs / 2 / LEG_SHARE)


def before_camera(positions: Array, middle: Array, rng: np.random.Generator) -> Array:
    """(T,22,3) Z up -> camera axes: any azimuth, a usual elevation, the pelvis's path about `middle` (3,)."""
    azimuth, elevation = rng.uniform(-math.pi, math.pi), rng.normal(ELEVATION_MEAN, ELEVATION_SIGMA)
    c, s = math.cos(azimuth), math.sin(azimuth)
    turned = positions @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    level = np.stack([turned[..., 0], -turned[..., 2], turned[..., 1]], -1)  # x right, y down, z forward
    c, s = math.cos(elevation), math.sin(elevation)
    seen = level @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return seen - seen[:, :1].mean(0, keepdims=True) + middle


def transplant(pairs: Pairs, motions: Motions, share: float, rng: np.random.Generator) -> Pairs:
    """The pairs with `share` of the runs (drawn) moved to other motions."""
    batch, frames = pairs.detected.shape
    chosen = np.flatnonzero(rng.random(batch) < share)
    if not len(chosen):
        return pairs
    truth, stature = pairs.truth.clone(), pairs.stature.clone()
    middles = pairs.truth[:, :, 0].mean(1).cpu().numpy()
    for i in chosen:
        motion = motions.draw(frames, rng)
        placed = before_camera(motion, middles[i], rng)
        if placed[..., 2].min() > NEAREST:
            truth[i] = torch.from_numpy(placed)
            stature[i] = stature_of(motion)
    carrier = list(LANDMARK_JOINT)
    seen = truth[..., :2] / truth[..., 2:] - pairs.truth[..., :2] / pairs.truth[..., 2:]
    shift = (_viewed(truth, stature) - _viewed(pairs.truth, pairs.stature)) / WORLD_TO_STATURE
    return replace(pairs, truth=truth, stature=stature, rays=pairs.rays + seen[:, :, carrier], world=pairs.world + shift[:, :, carrier])


def _viewed(truth: Tensor, stature: Tensor) -> Tensor:
    """(B,T,22,3) rooted, in statures, in the axes of a camera that looks at the pelvis, as the detector's crop does."""
    root = truth[:, :, :1]
    view = view_rotation(root[:, :, 0, :2] / root[:, :, 0, 2:])
    return (truth - root) @ view / stature[:, None, None, None]
