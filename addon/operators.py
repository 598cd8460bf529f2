"""Blender's operators that make takes: thin, each calls the plain functions that the command line and scripts call too.

What is done with a take afterwards is in `take_operators`.
"""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy_extras.io_utils import ImportHelper

from ..contract.failure import Failure
from ..contract.motion_file import load_motion
from ..contract.options import CaptureOptions
from ..contract.outputs import PANEL_ADVICE
from . import readiness
from .camera import scene_camera_path
from .capture import Capture, Placement, Take, check_video, place_motion, quality_sentence
from .export import MOTION_EXTENSION, check_files
from .key_reduction import Tolerance
from .preferences import PACKAGE, preferred_python
from .properties import PLACEMENT_PROPERTIES, KinoliftStatus, capture_properties
from .scene import MATCH, resolved
from .setup import findings
from .take_operators import CLASSES as TAKE_CLASSES
from .view import default_cube, show_take

INTERVAL = 0.1  # seconds between two looks at the worker
HINT = "Kinolift is capturing. Esc: cancel"

# The capture that runs behind the window; its operator is asked to stop through this when the add-on is disabled.
_running: list[KINOLIFT_OT_capture] = []


class KINOLIFT_OT_capture(bpy.types.Operator):
    """Turn the person in a video into an animated armature"""

    bl_idname = "kinolift.capture"
    bl_label = "Capture"
    bl_options = {"UNDO"}  # not REGISTER: a change in the redo panel would capture all over again  # noqa: RUF012

    __annotations__ = {
        "filepath": bpy.props.StringProperty(name="Video", description="The video to capture", subtype="FILE_PATH"),
        **capture_properties(),
    }

    _capture: Capture | None = None
    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window_manager.kinolift.running:
            cls.poll_message_set("A capture is running; wait for it or cancel it")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Behind the window: a timer looks at the worker, which runs by itself."""
        status = context.window_manager.kinolift
        status.clear()
        try:
            self._capture = self._start()
        except Failure as failure:
            return self._fail(status, failure)
        status.running = True
        _show(status, self._capture)
        self._timer = context.window_manager.event_timer_add(INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(HINT)
        _running.append(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        status = context.window_manager.kinolift
        capture = self._capture
        if capture is None:  # the add-on was disabled meanwhile
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            status.cancel = True
        if status.cancel:
            self._end(context)
            status.summary = "Cancelled; nothing was changed."
            self.report({"INFO"}, status.summary)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        capture.poll()
        _show(status, capture)
        if not capture.finished:
            return {"PASS_THROUGH"}
        try:
            take = self._place(context.scene, capture)
            sentence = take.summary(capture.seconds)
        except Failure as failure:
            _print_log(capture, failure)
            self._end(context)
            return self._fail(status, failure)
        except BaseException:
            self._end(context)
            raise
        notes = [*capture.progress.warnings, *take.notes]
        self._end(context)
        return self._finish(status, take, sentence, notes)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """For scripts and the background: returns when the armature is there."""
        status = context.window_manager.kinolift
        status.clear()
        capture = None
        try:
            capture = self._start()
            while not capture.finished:
                capture.poll(INTERVAL)
            take = self._place(context.scene, capture)
            return self._finish(status, take, take.summary(capture.seconds), [*capture.progress.warnings, *take.notes])
        except Failure as failure:
            _print_log(capture, failure)
            return self._fail(status, failure)
        finally:
            if capture is not None:
                capture.close()

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is opened, or Blender is closed."""
        self._end(context)

    def _start(self) -> Capture:
        options = CaptureOptions(**{name: getattr(self, name) for name in CaptureOptions().as_dict() if name != "camera"})
        if not self.filepath:
            raise Failure("bad_arguments", "No video is chosen; choose one first.")
        motion_path = None
        if self.motion_path:
            kept = Path(bpy.path.abspath(self.motion_path))
            (motion_path,) = check_files([kept], [Path(bpy.path.abspath(self.filepath))], (MOTION_EXTENSION,), advice=PANEL_ADVICE)
        known = None
        if self.use_scene_camera:
            known = scene_camera_path(bpy.context.scene, resolved(bpy.context.scene, self.scene_fps) == MATCH)
        return Capture(Path(bpy.path.abspath(self.filepath)), _rounded(options), preferred_python(), motion_path, camera=known)

    def _place(self, scene: bpy.types.Scene, capture: Capture) -> Take:
        motion = capture.motion()
        placement, cube = _placement(self), default_cube(scene)
        source = str(capture.motion_path) if capture.kept else ""
        try:
            take = place_motion(motion, scene, capture.video.stem, placement, capture.video, source)
        except Exception as error:  # minutes of work, which Load Motion can take up again
            kept = f"The capture is kept in {capture.rescue()}; Load Motion builds it."
            if isinstance(error, Failure):
                raise Failure(error.code, f"{error.message} {kept}") from error
            print(f"Kinolift: {kept}", flush=True)
            raise
        take.notes += show_take(bpy.context, take, cube, self.play)
        return take

    def _finish(self, status: KinoliftStatus, take: Take, sentence: str, notes: list[str]) -> set[str]:
        status.clear()
        status.summary = sentence
        status.quality = quality_sentence(take.motion)
        for note in notes:
            status.notes.add().text = note
            self.report({"WARNING"}, note)
        self.report({"INFO"}, f"{take.armature.name}: {sentence}")
        return {"FINISHED"}

    def _fail(self, status: KinoliftStatus, failure: Failure) -> set[str]:
        status.clear()
        status.error = failure.message
        self.report({"ERROR"}, failure.message)
        return {"CANCELLED"}

    def _end(self, context: bpy.types.Context) -> None:
        """Takes everything back that `invoke` set up, and ends the worker."""
        manager = context.window_manager
        if self._timer is not None:
            manager.event_timer_remove(self._timer)
            self._timer = None
        if self._capture is not None:
            self._capture.close()
            self._capture = None
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        manager.kinolift.clear()
        if self in _running:
            _running.remove(self)


class KINOLIFT_OT_capture_video(bpy.types.Operator):
    """Capture the chosen video with the options of the panel"""

    bl_idname = "kinolift.capture_video"
    bl_label = "Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.kinolift.video:
            cls.poll_message_set("Choose a video first")
            return False
        if missing := context.window_manager.kinolift.missing:
            cls.poll_message_set(f"{missing}; the preferences say what to do")
            return False
        return bool(KINOLIFT_OT_capture.poll(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.kinolift
        try:
            return set(bpy.ops.kinolift.capture("INVOKE_DEFAULT", filepath=settings.video, **settings.options()))
        except RuntimeError as error:  # a failure that the inner operator has reported; it must be shown once, by this one
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
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


class KINOLIFT_OT_choose_video(bpy.types.Operator, ImportHelper):
    """Choose the video to capture"""

    bl_idname = "kinolift.choose_video"
    bl_label = "Choose Video"

    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_movie": bpy.props.BoolProperty(default=True, options={"HIDDEN"}),
        "filter_folder": bpy.props.BoolProperty(default=True, options={"HIDDEN"}),
    }

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            check_video(Path(bpy.path.abspath(self.filepath)))
        except Failure as failure:
            self.report({"ERROR"}, failure.message)
            return {"CANCELLED"}
        context.scene.kinolift.video = self.filepath
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
            self.report({"ERROR"}, failure.message)
            return {"CANCELLED"}
        take.notes += show_take(context, take, cube)
        status.clear()
        status.summary = take.summary()
        status.quality = quality_sentence(take.motion)
        for note in take.notes:
            status.notes.add().text = note
            self.report({"WARNING"}, note)
        self.report({"INFO"}, f"{take.armature.name}: {status.summary}")
        return {"FINISHED"}


class KINOLIFT_OT_check_setup(bpy.types.Operator):
    """Look whether everything that a capture needs is there, and say below how to mend what is not"""

    bl_idname = "kinolift.check_setup"
    bl_label = "Check Setup"

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = findings(preferred_python())
        bad = [finding for finding in found if not finding.good]
        for finding in found:
            self.report({"INFO" if finding.good else "WARNING"}, finding.text)
        readiness.show(found)
        return {"FINISHED"} if not bad else {"CANCELLED"}


class KINOLIFT_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of Kinolift, which say what is missing and what to do"""

    bl_idname = "kinolift.open_preferences"
    bl_label = "Open Preferences"

    def execute(self, context: bpy.types.Context) -> set[str]:
        readiness.look(preferred_python())
        return set(bpy.ops.preferences.addon_show(module=PACKAGE))


def stop_running() -> None:
    """Ends the capture behind the window, if there is one."""
    for operator in list(_running):
        operator._end(bpy.context)


def _show(status: KinoliftStatus, capture: Capture) -> None:
    progress = capture.progress
    status.stage = progress.stage_text
    status.text = f"{progress.done} of {progress.total}" if progress.total > 0 else ""
    status.rate = f"{progress.fps:.1f} frames/s" if progress.fps > 0 else ""
    status.fraction = progress.fraction


def _print_log(capture: Capture | None, failure: Failure) -> None:
    """The worker's last words go to the console, where a person looks who wants to report a fault."""
    if capture is not None and failure.code in ("internal", "worker_died", "bad_installation"):
        print("\n".join(["Kinolift, the worker's log:", *capture.log]), flush=True)


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
    KINOLIFT_OT_choose_video,
    KINOLIFT_OT_load_motion,
    *TAKE_CLASSES,
    KINOLIFT_OT_check_setup,
    KINOLIFT_OT_open_preferences,
)
