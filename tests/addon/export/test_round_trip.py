"""Every kind of file is written from a known motion and read again by another program part than the one that wrote it."""

from __future__ import annotations

import json
import math
import struct

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.bones import bones_of
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.scene import rate_of

# a rate, and how far (relative) a reader may be from it
RATES = [24.0, 30000 / 1001, 60.0]


def take(motion, **placement):
    settings = {"scene_fps": "match", "start": 0, **placement}
    return place_motion(motion, bpy.context.scene, "Take", Placement(**settings))


def fresh():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def worst_head(armature, motion, offset, leaves=True):
    """Largest distance, over frames and bones, of a bone's head from its joint; of leaf bones' directions in the same metres."""
    scene = bpy.context.scene
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    worst = 0.0
    for k in range(len(motion)):
        frame = k + offset
        scene.frame_set(math.floor(frame), subframe=frame - math.floor(frame))
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone in bones:
            pose = evaluated.pose.bones[bone.name]
            head = np.array(evaluated.matrix_world @ pose.head)
            worst = max(worst, float(np.linalg.norm(head - motion.positions_world[k, bone.joint])))
            if leaves:
                length = float(np.linalg.norm(np.subtract(bone.tail, bone.head)))
                along = np.array((evaluated.matrix_world @ pose.matrix).to_3x3().col[1])
                tail = head + along / np.linalg.norm(along) * length
                worst = max(worst, float(np.linalg.norm(tail - motion.positions_world[k, bone.end])))
    return worst


def keyed(armature):
    from kinolift_extension.addon.keyframes import curves_of

    curves = [c for c in curves_of(armature) if "rotation" in c.data_path]
    return {len(c.keyframe_points) for c in curves}, min(c.keyframe_points[0].co[0] for c in curves)


@pytest.mark.parametrize("fps", RATES)
def test_fbx_read_by_the_new_importer(make_motion, tmp_path, fps):
    motion = make_motion(frames=50, fps=fps)
    path = tmp_path / "take.fbx"
    export_armature(take(motion).armature, path)
    fresh()
    bpy.ops.wm.fbx_import(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert len(armature.data.bones) == 19
    np.testing.assert_allclose(armature.matrix_world.to_scale(), 1, atol=1e-5)
    assert rate_of(bpy.context.scene) == pytest.approx(fps, rel=1e-6)
    counts, first = keyed(armature)
    assert counts == {50} and first == pytest.approx(1, abs=1e-3)
    assert worst_head(armature, motion, first) < 1e-3


@pytest.mark.parametrize("fps", [24.0, 60.0])
def test_fbx_read_by_the_old_importer(make_motion, tmp_path, fps):
    motion = make_motion(frames=50, fps=fps)
    path = tmp_path / "take.fbx"
    export_armature(take(motion).armature, path)
    fresh()
    bpy.ops.import_scene.fbx(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert len(armature.data.bones) == 19 and rate_of(bpy.context.scene) == pytest.approx(fps)
    assert worst_head(armature, motion, 1) < 1e-3
    (action,) = bpy.data.actions
    assert tuple(action.frame_range) == pytest.approx((1, 50))


def test_fbx_holds_only_this_action(make_motion, tmp_path):
    motion = make_motion(frames=10)
    bystander = take(make_motion(frames=90, seed=5)).armature
    path = tmp_path / "take.fbx"
    export_armature(take(motion).armature, path)
    assert bystander.name in bpy.data.objects
    fresh()
    bpy.ops.wm.fbx_import(filepath=str(path))
    assert len(bpy.data.actions) == 1 and len([o for o in bpy.data.objects if o.type == "ARMATURE"]) == 1
    assert bpy.data.actions[0].frame_range[1] == pytest.approx(10, abs=1e-3)


def read_bvh(path):
    """A plain reader: (names, frame time, {joint or end site: (T,3) positions})."""
    lines = path.read_text().split("\n")
    stack, joints, at = [], [], 0
    while not lines[at].startswith("MOTION"):
        words = lines[at].split()
        if words[0] in ("ROOT", "JOINT", "End"):
            name = words[1] if words[0] != "End" else f"{joints[stack[-1]]['name']} end"
            joints.append({"name": name, "parent": stack[-1] if stack else -1, "channels": []})
            stack.append(len(joints) - 1)
        elif words[0] == "OFFSET":
            joints[stack[-1]]["offset"] = np.array([float(w) for w in words[1:]])
        elif words[0] == "CHANNELS":
            joints[stack[-1]]["channels"] = words[2:]
        elif words[0] == "}":
            stack.pop()
        at += 1
    frames, frame_time = int(lines[at + 1].split()[1]), float(lines[at + 2].split()[2])
    rows = np.array([[float(w) for w in line.split()] for line in lines[at + 3 : at + 3 + frames]])
    positions = {}
    worlds, column = [], 0
    for joint in joints:
        rotation, offset = np.tile(np.eye(3), (frames, 1, 1)), np.tile(joint["offset"], (frames, 1))
        for channel in joint["channels"]:
            axis, values = "XYZ".index(channel[0]), rows[:, column]
            column += 1
            if channel.endswith("position"):
                offset[:, axis] = values
            else:
                c, s = np.cos(np.radians(values)), np.sin(np.radians(values))
                turn = np.tile(np.eye(3), (frames, 1, 1))
                i, j = (axis + 1) % 3, (axis + 2) % 3
                turn[:, i, i], turn[:, i, j], turn[:, j, i], turn[:, j, j] = c, -s, s, c
                rotation = rotation @ turn
        if joint["parent"] < 0:
            worlds.append((rotation, offset))
        else:
            parent_rotation, parent_position = worlds[joint["parent"]]
            worlds.append((parent_rotation @ rotation, parent_position + np.einsum("tij,tj->ti", parent_rotation, offset)))
        positions[joint["name"]] = worlds[-1][1]
    assert column == rows.shape[1]
    return frame_time, positions


def test_bvh_read_by_a_plain_parser_is_y_up(make_motion, tmp_path):
    fps = 30000 / 1001
    motion = make_motion(frames=50, fps=fps)
    path = tmp_path / "take.bvh"
    export_armature(take(motion).armature, path)
    frame_time, positions = read_bvh(path)
    assert frame_time == pytest.approx(1 / fps, rel=1e-7)
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    world = motion.positions_world[..., [0, 2, 1]] * [1, 1, -1]  # Y up: (x, z, -y)
    for bone in bones:
        np.testing.assert_allclose(positions[bone.name], world[:, bone.joint], atol=1e-3, err_msg=bone.name)
    for leaf in ("head", "hand.L", "hand.R", "foot.L", "foot.R"):
        (end,) = (bone.end for bone in bones if bone.name == leaf)
        np.testing.assert_allclose(positions[f"{leaf} end"], world[:, end], atol=1e-3)
    assert len(bpy.data.armatures) == 1 and len(bpy.data.scenes) == 1


def test_glb_read_as_json(make_motion, tmp_path):
    fps = 25.0
    motion = make_motion(frames=30, fps=fps)
    path = tmp_path / "take.glb"
    export_armature(take(motion).armature, path)
    content = path.read_bytes()
    assert content[:4] == b"glTF"
    size = struct.unpack("<I", content[12:16])[0]
    document, binary = json.loads(content[20 : 20 + size]), content[20 + size + 8 :]

    def numbers(index):
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        return np.frombuffer(binary, "<f4", accessor["count"] * width, start).reshape(-1, width)

    (animation,) = document["animations"]
    nodes = document["nodes"]
    parent = {child: i for i, node in enumerate(nodes) for child in node.get("children", ())}
    tracks = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        times = numbers(sampler["input"])[:, 0]
        tracks[channel["target"]["node"], channel["target"]["path"]] = times, numbers(sampler["output"])
    bones = {bone.name: bone for bone in bones_of(motion.joint_names, motion.parents, motion.rest_offsets)}
    rotated = {nodes[node]["name"] for node, kind in tracks if kind == "rotation"}
    assert set(bones) <= rotated
    for times, _ in tracks.values():
        np.testing.assert_allclose(times, np.arange(30) / fps, atol=1e-5)

    def local(node, k):
        translation = tracks[node, "translation"][1][k] if (node, "translation") in tracks else nodes[node].get("translation", (0, 0, 0))
        if (node, "rotation") in tracks:
            x, y, z, w = tracks[node, "rotation"][1][k]
        else:
            x, y, z, w = nodes[node].get("rotation", (0, 0, 0, 1))
        result = np.eye(4)
        result[:3, 3] = translation
        from kinolift_synthetic import matrix

        result[:3, :3] = matrix(np.array([w, x, y, z]))
        return result

    world_up = motion.positions_world[..., [0, 2, 1]] * [1, 1, -1]
    for node, entry in enumerate(nodes):
        if entry["name"] not in bones:
            continue
        for k in range(30):
            total, at = np.eye(4), node
            while at is not None:
                total = local(at, k) @ total
                at = parent.get(at)
            np.testing.assert_allclose(total[:3, 3], world_up[k, bones[entry["name"]].joint], atol=1e-3, err_msg=entry["name"])


def test_usd_read_by_blender(make_motion, tmp_path):
    motion = make_motion(frames=20, fps=24.0)
    path = tmp_path / "take.usd"
    export_armature(take(motion).armature, path)
    fresh()
    bpy.context.scene.render.fps = 24
    bpy.ops.wm.usd_import(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    scene = bpy.context.scene
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    for k in range(20):
        scene.frame_set(k)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone in bones:
            (pose,) = (
                p for p in evaluated.pose.bones if p.name.split("/")[-1].replace("_", ".") in (bone.name, bone.name.replace("_", "."))
            )
            head = np.array(evaluated.matrix_world @ pose.head)
            np.testing.assert_allclose(head, motion.positions_world[k, bone.joint], atol=1e-3, err_msg=bone.name)


def test_blend_opens_with_the_take(make_motion, tmp_path, capfd):
    motion = make_motion(frames=20, fps=30000 / 1001)
    path = tmp_path / "take.blend"
    made = take(motion, add_camera=True)
    camera = bpy.context.scene.camera
    export_armature(made.armature, path, [camera])
    capfd.readouterr()
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert "Warning" not in "".join(capfd.readouterr())
    scene = bpy.context.scene
    assert (scene.render.fps, scene.frame_start, scene.frame_end) == (30, 0, 19) and scene.render.fps_base == pytest.approx(1.001)
    armature = scene.objects["Take"]
    assert worst_head(armature, motion, 0) < 1e-3 and "kinolift" in armature
    assert bpy.context.object == armature and armature.select_get() and scene.name == "Take"
    assert scene.camera.name == "Take Camera" and (scene.render.resolution_x, scene.render.resolution_y) == (640, 480)


@pytest.mark.parametrize("extension", [".fbx", ".bvh", ".glb", ".usd", ".blend"])
def test_the_users_scene_is_untouched(make_motion, tmp_path, extension):
    armature = take(make_motion(frames=5)).armature
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    scene = bpy.context.scene
    scene.frame_set(3)
    scene.frame_start, scene.frame_end = 2, 77
    before = (scene.name, set(bpy.data.objects), set(bpy.data.scenes), set(bpy.data.armatures), set(bpy.data.actions))
    export_armature(armature, tmp_path / f"take{extension}")
    assert bpy.context.scene == scene and bpy.context.object == cube and cube.mode == "EDIT" and cube.select_get()
    assert not armature.select_get() and (scene.frame_current, scene.frame_start, scene.frame_end) == (3, 2, 77)
    assert before == (scene.name, set(bpy.data.objects), set(bpy.data.scenes), set(bpy.data.armatures), set(bpy.data.actions))
    assert [entry.name for entry in tmp_path.iterdir()] == [f"take{extension}"]
    if bpy.context.window is not None:
        assert bpy.context.window.scene == scene
