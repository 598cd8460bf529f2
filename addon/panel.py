"""The sidebar tab of the 3D view: choose a video, capture it, see how far it is, and what came out."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import bpy

from . import readiness
from .armature import is_kinolift
from .markers import unsure_of
from .preferences import preferred_python
from .sentences import draw_sentence, placeholder


class _Tab:
    """What every panel of the tab shares."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Kinolift"


class KINOLIFT_PT_capture(_Tab, bpy.types.Panel):
    bl_label = "Kinolift"

    def draw(self, context: bpy.types.Context) -> None:
        readiness.look_once(preferred_python())
        layout = self.layout
        settings, status = context.scene.kinolift, context.window_manager.kinolift
        column = layout.column()
        column.active = not status.running
        row = column.row(align=True)
        row.prop(settings, "video", text="", **placeholder("Choose a video"))
        if status.running:
            _draw_progress(layout, context, status)
        else:
            if status.missing:
                layout.label(text=status.missing, icon="ERROR")
                layout.operator("kinolift.open_preferences", icon="PREFERENCES")
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
    shown = ("camera_motion", "level", "detector", "smooth", "refiner", "hypotheses", "steps", "seed", "device")


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


CLASSES = (KINOLIFT_PT_capture, KINOLIFT_PT_person, KINOLIFT_PT_scene, KINOLIFT_PT_quality, KINOLIFT_PT_files)
