"""BVH, by Blender's own exporter: metres, Y up, the person facing +Z, as other programs read it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import bpy
from mathutils import Matrix

from ..scene import rate_of
from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path) -> None:
    """Writes the staged armature and its action.

    The exporter knows no axes, it writes Blender's Z up. A copy whose bones are turned to Y up gives what the format's other
    readers expect; the bones' own channels stay the same, because they are relative to the turned bones.
    """
    data = armature.data.copy()
    turned = armature.copy()
    try:
        turned.data = data
        data.transform(Matrix.Rotation(-math.pi / 2, 4, "X"))
        scene.collection.objects.link(turned)
        call_exporter(
            bpy.ops.export_anim.bvh,
            scene,
            turned,
            path,
            frame_start=scene.frame_start,
            frame_end=scene.frame_end,
            global_scale=1.0,
            rotate_mode="NATIVE",
            root_transform_only=True,
        )
    finally:
        bpy.data.objects.remove(turned)
        bpy.data.armatures.remove(data)
    _write_exact_frame_time(path, 1.0 / rate_of(scene))


def _write_exact_frame_time(path: Path, seconds: float) -> None:
    """The exporter rounds the frame time to a microsecond, which puts 29.97 fps out by a frame in an hour."""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"Frame Time: [\d.]+", f"Frame Time: {seconds:.12f}", text, count=1), encoding="utf-8", newline="\n")
