"""Blender's operators that make takes: thin, each calls the plain functions that the command line and scripts call too.

What is done with a take afterwards is in `take_operators`.
"""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ImportHelper

from ..contract.failure import Failure
from ..contract.motion_file import load_motion
from ..contract.options import CaptureOptions
from ..contract.outputs import PANEL_ADVICE, labelled
from . import leftovers, readiness
from .background import Run
from .behind import Behind
from .camera import scene_camera_path
from .capture import Capture, Captured, Placement, Take, check_video, place_motion, quality_sentence
from .export import MOTION_EXTENSION, check_files, copy_motion
from .keeping import keep_detection
from .key_reduction import Tolerance
from .locale.said import translated
from .manners import tell
from .placing import placing
from .preferences import PACKAGE, preferred_python
from .properties import PLACEMENT_PROPERTIES, capture_properties, follow
from .scene import MATCH, resolved
from .setup import findings
from .view import default_cube, show_take

if TYPE_CHECKING:
    from ..contract.motion_file import Motion
    from .placing import Ready


class KINOLIFT_OT_capture(Behind, bpy.types.Operator):
    """Turn the person in a video into an animated armature"""

    bl_idname = "kinolift.capture"
    bl_label = "Capture"
    bl_options = {"UNDO"}  # not REGISTER: a change in the redo panel would capture all over again  # noqa: RUF012

    __annotations__ = {
        "filepath": bpy.props.StringProperty(name="Video", description="The video to capture", subtype="FILE_PATH"),
        **capture_properties(),
    }

    _cube: bpy.types.Object | None = None

    def look_before(self) -> None:
        if not self.filepath:
            raise Failure("bad_arguments", "No video is chosen; choose one first.")
        check_video(Path(bpy.path.abspath(self.filepath)))
        self._options().check()

    def begin(self, scene: bpy.types.Scene) -> Run:
        video = Path(bpy.path.abspath(self.filepath))
        motion_path = None
        if self.motion_path:
            kept = Path(bpy.path.abspath(self.motion_path))
            (motion_path,) = check_files([kept], [video], (MOTION_EXTENSION,), advice=PANEL_ADVICE)
        known = None
        if self.use_scene_camera:
            known = scene_camera_path(scene, resolved(scene, self.scene_fps) == MATCH)
        placement = _placement(self)
        folder = leftovers.make_folder()
        detection = folder / "detection.npz"
        try:
            capture = Capture(video, self._options(), preferred_python(), motion_path, camera=known, detection=detection, stay=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

        def build(motion: Motion, ready: Ready | None) -> Generator[None, None, Take]:
            self._cube = default_cube(scene)
            first, *others = capture.takes()
            take = yield from placing(motion, scene, first.named(video.stem), placement, video, self._kept_at(capture, first), ready)
            keep_detection(take.armature, detection)
            for captured in others:
                name, kept = captured.named(video.stem), self._kept_at(capture, captured)
                another = yield from placing(captured.motion, scene, name, placement, video, kept)
                keep_detection(another.armature, detection)
                take.notes += [f"{name}: {line}" for line in (another.summary(), *another.notes)]
            return take

        return Run(capture, scene, placement, build, folder)

    def _kept_at(self, capture: Capture, captured: Captured) -> str:
        """The path of the motion file, "" where it is not kept. Those of several are named only now."""
        if capture.kept or not self.motion_path:
            return str(captured.path) if capture.kept else ""
        path = labelled(Path(bpy.path.abspath(self.motion_path)), captured.label)
        (path,) = check_files([path], [capture.video], (MOTION_EXTENSION,), advice=PANEL_ADVICE)
        copy_motion(captured.path, path)
        return str(path)

    def show(self, context: bpy.types.Context, take: Take) -> list[str]:
        return show_take(context, take, self._cube, self.play)

    def _options(self) -> CaptureOptions:
        return _rounded(CaptureOptions(**{name: getattr(self, name) for name in CaptureOptions().as_dict() if name != "camera"}))


class KINOLIFT_OT_capture_video(bpy.types.Operator):
    """Capture the chosen video with the options of the panel"""

    bl_idname = "kinolift.capture_video"
    bl_label = "Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return readiness.can_look(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.kinolift
        try:
            return set(bpy.ops.kinolift.capture("INVOKE_DEFAULT", filepath=settings.video, **settings.options()))
        except RuntimeError as error:  # a failure that the inner operator has reported; it must be told once, by this one
            tell(self, context, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}


class KINOLIFT_OT_cancel(bpy.types.Operator):
    """End the running capture; nothing is changed"""

    bl_idname = "kinolift.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.window_manager.kinolift.running)

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.kinolift.cancel = True
        return {"FINISHED"}


class KINOLIFT_OT_load_motion(bpy.types.Operator, ImportHelper):
    """Build an armature from a motion file that was kept"""

    bl_idname = "kinolift.load_motion"
    bl_label = "Load Motion"
    bl_options = {"UNDO"}  # noqa: RUF012

    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_glob": bpy.props.StringProperty(default=f"*{MOTION_EXTENSION}", options={"HIDDEN"}),
        **{name: made for name, made in capture_properties().items() if name in PLACEMENT_PROPERTIES},
    }

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        status = context.window_manager.kinolift
        try:
            motion = load_motion(path)
            placement, cube = _placement(self), default_cube(context.scene)
            take = place_motion(motion, context.scene, path.stem, placement, source=str(path))
        except Failure as failure:
            status.clear_result()
            status.error = failure.message
            tell(self, context, failure.message)
            return {"CANCELLED"}
        notes = [*take.notes, *show_take(context, take, cube)]
        status.tell(take.summary(), quality_sentence(take.motion), notes)
        self.report({"INFO"}, f"{take.armature.name}: {translated(status.summary)}")
        follow(context, "review")
        return {"FINISHED"}


class KINOLIFT_OT_check_setup(bpy.types.Operator):
    """Look whether everything that a capture needs is there, and say below how to mend what is not"""

    bl_idname = "kinolift.check_setup"
    bl_label = "Check Setup"

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = findings(preferred_python())
        bad = [finding for finding in found if not finding.good]
        for finding in found:
            self.report({"INFO" if finding.good else "WARNING"}, translated(finding.text))
        readiness.show(found)
        return {"FINISHED"} if not bad else {"CANCELLED"}


class KINOLIFT_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of Kinolift, which say what is missing and what to do"""

    bl_idname = "kinolift.open_preferences"
    bl_label = "Open Preferences"

    def execute(self, context: bpy.types.Context) -> set[str]:
        readiness.look(preferred_python())
        return set(bpy.ops.preferences.addon_show(module=PACKAGE))


def _placement(operator: bpy.types.Operator) -> Placement:
    """From the operator's PLACEMENT_PROPERTIES."""
    fewer = Tolerance(round(operator.simplify_degrees, 6), round(operator.simplify_mm, 6)).check() if operator.simplify else None
    return Placement(scene_fps=operator.scene_fps, set_range=operator.set_range, add_camera=operator.add_camera, simplify=fewer)


def _rounded(options: CaptureOptions) -> CaptureOptions:
    """Blender keeps 32-bit numbers; 1.7 must reach the worker as 1.7, not as 1.7000000477."""
    changes: dict[str, Any] = {name: round(value, 6) for name, value in options.as_dict().items() if isinstance(value, float)}
    return CaptureOptions(**{**options.as_dict(), **changes})


CLASSES = (
    KINOLIFT_OT_capture,
    KINOLIFT_OT_capture_video,
    KINOLIFT_OT_cancel,
    KINOLIFT_OT_load_motion,
    KINOLIFT_OT_check_setup,
    KINOLIFT_OT_open_preferences,
)
