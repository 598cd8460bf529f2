"""Blender's operators that choose whose motion is captured: who is in the first frame, and one of them."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import bpy

from ..contract.failure import Failure
from ..contract.options import read_person
from . import readiness
from .first_look import Look
from .locale.said import translated
from .manners import tell, write_log
from .preferences import preferred_python

INTERVAL: Final = 0.1  # seconds between two looks at the worker
_looking: list[KINOLIFT_OT_find_people] = []  # the one that runs


class KINOLIFT_OT_find_people(bpy.types.Operator):
    """Look at the first frame of the range and show who is in it, to choose whose motion is captured"""

    bl_idname = "kinolift.find_people"
    bl_label = "Find People"

    _look: Look | None = None
    _timer: bpy.types.Timer | None = None
    _video = ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not readiness.can_look(cls, context):
            return False
        if _looking:
            cls.poll_message_set("The first frame is being looked at")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """For a person: behind the window, which stays usable."""
        try:
            self._begin(context)
        except Failure as failure:
            return self._failed(context, failure)
        _looking.append(self)
        context.window_manager.kinolift.looking = True
        self._timer = context.window_manager.event_timer_add(INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self not in _looking:  # taken back from outside
            return {"CANCELLED"}
        if event.type != "TIMER" or self._look is None or not self._look.finished:
            return {"PASS_THROUGH"}
        return self._finish(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """For scripts: returns when it is known."""
        try:
            self._begin(context)
        except Failure as failure:
            return self._failed(context, failure)
        while self._look is not None and not self._look.finished:
            time.sleep(INTERVAL)
        return self._finish(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is opened, or Blender is closed."""
        self.end(context)

    def end(self, context: bpy.types.Context) -> None:
        """Takes everything back that was set up."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if self._look is not None:
            self._look.close()
            self._look = None
        if self in _looking:
            _looking.remove(self)
        context.window_manager.kinolift.looking = False

    def _begin(self, context: bpy.types.Context) -> None:
        settings = context.scene.kinolift
        self._video = settings.video
        self._look = Look(Path(bpy.path.abspath(settings.video)), preferred_python(), settings.start, settings.end)

    def _finish(self, context: bpy.types.Context) -> set[str]:
        assert self._look is not None
        try:
            seen, stale = self._look.people(), context.scene.kinolift.video != self._video
        except Failure as failure:
            message = failure.message
            if log := write_log(self._look.log, failure):
                message = f"{message} Its log is {log}."
            self.end(context)
            return self._failed(context, Failure(failure.code, message))
        self.end(context)
        status = context.window_manager.kinolift
        status.people.clear()
        if stale:  # another video was chosen meanwhile
            return {"CANCELLED"}
        for person in seen:
            row = status.people.add()
            row.number, row.place = person.number, person.place
        status.people_of = self._video
        status.error = ""
        said = "One person is in the first frame." if len(seen) == 1 else f"{len(seen)} people are in the first frame."
        self.report({"INFO"}, translated(said))
        return {"FINISHED"}

    def _failed(self, context: bpy.types.Context, failure: Failure) -> set[str]:
        context.window_manager.kinolift.error = failure.message
        tell(self, context, failure.message)
        return {"CANCELLED"}


class KINOLIFT_OT_choose_person(bpy.types.Operator):
    """Capture the motion of this person"""

    bl_idname = "kinolift.choose_person"
    bl_label = "Choose Person"
    bl_options = {"UNDO"}  # not REGISTER: the redo panel would say over the view what the button shows  # noqa: RUF012

    person: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="A number, a word or a place in the picture, as the option says it", default="main"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            read_person(self.person)
        except Failure as failure:
            tell(self, context, failure.message)
            return {"CANCELLED"}
        context.scene.kinolift.person = self.person
        return {"FINISHED"}


def stop_all() -> None:
    """Ends the look that runs: the add-on is disabled."""
    for operator in list(_looking):
        operator.end(bpy.context)


CLASSES = (KINOLIFT_OT_find_people, KINOLIFT_OT_choose_person)
