"""The IK and weapon bones of Unreal's mannequin, written by the Unreal preset and read again."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_characters import make_character
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.export.helper_bones import follow, helpers_of
from kinolift_extension.addon.export.options import ExportOptions

FRAMES = 6
# name -> (parent, the bone that it is to go with, where it stands from that bone's head, metres)
HELPERS = {
    "ik_foot_root": ("root", "", (0, 0, 0)),
    "ik_foot_l": ("ik_foot_root", "foot_l", (0, 0, 0)),
    "ik_foot_r": ("ik_foot_root", "foot_r", (0, 0, 0)),
    "ik_hand_root": ("root", "", (0, 0, 0)),
    "ik_hand_gun": ("ik_hand_root", "hand_r", (0, 0, 0)),
    "ik_hand_l": ("ik_hand_gun", "hand_l", (0, 0, 0)),
    "ik_hand_r": ("ik_hand_gun", "hand_r", (0, 0, 0)),
    "weapon_l": ("root", "hand_l", (0.05, 0, 0)),
    "weapon_r": ("hand_r", "hand_r", (0, -0.05, 0)),  # as it is in most: it goes with the hand by itself
    "sight": ("weapon_l", "hand_l", (0.05, -0.3, 0)),
}


def mannequin(motion):
    armature = make_character(motion)
    for name in ("foot", "hand"):
        for side in "LR":
            armature.data.bones[f"{name}.{side}"].name = f"{name}_{side.lower()}"
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    root = bones.new("root")
    root.tail = (0, 0.3, 0)
    bones["hips"].parent = root
    for name, (parent, owner, offset) in HELPERS.items():
        bone = bones.new(name)
        bone.head = np.add(bones[owner].head if owner else (0, 0, 0), offset)
        bone.tail = np.add(bone.head, (0, 0.1, 0.02))
        bone.parent = bones[parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    for name in HELPERS:
        armature.data.bones[name].use_deform = name == "sight"
    return armature


def written(armature, path, preset="unreal"):
    export_armature(armature, path, options=ExportOptions(fbx_preset=preset))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(path))
    (read,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return read


def matrices(armature, names, frames):
    """(T,B,4,4) in the world."""
    result = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        world = np.array(armature.matrix_world)
        result.append([world @ np.array(armature.pose.bones[name].matrix) for name in names])
    return np.array(result)


def against(matrices, helper, owner):
    """(T,4,4) how the helper lies to its owner; its lengths in metres."""
    unit = matrices[..., :3, :3] / np.linalg.norm(matrices[..., :3, :3], axis=-2, keepdims=True)
    whole = matrices.copy()
    whole[..., :3, :3] = unit
    return np.linalg.inv(whole[:, owner]) @ whole[:, helper]


def test_helpers_go_with_hands_and_feet(make_motion, tmp_path):
    read = written(mannequin(make_motion(frames=FRAMES, fps=30.0)), tmp_path / "hero.fbx")
    names = [*HELPERS, "foot_l", "foot_r", "hand_l", "hand_r"]
    found = matrices(read, names, range(1, FRAMES + 1))
    for name, (parent, owner, offset) in HELPERS.items():
        assert read.data.bones[name].parent.name == parent
        if owner:
            lying = against(found, names.index(name), names.index(owner))
            np.testing.assert_allclose(lying, np.broadcast_to(lying[0], lying.shape), atol=1e-4, err_msg=name)
            assert np.linalg.norm(lying[0, :3, 3]) == pytest.approx(np.linalg.norm(offset), abs=1e-4)
    assert np.ptp(found[:, names.index("ik_hand_l"), :3, 3], axis=0).max() > 0.05, "the hand moves at all"
    for name in ("ik_foot_root", "ik_hand_root"):
        assert np.ptp(found[:, names.index(name)], axis=0).max() < 1e-5


def test_a_helper_with_keys_of_its_own_keeps_them(make_motion, tmp_path):
    armature = mannequin(make_motion(frames=FRAMES, fps=30.0))
    bone = armature.pose.bones["ik_foot_l"]
    for frame, x in ((0, 0.0), (FRAMES - 1, 0.5)):
        bone.location = (x, 0, 0)
        bone.keyframe_insert("location", frame=frame)
    names = ["ik_foot_l", "ik_foot_r", "foot_r"]
    before = matrices(armature, names, range(FRAMES))
    read = written(armature, tmp_path / "hero.fbx")
    found = matrices(read, names, range(1, FRAMES + 1))
    np.testing.assert_allclose(found[:, 0, :3, 3], before[:, 0, :3, 3], atol=1e-4)
    np.testing.assert_allclose(found[:, 1, :3, 3], found[:, 2, :3, 3], atol=1e-4)


def test_other_presets_leave_them_alone(make_motion, tmp_path):
    read = written(mannequin(make_motion(frames=FRAMES, fps=30.0)), tmp_path / "hero.fbx", "blender")
    assert np.ptp(matrices(read, ["ik_foot_l"], range(1, FRAMES + 1)), axis=0).max() < 1e-5


def test_names_and_what_hangs_below_its_owner():
    parents = {"Root": "", "Hand_R": "Root", "IK_Hand_Gun": "Root", "weapon_r": "Hand_R", "ik_foot_l": "Root"}
    assert helpers_of(parents) == {"IK_Hand_Gun": "Hand_R"}
    rest, poses = np.tile(np.eye(4), (5, 1, 1)), np.tile(np.eye(4), (2, 5, 1, 1))
    assert follow(parents, {}, rest, poses) is poses
