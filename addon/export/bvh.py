"""BVH, by Blender's own exporter: metres, Y up, the person facing +Z, as other programs read it."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from ..scene import rate_of
from .conform import Conformity, conformed
from .read_back import Contents, check_written
from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path) -> None:
    """Writes the staged armature and its action.

    The exporter writes bones as they lie in their armature, in Blender's Z up, wherever the object stands. A copy that lies as the
    character does in the world, with Y up, gives what the format's other readers expect.
    """
    played = armature.animation_data.action if armature.animation_data else None
    with conformed(scene, armature, [played], Conformity(y_up=True)) as (copy, baked):
        call_exporter(
            bpy.ops.export_anim.bvh,
            scene,
            copy,
            path,
            frame_start=scene.frame_start,
            frame_end=scene.frame_end,
            global_scale=1.0,
            rotate_mode="NATIVE",
            root_transform_only=True,
        )
        wanted = Contents.of(scene, copy, baked)
    _write_exact_frame_time(path, 1.0 / rate_of(scene))
    check_written(path, wanted)


def _write_exact_frame_time(path: Path, seconds: float) -> None:
    """The exporter rounds the frame time to a microsecond, which puts 29.97 fps out by a frame in an hour."""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"Frame Time: [\d.]+", f"Frame Time: {seconds:.12f}", text, count=1), encoding="utf-8", newline="\n")
