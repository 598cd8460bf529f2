"""Armatures below parents in every kind of file, and what a file has to hold before it is called written."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from kinolift_characters import farthest, make_character, vertices
from kinolift_extension.addon import keyframes
from kinolift_extension.addon.export import export_armature, export_takes, gltf, read_back
from kinolift_extension.addon.export.read_back import Contents, check_written
from kinolift_extension.contract.failure import Failure
from mathutils import Matrix

FRAMES = 6
NEAR = 2e-4  # metres
IMPORTERS = {".glb": "import_scene.gltf", ".fbx": "wm.fbx_import", ".usd": "wm.usd_import", ".blend": "wm.open_mainfile"}
BONES, SKINS = 19, 2  # of the character: its skin, and its hat, which a copy has as a skin


def below(armature, how):
    """Puts the armature below parents that are moved, turned and scaled."""
    parent = bpy.data.objects.new("Group", None if how != "mesh" else bpy.data.meshes.new("Box"))
    bpy.context.scene.collection.objects.link(parent)
    parent.location, parent.rotation_euler = (1.0, 2.0, 0.5), (0.0, 0.0, 0.7)
    armature.parent = parent
    if how == "scaled":  # as FBX files come in: an armature of 0.01 below a parent of 100
        parent.scale, armature.scale, armature.location = (100.0,) * 3, (0.01,) * 3, (0.01, 0.0, 0.0)
    if how == "two":
        top = bpy.data.objects.new("Top", None)
        bpy.context.scene.collection.objects.link(top)
        top.rotation_euler, top.scale = (math.pi / 2, 0.0, 0.0), (0.5, 0.5, 0.5)
        parent.parent = top
    if how == "collection":  # shown by an instance elsewhere, too; what is written is the character where its own objects are
        inner = bpy.data.collections.new("Hero")
        for thing in (armature, *armature.children_recursive):
            for holding in thing.users_collection:
                holding.objects.unlink(thing)
            inner.objects.link(thing)
        parent.instance_type, parent.instance_collection = "COLLECTION", inner
        armature.parent = None
        bpy.context.scene.collection.children.link(inner)
    bpy.context.view_layer.update()


def imported(path):
    """(T,V,3) of the file's meshes, by Blender's importers."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.scene.render.fps = 30
    group, name = IMPORTERS[path.suffix].split(".")
    getattr(getattr(bpy.ops, group), name)(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    for thing in list(bpy.context.scene.objects):
        if thing.name.startswith("Icosphere"):  # the shape that the glTF importer gives to bones
            bpy.data.objects.remove(thing)
    first = round(keyframes.frame_range(armature)[0])  # every importer has its own
    return vertices(np.arange(FRAMES) + first)


@pytest.mark.parametrize("how", ["empty", "mesh", "two", "scaled", "collection"])
def test_below_a_parent(make_motion, tmp_path, how):
    armature = make_character(make_motion(frames=FRAMES, fps=30.0))
    below(armature, how)
    truth = vertices(range(FRAMES))
    objects, parent = len(bpy.data.objects), armature.parent
    files = [tmp_path / f"hero{kind}" for kind in (".fbx", ".glb", ".usd", ".blend", ".bvh")]
    for path in files:
        export_armature(armature, path)
    clips = [tmp_path / f"clips{kind}" for kind in (".fbx", ".glb", ".blend")] if how == "two" else []
    for path in clips:
        export_takes(armature, [armature.animation_data.action], path, one_file=True)
    assert armature.parent == parent and len(bpy.data.objects) == objects and len(bpy.data.armatures) == 1
    assert not bpy.data.scenes[1:]
    for path in [*files[:-1], *clips]:
        assert farthest(imported(path), truth) < NEAR, path.name


def scaled(armature, factor):
    """The same character, its data `factor` times as large and its object as much smaller, as FBX importers leave it."""
    for thing in (armature, *armature.children):
        thing.data.transform(Matrix.Scale(factor, 4))
        thing.data.update_tag()  # transform does not
    armature.scale = (1 / factor,) * 3
    for curve in keyframes.curves_of(armature):
        if curve.data_path.endswith("location"):
            keys = keyframes.read_keys(curve)
            keyframes.replace_keys(curve, keyframes.Keys(keys.frames, keys.values * factor, keys.held, keys.linear, keys.kinds))
    bpy.context.view_layer.update()


@pytest.mark.parametrize(("kind", "parent"), [(".glb", False), (".glb", True), (".fbx", False), (".usd", True), (".blend", True)])
def test_a_hat_on_a_bone_of_a_scaled_armature_stays_on_the_head(make_motion, tmp_path, kind, parent):
    armature = make_character(make_motion(frames=FRAMES, fps=30.0))
    before = vertices(range(FRAMES))
    scaled(armature, 100.0)
    truth = vertices(range(FRAMES))
    np.testing.assert_allclose(truth, before, atol=1e-4)  # the test's own doing
    if parent:  # an empty between them, as exporters of other programs make it
        hat, between = bpy.data.objects["Hat"], bpy.data.objects.new("Between", None)
        bpy.context.scene.collection.objects.link(between)
        between.parent, between.parent_type, between.parent_bone = armature, "BONE", "head"
        hat.parent, hat.parent_type = between, "OBJECT"
    export_armature(armature, tmp_path / f"hero{kind}")
    assert farthest(imported(tmp_path / f"hero{kind}"), truth) < NEAR


def test_an_exporter_that_writes_nothing_is_found_out(make_motion, tmp_path, monkeypatch):
    """What Blender's exporter did with an armature below a parent: a whole file of 132 bytes without anything."""
    armature = make_character(make_motion(frames=FRAMES, fps=30.0))

    def empty(operator, scene, thing, path, **_):
        path.write_bytes(b"glTF\x02\0\0\0\x84\0\0\0" + b"\x70\0\0\0JSON" + b'{"asset":{"version":"2.0"}}'.ljust(112))

    monkeypatch.setattr(gltf, "call_exporter", empty)
    with pytest.raises(Failure, match=r"left out the armature in hero\.glb"):
        export_armature(armature, tmp_path / "hero.glb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [".fbx", ".glb", ".usd", ".bvh"])
def test_what_a_file_lacks_is_named(make_motion, tmp_path, kind):
    armature = make_character(make_motion(frames=FRAMES, fps=30.0))
    path = tmp_path / f"hero{kind}"
    export_armature(armature, path)
    found = read_back._READERS[kind](path)
    assert found.bones == BONES and found.clips == 1 and found.frames == FRAMES
    assert kind == ".bvh" or found.skins == SKINS
    for more, words in (
        (Contents(BONES + 1, 1, FRAMES, SKINS), "1 of 20 bones"),
        (Contents(BONES, 2, FRAMES, SKINS), "1 of 2 clips"),
        (Contents(BONES, 1, 60, SKINS), "54 of 60 frames"),
    ):
        with pytest.raises(Failure, match=words):
            check_written(path, more, found)
    if kind != ".bvh":
        with pytest.raises(Failure, match="the skin"):
            check_written(path, Contents(BONES, 1, FRAMES, SKINS + 1), found)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Failure, match="cannot be read again"):
        check_written(path, Contents(BONES, 1, FRAMES, SKINS))
