"""The first fold: which video, what it is, and which part of it."""

from __future__ import annotations

import bpy

from ..sentences import draw_sentence, placeholder


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.kinolift
    row = layout.row(align=True)
    row.prop(settings, "video", text="", **placeholder("Choose or drop a video"))
    row.operator("kinolift.choose_video", text="", icon="FILE_FOLDER")
    row.menu("KINOLIFT_MT_videos", text="", icon="DOWNARROW_HLT")
    if settings.video_facts:
        draw_sentence(layout, context, settings.video_facts, "INFO")
    if settings.video:
        column = layout.column(align=True)
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(settings, "start", **placeholder("Beginning"))
        column.prop(settings, "end", **placeholder("End"))
        layout.operator("kinolift.range_from_timeline", icon="PREVIEW_RANGE")
        _next(layout, context.window_manager.kinolift.running)


def _next(layout: bpy.types.UILayout, running: bool) -> None:
    column = layout.column()
    column.scale_y = 1.5
    column.operator("kinolift.capture_video", icon="ARMATURE_DATA", text="Capture Next" if running else "Capture")
