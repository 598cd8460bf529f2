"""Where the face looks, from the face landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.detection.landmarks import LANDMARKS, view_axes
from engine.long_takes import mapped
from engine.person.track import Track

# The tip of the nose lies below the line from ear to eye and the eyes above the face's forward axis: their mean is about level.
_FRONT = [LANDMARKS.index(name) for name in ("nose", "eye.L", "eye.R")]
_EARS = [LANDMARKS.index(f"ear.{side}") for side in "LR"]
_TRUNK = [LANDMARKS.index(f"{joint}.{side}") for joint in ("hip", "shoulder") for side in "LR"]


def face_direction(track: Track, camera_matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T,3) unit vectors, camera axes: from between the ears to between nose and eyes."""

    def directions(image: npt.NDArray[np.float32], world: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        rays = (image[:, _TRUNK].mean(1) - camera_matrix[:2, 2]) / np.diag(camera_matrix)[:2]
        turn = view_axes(rays.astype(np.float64))
        marks = world.astype(np.float64)
        forward = np.einsum("tij,tj->ti", turn, marks[:, _FRONT].mean(1) - marks[:, _EARS].mean(1))
        return np.asarray(forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9))

    return mapped(directions, track.image, track.world, dtype=np.float64)
