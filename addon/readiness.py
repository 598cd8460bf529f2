"""Whether a capture can work, looked at behind the window before anybody presses Capture, and shown in panel and preferences."""

from __future__ import annotations

from typing import Any

import bpy

from .locale.said import translated, word
from .setup import Check, Finding, problem

_INTERVAL = 0.2  # seconds between two looks at the check
_checks: list[Check] = []  # the one that runs; disabling the add-on ends it
_looked_at: set[str] = set()  # the worker Pythons that a check was started for


def look(preferred: str) -> None:
    """Starts a check of that worker Python and shows its outcome when it is there. Does nothing without a window."""
    if bpy.app.background:
        return
    end()
    _looked_at.add(preferred)
    _checks.append(Check(preferred))
    bpy.app.timers.register(_poll, first_interval=_INTERVAL)


def look_once(preferred: str) -> None:
    """The same, the first time that it is asked for: when the panel is drawn, so that Blender's start costs nothing."""
    if preferred not in _looked_at:
        look(preferred)


def end() -> None:
    """Gives up the check that runs, if one does, and knows nothing any more."""
    _looked_at.clear()
    if bpy.app.timers.is_registered(_poll):
        bpy.app.timers.unregister(_poll)
    while _checks:
        _checks.pop().end()


def show(found: list[Finding]) -> None:
    """What was found, for the panel and for the preferences."""
    for manager in bpy.data.window_managers:
        manager.kinolift.missing = problem(found)
        rows = manager.kinolift.findings
        rows.clear()
        for finding in sorted(found, key=lambda each: each.good):
            row = rows.add()
            row.text, row.good = finding.text, finding.good
        for window in manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()


def _poll() -> float | None:
    if not _checks:
        return None
    if not _checks[0].finished:
        return _INTERVAL
    show(_checks.pop().findings())
    return None


def can_look(operator: Any, context: bpy.types.Context) -> bool:
    """Whether a video is chosen and the worker can look at it; where not, the class of the operator says why on its button."""
    if not context.scene.kinolift.video:
        operator.poll_message_set("Choose a video first")
        return False
    if missing := context.window_manager.kinolift.missing:
        operator.poll_message_set(word("{missing}; the preferences say what to do").format(missing=translated(missing)))
        return False
    return True
