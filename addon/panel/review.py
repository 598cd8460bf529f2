"""The third fold: is the take good, where to look, and what to do about it."""

from __future__ import annotations

import bpy

from ..armature import is_kinolift
from ..keeping import DETECTION, record_of
from ..locale.said import CONTEXT, word
from ..other_depths import LIMB_NAMES, limbs_at, stretches_of
from ..other_takes import PERSON, SHOT, Which, which
from ..review import verdict
from ..scene import rate_of, same_rate
from ..sentences import draw_sentence

REFINED = ("smooth", "feet", "root", "level")
NOBODY = "Select a captured armature, or capture a video."


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    status, take = context.window_manager.kinolift, context.object
    if not is_kinolift(take):
        draw_sentence(layout, context, status.summary or NOBODY, "INFO")
        return
    layout.label(text=take.name, icon="OUTLINER_OB_ARMATURE", translate=False)
    found = verdict(take)
    draw_sentence(layout, context, found.sentence, found.icon)
    if found.places:
        row = layout.row(align=True)
        row.operator("kinolift.next_unsure", icon="FRAME_NEXT")
        row.operator("kinolift.mark_unsure", text="", icon="MARKER_HLT")
    _draw_other_depths(layout, take, context.scene.frame_current)
    _draw_others(layout, which(take))
    fps = record_of(take).get("fps")
    if isinstance(fps, float) and not same_rate(fps, rate_of(context.scene)):
        layout.operator("kinolift.match_rate", icon="TIME")
    header, body = layout.panel("kinolift_report", default_closed=True)
    header.label(text="Quality Report", text_ctxt=CONTEXT)
    if body is not None:
        for sentence in filter(None, (status.summary, found.report)):
            draw_sentence(body, context, sentence, "INFO")
        for note in status.notes:
            draw_sentence(body, context, note.text, "INFO")
    header, body = layout.panel("kinolift_refine", default_closed=False)
    header.label(text="Refine Again", text_ctxt=CONTEXT)
    if body is not None:
        _draw_refine(body, context, take)
    column = layout.column(align=True)  # side by side their German is cut off
    column.operator("kinolift.simplify", icon="NORMALIZE_FCURVES")
    column.operator("kinolift.mark_asset", icon="ASSET_MANAGER")


def _draw_other_depths(layout: bpy.types.UILayout, take: bpy.types.Object, frame: int) -> None:
    """The limbs that can point another way in depth in this frame; the row stays where none can, so that nothing jumps while it plays."""
    if not stretches_of(take):
        return
    layout.label(text="Other Depth", text_ctxt=CONTEXT)
    there, grid = limbs_at(take, frame), layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    for limb, name in LIMB_NAMES.items():
        cell = grid.row(align=True)
        cell.active = cell.enabled = limb in there
        cell.operator("kinolift.other_depth", text=name, text_ctxt=CONTEXT).limb = limb


def _draw_others(layout: bpy.types.UILayout, own: Which) -> None:
    """Which shot and person of several this take is, and the way to the next."""
    for kind, number, there, named in (
        (PERSON, own.person, own.people, "Person {number} of {all}"),
        (SHOT, own.shot, own.shots, "Shot {number} of {all}"),
    ):
        if own.next(kind):
            row = layout.row(align=True)
            row.label(text=word(named).format(number=number, all=max(there)), translate=False)
            row.operator(f"kinolift.next_{kind}", icon="TRIA_RIGHT")


def _draw_refine(layout: bpy.types.UILayout, context: bpy.types.Context, take: bpy.types.Object) -> None:
    settings = context.scene.kinolift
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.active = DETECTION in take.data
    column.prop(settings, "height_shown")
    for name in REFINED:
        column.prop(settings, name)
    row = column.row(heading="Field of View", heading_ctxt=CONTEXT)
    row.prop(settings, "fov_known", text="")
    value = row.row()
    value.active = settings.fov_known
    value.prop(settings, "fov", text="")
    layout.operator("kinolift.refine_with_settings", icon="FILE_REFRESH")
