"""The armature against the motion file's own positions, by Blender's evaluated pose."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import armature as module
from kinolift_extension.addon.bones import bones_of

NAMES = {
    "hips", "spine", "chest", "neck", "head", "shoulder.L", "upper_arm.L", "forearm.L", "hand.L", "thigh.L", "shin.L", "foot.L",
    "shoulder.R", "upper_arm.R", "forearm.R", "hand.R", "thigh.R", "shin.R", "foot.R",
}  # fmt: skip


def build(motion, start=0):
    scene = bpy.context.scene
    armature = module.build_armature(motion, "Take", scene.collection, source="take.npz")
    keys = module.key_motion(armature, motion, start + motion.frame_numbers.astype(float))
    return armature, keys


def worst_error(armature, motion, start=0):
    """Largest distance of any bone's head or tail from its joint, over all frames, in metres."""
    scene = bpy.context.scene
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    worst = 0.0
    for k, number in enumerate(motion.frame_numbers):
        scene.frame_set(start + int(number))
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone in bones:
            pose = evaluated.pose.bones[bone.name]
            for point, joint in ((pose.head, bone.joint), (pose.tail, bone.end)):
                worst = max(worst, float(np.linalg.norm(np.array(evaluated.matrix_world @ point) - motion.positions_world[k, joint])))
    return worst


def test_pose_equals_positions_on_every_frame(make_motion):
    motion = make_motion(frames=60, seed=3)
    armature, keys = build(motion)
    assert {bone.name for bone in armature.data.bones} == NAMES
    assert keys == 60 * (19 * 4 + 3)
    assert worst_error(armature, motion) < 1e-4


def test_a_skeleton_without_clavicles(make_motion):
    motion = make_motion(frames=10, skeleton_name="BODY_22")
    armature, _ = build(motion)
    assert "shoulder.L" not in armature.data.bones and armature.data.bones["upper_arm.L"].parent.name == "neck"
    assert worst_error(armature, motion) < 1e-4


def test_a_joint_on_its_parent_still_gets_a_bone(make_motion):
    motion = make_motion(frames=5)
    offsets = motion.rest_offsets.copy()
    offsets[motion.joint("shoulder.L")] = 0
    motion.rest_offsets = offsets
    armature, _ = build(motion)
    assert {bone.name for bone in armature.data.bones} == NAMES


def test_rest_pose_is_the_t_pose_on_the_ground(make_motion):
    armature, _ = build(make_motion(frames=2))
    bones = armature.data.bones
    assert bones["upper_arm.L"].tail_local.x > 0.3 and bones["upper_arm.R"].tail_local.x < -0.3
    assert bones["foot.L"].tail_local.y < bones["foot.L"].head_local.y
    assert min(bone.tail_local.z for bone in bones) == pytest.approx(0, abs=1e-6)
    assert bones["shin.L"].use_connect and bones["head"].use_connect and not bones["thigh.L"].use_connect


def test_positive_x_bends_the_natural_way_and_sides_mirror(make_motion):
    """Rigify's convention: turning about the bone's own +X takes the tail towards `way`."""
    bones = build(make_motion(frames=2))[0].data.bones
    ways = {"spine": (0, -1, 0), "head": (0, -1, 0), "shin": (0, 1, 0), "thigh": (0, 1, 0), "forearm": (0, -1, 0), "upper_arm": (0, -1, 0)}
    for name, way in ways.items():
        for side in ("", ".L", ".R"):
            if name + side in bones:
                axes = np.array(bones[name + side].matrix_local.to_3x3())
                assert np.cross(axes[:, 0], axes[:, 1]) @ np.array(way) > 0.9, name + side
    for name in NAMES:
        if name.endswith(".L"):
            left = np.array(bones[name].matrix_local.to_3x3())
            right = np.array(bones[name[:-1] + "R"].matrix_local.to_3x3())
            mirrored = np.diag([-1, 1, 1]) @ left @ np.diag([-1, 1, 1])
            np.testing.assert_allclose(right, mirrored, atol=1e-5)


def test_rotations_do_not_flip_from_frame_to_frame(make_motion):
    armature, _ = build(make_motion(frames=80))  # its quaternions change sign at random
    from kinolift_extension.addon.keyframes import curves_of

    for name in NAMES:
        path = f'pose.bones["{name}"].rotation_quaternion'
        values = np.array([[point.co[1] for point in curve.keyframe_points] for curve in curves_of(armature) if curve.data_path == path])
        assert values.shape == (4, 80)
        assert (np.einsum("ct,ct->t", values[:, 1:], values[:, :-1]) > 0).all()
        np.testing.assert_allclose(np.linalg.norm(values, axis=0), 1, atol=1e-5)


def test_collections_and_record(make_motion):
    armature, _ = build(make_motion(frames=2))
    members = {c.name: {bone.name for bone in c.bones} for c in armature.data.collections}
    assert list(members) == list(module.COLLECTIONS)
    assert members["Arm.L"] == {"shoulder.L", "upper_arm.L", "forearm.L", "hand.L"} and members["Leg.R"] == {"thigh.R", "shin.R", "foot.R"}
    assert set.union(*members.values()) == NAMES
    record = json.loads(armature["kinolift"])
    assert record["schema"] == "kinolift.motion/1" and record["provenance"] == {"source": "made up"} and record["motion"] == "take.npz"
    assert module.is_kinolift(armature) and not module.is_kinolift(None)


def test_the_users_state_is_untouched(make_motion):
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    scenes = set(bpy.data.scenes)
    build(make_motion(frames=2))
    assert bpy.context.object is cube and cube.mode == "EDIT" and cube.select_get()
    assert set(bpy.data.scenes) == scenes
