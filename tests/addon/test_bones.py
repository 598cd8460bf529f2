"""The list of bones, without Blender."""

from __future__ import annotations

import numpy as np
from kinolift_extension.addon.bones import SHORTEST, bones_of, rest_positions


def test_rest_positions_stand_on_the_ground_unless_the_root_has_a_place():
    parents = np.array([-1, 0, 1])
    offsets = np.array([[0, 0, 0], [0, 0, -0.5], [0.1, 0, -0.4]], np.float32)
    np.testing.assert_allclose(rest_positions(parents, offsets), [[0, 0, 0.9], [0, 0, 0.4], [0.1, 0, 0]], atol=1e-6)
    offsets[0] = (0, 0, 1)
    np.testing.assert_allclose(rest_positions(parents, offsets)[:, 2], [1, 0.5, 0.1], atol=1e-6)


def test_joints_of_another_name_become_bones_of_that_name():
    parents = np.array([-1, 0, 1, 1])
    offsets = np.array([[0, 0, 0], [0, 0, 0.3], [0, 0, 0.2], [0, 0, 0]], np.float32)
    bones = bones_of(["pelvis", "tail", "tip", "other"], parents, offsets)
    assert [(bone.name, bone.joint, bone.end, bone.parent) for bone in bones] == [("hips", 0, 1, -1), ("tail", 1, 2, 0)]
    assert bones[1].connected and bones[1].collection == "Torso"


def test_no_bone_is_without_length():
    bones = bones_of(["pelvis", "spine", "chest"], np.array([-1, 0, 1]), np.zeros((3, 3), np.float32))
    assert all(abs(np.linalg.norm(np.subtract(b.tail, b.head)) - SHORTEST) < 1e-9 for b in bones)
    assert not bones[1].connected
