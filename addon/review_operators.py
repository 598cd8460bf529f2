"""Blender's operators on a take that is looked through: where it is unsure, refining it again, the clip's rate, the asset library."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

from ..contract.alternatives import LIMBS
from .armature import is_kinolift
from .background import Run
from .behind import Behind, options_given
from .camera import camera_of
from .capture import Placement
from .keeping import DETECTION, reading_motion, record_of
from .locale.said import CONTEXT, translated
from .manners import tell
from .markers import mark_unsure, next_unsure
from .other_depths import LIMB_NAMES, taken_of, taking_again, taking_next
from .placing import Target, placing
from .preferences import preferred_python
from .properties import capture_properties
from .refining import REFINED, refining
from .scene import MATCH
from .steps import elsewhere
from .stepwise import Stepwise

SHOWN = ("height", "fov", "smooth", "feet", "root", "level")  # of REFINED: what the panel shows of them


def _is_ours(operator: Any, take: bpy.types.Object) -> bool:
    """Whether the take can be changed here; says why not."""
    if take.library is None and take.data.library is None:
        return True
    operator.poll_message_set("This take is linked from another file; open that one to change it")
    return False


class _OfTake:
    """What they share: the active object is a take."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_kinolift(context.object):
            cls.poll_message_set("Select a captured armature first")  # type: ignore[attr-defined]
            return False
        return True


class _OfOwnTake(_OfTake):
    """And it is changed."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and _is_ours(cls, context.object)


class KINOLIFT_OT_refine(Behind, bpy.types.Operator):
    """Make the take's motion anew with other smoothing, feet, height or lens; the video is not looked at again. What is not named stays"""

    bl_idname = "kinolift.refine"
    bl_label = "Refine Again"
    bl_options = {"UNDO"}  # noqa: RUF012

    __annotations__ = {name: made for name, made in capture_properties().items() if name in REFINED}

    _take: bpy.types.Object | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_kinolift(context.object):
            cls.poll_message_set("Select a captured armature first")
            return False
        if not _is_ours(cls, context.object):
            return False
        if DETECTION not in context.object.data:
            cls.poll_message_set("This take was made from a motion file alone; capture its video to refine it")
            return False
        return True

    def look_before(self) -> None:
        self._take = bpy.context.object

    def begin(self, scene: bpy.types.Scene) -> Run:
        assert self._take is not None
        return refining(self._take, scene, options_given(self, REFINED), preferred_python())


class KINOLIFT_OT_refine_with_settings(bpy.types.Operator):
    """Make the take's motion anew with the settings above; the video is not looked at again"""

    bl_idname = "kinolift.refine_with_settings"
    bl_label = "Refine Again"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(KINOLIFT_OT_refine.poll(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        options = context.scene.kinolift.options()
        try:
            return set(bpy.ops.kinolift.refine("INVOKE_DEFAULT", **{name: options[name] for name in SHOWN}))
        except RuntimeError as error:  # a failure that the inner operator has reported; it must be told once, by this one
            tell(self, context, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}


class KINOLIFT_OT_next_unsure(_OfTake, bpy.types.Operator):
    """Go to the next stretch that the capture is unsure of"""

    bl_idname = "kinolift.next_unsure"
    bl_label = "Next Unsure"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = next_unsure(context.object, context.scene.frame_current)
        if found is None:
            self.report({"INFO"}, translated("There is no unsure stretch."))
            return {"CANCELLED"}
        first, last, reason = found
        context.scene.frame_set(first)
        self.report({"INFO"}, translated(f"Frames {first} to {last}: {reason}"))
        return {"FINISHED"}


class KINOLIFT_OT_mark_unsure(_OfTake, bpy.types.Operator):
    """Set timeline markers where the capture is unsure of the person, so that you know where to look"""

    bl_idname = "kinolift.mark_unsure"
    bl_label = "Mark Unsure Stretches"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        marked = mark_unsure(context.scene, context.object)
        said = f"{marked} unsure stretches are marked." if marked else "There is no unsure stretch."
        self.report({"INFO"}, translated(said))
        return {"FINISHED"}


class KINOLIFT_OT_other_depth(Stepwise, _OfOwnTake, bpy.types.Operator):
    """Let the limb point the other way in depth around this frame: it looks the same in the video, and different from the side. Again: the
    next way, and at last as captured"""

    bl_idname = "kinolift.other_depth"
    bl_label = "Other Depth"
    bl_options = {"UNDO"}  # noqa: RUF012

    __annotations__ = {
        "limb": bpy.props.EnumProperty(items=[(limb, LIMB_NAMES[limb], "") for limb in LIMBS], name="Limb", translation_context=CONTEXT)
    }

    def steps(self, context: bpy.types.Context) -> Generator[None, None, str]:
        take, limb = context.object, self.limb
        choice = yield from taking_next(take, limb, context.scene.frame_current)
        if not choice.number:
            return f"Frames {choice.first} to {choice.last}: as captured"
        return f"Frames {choice.first} to {choice.last}: {choice.number} of {choice.count} other ways"


class KINOLIFT_OT_match_rate(Stepwise, _OfOwnTake, bpy.types.Operator):
    """Give the scene the clip's frame rate and range, and the take a key on every frame of the clip"""

    bl_idname = "kinolift.match_rate"
    bl_label = "Match Video"
    bl_options = {"UNDO"}  # noqa: RUF012

    _changing = False

    def steps(self, context: bpy.types.Context) -> Generator[None, None, str]:
        take, scene, record = context.object, context.scene, record_of(context.object)
        taken = taken_of(take)
        start, video = record.get("start"), record.get("video")
        placement = Placement(MATCH, start if isinstance(start, int) else None, add_camera=camera_of(take) is not None)
        shown = Path(video) if isinstance(video, str) and video and Path(video).is_file() else None
        target = Target.of(scene, placement)
        motion = yield from elsewhere(reading_motion(take))
        ready = yield from elsewhere(target.ready_of(motion))
        self._changing = True
        placed = yield from placing(motion, scene, take.name, placement, shown, ready=ready, replaced=take)
        yield from taking_again(take, taken)
        context.window_manager.kinolift.tell(placed.summary(), "", placed.notes)
        return f"{take.name}: {translated(placed.summary())}"

    def can_stop(self) -> bool:
        return not self._changing


class KINOLIFT_OT_mark_asset(_OfOwnTake, bpy.types.Operator):
    """Put the take into the asset library of this file: the armature, and its action for other characters"""

    bl_idname = "kinolift.mark_asset"
    bl_label = "Mark as Asset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        take = context.object
        marked = [take] + ([take.animation_data.action] if take.animation_data and take.animation_data.action else [])
        for thing in marked:
            thing.asset_mark()
            thing.asset_data.description = f"Captured by Kinolift from {Path(str(record_of(take).get('video', ''))).name or 'a video'}"
            thing.asset_data.tags.new("Kinolift", skip_if_exists=True)
        names = ", ".join(thing.name for thing in marked)
        self.report({"INFO"}, translated(f"{names} can be found in the asset browser under Current File."))
        return {"FINISHED"}


CLASSES = (
    KINOLIFT_OT_refine,
    KINOLIFT_OT_refine_with_settings,
    KINOLIFT_OT_next_unsure,
    KINOLIFT_OT_mark_unsure,
    KINOLIFT_OT_other_depth,
    KINOLIFT_OT_match_rate,
    KINOLIFT_OT_mark_asset,
)
