"""A character's meshes go with its armature, into every kind of file that has meshes, and come back bending the same way."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_characters import farthest, make_character, vertices
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.export.character import meshes_of
from kinolift_extension.addon.export.options import ExportOptions

READERS = {
    ".fbx": (lambda path: bpy.ops.wm.fbx_import(filepath=path), 1),
    ".glb": (lambda path: bpy.ops.import_scene.gltf(filepath=path, disable_bone_shape=True), 0),
    ".usd": (lambda path: bpy.ops.wm.usd_import(filepath=path), 0),
    ".blend": (lambda path: bpy.ops.wm.open_mainfile(filepath=path), 0),
}


def fresh(fps):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.scene.render.fps = fps


def test_which_meshes_belong(make_motion):
    armature = make_character(make_motion(frames=3))
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    widget = cube.copy()
    bpy.context.scene.collection.objects.link(widget)
    widget.parent = armature
    armature.pose.bones["head"].custom_shape = widget
    assert [thing.name for thing in meshes_of(armature)] == ["Hat", "Skin"]
    bpy.data.objects["Hat"].hide_viewport = True
    assert [thing.name for thing in meshes_of(armature)] == ["Skin"]
    bpy.data.objects["Skin"].parent = None  # the modifier alone is enough
    assert [thing.name for thing in meshes_of(armature)] == ["Skin"]


@pytest.mark.parametrize("extension", READERS)
def test_meshes_bend_as_they_did(make_motion, tmp_path, extension):
    armature = make_character(make_motion(frames=12, fps=25.0))
    expected = vertices(range(12))
    selected = [thing for thing in bpy.context.scene.objects if thing.select_get()]
    path = tmp_path / f"hero{extension}"
    export_armature(armature, path)
    assert [thing for thing in bpy.context.scene.objects if thing.select_get()] == selected
    np.testing.assert_array_equal(vertices([3]), expected[3:4])  # the user's own still moves
    fresh(25)
    read, first = READERS[extension]
    read(str(path))
    assert farthest(expected, vertices([k + first for k in range(12)])) < 1e-3


@pytest.mark.parametrize("extension", [kind for kind in READERS])
def test_the_armature_alone(make_motion, tmp_path, extension):
    armature = make_character(make_motion(frames=3))
    path = tmp_path / f"hero{extension}"
    export_armature(armature, path, options=ExportOptions(mesh=False))
    fresh(30)
    READERS[extension][0](str(path))
    scene = bpy.context.scene
    assert not [thing for thing in scene.objects if thing.type == "MESH"] and [t for t in scene.objects if t.type == "ARMATURE"]
