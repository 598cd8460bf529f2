"""USD, by Blender's own exporter: the armature as a UsdSkel skeleton with its animation."""

from __future__ import annotations

from pathlib import Path

import bpy

from .conform import Conformity, conformed
from .read_back import Contents, check_written
from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path) -> None:
    """Writes the staged armature and its action, a time sample on every frame."""
    played = armature.animation_data.action if armature.animation_data else None
    with conformed(scene, armature, [played], Conformity()) as (copy, baked):
        call_exporter(
            bpy.ops.wm.usd_export,
            scene,
            copy,
            path,
            selected_objects_only=True,
            export_animation=True,
            export_armatures=True,
            only_deform_bones=False,
            export_custom_properties=False,
            export_materials=any(thing.type == "MESH" for thing in scene.objects),
            export_textures=False,  # they would be written into a folder beside; their paths stay what they are
            export_textures_mode="PRESERVE",  # the same, as Blender 4.4 and later word it
            convert_world_material=False,
        )
        check_written(path, Contents.of(scene, copy, baked))
