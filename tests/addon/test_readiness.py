"""What is missing is said in the panel and in the preferences before anybody presses Capture."""

from __future__ import annotations

import bpy
import kinolift_extension as addon
import pytest
from kinolift_extension.addon import readiness, setup

BAD = setup.Finding(False, "Worker Python above names nothing.", "Worker Python does not run")
GOOD = setup.Finding(True, "The networks are there.")


@pytest.fixture
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def window(registered, monkeypatch):
    """As if Blender had a window: the background looks at nothing."""
    monkeypatch.setattr(readiness, "bpy", Windowed())
    yield bpy.context.window_manager.kinolift
    readiness.end()


class Windowed:
    """bpy, but for `app.background`, which cannot be set; timers are called by the test."""

    class app:  # noqa: N801
        background = False
        timers = bpy.app.timers

    data = bpy.data


def test_the_outcome_reaches_panel_and_preferences(window, monkeypatch):
    monkeypatch.delenv("KINOLIFT_PYTHON", raising=False)
    readiness.look_once("/no/such/python")
    assert bpy.app.timers.is_registered(readiness._poll)
    assert readiness._poll() is None
    assert window.missing == "Worker Python does not run"
    assert "Worker Python above" in window.findings[0].text and not window.findings[0].good
    bpy.context.scene.kinolift.video = "clip.mp4"
    assert not bpy.ops.kinolift.capture_video.poll()
    readiness.show([GOOD])
    assert window.missing == "" and bpy.ops.kinolift.capture_video.poll()


def test_the_panel_looks_once_for_each_python(window, monkeypatch):
    started = []
    monkeypatch.setattr(readiness, "look", started.append)
    monkeypatch.setattr(readiness, "_looked_at", {"known"})
    readiness.look_once("known")
    readiness.look_once("new")
    assert started == ["new"]


def test_what_is_wrong_comes_first(registered):
    readiness.show([GOOD, BAD])
    status = bpy.context.window_manager.kinolift
    assert [row.good for row in status.findings] == [False, True]
    status.clear()
    assert status.missing, "a capture's end does not mend the setup"


def test_the_background_looks_at_nothing(registered):
    readiness.look("/no/such/python")
    assert not readiness._checks and not bpy.app.timers.is_registered(readiness._poll)


def test_disabling_gives_the_check_up(window):
    import sys

    readiness.look(sys.executable)
    (check,) = readiness._checks
    readiness.end()
    assert check.finished and not bpy.app.timers.is_registered(readiness._poll) and not readiness._looked_at
