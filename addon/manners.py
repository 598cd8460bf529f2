"""How we behave in Blender's window: Esc is ours over our panel only, and a fault is told once, where the person looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import bpy

from ..contract.failure import Failure
from .locale.said import translated

TAB: Final = "Kinolift"
LOG: Final = "kinolift-log.txt"
_FAULTS: Final = ("internal", "worker_died", "bad_installation")  # whose log helps; the others say all in their sentence


def over_the_panel(context: bpy.types.Context, event: bpy.types.Event) -> bool:
    """Whether the mouse is over a sidebar that shows our tab."""
    return any(
        region.x <= event.mouse_x < region.x + region.width and region.y <= event.mouse_y < region.y + region.height
        for region in _our_sidebars(context)
    )


def panel_is_shown(context: bpy.types.Context) -> bool:
    """Whether some sidebar of the window shows our tab."""
    return bool(_our_sidebars(context))


def tell(operator: Any, context: bpy.types.Context, message: str) -> None:
    """Reports a fault, in the language that Blender speaks. To scripts it is an error, as Blender's own; where our panel shows it, no popup
    covers the button."""
    if not bpy.app.background and context.window is not None and operator.options.is_invoke and panel_is_shown(context):
        operator.report({"INFO"}, translated(message))
    else:
        operator.report({"ERROR"}, translated(message))


def write_log(lines: Sequence[str], failure: Failure) -> Path | None:
    """Writes the worker's last words where a person finds them who wants to report a fault; None for failures that explain themselves."""
    if failure.code not in _FAULTS:
        return None
    text = "\n".join(["Kinolift, the worker's log:", *lines])
    print(text, flush=True)
    path = Path(bpy.app.tempdir) / LOG
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError:  # a full disk; the console has it
        return None
    return path


def _our_sidebars(context: bpy.types.Context) -> list[bpy.types.Region]:
    window = context.window
    if window is None:
        return []
    sidebars = [region for area in window.screen.areas if area.type == "VIEW_3D" for region in area.regions if region.type == "UI"]
    return [region for region in sidebars if region.width > 1 and region.active_panel_category == TAB]
