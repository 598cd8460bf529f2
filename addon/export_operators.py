"""Blender's operator behind the panel's export: what and for whom is chosen there, the file's name in the browser."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import bpy

from .armature import is_kinolift
from .export import CLIP_EXTENSIONS
from .export.programs import PROGRAMS
from .retarget.interface import chosen_take
from .view import activate


def chosen_armature(context: bpy.types.Context) -> bpy.types.Object | None:
    """What the panel would export; None where it is not there."""
    settings, target = context.scene.kinolift, context.scene.kinolift_retarget.target
    take = context.object if is_kinolift(context.object) else chosen_take(context.scene.kinolift_retarget, context)
    if settings.export_what == "take":
        return take
    return target if target is not None or settings.export_what == "character" else take


class KINOLIFT_OT_export_for(bpy.types.Operator):
    """Choose the file's name, and write it for the program that is chosen above"""

    bl_idname = "kinolift.export_for"
    bl_label = "Export"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if chosen_armature(context) is None:
            cls.poll_message_set("There is nothing to export yet: capture a video, or choose a character")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings, armature = context.scene.kinolift, chosen_armature(context)
        assert armature is not None
        program = PROGRAMS[settings.export_program]
        takes = "playing"
        if settings.export_what == "all":
            takes = "clips" if program.extension in CLIP_EXTENSIONS else "files"
        activate(armature)
        name = f"{bpy.path.clean_name(armature.name)}{program.extension}"
        return set(bpy.ops.kinolift.export("INVOKE_DEFAULT", filepath=name, takes=takes, fbx_preset=program.fbx_preset))


CLASSES = (KINOLIFT_OT_export_for,)
