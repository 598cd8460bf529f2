"""Operators that work in steps: what they do with the window's events, for which a stand-in calls them here."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace

import pytest
from kinolift_extension.addon import stepwise
from kinolift_extension.addon.background import SLICE
from kinolift_extension.addon.stepwise import Stepwise
from kinolift_extension.contract.failure import Failure

TICK = SimpleNamespace(type="TIMER", value="NOTHING")
ESC = SimpleNamespace(type="ESC", value="PRESS")
MOVE = SimpleNamespace(type="MOUSEMOVE", value="NOTHING")


class Counting(Stepwise):
    bl_label = "Counting"
    fails = False
    writes_from = 10

    def __init__(self):
        self.done, self.said, self.options = 0, [], SimpleNamespace(is_invoke=True, is_repeat=False)

    def steps(self, context):
        for self.done in range(1, 11):
            self.going(self.done / 10)
            yield
            time.sleep(0.6 * SLICE)
            if self.fails and self.done == 3:
                raise Failure("bad_input", "It is too much.")
        return "10 are counted"

    def can_stop(self):
        return self.done < self.writes_from

    def report(self, kinds, text):
        self.said.append((kinds, text))


@pytest.fixture
def window():
    """A context, and what it was told: the status line and the timers that live."""
    told = SimpleNamespace(status=[], timers=[])
    told.context = SimpleNamespace(
        window=None,
        workspace=SimpleNamespace(status_text_set=told.status.append),
        window_manager=SimpleNamespace(
            event_timer_add=lambda interval, window: told.timers.append("timer") or "timer",
            event_timer_remove=told.timers.remove,
            modal_handler_add=lambda operator: None,
        ),
    )
    return told


def test_a_slice_an_event_until_all_is_done(window):
    operator = Counting()
    assert operator.invoke(window.context, TICK) == {"RUNNING_MODAL"} and operator.done == 0 and window.timers
    calls = 1
    while operator.modal(window.context, TICK) == {"RUNNING_MODAL"}:
        calls += 1
        assert operator.modal(window.context, MOVE) == {"RUNNING_MODAL"}, "nothing else is done meanwhile"
    assert 4 <= calls <= 10 and operator.said == [({"INFO"}, "10 are counted")]
    assert window.timers == [] and window.status[-1] is None and window.status[0].startswith("Counting: ") and "%" in window.status[0]


def test_esc_ends_it_until_something_is_changed(window):
    operator = Counting()
    operator.invoke(window.context, TICK)
    operator.modal(window.context, TICK)
    assert operator.modal(window.context, ESC) == {"CANCELLED"} and window.timers == [] and window.status[-1] is None and not operator.said
    operator = Counting()
    operator.writes_from = 1
    operator.invoke(window.context, TICK)
    operator.modal(window.context, TICK)
    assert operator.modal(window.context, ESC) == {"RUNNING_MODAL"} and window.timers


def test_a_failure_is_told_and_nothing_is_left_behind(window):
    operator = Counting()
    operator.fails = True
    operator.invoke(window.context, TICK)
    while (ended := operator.modal(window.context, TICK)) == {"RUNNING_MODAL"}:
        pass
    assert ended == {"CANCELLED"} and operator.said == [({"ERROR"}, "It is too much.")] and window.timers == []
    assert operator.execute(window.context) == {"CANCELLED"}


def test_scripts_wait_for_all_of_it(window):
    operator = Counting()
    assert operator.execute(window.context) == {"FINISHED"} and operator.done == 10 and not window.timers


def test_the_redo_panel_gets_it_in_steps_too(window, monkeypatch):
    """Blender's redo runs `execute`: it is given up there, and invoked anew with the values, after an undo."""
    asked, told = [], []
    monkeypatch.setattr(stepwise, "_again", SimpleNamespace(ask=lambda operator, where: asked.append((operator, where))))
    monkeypatch.setattr(stepwise, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    operator = Counting()
    operator.options.is_repeat = True
    window.context.window = "the window"
    assert operator.execute(window.context) == {"CANCELLED"} and asked == [(operator, "the window")] and not operator.said and not told
    window.context.window = None  # a script that repeats
    assert operator.execute(window.context) == {"FINISHED"}


def test_what_is_dragged_in_the_redo_panel_is_done_once_with_its_last_value(monkeypatch):
    waiting, done = [], []

    @contextlib.contextmanager
    def override(window):
        done.append(window)
        yield

    timers = SimpleNamespace(
        is_registered=lambda one: one in waiting, unregister=waiting.remove, register=lambda one, first_interval: waiting.append(one)
    )
    simplify = SimpleNamespace(simplify=lambda how, **values: done.append((how, values)))
    ops = SimpleNamespace(ed=SimpleNamespace(undo=lambda: done.append("undo")), kinolift=simplify)
    context = SimpleNamespace(window_manager=SimpleNamespace(windows=["w"]), temp_override=override)
    monkeypatch.setattr(stepwise, "bpy", SimpleNamespace(app=SimpleNamespace(timers=timers), ops=ops, context=context))
    again = stepwise._Again()

    class Operator:
        bl_idname = "kinolift.simplify"
        __annotations__ = {"degrees": None}
        degrees = 1.0

    for Operator.degrees in (1.0, 2.0):
        again.ask(Operator(), "w")
    assert len(waiting) == 1 and waiting[0]() is None
    assert done == ["w", "undo", ("INVOKE_DEFAULT", {"degrees": 2.0})]
    context.window_manager.windows = []
    waiting[0]()
    assert len(done) == 3, "the window is gone"
