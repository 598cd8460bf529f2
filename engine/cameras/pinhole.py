"""The pinhole camera: its matrix from a field of view, and the ways between camera space and pixels.

Camera axes: x right, y down, z forward, metres. Pixels: the centre of the picture is half its size.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# A point nearer than this to the camera's plane has no useful projection.
NEAR = 0.05


def camera_matrix(image_size: tuple[int, int], fov_degrees: float) -> Array:
    """(3,3) matrix of a camera without distortion; `image_size` (width, height) px, the field of view along the longer side."""
    if not 0.0 < fov_degrees < 180.0:
        raise ValueError(f"a field of view of {fov_degrees} degrees")
    width, height = image_size
    focal = max(width, height) / 2 / math.tan(math.radians(fov_degrees) / 2)
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def field_of_view(matrix: Array, image_size: tuple[int, int]) -> float:
    """Degrees along the longer side of the picture."""
    width, height = image_size
    focal = float(matrix[0, 0]) if width >= height else float(matrix[1, 1])
    return math.degrees(2 * math.atan(max(width, height) / 2 / focal))


def project(points: Array, matrix: Array) -> Array:
    """(...,3) metres in camera axes to (...,2) pixels; points behind the camera are projected as if just before it."""
    points = np.asarray(points, float)
    depth = np.maximum(points[..., 2:], NEAR)
    return points[..., :2] / depth * [matrix[0, 0], matrix[1, 1]] + np.array([matrix[0, 2], matrix[1, 2]])


def rays(pixels: Array, matrix: Array) -> Array:
    """(...,2) pixels to (...,2) slopes x/z, y/z of the lines of sight; or (T,J,2) by (T,1,3,3), one for each frame."""
    return np.asarray((np.asarray(pixels, float) - matrix[..., [0, 1], [2, 2]]) / matrix[..., [0, 1], [0, 1]])


def sights(pixels: Array, matrix: Array) -> Array:
    """(...,3) unit lines of sight of pixels (...,2), camera axes."""
    slopes = rays(pixels, matrix)
    ahead = np.concatenate([slopes, np.ones((*slopes.shape[:-1], 1))], -1)
    return np.asarray(ahead / np.linalg.norm(ahead, axis=-1, keepdims=True))


def to_world(points: Array, camera_to_world: Array) -> Array:
    """(...,3) camera axes to (...,3) world axes by the (4,4) matrix; or (T,J,3) by (T,4,4), one for each frame."""
    points = np.asarray(points, float)
    if camera_to_world.ndim == 3:
        return points @ camera_to_world[:, :3, :3].swapaxes(1, 2) + camera_to_world[:, None, :3, 3]
    return points @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]


def to_camera(points: Array, camera_to_world: Array) -> Array:
    """(...,3) world axes to (...,3) camera axes: the way back of `to_world` (the matrix is a rigid motion)."""
    points = np.asarray(points, float)
    if camera_to_world.ndim == 3:
        return (points - camera_to_world[:, None, :3, 3]) @ camera_to_world[:, :3, :3]
    return (points - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
