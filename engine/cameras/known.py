"""Where a known camera stood at each frame, and through which lens it looked.

A zoom changes the picture and not what there is: with the camera where it is, every lens shows the same lines of sight. So what was seen
through a lens that changes is brought to the pixels of one lens, and all that follows knows of no zoom.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from contract.camera_path import CameraPath
from engine.cameras.pinhole import rays
from engine.detection.detector import Detections
from engine.long_takes import mapped

Array = npt.NDArray[np.float64]


def cameras_at(path: CameraPath, times: Array, fps: float) -> Array:
    """(T,4,4) camera to world at `times` (T,) seconds: places on straight lines, rotations on the shortest arcs in between."""
    known = path.times(fps)
    if len(known) == 1:
        return np.broadcast_to(path.camera_to_world, (len(times), 4, 4))
    turns = Slerp(known, Rotation.from_matrix(path.camera_to_world[:, :3, :3]))

    def cameras(some: Array) -> Array:
        at, out = np.clip(np.asarray(some, float), known[0], known[-1]), np.zeros((len(some), 4, 4))
        out[:, :3, :3], out[:, 3, 3] = turns(at).as_matrix(), 1.0
        for axis in range(3):
            out[:, axis, 3] = np.interp(at, known, path.camera_to_world[:, axis, 3])
        return out

    return mapped(cameras, times, dtype=np.float64)


def lenses_at(path: CameraPath, times: Array, fps: float, image_size: tuple[int, int]) -> Array:
    """(T,3,3) camera matrices at `times` (T,) seconds, for a picture of (width, height) pixels; even changes in between."""
    known = path.times(fps)

    def lenses(some: Array) -> Array:
        focal, across, down = (np.interp(some, known, path.lens[:, k]) for k in range(3))
        out = np.zeros((len(some), 3, 3))
        out[:, 0, 0] = out[:, 1, 1] = focal * max(image_size)
        out[:, 0, 2], out[:, 1, 2], out[:, 2, 2] = across * image_size[0], down * image_size[1], 1.0
        return out

    return mapped(lenses, times, dtype=np.float64)


def middle_lens(path: CameraPath, image_size: tuple[int, int]) -> Array:
    """(3,3) camera matrix of the median of the path's lenses, for a picture of (width, height) pixels."""
    one = replace(path, at=path.at[:1], lens=np.median(path.lens, axis=0)[None])
    return np.asarray(lenses_at(one, np.zeros(1), 1.0, image_size)[0])


def through_one_lens(detections: Detections, lenses: Array, lens: Array) -> Detections:
    """What was seen through the `lenses` (T,3,3) as `lens` (3,3) would have shown it."""

    def shown(points: npt.NDArray[np.floating], seen_by: Array, there: npt.NDArray[np.bool_]) -> Array:
        return np.asarray(other_lens(points, seen_by, lens) * there[:, None, None])

    return replace(detections, image=mapped(shown, detections.image, lenses, detections.detected))


def other_lens(points: npt.NDArray[np.floating], seen_by: Array, shown_by: Array) -> Array:
    """(T,J,2) pixels of the camera matrices `shown_by` in which lies what is at `points` (T,J,2) in those of `seen_by`; each (3,3) or one
    for each frame (T,3,3)."""
    seen_by, shown_by = (np.asarray(m)[:, None] if np.ndim(m) == 3 else m for m in (seen_by, shown_by))
    slopes = rays(points, seen_by)
    return np.asarray(slopes * shown_by[..., [0, 1], [0, 1]] + shown_by[..., [0, 1], [2, 2]])
