"""What is told is of the file that is open and the step that stands: undo and another file take it back."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent


@persistent  # type: ignore[misc, untyped-decorator]
def _forget(*_: Any) -> None:
    for manager in bpy.data.window_managers:
        manager.kinolift.clear_result()
        manager.kinolift.exported = ""


_LISTS = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post)


def attach() -> None:
    for handlers in _LISTS:
        handlers.append(_forget)


def detach() -> None:
    for handlers in _LISTS:
        handlers.remove(_forget)
