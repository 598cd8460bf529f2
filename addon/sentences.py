"""Sentences in Blender's layouts, in lines that fit."""

from __future__ import annotations

from pathlib import PurePath

import bpy

from .locale.said import translated

_CHARACTER = 7.0  # pixels of an average letter at scale 1, to break long sentences where the sidebar ends
_MARGIN = 60.0  # pixels of the sidebar's width that icon, box and borders take


def placeholder(text: str) -> dict[str, str]:
    """What stands in an empty text field, where this Blender can show that (4.3 and later)."""
    return {"placeholder": text} if "placeholder" in bpy.types.UILayout.bl_rna.functions["prop"].parameters else {}


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str) -> None:
    """A sentence in a box, in the language that Blender speaks, broken into lines as wide as the sidebar."""
    width = (context.region.width / context.preferences.system.ui_scale - _MARGIN) / _CHARACTER
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(_lines(translated(sentence), max(16, int(width)))):
        column.label(text=line, translate=False, icon=icon if number == 0 else "BLANK1")


def _lines(sentence: str, width: int) -> list[str]:
    """The sentence in lines of at most `width` letters; a path that is longer is shortened to its end."""
    lines: list[str] = []
    for word in sentence.split():
        if len(word) > width:
            word = f"…{PurePath(word).name}"
            if len(word) > width:
                word = f"…{word[-width + 1 :]}"
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
