"""Readers of exported files, none of which is the part that wrote them: what every joint does on every frame, in one form.

Blender's own importers (FBX: the C++ one and the Python one; USD), a small parser of BVH, and pygltflib with this file's own arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np


@dataclass(frozen=True)
class Reading:
    """fps; positions (T,J,3) metres and turns (T,J,3,3) from rest, both in the world, Z up; names (J,)."""

    fps: float
    names: tuple[str, ...]
    positions: np.ndarray
    turns: np.ndarray

    def of(self, names):
        index = [self.names.index(name) for name in names]
        return self.positions[:, index], self.turns[:, index]


def compare(one, other):
    """(millimetres, degrees): the largest errors over all frames and the joints of `one`."""
    positions, turns = other.of(one.names)
    assert positions.shape == one.positions.shape
    millimetres = 1000 * np.linalg.norm(positions - one.positions, axis=-1).max()
    between = np.swapaxes(turns, -1, -2) @ one.turns
    chord = np.linalg.norm(between - np.eye(3), axis=(-2, -1)) / math.sqrt(8)  # the sine of half the angle
    return millimetres, math.degrees(2 * math.asin(min(1.0, chord.max())))


def motions_own(motion, bones):
    """The truth: joints and accumulated rotations of the motion, by plain forward kinematics in float64."""
    local = _matrices(motion.rotations.astype(float))
    world = local.copy()
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            world[:, joint] = world[:, parent] @ local[:, joint]
    joints = [bone.joint for bone in bones]
    return Reading(float(motion.fps), tuple(bone.name for bone in bones), motion.positions_world[:, joints].astype(float), world[:, joints])


def _matrices(quaternions):
    """(...,4) wxyz of any length -> (...,3,3), by turning the axes: v + 2 w (u x v) + 2 u x (u x v)."""
    unit = quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True)
    w, u = unit[..., :1], unit[..., 1:]
    columns = []
    for axis in np.eye(3):
        once = np.cross(u, np.broadcast_to(axis, u.shape))
        columns.append(axis + 2 * w * once + 2 * np.cross(u, once))
    return np.stack(columns, axis=-1)


def blenders(armature, frames, name=lambda name: name):
    """What an armature in the open scene does on these frames."""
    scene = bpy.context.scene
    rest = np.array([bone.matrix_local.to_3x3() for bone in armature.data.bones], dtype=float)
    names = [bone.name for bone in armature.data.bones]
    positions, turns = [], []
    for frame in frames:
        whole = math.floor(frame + 1e-9)
        scene.frame_set(whole, subframe=max(0.0, float(frame - whole)))
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        world = np.array(evaluated.matrix_world, dtype=float)
        pose = np.array([evaluated.pose.bones[each].matrix for each in names], dtype=float)
        positions.append(pose[:, :3, 3] @ world[:3, :3].T + world[:3, 3])
        axes = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
        bare = pose[:, :3, :3] / np.linalg.norm(pose[:, :3, :3], axis=1)[:, None]
        turns.append(axes @ bare @ np.swapaxes(rest, -1, -2) @ axes.T)
    fps = scene.render.fps / scene.render.fps_base
    return Reading(fps, tuple(name(each) for each in names), np.array(positions), np.array(turns))


def _fresh():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def _armature():
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return armature


def _key_frames(armature):
    from kinolift_extension.addon.keyframes import curves_of

    frames = [[point.co[0] for point in curve.keyframe_points] for curve in curves_of(armature) if "rotation" in curve.data_path]
    return np.array(max(frames, key=len))


def fbx_new(path):
    """By Blender's C++ importer, at the keys that it made."""
    _fresh()
    bpy.ops.wm.fbx_import(filepath=str(path))
    return blenders(_armature(), _key_frames(_armature()))


def fbx_old(path):
    """By Blender's Python importer, at the keys that it made (at 29.97 they lie a little beside the frames)."""
    _fresh()
    bpy.ops.import_scene.fbx(filepath=str(path))
    return blenders(_armature(), _key_frames(_armature()))


def usd(path):
    """By Blender's importer. It does not set the scene's rate, so that is read from the text form, where the file has it."""
    _fresh()
    bpy.ops.wm.usd_import(filepath=str(path))
    frames = _key_frames(_armature())
    return blenders(_armature(), frames, lambda name: name.rpartition("/")[2])


def bvh(path):
    """By a parser of its own: the hierarchy, then a row of numbers for each frame. End sites are left out."""
    names, parents, offsets, channels, stack = [], [], [], [], []
    lines = iter(path.read_text().split("\n"))
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT", "End"):
            parents.append(stack[-1] if stack else -1)
            names.append("" if words[0] == "End" else words[1])
            channels.append([])
            stack.append(len(names) - 1)
        elif words[0] == "OFFSET":
            offsets.append(np.array(words[1:], dtype=float))
        elif words[0] == "CHANNELS":
            channels[stack[-1]] = words[2:]
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "MOTION":
            break
    count = int(next(lines).split()[1])
    fps = 1 / float(next(lines).split()[2])
    rows = np.array([line.split() for line in lines if line.split()], dtype=float)
    assert rows.shape == (count, sum(map(len, channels)))
    columns = iter(rows.T)
    up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # Y up -> Z up
    worlds = []
    for parent, offset, wanted in zip(parents, offsets, channels, strict=True):
        turn, at = np.tile(np.eye(3), (count, 1, 1)), np.tile(offset, (count, 1))
        for channel in wanted:
            axis, value = "XYZ".index(channel[0]), next(columns)
            if channel.endswith("position"):
                at[:, axis] = value
            else:
                i, j = (axis + 1) % 3, (axis + 2) % 3
                about = np.tile(np.eye(3), (count, 1, 1))
                about[:, i, i] = about[:, j, j] = np.cos(np.radians(value))
                about[:, j, i] = np.sin(np.radians(value))
                about[:, i, j] = -about[:, j, i]
                turn = turn @ about
        if parent >= 0:
            above, above_at = worlds[parent]
            turn, at = above @ turn, above_at + np.einsum("tij,tj->ti", above, at)
        worlds.append((turn, at))
    kept = [k for k, name in enumerate(names) if name]
    positions = np.stack([worlds[k][1] @ up.T for k in kept], axis=1)
    turns = np.stack([up @ worlds[k][0] @ up.T for k in kept], axis=1)
    return Reading(fps, tuple(names[k] for k in kept), positions, turns)


def glb(path, animation=0):
    """By pygltflib, and the node tree evaluated here: translation, rotation and scale of every node on every key's time."""
    import pygltflib

    file = pygltflib.GLTF2().load(str(path))
    blob = file.binary_blob()

    def numbers(index):
        accessor = file.accessors[index]
        view = file.bufferViews[accessor.bufferView]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        return np.frombuffer(blob, "<f4", accessor.count * width, start).reshape(-1, width).astype(float)

    tracks, times = {}, None
    for channel in file.animations[animation].channels:
        sampler = file.animations[animation].samplers[channel.sampler]
        assert sampler.interpolation in (None, "LINEAR", "STEP")
        found = numbers(sampler.input)[:, 0]
        times = found if times is None or len(found) > len(times) else times
        tracks[channel.target.node, channel.target.path] = found, numbers(sampler.output)
    assert times is not None
    count = len(times)
    up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    parents = {child: k for k, node in enumerate(file.nodes) for child in node.children or []}

    def part(node, name, otherwise):
        still = np.tile(np.array(getattr(file.nodes[node], name) or otherwise, dtype=float), (count, 1))
        if (node, name) not in tracks:
            return still, still
        found, values = tracks[node, name]
        if len(found) == count:
            return still, values
        assert np.ptp(values, axis=0).max() < 1e-6  # a channel that stands still may have fewer keys
        return still, np.tile(values[0], (count, 1))

    def matrix(node, moving):
        translation = part(node, "translation", [0, 0, 0])[moving]
        rotation = part(node, "rotation", [0, 0, 0, 1])[moving]
        scale = part(node, "scale", [1, 1, 1])[moving]
        result = np.tile(np.eye(4), (count, 1, 1))
        result[:, :3, :3] = _matrices(rotation[:, [3, 0, 1, 2]])
        result[:, :3, :3] *= scale[:, None]
        result[:, :3, 3] = translation
        return result

    def world(node, moving):
        own = matrix(node, moving)
        return world(parents[node], moving) @ own if node in parents else own

    nodes = sorted({node for node, kind in tracks if kind == "rotation"})
    positions, turns = [], []
    for node in nodes:
        moved, rest = world(node, 1), world(node, 0)
        positions.append(moved[:, :3, 3] @ up.T)
        turn = moved[:, :3, :3] @ np.linalg.inv(rest[:, :3, :3])
        turns.append(up @ turn @ up.T)
    names = tuple(file.nodes[node].name for node in nodes)
    return Reading((count - 1) / float(times[-1] - times[0]), names, np.stack(positions, axis=1), np.stack(turns, axis=1))


READERS = {
    "fbx, C++ importer": (".fbx", fbx_new),
    "fbx, Python importer": (".fbx", fbx_old),
    "bvh, plain parser": (".bvh", bvh),
    "glb, pygltflib": (".glb", glb),
    "usd, Blender's importer": (".usd", usd),
}
