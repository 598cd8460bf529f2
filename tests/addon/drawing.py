"""Draws a fold of the panel without a window: Blender's layout exists in one only."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy
from kinolift_extension.addon.locale.said import CONTEXT

ICONS = set(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


class Layout:
    """Stands in for Blender's layout, which draws in a window only: takes the calls that the real one would take, and notes them."""

    def __init__(self, calls: list[tuple[str, dict[str, Any]]]) -> None:
        object.__setattr__(self, "calls", calls)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in bpy.types.UILayout.bl_rna.properties, name

    def __getattr__(self, name: str) -> Any:
        parameters = bpy.types.UILayout.bl_rna.functions[name].parameters
        inputs = [p.identifier for p in parameters if not p.is_output]

        def call(*args: object, **given: Any) -> Any:
            given |= dict(zip(inputs, args, strict=False))
            assert set(given) <= set(inputs), (name, given)
            assert given.get("icon", "NONE") in ICONS, given
            if name == "label" and given.get("text") and given.get("translate", True):
                assert given.get("text_ctxt") == CONTEXT, given  # else a word of Blender's may win
            if given.get("heading"):
                assert given.get("heading_ctxt") == CONTEXT, given
            if name in ("prop", "prop_search"):
                assert given["property"] in given["data"].bl_rna.properties
            if name == "operator":
                assert hasattr(bpy.types, given["operator"].replace("kinolift.", "KINOLIFT_OT_"))
            if name == "menu":
                assert hasattr(bpy.types, given["menu"])
            self.calls.append((name, given))
            if name == "operator":
                return Options(given)
            return (Layout(self.calls), Layout(self.calls)) if name in ("panel", "panel_prop") else Layout(self.calls)

        return call


class Options:
    """What a button's operator is called with: takes the properties that it has."""

    def __init__(self, given: dict[str, Any]) -> None:
        object.__setattr__(self, "given", given)

    def __setattr__(self, name: str, value: object) -> None:
        group, operator = self.given["operator"].split(".")
        assert name in getattr(getattr(bpy.ops, group), operator).get_rna_type().properties, name
        self.given[name] = value


def draw(fold: Callable[[Any, Any], None], shown: bpy.types.Object | None) -> list[tuple[str, dict[str, Any]]]:
    """What the fold draws while `shown` is the active object: the calls of the layout and their arguments, every panel within it open."""
    calls: list[tuple[str, dict[str, Any]]] = []
    context = SimpleNamespace(
        scene=bpy.context.scene,
        object=shown,
        selected_objects=[],
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
        region=SimpleNamespace(width=300),
        window_manager=bpy.context.window_manager,
    )
    fold(Layout(calls), context)
    return calls


def texts(calls: list[tuple[str, dict[str, Any]]]) -> str:
    """All that can be read."""
    return " ".join(given["text"] for _, given in calls if given.get("text"))


def operators(calls: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The buttons."""
    return [given["operator"] for name, given in calls if name == "operator"]
