"""Files for game engines: unit, axes and root bone in the data itself, read back by Blender's C++ importer and as plain FBX nodes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_characters import farthest, make_character, vertices
from kinolift_extension.addon.export import conform, export_armature, export_takes, take_paths
from kinolift_extension.addon.export.options import ExportOptions
from kinolift_extension.contract.failure import Failure
from mathutils import Matrix

FRAMES = 8


def fresh():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def read_fbx(path):
    fresh()
    bpy.ops.wm.fbx_import(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return armature


def fbx_nodes(path):
    """(UnitScaleFactor, {name of an object or bone: {property: values}}) straight from the file's nodes."""
    from io_scene_fbx import parse_fbx

    root, _ = parse_fbx.parse(str(path))

    def child(node, name):
        return next(each for each in node.elems if each.id == name)

    def values(node):
        return {each.props[0]: each.props[4:] for each in child(node, b"Properties70").elems}

    settings = values(child(root, b"GlobalSettings"))
    models = {each.props[1].split(b"\x00")[0].decode(): values(each) for each in child(root, b"Objects").elems if each.id == b"Model"}
    return settings, models


def names():
    return [sorted(thing.name for thing in kind) for kind in (bpy.data.objects, bpy.data.meshes, bpy.data.armatures, bpy.data.actions)]


def moved(armature):
    """The object itself turned, scaled and out of place, as imported rigs are."""
    armature.matrix_world = Matrix.Translation((1, 2, 0.5)) @ Matrix.Rotation(0.4, 4, "X") @ Matrix.Scale(0.8, 4)
    bpy.context.view_layer.update()


@pytest.mark.parametrize("preset", ["blender", "unreal", "unity"])
def test_the_character_stands_in_the_world_as_it_did(make_motion, tmp_path, preset):
    armature = make_character(make_motion(frames=FRAMES, fps=30000 / 1001))
    moved(armature)
    expected, before = vertices(range(FRAMES)), names()
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(fbx_preset=preset))
    assert names() == before
    np.testing.assert_array_equal(vertices([4]), expected[4:5])
    read_fbx(path)
    assert farthest(expected, vertices(range(1, FRAMES + 1))) < 1e-3
    assert bpy.context.scene.render.fps == 30 and bpy.context.scene.render.fps_base == pytest.approx(1.001)


@pytest.mark.parametrize(("preset", "unit", "top", "turn"), [("unreal", 1.0, "Armature", (-90, 0, 0)), ("unity", 100.0, "Hero", (0, 0, 0))])
def test_nothing_is_scaled_in_an_engines_file(make_motion, tmp_path, preset, unit, top, turn):
    armature = make_character(make_motion(frames=FRAMES))
    moved(armature)
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(fbx_preset=preset))
    settings, models = fbx_nodes(path)
    assert settings[b"UnitScaleFactor"] == [unit]  # centimetres in a unit
    for name, values in models.items():
        np.testing.assert_allclose(values.get(b"Lcl Scaling", (1, 1, 1)), 1, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(models[top].get(b"Lcl Rotation", (0, 0, 0)), turn, atol=1e-4)
    np.testing.assert_allclose(models[top].get(b"Lcl Translation", (0, 0, 0)), 0, atol=1e-5)
    # 0.8 of 0.42 m, in the file's unit
    assert np.linalg.norm(models["shin.L"][b"Lcl Translation"]) == pytest.approx(0.8 * 0.42012 * 100 / unit, rel=1e-3)


def test_unreal_gets_a_root_bone_and_only_bones_that_deform(make_motion, tmp_path):
    armature = make_character(make_motion(frames=3))
    for name in ("hips", "spine", "hand.L"):  # the first two carry bones that deform
        armature.data.bones[name].use_deform = False
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(mesh=False, fbx_preset="unreal"))
    read = read_fbx(path)
    assert [bone.name for bone in read.data.bones if bone.parent is None] == ["root"]
    assert read.data.bones["hips"].parent.name == "root" and "hand.L" not in read.data.bones and "spine" in read.data.bones
    for frame in (1, 3):
        bpy.context.scene.frame_set(frame)
        np.testing.assert_allclose(read.pose.bones["root"].matrix, np.eye(4), atol=1e-5)


def test_a_rig_with_a_root_bone_keeps_its_own(make_motion, tmp_path):
    armature = make_character(make_motion(frames=3))
    armature.data.bones["hips"].name = "Root"
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(fbx_preset="unreal"))
    assert [bone.name for bone in read_fbx(path).data.bones if bone.parent is None] == ["Root"]


def test_a_root_bone_among_others_on_top_carries_them(make_motion, tmp_path):
    """As in rigs whose controls hang on no bone; and a bone that only carries gives way to the one that deforms in its place."""
    armature = make_character(make_motion(frames=FRAMES))
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    bones.new("root").tail = (0, 0.5, 0)
    carrier = bones.new("carrier")  # lies on the chest, moves with it, and carries the left arm
    carrier.head, carrier.tail, carrier.roll = bones["chest"].head, bones["chest"].tail, bones["chest"].roll
    bones["shoulder.L"].use_connect = False
    bones["shoulder.L"].parent = carrier
    bpy.ops.object.mode_set(mode="OBJECT")
    for name in ("root", "carrier"):
        armature.data.bones[name].use_deform = False
    follow = armature.pose.bones["carrier"].constraints.new("COPY_TRANSFORMS")
    follow.target, follow.subtarget = armature, "chest"
    for path in ("location", "rotation_quaternion"):
        armature.pose.bones["root"].keyframe_insert(path, frame=0)
    armature.pose.bones["root"].rotation_quaternion = (0.6, 0, 0, 0.8)  # about the vertical
    armature.pose.bones["root"].location = (0.4, 0.1, 0.2)
    for path in ("location", "rotation_quaternion"):
        armature.pose.bones["root"].keyframe_insert(path, frame=5)
    expected = vertices(range(FRAMES))
    lying = [_ends(armature, "root", frame) for frame in range(FRAMES)]
    path = tmp_path / "hero.fbx"
    export_armature(armature, path, options=ExportOptions(fbx_preset="unreal"))
    read = read_fbx(path)
    assert [bone.name for bone in read.data.bones if bone.parent is None] == ["root"]
    assert read.data.bones["hips"].parent.name == "root"
    assert read.data.bones["shoulder.L"].parent.name == "chest" and "carrier" not in read.data.bones
    assert farthest(expected, vertices(range(1, FRAMES + 1))) < 1e-3
    for frame in range(FRAMES):
        head, along = _ends(read, "root", frame + 1)
        assert head == pytest.approx(lying[frame][0], abs=1e-5) and along == pytest.approx(lying[frame][1], abs=1e-5)


def test_a_bone_on_which_a_mesh_hangs_is_kept(make_motion, tmp_path):
    armature = make_character(make_motion(frames=FRAMES))
    armature.data.bones["head"].use_deform = False  # the hat's; the skin on it goes with the neck
    skin = bpy.data.objects["Skin"]
    skin.vertex_groups.remove(skin.vertex_groups["head"])
    expected = vertices(range(FRAMES))
    export_armature(armature, tmp_path / "hero.fbx", options=ExportOptions(fbx_preset="unreal"))
    read = read_fbx(tmp_path / "hero.fbx")
    assert read.data.bones["head"].parent.name == "neck"
    assert farthest(expected, vertices(range(1, FRAMES + 1))) < 1e-3


def _ends(armature, bone, frame):
    """World: where a bone's head is, and the direction of its Y axis."""
    bpy.context.scene.frame_set(frame)
    matrix = np.array(armature.matrix_world @ armature.pose.bones[bone].matrix)
    return matrix[:3, 3], matrix[:3, 1] / np.linalg.norm(matrix[:3, 1])


def test_what_constraints_do_is_in_the_file(make_motion, tmp_path):
    armature = make_character(make_motion(frames=FRAMES))
    track = armature.pose.bones["forearm.L"].constraints.new("DAMPED_TRACK")
    track.target, track.subtarget = armature, "foot.R"
    expected = vertices(range(FRAMES))
    export_armature(armature, tmp_path / "hero.fbx", options=ExportOptions(fbx_preset="unity"))
    assert len(armature.pose.bones["forearm.L"].constraints) == 1
    read_fbx(tmp_path / "hero.fbx")
    assert farthest(expected, vertices(range(1, FRAMES + 1))) < 1e-3


def two_takes(make_motion):
    """An armature with a skin, and its takes {name: (action, the vertices)}: of different length, from different frames."""
    from kinolift_extension.addon.armature import key_motion

    armature = make_character(make_motion(frames=6))
    run = armature.animation_data.action
    run.name = "Run"
    ran = vertices(range(6))
    key_motion(armature, make_motion(frames=9, seed=4), np.arange(9.0) + 20)
    walk = armature.animation_data.action
    walk.name = "Walk: slow"
    return armature, {"Run": (run, ran), "Walk: slow": (walk, vertices(range(20, 29)))}


@pytest.mark.parametrize(("extension", "preset"), [(".fbx", "blender"), (".fbx", "unreal"), (".fbx", "unity"), (".glb", "blender")])
def test_several_takes_in_one_file(make_motion, tmp_path, extension, preset):
    from kinolift_extension.addon import keyframes

    armature, takes = two_takes(make_motion)
    before = names()
    path = tmp_path / f"hero{extension}"
    written = export_takes(armature, [action for action, _ in takes.values()], path, ExportOptions(fbx_preset=preset), one_file=True)
    assert written == [path] and names() == before and armature.animation_data.action.name == "Walk: slow"
    assert not armature.animation_data.nla_tracks
    expected = {name: points for name, (_, points) in takes.items()}
    if extension == ".fbx":
        read, first = read_fbx(path), 1
    else:
        fresh()
        bpy.context.scene.render.fps = 30
        bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
        (read,), first = [thing for thing in bpy.data.objects if thing.type == "ARMATURE"], 0
    assert sorted(action.name for action in bpy.data.actions) == ["Run", "Walk: slow"]
    for track in read.animation_data.nla_tracks:
        track.mute = True
    for name, points in expected.items():
        keyframes.play(read, bpy.data.actions[name])
        assert tuple(bpy.data.actions[name].frame_range) == pytest.approx((first, first + len(points) - 1), abs=1e-3)
        assert farthest(points, vertices(np.arange(len(points)) + first)) < 1e-3, name


def test_several_takes_in_several_files(make_motion, tmp_path):
    armature, takes = two_takes(make_motion)
    actions = [action for action, _ in takes.values()]
    expected = takes["Run"][1]
    written = export_takes(armature, actions, tmp_path / "hero.fbx")
    assert [path.name for path in written] == ["hero_Run.fbx", "hero_Walk_ slow.fbx"] and all(path.is_file() for path in written)
    assert armature.animation_data.action == actions[1]
    read_fbx(written[0])
    assert farthest(expected, vertices(range(1, 7))) < 1e-3


def test_takes_that_cannot_be_written(make_motion, tmp_path):
    armature, takes = two_takes(make_motion)
    actions = [action for action, _ in takes.values()]
    with pytest.raises(Failure, match=r"A \.bvh file holds one take"):
        export_takes(armature, actions, tmp_path / "hero.bvh", one_file=True)
    with pytest.raises(Failure, match="no take to write"):
        export_takes(armature, [], tmp_path / "hero.fbx")
    with pytest.raises(Failure, match="--fbx-preset is 'max'; it takes blender or unreal or unity"):
        export_takes(armature, actions, tmp_path / "hero.fbx", ExportOptions(fbx_preset="max"))
    assert list(tmp_path.iterdir()) == []
    assert [path.name for path in take_paths(tmp_path / "a.glb", ["one"])] == ["a.glb"]


def test_poses_are_what_the_bones_do_though_the_meshes_are_hidden_meanwhile(make_motion):
    """Also of a bone that a constraint ties to a mesh which moves by itself."""
    armature = make_character(make_motion(frames=4))
    moved(armature)
    scene = bpy.context.scene
    prop = bpy.data.objects.new("Prop", bpy.data.objects["Skin"].data)
    scene.collection.objects.link(prop)
    for frame in (0, 3):
        prop.location = (0.1 * frame, -0.2 * frame, 1.0)
        prop.keyframe_insert("location", frame=frame)
    armature.pose.bones["hips"].constraints.new("COPY_LOCATION").target = prop
    names = ["head", "hand.L", "hips"]
    expected = []
    for frame in range(4):
        scene.frame_set(frame)
        seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        expected.append([seen.matrix_world @ seen.pose.bones[name].matrix for name in names])
    meshes = [thing for thing in scene.objects if thing.type == "MESH"]
    np.testing.assert_allclose(conform._poses(scene, armature, names, meshes), np.array(expected), atol=1e-6)
    np.testing.assert_allclose(np.array(expected)[:, 2, :3, 3], [(0.1 * k, -0.2 * k, 1.0) for k in range(4)], atol=0.1)
    assert not any(mesh.hide_viewport for mesh in meshes)


def test_the_inverse_of_many_affine_matrices():
    rng = np.random.default_rng(3)
    poses = rng.normal(size=(7, 5, 4, 4))
    poses[..., 3, :] = (0, 0, 0, 1)
    np.testing.assert_allclose(conform._inverse(poses), np.linalg.inv(poses), rtol=1e-6, atol=1e-9)


def test_the_exporter_waits_for_no_skin_and_leaves_them_as_they_were(make_motion, tmp_path, monkeypatch):
    """While the frames are gone through no mesh follows; its weights are in the file all the same."""
    from kinolift_extension.addon.export import fbx

    armature, seen = make_character(make_motion(frames=FRAMES)), []

    def watch(scene, *_):
        seen.append([m.show_viewport for thing in scene.objects if thing.type == "MESH" for m in thing.modifiers])

    called = fbx.call_exporter

    def call(*words, **settings):
        bpy.app.handlers.frame_change_post.append(watch)
        try:
            called(*words, **settings)
        finally:
            bpy.app.handlers.frame_change_post.remove(watch)

    monkeypatch.setattr(fbx, "call_exporter", call)
    before = list(bpy.app.handlers.frame_change_pre)
    path = tmp_path / "hero.fbx"
    export_armature(armature, path)
    assert len(seen) >= FRAMES and not any(shown for each in seen for shown in each)
    assert all(modifier.show_viewport for modifier in bpy.data.objects["Skin"].modifiers)
    assert list(bpy.app.handlers.frame_change_pre) == before
    expected = vertices(range(FRAMES))
    read_fbx(path)
    assert farthest(expected, vertices(range(1, FRAMES + 1))) < 1e-3
