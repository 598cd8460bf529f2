"""Time in the scene: its frame rate, the frames that a motion's keys fall on, and the frame range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import bpy
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

KEEP, MATCH = "keep", "match"
SCENE_FPS = (KEEP, MATCH)
DEFAULT_SCENE_FPS = KEEP

# the film and television rates that are a whole number divided by this: 23.976, 29.97, 59.94
NTSC = 1.001
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


def key_frames(motion: Motion, scene: bpy.types.Scene, start: float) -> npt.NDArray[np.float64]:
    """(T,) the scene frame of each of the motion's frames, so that it plays in real time at the scene's rate.

    The video's first frame is at `start`. In a scene of the video's rate keys fall on whole frames; in any other there is
    still one key for every frame of the video, between the scene's frames, and nothing is resampled or lost.
    """
    numbers = motion.frame_numbers.astype(np.float64)
    rate = rate_of(scene)
    return start + (numbers if same_rate(rate, motion.fps) else numbers * (rate / motion.fps))


def set_range(scene: bpy.types.Scene, first: float, last: float) -> None:
    """The scene's frame range, wide enough for both."""
    scene.frame_start, scene.frame_end = math.floor(first + 1e-3), math.ceil(last - 1e-3)


def rate_note(motion_fps: float, scene_fps: float) -> str:
    """What a person is told where the two rates differ, "" where they do not."""
    if same_rate(scene_fps, motion_fps):
        return ""
    return (
        f"The motion has {motion_fps:.6g} frames a second and the scene {scene_fps:.6g}: the keys were placed so that the timing is right, "
        "between frames where needed; choose Match to give the scene the motion's rate."
    )
