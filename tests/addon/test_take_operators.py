"""What is done with a take, as scripts call it (execute)."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.contract.motion_file import save_motion


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def failure_of(operator, **arguments):
    with pytest.raises(RuntimeError) as raised:
        operator(**arguments)
    return str(raised.value).removeprefix("Error: ").strip()


def test_export_of_all_takes(make_motion, tmp_path):
    """Two takes of one armature, as clips and as files; another armature's action goes into neither."""
    from kinolift_extension.addon.armature import key_motion

    for name, frames in (("walk", 12), ("bystander", 5)):
        save_motion(make_motion(frames=frames, fps=24.0), tmp_path / f"{name}.npz")
        bpy.ops.kinolift.load_motion(filepath=str(tmp_path / f"{name}.npz"), scene_fps="match")
    other = bpy.context.object
    other.data.bones["head"].name = "another head"
    hero = bpy.data.objects["walk"]
    hero.animation_data.action.use_fake_user = True
    key_motion(hero, make_motion(frames=7, fps=24.0, seed=3), np.arange(7.0))
    hero.animation_data.action.name = "run"
    walk = next(action.name for action in bpy.data.actions if action.name.startswith("walk"))
    bpy.context.view_layer.objects.active = hero
    assert bpy.ops.kinolift.export(filepath=str(tmp_path / "all.fbx"), takes="clips") == {"FINISHED"}
    assert bpy.ops.kinolift.export(filepath=str(tmp_path / "each.bvh"), takes="files") == {"FINISHED"}
    assert sorted(path.name for path in tmp_path.glob("each*")) == sorted(["each_run.bvh", f"each_{walk}.bvh"])
    status = bpy.context.window_manager.kinolift
    assert status.exported.startswith("Wrote ") and status.exported.count("each_") == 2 and not status.error
    assert "holds one take" in failure_of(bpy.ops.kinolift.export, filepath=str(tmp_path / "no.bvh"), takes="clips")
    assert "holds one take" in status.error and not status.exported, "the panel tells it"
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(tmp_path / "all.fbx"))
    assert {action.name: round(action.frame_range[1]) for action in bpy.data.actions} == {"run": 7, walk: 12}
    bpy.ops.object.armature_add()
    assert "no action moves the armature's bones" in failure_of(bpy.ops.kinolift.export, filepath=str(tmp_path / "no.fbx"), takes="clips")


def test_export_never_replaces_the_open_file(make_motion, tmp_path):
    save_motion(make_motion(frames=5), tmp_path / "walk.npz")
    bpy.ops.kinolift.load_motion(filepath=str(tmp_path / "walk.npz"))
    place = tmp_path / "mine.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(place))
    before = place.read_bytes()
    bpy.context.view_layer.objects.active = bpy.data.objects["walk"]
    for takes in ("playing", "clips", "files"):
        assert "is an input" in failure_of(bpy.ops.kinolift.export, filepath=str(place), takes=takes)
    assert place.read_bytes() == before


def test_simplify_the_keys_of_an_armature(make_motion, tmp_path):
    assert not bpy.ops.kinolift.simplify.poll()
    path = tmp_path / "walk.npz"
    save_motion(make_motion(frames=60, fps=24.0), path)
    bpy.ops.kinolift.load_motion(filepath=str(path))
    assert bpy.ops.kinolift.simplify(simplify_degrees=2.0, simplify_mm=10.0) == {"FINISHED"}
    assert sum(len(curve.keyframe_points) for curve in curves_of(bpy.context.object)) < 0.5 * 79 * 60


def test_export_needs_an_armature():
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.kinolift.export.poll()


def test_export_for_unreal_from_any_armature(tmp_path):
    bpy.ops.object.armature_add()
    target = tmp_path / "plain.fbx"
    assert bpy.ops.kinolift.export(filepath=str(target), fbx_preset="unreal") == {"FINISHED"}
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(target))
    assert [bone.name for bone in bpy.data.objects["Armature"].data.bones] == ["root", "Bone"]
