"""The field of view of a camera that nobody named, from the perspective on the person.

What is nearer looks larger: with a wider lens the person stands nearer, and the hand that is held out towards the camera grows more. The
poses' own errors hide most of that. On rendered pairs (benchmarks/world.py) the reading correlates with the truth by 0.3 only, so the
estimate stays near the usual camera and says how unsure it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.options import DEFAULT_FOV
from contract.skeleton import BODY_22
from engine.cameras.pinhole import camera_matrix, rays
from engine.kinematics.bones import settle
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import fit_proportions
from engine.kinematics.trajectory import POINT_ERROR, POSE_ERROR, frame_path
from engine.long_takes import thinned

Array = npt.NDArray[np.float64]
Stored = npt.NDArray[np.floating]

# Assumed of cameras nobody named: the logarithm of the focal length spreads by this about that of DEFAULT_FOV, which puts two thirds of
# them between 51 and 70 degrees along the longer side.
USUAL_SPREAD = 0.2
# Fields of view that are tried, degrees.
TRIED = np.linspace(30.0, 100.0, 15)
# Errors of poses and points look the same for so long, seconds: so much of a clip is one look. Chosen on rendered pairs, where 0.3 s,
# as for the path, leaves the estimate surer than it is right.
LOOK_SECONDS = 1.0
# A joint this many standard errors off counts half.
DOUBTFUL = 2.0
# More frames than this say nothing new.
MOST_FRAMES = 150
_LIMBS = [BODY_22.index(f"{part}.{side}") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe") for side in "LR"]


@dataclass(frozen=True)
class FieldOfView:
    """`degrees` along the picture's longer side, and the standard `error` in degrees."""

    degrees: float
    error: float

    @classmethod
    def of_size(cls, size: float, error: float) -> FieldOfView:
        """Of the logarithm of the tangent of half of it, and that one's standard error."""
        degrees = math.degrees(2 * math.atan(math.exp(size)))
        return cls(degrees, math.degrees(math.sin(math.radians(degrees)) * error))

    @property
    def size_error(self) -> float:
        """That of the logarithm."""
        return math.radians(self.error) / math.sin(math.radians(self.degrees))

    def weighed(self, other: FieldOfView) -> FieldOfView:
        """Both together, each as sure as it is."""
        sizes = [math.log(math.tan(math.radians(one.degrees) / 2)) for one in (self, other)]
        weights = [1 / max(one.size_error, 1e-6) ** 2 for one in (self, other)]
        return self.of_size(float(np.average(sizes, weights=weights)), 1 / math.sqrt(sum(weights)))


def estimate_fov(
    joints: Stored, image_points: Stored, confidence: Stored, image_size: tuple[int, int], height: float, fps: float
) -> FieldOfView:
    """The mean of the field of view given the poses and where they are seen, under the usual spread of cameras.

    joints (T,22,3) metres, camera axes; image_points (T,22,2) px with confidence (T,22) 0..1; image_size px; height: stature in metres.
    """
    body = fit_proportions(joints, confidence, height, fps)
    every = max(1, math.ceil(len(joints) / MOST_FRAMES))
    pose, points, sure = (few.astype(float) for few in thinned(every, joints, image_points, confidence))
    pose = settle((pose - pose[:, :1]) * body.scale, 0.1 + sure, body)
    pose += point_offsets(pose, height)  # what is compared with the picture are the places that the detector sees
    looks = max(LOOK_SECONDS * fps / every, 1.0)
    cost = np.array([_misfit(pose, points, sure, camera_matrix(image_size, float(fov))) for fov in TRIED]) / looks
    size, usual = (np.log(np.tan(np.radians(fov) / 2)) for fov in (TRIED, DEFAULT_FOV))
    cost += ((size - usual) / USUAL_SPREAD) ** 2
    # evenly spaced in degrees: each counts for the share of the logarithm that it covers
    weight = np.exp(-0.5 * (cost - cost.min())) * np.gradient(size)
    weight /= weight.sum()
    mean = float(weight @ size)
    spread = math.sqrt(float(weight @ (size - mean) ** 2))
    return FieldOfView.of_size(mean, spread)


def _misfit(pose: Array, points: Array, confidence: Array, matrix: Array) -> float:
    """Sum over frames and limbs of the squared distances between poses and lines of sight, in standard errors, far ones damped."""
    seen = pose + frame_path(pose, points, confidence, matrix).translation[:, None]
    depth = np.maximum(seen[..., 2], 0.3)
    off: Array = np.linalg.norm(seen[..., :2] / depth[..., None] - rays(points, matrix), axis=-1) * depth
    square = (off[:, _LIMBS] / math.hypot(POSE_ERROR, 1.7 * POINT_ERROR)) ** 2
    return float((confidence[:, _LIMBS] ** 2 * square / (1 + square / DOUBTFUL**2)).sum())
