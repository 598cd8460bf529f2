"""The sidebar tab of the 3D view: choose a video, capture it, see how far it is, and what came out."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from pathlib import PurePath

import bpy

from .armature import is_kinolift
from .markers import unsure_of

_CHARACTER = 7.0  # pixels of an average letter at scale 1, to break long sentences where the sidebar ends
_MARGIN = 60.0  # pixels of the sidebar's width that icon, box and borders take


class _Tab:
    """What every panel of the tab shares."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Kinolift"


class KINOLIFT_PT_capture(_Tab, bpy.types.Panel):
    bl_label = "Kinolift"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings, status = context.scene.kinolift, context.window_manager.kinolift
        column = layout.column()
        column.active = not status.running
        row = column.row(align=True)
        row.prop(settings, "video", text="", **placeholder("Choose a video"))
        if status.running:
            _draw_progress(layout, context, status)
        else:
            column = layout.column()
            column.scale_y = 1.5
            column.operator("kinolift.capture_video", icon="ARMATURE_DATA", text="Capture")
        if status.error:
            draw_sentence(layout, context, status.error, "ERROR")
        elif status.summary and not status.running:
            draw_sentence(layout, context, status.summary, "CHECKMARK")
            if status.quality:
                draw_sentence(layout, context, status.quality, "VIEWZOOM")
        for note in status.notes:
            draw_sentence(layout, context, note.text, "INFO")


class _SubPanel(_Tab):
    """A part of the options, folded and greyed out while a capture runs."""

    bl_parent_id = "KINOLIFT_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012
    shown: tuple[str, ...] = ()

    def prepare(self, context: bpy.types.Context) -> bpy.types.UILayout:
        layout = self.layout  # type: ignore[attr-defined]
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.active = not context.window_manager.kinolift.running
        return layout

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.prepare(context)
        for name in self.shown:
            layout.prop(context.scene.kinolift, name)


class KINOLIFT_PT_person(_SubPanel, bpy.types.Panel):
    bl_label = "Person and Camera"
    bl_options: set[str] = set()  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.prepare(context)
        settings = context.scene.kinolift
        layout.prop(settings, "height")
        layout.prop(settings, "use_scene_camera")
        row = layout.row(heading="Field of View")
        row.active = not settings.use_scene_camera
        row.prop(settings, "fov_known", text="")
        value = row.row()
        value.active = settings.fov_known
        value.prop(settings, "fov", text="")
        column = layout.column(align=True)
        column.prop(settings, "start", **placeholder("Beginning"))
        column.prop(settings, "end", **placeholder("End"))


class KINOLIFT_PT_scene(_SubPanel, bpy.types.Panel):
    bl_label = "Result"
    shown = ("scene_fps", "set_range", "root", "feet", "add_camera", "simplify", "simplify_degrees", "simplify_mm", "motion_path")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.prepare(context)
        settings = context.scene.kinolift
        for name in self.shown:
            if name.startswith("simplify_") and not settings.simplify:
                continue
            row = layout.row()
            row.active = not (name == "set_range" and settings.scene_fps == "match")  # it is set anyway then
            row.prop(settings, name)


class KINOLIFT_PT_quality(_SubPanel, bpy.types.Panel):
    bl_label = "Quality"
    shown = ("detector", "smooth", "hypotheses", "steps", "seed", "device")


class KINOLIFT_PT_files(_Tab, bpy.types.Panel):
    bl_label = "Files"
    bl_parent_id = "KINOLIFT_PT_capture"
    bl_options: set[str] = set()  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        row = self.layout.row(align=True)
        row.operator("kinolift.load_motion", icon="IMPORT")
        row.operator("kinolift.export", icon="EXPORT")
        self.layout.operator("kinolift.simplify", icon="NORMALIZE_FCURVES")
        if is_kinolift(context.object):
            self.layout.label(text=context.object.name, icon="OUTLINER_OB_ARMATURE")
            if unsure_of(context.object):
                self.layout.operator("kinolift.mark_unsure", icon="MARKER_HLT")


def placeholder(text: str) -> dict[str, str]:
    """What stands in an empty text field, where this Blender can show that (4.3 and later)."""
    return {"placeholder": text} if "placeholder" in bpy.types.UILayout.bl_rna.functions["prop"].parameters else {}


def _draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context, status: bpy.types.PropertyGroup) -> None:
    column = layout.column(align=True)
    counted = f"{status.stage}  {status.fraction:.0%}" if status.text else status.stage
    column.progress(text=counted, factor=status.fraction, type="BAR")
    row = column.row()
    row.label(text=status.text)
    right = row.row()
    right.alignment = "RIGHT"
    right.label(text=status.rate)
    layout.operator("kinolift.cancel", icon="X")


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str) -> None:
    """A sentence in a box, broken into lines as wide as the sidebar."""
    width = (context.region.width / context.preferences.system.ui_scale - _MARGIN) / _CHARACTER
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(_lines(sentence, max(16, int(width)))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def _lines(sentence: str, width: int) -> list[str]:
    """The sentence in lines of at most `width` letters; a path that is longer is shortened to its end."""
    lines: list[str] = []
    for word in sentence.split():
        if len(word) > width:
            word = f"…{PurePath(word).name}"
            if len(word) > width:
                word = f"…{word[-width + 1 :]}"
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


CLASSES = (KINOLIFT_PT_capture, KINOLIFT_PT_person, KINOLIFT_PT_scene, KINOLIFT_PT_quality, KINOLIFT_PT_files)
