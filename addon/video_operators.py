"""Blender's operators that choose the video and its range: from a browser, from what is dropped on a view, from what lies in the file."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from pathlib import Path
from typing import Final

import bpy
from bpy_extras.io_utils import ImportHelper

from ..contract.failure import Failure
from .capture import check_video
from .locale.said import CONTEXT
from .manners import TAB, tell
from .properties import follow
from .scene import rate_of

# What a person drags in; others can be chosen in the browser, which knows more of them than we.
EXTENSIONS: Final = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv", ".3gp", ".ogv", ".flv")


class _Chooser:
    """What the operators share that end with a video chosen."""

    filepath: str

    def choose(self, context: bpy.types.Context) -> set[str]:
        try:
            check_video(Path(bpy.path.abspath(self.filepath)))
        except Failure as failure:
            tell(self, context, failure.message)
            return {"CANCELLED"}
        context.scene.kinolift.video = self.filepath
        follow(context, "video")
        return {"FINISHED"}


class KINOLIFT_OT_choose_video(_Chooser, bpy.types.Operator, ImportHelper):
    """Choose the video to capture"""

    bl_idname = "kinolift.choose_video"
    bl_label = "Choose Video"

    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_movie": bpy.props.BoolProperty(default=True, options={"HIDDEN"}),
        "filter_folder": bpy.props.BoolProperty(default=True, options={"HIDDEN"}),
    }

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.choose(context)


class KINOLIFT_OT_drop_video(_Chooser, bpy.types.Operator):
    """Take the video that was dropped on the view, or lies in this file, as the one to capture"""

    bl_idname = "kinolift.drop_video"
    bl_label = "Capture with Kinolift"

    __annotations__ = {"filepath": bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})}

    def execute(self, context: bpy.types.Context) -> set[str]:
        done = self.choose(context)
        if done == {"FINISHED"} and context.area is not None and context.area.type == "VIEW_3D":
            context.space_data.show_region_ui = True
            sidebar = next(region for region in context.area.regions if region.type == "UI")
            if sidebar.width > 1:  # one that was closed until now has no tabs yet
                sidebar.active_panel_category = TAB
        return done


class KINOLIFT_FH_video(bpy.types.FileHandler):
    bl_idname = "KINOLIFT_FH_video"
    bl_label = "Video of a person"
    bl_import_operator = "kinolift.drop_video"
    bl_file_extensions = ";".join(EXTENSIONS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class KINOLIFT_MT_videos(bpy.types.Menu):
    """Videos that this file shows already"""

    bl_idname = "KINOLIFT_MT_videos"
    bl_label = "Videos in This File"

    def draw(self, context: bpy.types.Context) -> None:
        found = videos_of(context)
        for name, path in found:
            self.layout.operator("kinolift.drop_video", text=name, icon="FILE_MOVIE", translate=False).filepath = path
        if not found:
            self.layout.label(text="There is no movie clip or strip in this file", text_ctxt=CONTEXT)


class KINOLIFT_OT_range_from_timeline(bpy.types.Operator):
    """Capture the part of the video under the timeline's preview range; without one, between the first and the last selected marker"""

    bl_idname = "kinolift.range_from_timeline"
    bl_label = "Range from Timeline"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        bounds = timeline_range(context.scene)
        if bounds is None:
            tell(self, context, "The timeline has no preview range and no two selected markers; press P in the timeline and drag.")
            return {"CANCELLED"}
        context.scene.kinolift.start, context.scene.kinolift.end = (f"{moment:.6g}" for moment in bounds)
        return {"FINISHED"}


def timeline_range(scene: bpy.types.Scene) -> tuple[float, float] | None:
    """Seconds of the video from the scene's first frame on; None where the timeline says nothing."""
    marked = sorted(marker.frame for marker in scene.timeline_markers if marker.select)
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end + 1
    elif len(marked) > 1:
        first, last = marked[0], marked[-1]
    else:
        return None
    begin, end = ((frame - scene.frame_start) / rate_of(scene) for frame in (first, last))
    return (max(0.0, begin), end) if end > max(0.0, begin) else None


def videos_of(context: bpy.types.Context) -> list[tuple[str, str]]:
    """(name, path) of the movie clips and movie strips of the file, each path once."""
    found = {bpy.path.abspath(clip.filepath): clip.name for clip in bpy.data.movieclips if clip.source == "MOVIE"}
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        for strip in getattr(editor, "strips_all", ()) or getattr(editor, "sequences_all", ()):
            if strip.type == "MOVIE":
                found.setdefault(bpy.path.abspath(strip.filepath), strip.name)
    return [(name, path) for path, name in found.items()]


CLASSES = (
    KINOLIFT_OT_choose_video,
    KINOLIFT_OT_drop_video,
    KINOLIFT_FH_video,
    KINOLIFT_MT_videos,
    KINOLIFT_OT_range_from_timeline,
)
