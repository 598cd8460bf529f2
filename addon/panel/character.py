"""The fourth fold: the motion goes onto the user's own character."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import json

import bpy

from ..locale.said import CONTEXT, word
from ..retarget.interface import (
    SURE,
    UNSURE,
    KinoliftBone,
    KinoliftRetarget,
    chosen_take,
    chosen_target,
    found_title,
)
from ..retarget.linked import is_linked
from ..retarget.roles import REQUIRED_ROLES, role_title
from ..sentences import draw_sentence, placeholder

# Shares of a row of the list: the role's of the whole, the bone's of what is left beside the sureness.
ROLE_SHARE, BONE_SHARE = 0.42, 0.76
LINKED = "It is linked from another file; Retarget makes a library override of it."


class KINOLIFT_UL_bones(bpy.types.UIList):
    """Part of the body, the bone that it moves, and how sure the guess is."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: KinoliftRetarget,
        item: KinoliftBone,
        icon: int,
        active_data: object,
        active_property: str,
    ) -> None:
        missing = not item.bone and item.role in REQUIRED_ROLES
        split = layout.split(factor=ROLE_SHARE)
        split.alert = missing
        split.label(text=role_title(item.role), text_ctxt=CONTEXT, icon="BACK" if item.bone else "BLANK1")
        guessed = bool(item.bone) and item.sureness < SURE
        split = split.split(factor=BONE_SHARE if guessed or missing else 1.0)
        if data.target is not None:
            split.prop_search(item, "short", data.target.data, "bones", text="", icon="BONE_DATA")
        if guessed or missing:
            shown = split.row()
            shown.alert = missing or item.sureness < UNSURE
            if guessed:
                shown.label(text=f"{item.sureness:.0%}", icon="QUESTION" if item.sureness < UNSURE else "NONE", translate=False)
            else:
                shown.label(text="", icon="ERROR")


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.kinolift_retarget
    column = layout.column(align=True)
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "target", icon="OUTLINER_OB_ARMATURE")
    target = chosen_target(settings, context)
    if target is not None and settings.target is None:
        column.label(text=target.name, icon="RESTRICT_SELECT_OFF", translate=False)
    if target is not None and is_linked(target):
        draw_sentence(layout, context, LINKED, "LINKED")
    column = layout.column(align=True)
    column.row(align=True).prop(settings, "source", expand=True)
    if settings.source == "file":
        column.prop(settings, "motion", text="", **placeholder("Choose a motion file"))
    else:
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(settings, "take", icon="ACTION")
        take = chosen_take(settings, context)
        if take is not None and settings.take is None:
            column.label(text=take.name, icon="ACTION", translate=False)
    row = layout.row(align=True)
    row.prop(settings, "preset", text="")
    row.operator("kinolift.find_bones", text="Find Bones", icon="VIEWZOOM")
    if settings.bones:
        _draw_bones(layout, settings)
    _draw_options(layout, settings)
    button = layout.column()
    button.scale_y = 1.5
    button.operator("kinolift.retarget", icon="POSE_HLT")
    if settings.error:
        draw_sentence(layout, context, settings.error, "ERROR")
    elif settings.done:
        draw_sentence(layout, context, settings.done, "CHECKMARK")
    for note in filter(None, settings.notes.split("\n")):
        draw_sentence(layout, context, note, "INFO")


def _draw_bones(layout: bpy.types.UILayout, settings: KinoliftRetarget) -> None:
    row = layout.row()
    found = word("Found by: {way}").format(way=word(found_title(settings.found_by)))
    row.label(text=found, translate=False)
    row.operator("kinolift.save_rig_preset", text="", icon="FILE_TICK")
    layout.template_list("KINOLIFT_UL_bones", "", settings, "bones", settings, "active", rows=8)
    filled = {row.role for row in settings.bones if row.bone}
    for role in REQUIRED_ROLES:
        if role not in filled:
            layout.label(text=f"{word('Missing')}: {word(role_title(role))}", icon="ERROR", translate=False)


def _draw_options(layout: bpy.types.UILayout, settings: KinoliftRetarget) -> None:
    options = layout.column()
    options.use_property_split, options.use_property_decorate = True, False
    for name in ("root", "root_bone"):
        options.prop(settings, name)
    turns = options.column()
    turns.active = settings.root_bone != "hips" and any(row.role == "root" and row.bone for row in settings.bones)
    turns.prop(settings, "root_heading")
    options.prop(settings, "feet")
    if json.loads(settings.controls).get("ik"):
        options.prop(settings, "use_ik")
