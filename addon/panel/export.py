"""The fifth fold: what goes into a file, and for which program."""

from __future__ import annotations

import bpy

from ..export.programs import PROGRAMS
from ..export_operators import chosen_armature
from ..sentences import draw_sentence


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.kinolift
    layout.row(align=True).prop(settings, "export_what", expand=True)
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "export_program")
    armature = chosen_armature(context)
    row = column.row()
    row.active = armature is not None
    extension = PROGRAMS[settings.export_program].extension
    row.label(text=f"{armature.name}{extension}" if armature is not None else "-", icon="FILE", translate=False)
    button = layout.column()
    button.scale_y = 1.5
    button.operator("kinolift.export_for", icon="EXPORT")
    if context.window_manager.kinolift.exported:
        draw_sentence(layout, context, context.window_manager.kinolift.exported, "CHECKMARK")
