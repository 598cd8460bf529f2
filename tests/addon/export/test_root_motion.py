"""A root bone that an export adds: path and heading against closed forms, and in an Unreal file as Blender's C++ importer reads it."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_characters import farthest, make_character, vertices
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.export.options import ExportOptions
from kinolift_extension.addon.export.root_motion import fork_below, root_motion, topmost
from kinolift_extension.contract.failure import Failure
from mathutils import Matrix, Quaternion, Vector

BODY = {
    "target": "", "hips": "", "belly": "hips", "thigh.L": "hips", "thigh.R": "hips", "chest": "belly", "neck": "chest", "arm.L": "chest",
    "arm.R": "chest",
}  # fmt: skip


def test_the_top_and_the_chest_are_found_by_what_they_carry():
    assert topmost(BODY) == "hips" and fork_below(BODY, "hips") == "chest"
    assert fork_below({"hips": "", "spine": "hips"}, "hips") == "hips"


def test_hips_and_chest_against_each_other_and_a_bow_leave_the_facing():
    frames, names = 50, list(BODY)
    facing, sway = np.linspace(0, 4, frames), 0.3 * np.sin(np.linspace(0, 9, frames))
    rest = np.tile(np.eye(4), (len(names), 1, 1))
    for bone in range(len(names)):  # in whatever axes and size the bones lie at rest
        rest[bone, :3, :3] = 2.0 * np.array(Quaternion((0.5, 0.1, bone, 0.3)).normalized().to_matrix())
        rest[bone, :3, 3] = (0.05, 0.1, bone)
    poses = np.empty((frames, len(names), 4, 4))
    path = np.stack([np.linspace(0, 3, frames), np.cos(facing), np.sin(facing)], 1)
    for frame in range(frames):
        for bone, name in enumerate(names):
            turn = facing[frame] + (sway[frame] if name == "hips" else -sway[frame])
            poses[frame, bone] = np.array(Matrix.Rotation(turn, 4, "Z") @ Matrix.Rotation(0.8, 4, "X")) @ rest[bone]
            poses[frame, bone, :3, 3] = path[frame]
    moved = root_motion(BODY, rest, poses, True)
    for frame in range(frames):
        np.testing.assert_allclose(moved[frame, :3, :3], np.array(Matrix.Rotation(facing[frame], 3, "Z")), atol=1e-6)
        back = moved[frame, :2, :2] @ (0.05, 0.1) + moved[frame, :2, 3]
        np.testing.assert_allclose(back, path[frame, :2], atol=1e-9)
    assert not moved[:, 2, 3].any()
    plain = root_motion(BODY, rest, poses, False)
    np.testing.assert_allclose(plain[:, :2, 3], path[:, :2] - (0.05, 0.1), atol=1e-9)
    np.testing.assert_array_equal(plain[:, :3, :3], np.tile(np.eye(3), (frames, 1, 1)))


@pytest.mark.parametrize("root", ["still", "path", "heading"])
def test_an_unreal_file(make_motion, tmp_path, root):
    """The skin moves as it did whatever the root bone does, on an armature that is turned and scaled itself."""
    motion = make_motion(frames=10)
    motion.rotations[:] = [1, 0, 0, 0]
    turns = np.linspace(0.3, 3.5, 10)
    motion.rotations[:, 0, 0], motion.rotations[:, 0, 3] = np.cos(turns / 2), np.sin(turns / 2)
    armature = make_character(motion)
    armature.matrix_world = Matrix.Translation((0.5, -0.2, 0)) @ Matrix.Rotation(0.4, 4, "Z") @ Matrix.Scale(1.5, 4)
    bpy.context.view_layer.update()
    expected = vertices(range(10))
    hips = [np.array(armature.matrix_world @ head) for head in _heads(armature, "hips", range(10))]
    rest = armature.matrix_world @ armature.data.bones["hips"].head_local
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(fbx_preset="unreal", fbx_root=root))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(path))
    (read,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert farthest(expected, vertices(range(1, 11))) < 1e-3
    assert [bone.name for bone in read.data.bones if bone.parent is None] == ["root"]
    for frame in range(10):
        bpy.context.scene.frame_set(frame + 1)
        bone = read.pose.bones["root"]
        shown = read.matrix_world @ bone.matrix @ bone.bone.matrix_local.inverted() @ read.matrix_world.inverted()
        turn = turns[frame] if root == "heading" else 0.0
        assert np.cos(shown.to_euler().z - turn) == pytest.approx(1, abs=1e-5)
        away = Matrix.Rotation(turn, 3, "Z") @ Vector((rest.x, rest.y, 0))
        goal = np.array([hips[frame][0] - away.x, hips[frame][1] - away.y, 0.0]) if root != "still" else np.zeros(3)
        np.testing.assert_allclose(shown.translation, goal, atol=1e-4)


def _heads(armature, bone, frames):
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        yield armature.pose.bones[bone].head.copy()


def test_a_choice_that_there_is_not(capsys):
    with pytest.raises(Failure, match="--fbx-root is 'spin'; it takes still or path or heading"):
        ExportOptions(fbx_root="spin").check()
    assert main(["retarget", "a.npz", "--rig", "a.fbx", "-o", "b.fbx", "--fbx-root", "spin"]) == 2
    assert "--fbx-root" in capsys.readouterr().err
