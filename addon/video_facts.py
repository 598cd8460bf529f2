"""What Blender itself can say of a video before it is captured: its size, length and rate."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..contract.failure import Failure
from .capture import check_video


def video_facts(video: str) -> str:
    """One line: clip.mp4: 1920 x 1080, 12.3 s, 30 frames a second. "" where no video is chosen; what is wrong where it cannot be one."""
    if not video:
        return ""
    path = Path(bpy.path.abspath(video))
    try:
        check_video(path)
    except Failure as failure:
        return failure.message
    try:
        clip = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:
        return f"Blender cannot read {path.name}; the capture may still."
    try:
        (width, height), frames, rate = clip.size, clip.frame_duration, clip.fps
        if not width or not frames:
            return f"Blender cannot read {path.name}; the capture may still."
        long = f"{frames / rate:.1f} s, {rate:.5g} frames a second" if rate > 0 else f"{frames} frames"
        return f"{path.name}: {width} x {height}, {long}."
    finally:
        bpy.data.movieclips.remove(clip)
