"""Blender's operators that go to another take of the same video: of the next person, of the next shot."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import math

import bpy

from ..contract.failure import Failure
from .armature import is_kinolift
from .background import Run
from .behind import Behind
from .camera import camera_of, is_of_take
from .capture import Take
from .keeping import DETECTION
from .keyframes import frame_range
from .other_takes import PERSON, SHOT, another, there_already, which
from .preferences import preferred_python
from .view import activate, show_take


class _Next(Behind):
    """What they share: a take that is there is shown, one that is not is made of what was detected, and the video is not looked at."""

    kind = PERSON
    nothing = ""
    _take: bpy.types.Object | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_kinolift(context.object):
            cls.poll_message_set("Select a captured armature first")  # type: ignore[attr-defined]
            return False
        if not which(context.object).next(cls.kind):
            cls.poll_message_set(cls.nothing)  # type: ignore[attr-defined]
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return {"FINISHED"} if self._shown(context) else super().invoke(context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return {"FINISHED"} if self._shown(context) else super().execute(context)

    def look_before(self) -> None:
        self._take = bpy.context.object
        if DETECTION not in self._take.data:
            raise Failure(
                "no_such_file",
                f"{self._take.name} was made from a motion file alone, without what was detected; capture its video again.",
            )

    def begin(self, scene: bpy.types.Scene) -> Run:
        assert self._take is not None
        return another(self._take, scene, self.kind, which(self._take).next(self.kind), preferred_python())

    def show(self, context: bpy.types.Context, take: Take) -> list[str]:
        scene = context.scene
        if self._take is not None and (scene.frame_start, scene.frame_end) == tuple(round(frame) for frame in frame_range(self._take)):
            # the range is the other take's alone: of both now
            scene.frame_start = min(scene.frame_start, math.floor(take.first_frame))
            scene.frame_end = max(scene.frame_end, math.ceil(take.last_frame))
        return show_take(context, take)

    def _shown(self, context: bpy.types.Context) -> bool:
        """Goes to the take if it is there."""
        found = there_already(context.object, context.scene, self.kind, which(context.object).next(self.kind))
        if found is None:
            return False
        activate(found)
        if (filmed := camera_of(found)) is not None and (context.scene.camera is None or is_of_take(context.scene.camera)):
            context.scene.camera = filmed
        first, last = (round(frame) for frame in frame_range(found))
        if not first <= context.scene.frame_current <= last:
            context.scene.frame_set(first)
        return True


class KINOLIFT_OT_next_person(_Next, bpy.types.Operator):
    """Go to the take of the next person of the video; it is made of what was detected where there is none yet"""

    bl_idname = "kinolift.next_person"
    bl_label = "Next Person"
    bl_options = {"UNDO"}  # noqa: RUF012
    nothing = "Nobody else is seen in this take's video"


class KINOLIFT_OT_next_shot(_Next, bpy.types.Operator):
    """Go to the take of the next shot of the video; it is made of what was detected where there is none yet"""

    bl_idname = "kinolift.next_shot"
    bl_label = "Next Shot"
    bl_options = {"UNDO"}  # noqa: RUF012
    kind = SHOT
    nothing = "This take's video has no other shot"


CLASSES = (KINOLIFT_OT_next_person, KINOLIFT_OT_next_shot)
