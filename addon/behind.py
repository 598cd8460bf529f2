"""What operators share that capture: behind the window for a person, at once for scripts; several wait for one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import bpy

from ..contract.failure import Failure
from .background import Run
from .capture import Take, quality_sentence
from .locale.said import translated, word
from .manners import over_the_panel, tell, write_log
from .properties import KinoliftStatus, follow

INTERVAL: Final = 0.03  # seconds between two looks at the worker, and between two slices of building
HINT: Final = "Kinolift is capturing. Esc over its panel: cancel"

# The captures behind the window: the first runs, the others wait.
_queue: list[Behind] = []


class Behind:
    """A mixin of operators; they say in `begin` what runs."""

    _run: Run | None = None
    _timer: bpy.types.Timer | None = None
    _scene: bpy.types.Scene | None = None
    _over = False  # taken back from outside: the add-on was disabled
    message = ""

    def begin(self, scene: bpy.types.Scene) -> Run:
        """The run of this operator's options. Raises Failure."""
        raise NotImplementedError

    def look_before(self) -> None:
        """Raises the Failure of what can be known before it is this operator's turn."""

    def show(self, context: bpy.types.Context, take: Take) -> list[str]:
        """Shows the take that was made; returns what a person should know."""
        return []

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Behind the window: a timer looks at the worker, which runs by itself."""
        status = context.window_manager.kinolift
        try:
            self.look_before()
            if not _queue:
                status.clear()
                self._run = self.begin(context.scene)
        except Failure as failure:
            return self._fail(context, failure)
        self._scene = context.scene
        _queue.append(self)
        # the file counts as changed from now on, so that Blender asks before it opens another or quits
        bpy.ops.ed.undo_push(message=word("{what} begins").format(what=word(self.bl_label)))  # type: ignore[attr-defined]
        status.running, status.waiting = True, len(_queue) - 1
        if self._run is not None:
            status.stage = self._run.capture.progress.stage_text
        self._timer = context.window_manager.event_timer_add(INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(word(HINT))
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        status = context.window_manager.kinolift
        if self._over:
            return {"CANCELLED"}
        if _queue[0] is not self:
            return {"PASS_THROUGH"}
        if event.type == "ESC" and event.value == "PRESS" and over_the_panel(context, event):
            status.cancel = True
        if status.cancel:
            self._end(context)
            status.clear_result()
            status.summary = "Cancelled; nothing was changed."
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            if self._run is None:
                self._run = self.begin(self._scene or context.scene)
            status.show(self._run.capture.progress, len(_queue) - 1)
            take = self._run.step()
        except Failure as failure:
            return self._stop(context, failure)
        except Exception:
            self._rescued()
            self._end(context)
            raise
        return {"PASS_THROUGH"} if take is None else self._finish(context, take)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """For scripts and the background: returns when the take is there."""
        context.window_manager.kinolift.clear()
        try:
            self.look_before()
            self._run = self.begin(context.scene)
            return self._finish(context, self._run.whole())
        except Failure as failure:
            return self._stop(context, failure)
        except Exception:
            self._rescued()
            self._end(context)
            raise

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is opened, or Blender is closed."""
        self._end(context)

    def end_from_outside(self) -> None:
        """The add-on is disabled."""
        self._over = True
        self._end(bpy.context)

    def _finish(self, context: bpy.types.Context, take: Take) -> set[str]:
        assert self._run is not None
        sentence = take.summary(self._run.capture.seconds)
        notes = [*self._run.capture.progress.warnings, *take.notes, *self.show(context, take)]
        self._end(context)
        status = context.window_manager.kinolift
        status.tell(sentence, quality_sentence(take.motion), notes)
        for note in notes:
            self.report({"INFO"}, translated(note))  # type: ignore[attr-defined]
        self.report({"INFO"}, f"{take.armature.name}: {translated(sentence)}")  # type: ignore[attr-defined]
        follow(context, "review")
        return {"FINISHED"}

    def _stop(self, context: bpy.types.Context, failure: Failure) -> set[str]:
        """Ends it with the failure; what was captured is kept."""
        message = failure.message
        if kept := self._rescued():
            message = f"{message} {kept}"
        elif self._run is not None and (log := write_log(self._run.capture.log, failure)):
            message = f"{message} Its log is {log}."
        self._end(context)
        return self._fail(context, Failure(failure.code, message))

    def _rescued(self) -> str:
        """Where the motion is kept that could not be built: minutes of work, which Load Motion takes up again. "" where there is none."""
        if self._run is None or not self._run.captured:
            return ""
        path: Path = self._run.capture.rescue()
        sentence = f"The capture is kept in {path}; Load Motion builds it."
        print(f"Kinolift: {sentence}", flush=True)
        return sentence

    def _fail(self, context: bpy.types.Context, failure: Failure) -> set[str]:
        status = context.window_manager.kinolift
        status.clear_result()
        status.error = failure.message
        tell(self, context, failure.message)
        return {"CANCELLED"}

    def _end(self, context: bpy.types.Context) -> None:
        """Takes everything back that `invoke` set up, and ends the worker."""
        status: KinoliftStatus = context.window_manager.kinolift
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if self._run is not None:
            self._run.close()
            self._run = None
        if self in _queue:
            _queue.remove(self)
        status.idle()
        if _queue:
            status.running, status.waiting = True, len(_queue) - 1
        elif context.workspace is not None:
            context.workspace.status_text_set(None)


def stop_all() -> None:
    """Ends the captures behind the window, if there are any."""
    for operator in reversed(list(_queue)):
        operator.end_from_outside()


def options_given(operator: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the operator's options that were named in the call; numbers as they were typed."""
    given = {name: getattr(operator, name) for name in names if operator.properties.is_property_set(name)}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in given.items()}
