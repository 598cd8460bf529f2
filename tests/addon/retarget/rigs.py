"""Rigs for the tests of retargeting: computed ones, and those beside the repository where they are there."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest
from mathutils import Vector

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

# name, parent, head; metres, Z up, facing -Y. Left side only where the name ends in .L; twist and helper bones lie in between.
PERSON = (
    ("base", None, (0, 0, 0)),
    ("pel", "base", (0, 0, 1.0)),
    ("low", "pel", (0, 0, 1.1)),
    ("mid", "low", (0, 0.01, 1.25)),
    ("top", "mid", (0, 0.02, 1.4)),
    ("nk", "top", (0, 0.01, 1.52)),
    ("hd", "nk", (0, 0, 1.6)),
    ("hd_end", "hd", (0, 0, 1.8)),
    ("eye.L", "hd", (0.03, -0.1, 1.68)),
    ("col.L", "top", (0.03, 0, 1.46)),
    ("a1.L", "col.L", (0.18, 0, 1.45)),
    ("a1twist.L", "a1.L", (0.3, 0, 1.45)),
    ("a2.L", "a1.L", (0.45, 0, 1.45)),
    ("a3.L", "a2.L", (0.7, 0, 1.45)),
    ("f1.L", "a3.L", (0.78, -0.02, 1.45)),
    ("f1b.L", "f1.L", (0.81, -0.02, 1.45)),
    ("f2.L", "a3.L", (0.78, 0.0, 1.45)),
    ("f2b.L", "f2.L", (0.82, 0.0, 1.45)),
    ("f3.L", "a3.L", (0.72, -0.04, 1.45)),
    ("l1.L", "pel", (0.1, 0, 0.95)),
    ("l2.L", "l1.L", (0.1, -0.01, 0.5)),
    ("l3.L", "l2.L", (0.1, 0.01, 0.08)),
    ("l4.L", "l3.L", (0.1, -0.12, 0.02)),
)
# A dog: trunk along Y, head forward, four legs down.
DOG = (
    ("hips", None, (0, 0.4, 0.6)),
    ("spine", "hips", (0, 0.2, 0.62)),
    ("chest", "spine", (0, -0.2, 0.62)),
    ("neck", "chest", (0, -0.35, 0.7)),
    ("head", "neck", (0, -0.5, 0.85)),
    ("tail", "hips", (0, 0.5, 0.62)),
    ("thigh.L", "hips", (0.1, 0.4, 0.55)),
    ("shin.L", "thigh.L", (0.1, 0.36, 0.3)),
    ("foot.L", "shin.L", (0.1, 0.45, 0.1)),
    ("toe.L", "foot.L", (0.1, 0.4, 0.0)),
    ("upper_arm.L", "chest", (0.1, -0.2, 0.55)),
    ("forearm.L", "upper_arm.L", (0.1, -0.16, 0.32)),
    ("hand.L", "forearm.L", (0.1, -0.2, 0.08)),
    ("finger.L", "hand.L", (0.1, -0.25, 0.0)),
)


def mirrored(rows):
    """The rows and, for each bone of the left, the one of the right."""
    left = [row for row in rows if row[0].endswith(".L")]
    return [*rows, *((name[:-1] + "R", parent.replace(".L", ".R"), (-x, y, z)) for name, parent, (x, y, z) in left)]


def build(rows, name="Rig"):
    """An armature object of (name, parent, head) rows; tails stand on the first child, or go on as the parent does."""
    data = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, parent, head in rows:
        made = data.edit_bones.new(bone)
        made.head = head
        made.tail = Vector(head) + Vector((0, 0, 0.03))
        made.parent = data.edit_bones[parent] if parent else None
    for made in data.edit_bones:
        if made.children and (made.children[0].head - made.head).length > 1e-3:
            made.tail = made.children[0].head
        elif made.parent:
            made.tail = made.head + (made.head - made.parent.head).normalized() * 0.04
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def load(path):
    """The armature of a file of the shared data; skips where that is not there."""
    full = SHARED / path
    if not full.is_file():
        pytest.skip(f"{path} of the shared data is not there")
    if full.suffix == ".fbx":
        bpy.ops.wm.fbx_import(filepath=str(full))
    else:
        bpy.ops.import_scene.gltf(filepath=str(full))
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return rig
