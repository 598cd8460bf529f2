"""Draft and Good: what they set and what they cost; and Blender's own preset menu for a person's settings."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from typing import Final

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from ..contract.options import CaptureOptions

_default = CaptureOptions()
OWN: Final = "own"
SETTINGS: Final[dict[str, dict[str, object]]] = {
    "draft": {"detector": "full", "refiner": _default.refiner},
    "good": {"detector": _default.detector, "refiner": _default.refiner},
}
# measured on two cores with videos of 30 frames a second, see docs/performance.md
COSTS: Final = {
    "draft": "About 20 s for a minute of video: to see whether the shot works.",
    "good": "About a minute for a minute of video.",
}
ITEMS: Final = [
    ("draft", "Draft", "The quick network"),
    ("good", "Good", "The exact network"),
    (OWN, "Own", "What is set under Advanced"),
]
# what a person's presets hold
PRESET_VALUES: Final = (
    "height", "feet", "smooth", "root", "level", "camera_motion", "detector", "refiner", "hypotheses", "steps", "seed", "device",
    "fov_known", "fov", "scene_fps", "set_range", "add_camera", "play", "simplify", "simplify_degrees", "simplify_mm",
)  # fmt: skip


def quality_of(settings: bpy.types.PropertyGroup) -> str:
    """Which of the presets the settings are; OWN where they are none."""
    fits = (name for name, values in SETTINGS.items() if all(getattr(settings, key) == value for key, value in values.items()))
    return next(fits, OWN)


def set_quality(settings: bpy.types.PropertyGroup, name: str) -> None:
    """Sets what the preset says; OWN leaves all as it is."""
    for key, value in SETTINGS.get(name, {}).items():
        setattr(settings, key, value)


class KINOLIFT_MT_capture_presets(bpy.types.Menu):
    bl_label = "Capture Presets"
    preset_subdir = "kinolift/capture"
    preset_operator = "script.execute_preset"
    draw = bpy.types.Menu.draw_preset


class KINOLIFT_OT_add_capture_preset(AddPresetBase, bpy.types.Operator):
    """Keep the settings of the capture as a preset, for every file"""

    bl_idname = "kinolift.add_capture_preset"
    bl_label = "Add Capture Preset"
    preset_menu = "KINOLIFT_MT_capture_presets"
    preset_subdir = "kinolift/capture"
    preset_defines = ("settings = bpy.context.scene.kinolift",)
    preset_values = tuple(f"settings.{name}" for name in PRESET_VALUES)


class KINOLIFT_PT_capture_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Capture Presets"
    preset_subdir = "kinolift/capture"
    preset_operator = "script.execute_preset"
    preset_add_operator = "kinolift.add_capture_preset"


CLASSES = (KINOLIFT_MT_capture_presets, KINOLIFT_OT_add_capture_preset, KINOLIFT_PT_capture_presets)
