"""Time and measure in the scene: its frame rate and range, whether something is animated in it, and its unit of length."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
import numpy.typing as npt

from ..contract.failure import Failure
from .resampling import at_rate

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

Array = npt.NDArray[np.float64]

KEEP, MATCH = "keep", "match"
SCENE_FPS = (KEEP, MATCH)
DEFAULT_SCENE_FPS = KEEP
# of the window: a scene in which nothing moves yet gets the clip's rate and range, any other keeps its own
AUTO = "auto"

# the film and television rates that are a whole number divided by this: 23.976, 29.97, 59.94
NTSC = 1.001
# the fields of a motion that are metres
_LENGTHS = ("positions_camera", "positions_world", "rest_offsets", "root_translation", "spread")
# two rates that agree this closely (relative) are the same: files write 29.97 for 30000/1001, which is 1e-6 away
SAME_RATE = 1e-5


def rate_of(scene: bpy.types.Scene) -> float:
    """Frames a second."""
    return float(scene.render.fps / scene.render.fps_base)


def rate_as_fraction(fps: float) -> tuple[int, float]:
    """(fps, fps_base) as Blender stores a rate: 29.97 -> (30, 1.001), 25 -> (25, 1.0), 12.5 -> (25, 2.0).

    Blender keeps a whole number and a 32-bit divisor; bases that are exact in 32 bits are tried before any other.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"a frame rate of {fps} does not exist")
    for base in (1.0, NTSC, 2.0, 4.0, 8.0):
        whole = round(fps * base)
        if whole >= 1 and abs(whole / base - fps) < SAME_RATE * fps:
            return whole, base
    whole = max(1, round(fps))
    return whole, whole / fps


def same_rate(one: float, other: float) -> bool:
    return abs(one - other) < SAME_RATE * other


def match_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Gives the scene this rate."""
    scene.render.fps, scene.render.fps_base = rate_as_fraction(fps)


def has_animation(scene: bpy.types.Scene) -> bool:
    """Whether something is animated in the scene already, so that another rate or range would disturb it."""
    owners: list[bpy.types.ID | None] = [scene, scene.world]
    for thing in scene.objects:
        owners += [thing, thing.data, getattr(thing.data, "shape_keys", None)]
    sequencer = scene.sequence_editor
    strips = getattr(sequencer, "strips_all", ()) or getattr(sequencer, "sequences_all", ())  # the second: before Blender 4.4
    return any(_moves(owner) for owner in owners) or bool(strips)


def resolved(scene: bpy.types.Scene, choice: str) -> str:
    """KEEP or MATCH; AUTO is decided by the scene. Raises Failure `bad_arguments` for another word."""
    if choice == AUTO:
        return KEEP if has_animation(scene) else MATCH
    if choice not in SCENE_FPS:
        raise Failure("bad_arguments", f"The scene's frame rate cannot be {choice!r}; choose {' or '.join(SCENE_FPS)}.")
    return choice


def at_scene_rate(motion: Motion, scene: bpy.types.Scene) -> Motion:
    """The motion at the scene's rate, so that its frames are whole frames of the scene; itself where the rates are the same."""
    return at_that_rate(motion, rate_of(scene))


def at_that_rate(motion: Motion, rate: float) -> Motion:
    """The same of a scene of that rate; needs no Blender."""
    return motion if same_rate(rate, motion.fps) else at_rate(motion, rate)


def in_units(motion: Motion, units: float) -> Motion:
    """The motion with lengths in Blender's units, of which a metre has `units`; itself where a unit is a metre."""
    if units == 1.0:
        return motion
    scaled: dict[str, Any] = {name: getattr(motion, name) * np.float32(units) for name in _LENGTHS}
    for name in ("camera_to_world", "camera_path"):
        if (places := getattr(motion, name)) is not None:
            scaled[name] = places.copy()
            scaled[name][..., :3, 3] *= units
    return replace(motion, **scaled)


def key_frames(motion: Motion, start: int) -> npt.NDArray[np.float64]:
    """(T,) the scene frame of each frame of a motion at the scene's rate; the video's first frame is at `start`."""
    return start + motion.frame_numbers.astype(np.float64)


def units_per_metre(scene: bpy.types.Scene) -> float:
    """How many of Blender's units a metre has, by the scene's unit scale; 1 where the scene counts in no unit."""
    settings = scene.unit_settings
    return 1.0 if settings.system == "NONE" else 1.0 / float(settings.scale_length)


def set_range(scene: bpy.types.Scene, first: float, last: float) -> None:
    """The scene's frame range, wide enough for both."""
    scene.frame_start, scene.frame_end = math.floor(first + 1e-3), math.ceil(last - 1e-3)


def rate_note(motion_fps: float, scene_fps: float) -> str:
    """What a person is told where the two rates differ, "" where they do not."""
    if same_rate(scene_fps, motion_fps):
        return ""
    return (
        f"The clip has {motion_fps:.6g} frames a second and the scene, which is animated already, {scene_fps:.6g}: the keys stand on the "
        "scene's frames, in the right time; Match Video gives the scene the clip's rate."
    )


def _moves(owner: bpy.types.ID | None) -> bool:
    animation = getattr(owner, "animation_data", None)
    return animation is not None and (animation.action is not None or len(animation.nla_tracks) > 0)
