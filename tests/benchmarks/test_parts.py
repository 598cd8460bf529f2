from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.parts import compare, nearest
from contract.motion_file import Motion
from contract.skeleton import ARMATURE_24


def a_motion(frames: slice, shift: float = 0.0) -> Motion:
    """Somebody who bends one arm, from that stretch of a take; the wrist `shift` metres aside."""
    count = 40
    rng = np.random.default_rng(0)
    joints = np.cumsum(rng.normal(scale=0.3, size=(1, len(ARMATURE_24), 3)), axis=1) + 0.01 * np.arange(count)[:, None, None]
    joints[:, ARMATURE_24.index("wrist.L"), 0] += shift
    rotations = np.zeros((count, len(ARMATURE_24), 4))
    rotations[..., 0] = 1.0
    joints, size = joints[frames].astype(np.float32), len(range(count)[frames])
    zeros = np.zeros((size, len(ARMATURE_24)), np.float32)
    return Motion(
        np.array(ARMATURE_24.joints), np.array(ARMATURE_24.parents), 20.0, np.arange(count)[frames] / 20.0, joints, joints,
        np.ones((len(ARMATURE_24), 3), np.float32), rotations[frames].astype(np.float32), joints[:, 0], np.repeat(zeros[..., None], 2, 2),
        zeros, zeros, np.zeros((size, 2), bool), np.eye(3), np.eye(4), np.array([640, 480]), np.ones(size, bool), {},
    )  # fmt: skip


def test_a_part_is_compared_in_its_own_frames():
    same = compare(a_motion(slice(0, 40)), a_motion(slice(10, 20)))
    assert same.frames == 10 and same.joints == same.worst_joint == same.up == same.bones == 0.0 and same.exchanged == 0
    off = compare(a_motion(slice(0, 40)), a_motion(slice(10, 20), 0.048))
    assert off.joint == "wrist.L" and off.worst_joint == pytest.approx(48.0, abs=0.1)
    assert off.joints == pytest.approx(48.0 / len(ARMATURE_24), abs=0.1)


def test_exchanged_sides_and_another_up_are_told():
    whole, part = a_motion(slice(0, 40)), a_motion(slice(10, 20))
    other = {".L": ".R", ".R": ".L"}
    mirror = [ARMATURE_24.index(n[:-2] + other[n[-2:]] if n[-2:] in other else n) for n in ARMATURE_24.joints]
    turned = np.eye(4)
    turned[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    found = compare(whole, replace(part, positions_camera=part.positions_camera[:, mirror], camera_to_world=turned))
    assert found.exchanged == found.frames == 10 and found.up == pytest.approx(90.0)


def test_the_same_person_is_compared_whoever_is_the_main_one():
    whole, part = a_motion(slice(0, 40)), a_motion(slice(10, 20))
    beside = replace(part, image_points=part.image_points + 200.0)
    assert nearest(whole, [beside, part]) == 1 and nearest(whole, [part, beside]) == 0
    assert nearest(a_motion(slice(0, 20)), [a_motion(slice(39, 40)), beside]) == 1, "who is not there at the time is nobody"
