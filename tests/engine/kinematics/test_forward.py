from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from contract.skeleton import ARMATURE_24
from engine.kinematics.forward import continuous, forward, quaternions_of, rotation_matrices

from .people import naive_forward, rest_offsets


def test_equals_matrices_multiplied_frame_by_frame() -> None:
    rng = np.random.default_rng(0)
    quaternions = rng.normal(size=(7, 24, 4))
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    # the textbook matrix of a quaternion, written out
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrices = np.stack([np.stack(row, -1) for row in rows], -2)
    root = rng.normal(size=(7, 3))
    offsets = rest_offsets()
    expected, expected_turn = naive_forward(offsets, {n: matrices[:, i] for i, n in enumerate(ARMATURE_24.joints)}, root)
    positions, turned = forward(ARMATURE_24.parents, offsets, quaternions, root)
    assert np.abs(positions - expected).max() < 1e-9
    assert np.abs(turned - expected_turn).max() < 1e-9


def test_no_rotation_is_the_t_pose() -> None:
    quaternions = np.zeros((1, 24, 4))
    quaternions[..., 0] = 1
    positions, _ = forward(ARMATURE_24.parents, rest_offsets(), quaternions, np.zeros((1, 3)))
    at = dict(zip(ARMATURE_24.joints, positions[0], strict=True))
    assert at["wrist.L"][0] > 0.5 > -0.5 > at["wrist.R"][0]
    assert abs(at["wrist.L"][2] - at["shoulder.L"][2]) < 1e-9
    assert at["toe.L"][1] < -0.1 and at["head_top"][2] > 0.7


def test_quaternions_come_back_and_do_not_flip() -> None:
    turns = Rotation.from_rotvec(np.linspace(0, 4 * np.pi, 60)[:, None] * np.array([0.0, 0.6, 0.8]))
    raw = quaternions_of(turns.as_matrix()[:, None])
    smooth = continuous(raw)
    assert (np.abs(np.diff(smooth, axis=0)).max()) < 0.2
    assert smooth[0, 0, 0] >= 0
    assert np.allclose(rotation_matrices(smooth)[:, 0], turns.as_matrix())
