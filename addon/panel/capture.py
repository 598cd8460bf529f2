"""The second fold: how good, how tall, what of the feet, and the button; the rarer options are folded away."""

from __future__ import annotations

import bpy

from ...contract.options import NO_REFINER
from ..locale.said import CONTEXT, word
from ..properties import OF_REFINER
from ..quality import COSTS
from ..quality import KINOLIFT_PT_capture_presets as Presets
from ..sentences import draw_sentence

SHOWN = ("feet", "smooth", "root", "level")
ADVANCED = ("shot", "people", "camera_motion", "detector", "refiner", "hypotheses", "steps", "seed", "device")
RESULT = ("scene_fps", "set_range", "add_camera", "play", "simplify", "simplify_degrees", "simplify_mm")


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings, status = context.scene.kinolift, context.window_manager.kinolift
    row = layout.row(align=True)
    row.prop(settings, "quality", expand=True)
    Presets.draw_panel_header(row)
    draw_sentence(layout, context, COSTS.get(settings.quality, "Options of your own, in Advanced below."), "TIME")
    column = _column(layout)
    column.prop(settings, "height_shown")
    for name in SHOWN:
        column.prop(settings, name)
    header, body = layout.panel("kinolift_lens", default_closed=True)
    header.label(text="Camera", text_ctxt=CONTEXT)
    if body is not None:
        _draw_camera(_column(body), settings)
    header, body = layout.panel("kinolift_result", default_closed=True)
    header.label(text="Result", text_ctxt=CONTEXT)
    if body is not None:
        _draw_result(_column(body), settings)
    header, body = layout.panel("kinolift_advanced", default_closed=True)
    header.label(text="Advanced", text_ctxt=CONTEXT)
    if body is not None:
        column = _column(body)
        for name in ADVANCED:
            row = column.row()
            row.active = settings.refiner != NO_REFINER or name not in OF_REFINER
            row.prop(settings, name)
    column = layout.column()
    column.scale_y = 1.5
    column.operator("kinolift.capture_video", icon="ARMATURE_DATA", text="Capture Next" if status.running else "Capture")


def draw_progress(layout: bpy.types.UILayout, status: bpy.types.PropertyGroup) -> None:
    """Stage, share, speed, what is left, and how to end it."""
    column = layout.column(align=True)
    stage = word(status.stage)
    column.progress(text=f"{stage}  {status.fraction:.0%}" if status.text else stage, factor=status.fraction, type="BAR")
    if status.text or status.rate:
        row = column.row()
        row.label(text=status.text, translate=False)
        right = row.row()
        right.alignment = "RIGHT"
        right.label(text=status.rate, translate=False)
    if status.waiting:
        layout.label(text=word("{count} more in the queue").format(count=status.waiting), icon="SORTTIME", translate=False)
    layout.operator("kinolift.cancel", icon="X")


def _draw_camera(column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column.prop(settings, "use_scene_camera")
    row = column.row(heading="Field of View", heading_ctxt=CONTEXT)
    row.active = not settings.use_scene_camera
    row.prop(settings, "fov_known", text="")
    value = row.row()
    value.active = settings.fov_known
    value.prop(settings, "fov", text="")


def _draw_result(column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    for name in RESULT:
        if name.startswith("simplify_") and not settings.simplify:
            continue
        row = column.row()
        row.active = not (name == "set_range" and settings.scene_fps == "match")  # it is set anyway then
        row.prop(settings, name)
    row = column.row(align=True)
    row.prop(settings, "motion_path")
    column.operator("kinolift.load_motion", icon="IMPORT")


def _column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    return column
