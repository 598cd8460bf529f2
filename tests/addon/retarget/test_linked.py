"""Characters that a scene links from another file: a library override carries the motion, in the place of what was linked."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension import register, unregister
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.retarget import linked
from kinolift_extension.addon.retarget.interface import chosen_target
from kinolift_extension.contract.motion_file import save_motion

sys.path.insert(0, str(Path(__file__).parent))
from rigs import PERSON, build, mirrored

FRAMES = 12


@pytest.fixture
def settings(make_motion, tmp_path):
    register()
    save_motion(make_motion(FRAMES), tmp_path / "walk.npz")
    yield lambda: fill(tmp_path)
    unregister()


def fill(folder):
    settings = bpy.context.scene.kinolift_retarget
    settings.source, settings.motion = "file", str(folder / "walk.npz")
    return settings


@pytest.fixture
def library(tmp_path):
    """A character of an empty that carries an armature that bends a mesh, in a collection of its own."""
    rig = build(mirrored(PERSON), "Hero")
    holder, collection = bpy.data.objects.new("Hero Root", None), bpy.data.collections.new("Hero")
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata([(0.7, 0, 1.45), (0.72, 0, 1.45), (0.7, 0.1, 1.45)], [], [(0, 1, 2)])
    body = bpy.data.objects.new("Body", mesh)
    body.vertex_groups.new(name="a3.L").add([0, 1, 2], 1.0, "REPLACE")
    body.modifiers.new("Armature", "ARMATURE").object = rig
    body.parent, rig.parent = rig, holder
    bpy.context.scene.collection.children.link(collection)
    for thing in (rig, holder, body):
        for other in thing.users_collection:
            other.objects.unlink(thing)
        collection.objects.link(thing)
    path = tmp_path / "hero.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return path


def link(path, how):
    """As Blender's File > Link does, and Object > Library Override; what is selected after that."""
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(path), link=True) as (there, here):
        if how == "objects":
            here.objects = list(there.objects)
        else:
            here.collections = ["Hero"]
    if how == "objects":
        for thing in here.objects:
            scene.collection.objects.link(thing)
        return next(thing for thing in here.objects if thing.type == "ARMATURE")
    (collection,) = here.collections
    if how == "instance":
        shown = bpy.data.objects.new("Hero", None)
        shown.instance_type, shown.instance_collection = "COLLECTION", collection
        scene.collection.objects.link(shown)
        return shown
    scene.collection.children.link(collection)
    if how == "collection":
        return next(thing for thing in collection.all_objects if thing.type == "ARMATURE")
    made = collection.override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=how == "override")
    scene.collection.children.unlink(collection)
    return next(thing for thing in made.all_objects if thing.type == "ARMATURE")


def shapes():
    """Of every frame: where the body's vertices are, in the world."""
    scene = bpy.context.scene
    found = []
    for frame in range(scene.frame_start, scene.frame_start + FRAMES):
        scene.frame_set(frame)
        (body,) = (thing for thing in scene.objects if thing.type == "MESH")
        evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append([evaluated.matrix_world @ vertex.co for vertex in evaluated.data.vertices])
    return np.array(found)


@pytest.fixture
def local_shapes(library, settings):
    """What it comes to where nothing is linked."""
    with bpy.data.libraries.load(str(library), link=False) as (_, here):
        here.collections = ["Hero"]
    bpy.context.scene.collection.children.link(here.collections[0])
    mine = settings()
    mine.target = bpy.data.objects["Hero"]
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}
    found = shapes()
    assert np.abs(np.diff(found, axis=0)).max() > 1e-3, "the motion moves the hand"
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return found


@pytest.mark.parametrize("how", ["instance", "collection", "objects", "override", "system override"])
def test_an_override_carries_the_motion(library, local_shapes, settings, tmp_path, how):
    before = library.read_bytes()
    chosen = link(library, how)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = chosen
    mine = settings()
    target = chosen_target(mine, bpy.context)
    assert target is not None and target.type == "ARMATURE" and linked.is_linked(target) == (how != "override")
    assert bpy.ops.kinolift.find_bones() == {"FINISHED"} and linked.is_linked(mine.target) == (how != "override"), "looking changes nothing"
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}
    assert mine.target.library is None and not mine.target.override_library.is_system_override and mine.target.name == "Hero"
    assert len(curves_of(mine.target)) and ("library override" in mine.notes) == (how != "override")
    scene = bpy.context.scene
    assert sorted(thing.name for thing in scene.objects) == ["Body", "Hero", "Hero Root"], "no linked twin, no empty is left"
    assert all(thing.override_library is not None for thing in scene.objects)
    assert shapes() == pytest.approx(local_shapes, abs=1e-5)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert shapes() == pytest.approx(local_shapes, abs=1e-5), "the override keeps its action in the file"
    assert library.read_bytes() == before


def test_a_second_motion_goes_onto_the_same_override(library, settings):
    bpy.context.view_layer.objects.active = link(library, "instance")
    mine = settings()
    bpy.ops.kinolift.retarget()
    first = mine.target
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}
    assert mine.target == first and mine.notes == "" and len(bpy.context.scene.objects) == 3


@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
def test_it_stands_where_the_empty_showed_it(library, local_shapes, settings, held):
    shown = link(library, "instance")
    shown.location, shown.rotation_euler = (3.0, -1.0, 0.5), (0.0, 0.0, 1.0)
    shown.instance_collection.instance_offset = (0.5, 0.0, 0.0)
    if held:  # something else of the scene hangs on the empty
        prop = bpy.data.objects.new("Prop", None)
        bpy.context.scene.collection.objects.link(prop)
        prop.parent = shown
    bpy.context.view_layer.update()
    place = np.array(shown.matrix_world) @ np.array([[1, 0, 0, -0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    bpy.context.view_layer.objects.active = shown
    mine = settings()
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert np.array(mine.target.matrix_world) == pytest.approx(place, abs=1e-6)
    assert len(bpy.context.scene.objects) == (5 if held else 3)
    del local_shapes


def test_what_cannot_be_put_on_it_leaves_it_linked(library, settings, tmp_path):
    rig = link(library, "collection")
    mine = settings()
    mine.target, mine.motion = rig, str(tmp_path / "gone.npz")
    with pytest.raises(RuntimeError, match=r"gone\.npz"):
        bpy.ops.kinolift.retarget()
    assert mine.target == rig and linked.is_linked(rig)


def test_the_overridden_character_is_exported(library, settings, tmp_path):
    bpy.context.view_layer.objects.active = link(library, "instance")
    mine = settings()
    bpy.ops.kinolift.retarget()
    for kind in (".fbx", ".glb", ".blend"):
        export_armature(mine.target, tmp_path / f"out{kind}")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "out.glb"), disable_bone_shape=True)
    assert len([thing for thing in bpy.data.objects if thing.type in ("ARMATURE", "MESH")]) == 2
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert rig.animation_data is not None and len(rig.data.bones) == len(mirrored(PERSON))


def test_an_empty_of_this_file_shows_no_linked_character():
    inner = bpy.data.collections.new("Own")
    shown = bpy.data.objects.new("Own", None)
    shown.instance_type, shown.instance_collection = "COLLECTION", inner
    assert linked.shown_armature(shown) is None and linked.shown_armature(None) is None
