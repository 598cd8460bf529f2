"""Forward kinematics: joint positions from rotations and bones, all frames at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Array = npt.NDArray[np.float64]


def rotation_matrices(quaternions: Array) -> Array:
    """(...,4) wxyz quaternions to (...,3,3) matrices."""
    quaternions = np.asarray(quaternions, float)
    xyzw = quaternions[..., [1, 2, 3, 0]].reshape(-1, 4)
    return Rotation.from_quat(xyzw).as_matrix().reshape(*quaternions.shape[:-1], 3, 3)


def quaternions_of(matrices: Array) -> Array:
    """(...,3,3) rotation matrices to (...,4) wxyz quaternions, each of either sign."""
    xyzw = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_quat()
    return xyzw[:, [3, 0, 1, 2]].reshape(*matrices.shape[:-2], 4)


def continuous(quaternions: Array) -> Array:
    """(T,...,4) the same rotations with signs such that each is nearest to the one of the frame before; the first has w >= 0."""
    dots = (quaternions[1:] * quaternions[:-1]).sum(-1)
    flips = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    first = np.where(quaternions[:1, ..., 0] < 0, -1.0, 1.0)
    signs = first * np.concatenate([np.ones_like(first), flips])
    return quaternions * signs[..., None]


def forward(parents: Sequence[int], rest_offsets: Array, rotations: Array, root_translation: Array) -> tuple[Array, Array]:
    """Positions and global rotations of every joint.

    parents (J,), rest_offsets (J,3) metres, rotations (T,J,4) wxyz relative to the parent's, root_translation (T,3) metres.
    Returns positions (T,J,3) in metres and rotations (T,J,3,3), both in the axes of the root.
    """
    local = rotation_matrices(rotations)
    turned = np.empty_like(local)
    positions = np.empty((*local.shape[:2], 3))
    for j, parent in enumerate(parents):
        if parent < 0:
            turned[:, j] = local[:, j]
            positions[:, j] = root_translation
        else:
            turned[:, j] = turned[:, parent] @ local[:, j]
            positions[:, j] = positions[:, parent] + turned[:, parent] @ rest_offsets[j]
    return positions, turned
