"""Where a known camera stood at each frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from contract.camera_path import CameraPath

Array = npt.NDArray[np.float64]


def cameras_at(path: CameraPath, times: Array, fps: float) -> Array:
    """(T,4,4) camera to world at `times` (T,) seconds: places on straight lines, rotations on the shortest arcs in between."""
    known = path.times(fps)
    if len(known) == 1:
        return np.repeat(path.camera_to_world, len(times), axis=0)
    at = np.clip(np.asarray(times, float), known[0], known[-1])
    out = np.tile(np.eye(4), (len(at), 1, 1))
    out[:, :3, :3] = Slerp(known, Rotation.from_matrix(path.camera_to_world[:, :3, :3]))(at).as_matrix()
    for axis in range(3):
        out[:, axis, 3] = np.interp(at, known, path.camera_to_world[:, axis, 3])
    return out
