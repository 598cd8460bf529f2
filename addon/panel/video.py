"""The first fold: which video, what it is, and which part of it."""

from __future__ import annotations

import bpy

from ..first_look import picture
from ..locale.said import CONTEXT
from ..sentences import draw_sentence, placeholder

PICTURE_SCALE = 9.0  # of the first frame, in heights of a button: about as wide as the sidebar


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
        _draw_people(layout, settings, context.window_manager.kinolift)
        _next(layout, context.window_manager.kinolift.running)


def _draw_people(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, status: bpy.types.PropertyGroup) -> None:
    """Whose motion it is: by a word, or by a button a person under the first frame, where each has a number."""
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "person_shown")
    if status.looking:
        layout.label(text="The first frame is being looked at", icon="TIME", text_ctxt=CONTEXT)
    else:
        layout.operator("kinolift.find_people", icon="COMMUNITY")
    if not status.people or status.people_of != settings.video:
        return
    if (shown := picture()) is not None:
        layout.template_icon(icon_value=shown, scale=PICTURE_SCALE)
    row = layout.row(align=True)
    for person in status.people:
        button = row.operator("kinolift.choose_person", text=str(person.number), translate=False, depress=settings.person == person.place)
        button.person = person.place


def _next(layout: bpy.types.UILayout, running: bool) -> None:
    column = layout.column()
    column.scale_y = 1.5
    column.operator("kinolift.capture_video", icon="ARMATURE_DATA", text="Capture Next" if running else "Capture")
