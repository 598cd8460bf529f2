"""A drawn camera before a motion: motion capture seen as somebody might have filmed it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

ELEVATION_MEAN, ELEVATION_SIGMA = math.radians(8.0), math.radians(14.0)  # cameras look slightly down more often than up
NEAREST = 0.8  # metres between the camera and any joint


def camera_turn(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(3,3): positions (..,3) with Z up, times it, are in the axes of a camera of any azimuth and a usual elevation."""
    azimuth, elevation = rng.uniform(-math.pi, math.pi), rng.normal(ELEVATION_MEAN, ELEVATION_SIGMA)
    c, s = math.cos(azimuth), math.sin(azimuth)
    turned = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    level = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # x right, y down, z forward
    c, s = math.cos(elevation), math.sin(elevation)  # above 0 the camera looks down, and up leans towards it
    return turned @ level @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def before_camera(positions: Array, middle: Array, rng: np.random.Generator) -> Array:
    """(T,22,3) Z up -> camera axes of a drawn camera, the pelvis's path about `middle` (3,)."""
    seen = positions @ camera_turn(rng)
    return seen - seen[:, :1].mean(0, keepdims=True) + middle
