"""Operators that work for a second or more: for a person in steps, between which the window draws and Esc is heard; for scripts at once."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, Final

import bpy

from ..contract.failure import Failure
from .background import SLICE
from .locale.said import translated, word
from .manners import tell
from .steps import drained

INTERVAL: Final = 0.01  # seconds between two slices
SETTLED: Final = 0.3  # seconds without another value from the redo panel


class _Again:
    """What the redo panel wants done with other values: undone and invoked anew, once nobody drags a value any more."""

    def __init__(self) -> None:
        self._idname = ""
        self._values: dict[str, Any] = {}
        self._window: bpy.types.Window | None = None

    def ask(self, operator: Any, window: bpy.types.Window) -> None:
        self._idname, self._window = type(operator).bl_idname, window
        self._values = {name: getattr(operator, name) for name in operator.__annotations__}
        if bpy.app.timers.is_registered(self._do):
            bpy.app.timers.unregister(self._do)
        bpy.app.timers.register(self._do, first_interval=SETTLED)

    def _do(self) -> None:
        manager = bpy.context.window_manager
        window = next((each for each in manager.windows if each == self._window), None)
        if window is None:
            return
        group, name = self._idname.split(".")
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo()
            getattr(getattr(bpy.ops, group), name)("INVOKE_DEFAULT", **self._values)


class Stepwise:
    """A mixin of operators. Until the last step nothing else can be done in the window: what is worked on must stay as it is."""

    _steps: Generator[None, None, str] | None = None
    _timer: bpy.types.Timer | None = None
    _share = 0.0

    def steps(self, context: bpy.types.Context) -> Generator[None, None, str]:
        """The work; returns the sentence that is told in the end. Raises Failure. It calls `going` with the share that is done."""
        raise NotImplementedError

    def can_stop(self) -> bool:
        """Whether nothing is changed yet, so that Esc may end it."""
        return True

    def going(self, share: float) -> None:
        self._share = share

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._steps = self.steps(context)
        self._timer = context.window_manager.event_timer_add(INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS" and self.can_stop():
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        try:
            said = self.slice()
        except Failure as failure:
            self.cancel(context)
            return self._failed(context, failure)
        except Exception:
            self.cancel(context)
            raise
        if said is None:
            label = word(self.bl_label)  # type: ignore[attr-defined]
            context.workspace.status_text_set(word("{what}: {share}. Esc: cancel").format(what=label, share=f"{self._share:.0%}"))
            return {"RUNNING_MODAL"}
        self.cancel(context)
        return self._done(said)

    def slice(self) -> str | None:
        """Goes on for as long as nobody feels it; what is to be told once all is done."""
        assert self._steps is not None
        ends = time.perf_counter() + SLICE
        while True:  # at least one step
            try:
                next(self._steps)
            except StopIteration as end:
                return str(end.value)
            if time.perf_counter() >= ends:
                return None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """For scripts and the background: returns when it is done. The redo panel gets it in steps, too."""
        me: Any = self
        if me.options.is_repeat and context.window is not None and not bpy.app.background:
            _again.ask(me, context.window)
            return {"CANCELLED"}  # Blender then brings back what its redo has undone
        try:
            return self._done(drained(self.steps(context)))
        except Failure as failure:
            return self._failed(context, failure)

    def cancel(self, context: bpy.types.Context) -> None:
        """Takes back what `invoke` set up; Blender calls it too, when it ends the operator itself."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if context.workspace is not None:
            context.workspace.status_text_set(None)

    def _done(self, said: str) -> set[str]:
        me: Any = self
        me.report({"INFO"}, translated(said))
        return {"FINISHED"}

    def _failed(self, context: bpy.types.Context, failure: Failure) -> set[str]:
        tell(self, context, failure.message)
        return {"CANCELLED"}


_again = _Again()
