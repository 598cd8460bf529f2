"""A character that is to move with its take in a scene whose rate has changed since the take was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..keyframes import frame_range

if TYPE_CHECKING:
    import bpy

    from ...contract.motion_file import Motion


def rate_note(take: bpy.types.Object, clip: Motion, shown: Motion, start: int) -> str:
    """What a person is told where the scene's rate has changed since the take was built, as importers of characters do: the `clip` as it is
    `shown` now would end elsewhere than the take's keys do. "" where it has not."""
    ends = frame_range(take)[1]
    if abs(start + shown.frame_numbers[-1] - ends) < 1 or abs(start + clip.frame_numbers[-1] - ends) >= 1:
        return ""
    return (
        f"{take.name} has its keys at {clip.fps:.6g} frames a second and the scene {shown.fps:.6g} now, as an import may have set it: "
        "press Match Video under Review, and Retarget again."
    )
