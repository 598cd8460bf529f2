"""Where the face looks, from the face landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.detection.landmarks import LANDMARKS, view_axes
from engine.long_takes.scratch import long_array
from engine.long_takes.windows import pieces
from engine.person.track import Track

# The tip of the nose lies below the line from ear to eye and the eyes above the face's forward axis: their mean is about level.
_FRONT = [LANDMARKS.index(name) for name in ("nose", "eye.L", "eye.R")]
_EARS = [LANDMARKS.index(f"ear.{side}") for side in "LR"]
_TRUNK = [LANDMARKS.index(f"{joint}.{side}") for joint in ("hip", "shoulder") for side in "LR"]


def face_direction(track: Track, camera_matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T,3) unit vectors, camera axes: from between the ears to between nose and eyes."""
    direction = long_array((len(track), 3), np.float64)
    for part in pieces(len(track), track.image, track.world, direction):
        rays = (track.image[part, _TRUNK].mean(1) - camera_matrix[:2, 2]) / np.diag(camera_matrix)[:2]
        turn = view_axes(rays.astype(np.float64))
        world = track.world[part].astype(np.float64)
        forward = np.einsum("tij,tj->ti", turn, world[:, _FRONT].mean(1) - world[:, _EARS].mean(1))
        direction[part] = forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    return direction
