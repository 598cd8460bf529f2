"""The sidebar tab of the 3D view: five folds that follow the work, of which one is open. One file a fold."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import bpy

from .. import readiness
from ..locale.said import translated, word
from ..manners import TAB
from ..preferences import preferred_python
from ..sentences import draw_sentence
from . import capture, character, export, review, video

# name of the fold's property, title, icon, what draws it
FOLDS = (
    ("video", "Video", "FILE_MOVIE", video.draw),
    ("capture", "Capture", "ARMATURE_DATA", capture.draw),
    ("review", "Review", "VIEWZOOM", review.draw),
    ("character", "Character", "OUTLINER_OB_ARMATURE", character.draw),
    ("export", "Export", "EXPORT", export.draw),
)


class KINOLIFT_PT_main(bpy.types.Panel):
    bl_label = "Kinolift"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB

    def draw(self, context: bpy.types.Context) -> None:
        readiness.look_once(preferred_python())
        status = context.window_manager.kinolift
        if status.missing:
            self.layout.label(text=translated(status.missing), icon="ERROR", translate=False)
            self.layout.operator("kinolift.open_preferences", icon="PREFERENCES")
        draw_running(self.layout, context)
        for number, (name, title, icon, draw) in enumerate(FOLDS, 1):
            header, body = self.layout.panel_prop(status, f"open_{name}")
            header.label(text=f"{number}  {word(title)}", icon=icon, translate=False)
            if body is not None:
                draw(body, context)


def draw_running(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The running capture and the last fault: seen whatever fold is open."""
    status = context.window_manager.kinolift
    if status.running:
        capture.draw_progress(layout, status)
    if status.error:
        draw_sentence(layout, context, status.error, "ERROR")


CLASSES = (character.KINOLIFT_UL_bones, KINOLIFT_PT_main)
