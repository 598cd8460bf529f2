"""Markers on the timeline at the stretches of a motion that rest on little, so that the animator knows where to look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

# on the armature: its unsure stretches in scene frames, so that they can be marked without the motion file
PROPERTY = "kinolift_unsure"
PREFIX = "Unsure"  # of the markers' names, by which they are found again


def remember_unsure(armature: bpy.types.Object, motion: Motion, frames: list[float]) -> None:
    """Writes the motion's unsure stretches onto its armature; frames (T,): the scene frame of each of the motion's frames."""
    stretches = motion.provenance.get("quality", {}).get("unsure", [])
    shift = frames[0] - int(motion.frame_numbers[0])
    kept = [(s["first_frame"] + shift, s["last_frame"] + shift, str(s["reason"])) for s in stretches]
    armature[PROPERTY] = json.dumps(kept)


def unsure_of(armature: bpy.types.Object | None) -> list[tuple[float, float, str]]:
    """(first, last scene frame, reason) of the stretches; [] for objects that remember none."""
    if armature is None or PROPERTY not in armature:
        return []
    return [(float(a), float(b), str(reason)) for a, b, reason in json.loads(armature[PROPERTY])]


def next_unsure(armature: bpy.types.Object, frame: int) -> tuple[int, int, str] | None:
    """(first, last, reason) of the stretch that begins after the scene frame; behind the last one the first; None where there is none."""
    stretches = sorted((round(first), round(last), reason) for first, last, reason in unsure_of(armature))
    return next((each for each in stretches if each[0] > frame), stretches[0] if stretches else None)


def mark_unsure(scene: bpy.types.Scene, armature: bpy.types.Object) -> int:
    """Sets a marker at both ends of every unsure stretch, in place of those of an earlier call; returns the number of stretches."""
    clear_marks(scene, armature)
    stretches = unsure_of(armature)
    for first, last, reason in stretches:
        scene.timeline_markers.new(f"{PREFIX}: {reason} ({armature.name})", frame=round(first))
        if round(last) > round(first):
            scene.timeline_markers.new(f"{PREFIX} end ({armature.name})", frame=round(last))
    return len(stretches)


def clear_marks(scene: bpy.types.Scene, armature: bpy.types.Object) -> int:
    """Removes the armature's markers, and no others; returns how many."""
    mine = [m for m in scene.timeline_markers if m.name.startswith(PREFIX) and m.name.endswith(f"({armature.name})")]
    for marker in mine:
        scene.timeline_markers.remove(marker)
    return len(mine)
