"""The heading against closed forms, and the root bone that carries it as Blender shows it."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.retarget.heading import about_vertical, heading, vertical_part
from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget
from kinolift_extension.contract.failure import Failure
from mathutils import Matrix, Quaternion

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs


def about(axis, angles):
    half = np.asarray(angles, float)[:, None] / 2
    return np.concatenate([np.cos(half), np.sin(half) * np.asarray(axis, float)], axis=1)


def test_turning_on_the_spot_goes_on_beyond_a_whole_turn():
    angles = np.linspace(0.0, 9.0, 200)
    turned = about((0, 0, 1), angles) * np.where(np.arange(200) % 3 == 0, -1.0, 1.0)[:, None]  # either sign is the same turn
    assert heading(turned, turned) == pytest.approx(angles)


def test_pelvis_and_chest_against_each_other_cancel():
    swing = 0.3 * np.sin(np.linspace(0, 12, 90))
    assert heading(about((0, 0, 1), 0.4 + swing), about((0, 0, 1), 0.4 - swing)) == pytest.approx(np.full(90, 0.4))


def test_bowing_and_lying_down_keep_the_heading_and_upside_down_is_bridged():
    facing = np.full(100, 1.1)
    tilt = q.multiply(about((0, 0, 1), facing), about((1, 0, 0), np.linspace(0, np.pi / 2, 100)))
    assert heading(tilt, tilt) == pytest.approx(facing)
    over = q.multiply(about((0, 0, 1), facing), about((1, 0, 0), np.linspace(0, 2 * np.pi, 100)))  # a somersault
    assert np.abs(np.diff(heading(over, over))).max() < 1e-6 and heading(over, over) == pytest.approx(facing)


def test_parts_of_a_turn():
    assert about_vertical(np.array(0.6)) == pytest.approx(about((0, 0, 1), [0.6])[0])
    tilted = q.multiply(about((0, 0, 1), [0.6])[0], about((1, 0, 0), [1.2])[0])
    assert vertical_part(tilted) == pytest.approx(about((0, 0, 1), [0.6])[0])
    assert vertical_part(np.array([0.0, 1.0, 0.0, 0.0])) == pytest.approx([1, 0, 0, 0])


@pytest.fixture
def turning(make_motion):
    """Somebody who walks round a corner while their hips sway."""
    motion = made_rigs.standing(make_motion, 40, lift=False)
    yaw = about((0, 0, 1), np.linspace(0, 4.0, 40))
    motion.rotations[:, 0] = q.multiply(yaw, motion.rotations[:, 0].astype(float))
    motion.contacts[:] = False
    from kinolift_synthetic import positions

    motion.positions_world = positions(motion.parents, motion.rest_offsets, motion.rotations.astype(float), motion.root_translation)
    return motion


@pytest.mark.parametrize("facing", [0.0, 1.3])
@pytest.mark.parametrize("root", ["motion", "in-place"])
def test_the_root_bone_turns_and_the_body_does_as_before(turning, facing, root):
    rig, mapping = made_rigs.build_rig(turning, root=True, roll=4, drop=40)
    # a character that looks another way at rest: so does its root bone
    rig.data.transform(Matrix.Rotation(facing, 4, "Z"))
    names = [str(name) for name in turning.joint_names]
    plain, turned = [], []
    for heads, chosen in ((plain, {}), (turned, {"root_heading": True})):
        retarget(turning, rig, mapping, RetargetOptions(root=root, **chosen))
        for frame in range(0, 40, 6):
            bpy.context.scene.frame_set(frame)
            heads.append([list(bone.head) for name, bone in rig.pose.bones.items() if name != "ground"])
            bone = rig.pose.bones["ground"]
            turn = (bone.matrix @ bone.bone.matrix_local.inverted()).to_quaternion()
            if not chosen:
                assert turn.angle < 1e-4
                continue
            pelvis, chest = (q.of_matrices(_world(turning, names, joint, frame)) for joint in ("pelvis", "chest"))
            middle = q.between(pelvis, chest, 0.5)
            expected = 2 * np.arctan2(middle[3], middle[0]) - facing
            shown = 2 * np.arctan2(turn.z, turn.w)
            assert np.cos(shown - expected) == pytest.approx(1, abs=1e-6)
            assert abs(turn.x) < 1e-5 and abs(turn.y) < 1e-5, "about the vertical alone"
    assert np.array(turned) == pytest.approx(np.array(plain), abs=2e-5)


def _world(motion, names, joint, frame):
    turn, at = np.eye(3), names.index(joint)
    while at >= 0:
        turn = np.array(Quaternion(motion.rotations[frame, at].tolist()).to_matrix()) @ turn
        at = int(motion.parents[at])
    return turn


def test_without_a_root_bone_or_with_the_travel_on_the_hips(turning):
    rig, mapping = made_rigs.build_rig(turning)
    with pytest.raises(Failure, match="Rig has no root bone; leave out --root-heading"):
        retarget(turning, rig, mapping, RetargetOptions(root_heading=True))
    with pytest.raises(Failure, match="drop one of them"):
        retarget(turning, rig, mapping, RetargetOptions(root_heading=True, root_bone="hips"))
