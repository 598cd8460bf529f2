"""A small skinned character with a motion, made by computation, and readings of what it does on a frame."""

from __future__ import annotations

import bpy
import numpy as np
from kinolift_extension.addon.capture import Placement, place_motion


def make_character(motion, **placement):
    """The motion's armature with a skin: a tetrahedron on every bone, its weight shared with the bone's parent, and a hat on the head."""
    armature = place_motion(motion, bpy.context.scene, "Hero", Placement(**{"scene_fps": "match", "start": 0, **placement})).armature
    points, faces, weights = [], [], []
    for bone in armature.data.bones:
        first = len(points)
        axes = np.array(bone.matrix_local.to_3x3())
        head, tail = np.array(bone.head_local), np.array(bone.tail_local)
        points += [tail, *(head + 0.03 * side for side in (axes[:, 0], axes[:, 2], -axes[:, 0] - axes[:, 2]))]
        faces += [tuple(first + i for i in face) for face in ((0, 1, 2), (0, 2, 3), (0, 3, 1), (1, 3, 2))]
        weights.append((bone.name, bone.parent.name if bone.parent else bone.name, range(first, first + 4)))
    data = bpy.data.meshes.new("Skin")
    data.from_pydata(points, [], faces)
    skin = bpy.data.objects.new("Skin", data)
    bpy.context.scene.collection.objects.link(skin)
    for name, parent, indices in weights:
        own = skin.vertex_groups.get(name) or skin.vertex_groups.new(name=name)
        own.add(list(indices), 0.75, "ADD")
        shared = skin.vertex_groups.get(parent) or skin.vertex_groups.new(name=parent)
        shared.add(list(indices), 0.25, "ADD")
    skin.modifiers.new("Armature", "ARMATURE").object = armature
    skin.parent = armature
    cone = bpy.data.meshes.new("Hat")
    cone.from_pydata([(0.1, 0, 0), (-0.1, 0.1, 0), (-0.1, -0.1, 0), (0, 0, 0.2)], [], [(0, 1, 2), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
    hat = bpy.data.objects.new("Hat", cone)
    bpy.context.scene.collection.objects.link(hat)
    hat.parent, hat.parent_type, hat.parent_bone = armature, "BONE", "head"
    bpy.context.view_layer.update()
    return armature


def vertices(frames):
    """(T,V,3) world positions of all meshes' vertices on these scene frames, whatever the meshes are named."""
    scene, result = bpy.context.scene, []
    for frame in frames:
        whole = int(np.floor(frame))
        scene.frame_set(whole, subframe=float(frame - whole))
        graph = bpy.context.evaluated_depsgraph_get()
        parts = []
        for thing in scene.objects:
            if thing.type != "MESH":
                continue
            evaluated = thing.evaluated_get(graph)
            local = np.empty(len(evaluated.data.vertices) * 3, np.float32)
            evaluated.data.vertices.foreach_get("co", local)
            world = np.array(evaluated.matrix_world)
            parts.append(local.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
        result.append(np.concatenate(parts))
    return np.array(result)


def farthest(one, other):
    """Metres: over the frames, the largest distance of a vertex of `one` from the nearest of `other`, and the other way round.

    Readers split and reorder vertices, so they are compared as clouds.
    """
    worst = 0.0
    for a, b in zip(one, other, strict=True):
        distances = np.linalg.norm(a[:, None] - b[None], axis=-1)
        worst = max(worst, distances.min(1).max(), distances.min(0).max())
    return worst
