"""Limbs of a take taken the other way in depth: they look the same in the video, and different from the side.

The motion has the other readings of its limbs (contract/alternatives.py). The take remembers which of them it shows, by their numbers; its
keys show them, and so does what is retargeted from it. The motion that lies with the take stays as it was captured.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import bpy
import numpy as np
import numpy.typing as npt

from ..contract.alternatives import LIMBS, alternatives_of
from ..contract.failure import Failure
from . import keyframes
from .armature import in_bone_axes
from .bones import bones_of
from .keeping import add_to_record, reading_motion, record_of
from .packed_motion import positions_of
from .scene import at_that_rate, key_frames
from .steps import drained, elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..contract.motion_file import Motion

# On the armature, three whole numbers of each alternative: its limb's place in LIMBS, its first and its last scene frame. So the panel
# knows them without the motion.
PROPERTY: Final = "kinolift_other_depths"
# In its record: the numbers of those that it shows, and the rate of its keys.
TAKEN: Final = "other_depths"
RATE: Final = "rate"
LIMB_NAMES: Final = {"arm.L": "Left Arm", "arm.R": "Right Arm", "leg.L": "Left Leg", "leg.R": "Right Leg"}
MOVED: Final = 0.01  # frames: keys that are nearer to where they were made have not been moved


@dataclass(frozen=True)
class Choice:
    """What a limb shows now: reading `number` of `count` others, 0 as captured; in which scene frames that is or was another one."""

    number: int
    count: int
    first: int
    last: int


def remember_alternatives(take: bpy.types.Object, shown: Motion, frames: npt.NDArray[np.float64]) -> None:
    """Writes onto a take which stretches its motion, at the scene's rate, has alternatives for; frames (T,): the scene frame of each of the
    motion's. None of them is taken."""
    names = list(LIMBS)
    rows = [(names.index(one.limb), frames[one.frames.start], frames[one.frames.stop - 1]) for one in alternatives_of(shown)]
    take.pop(PROPERTY, None)
    if rows:
        take[PROPERTY] = np.rint(np.array(rows, float)).astype(np.int32).ravel()
    add_to_record(take, **{RATE: float(shown.fps), TAKEN: []})


def limbs_at(take: bpy.types.Object, frame: int) -> list[str]:
    """Which of LIMBS can be taken another way in that scene frame."""
    rows = _remembered(take)
    there = rows[(rows[:, 1] <= frame) & (frame <= rows[:, 2]), 0]
    return [limb for place, limb in enumerate(LIMBS) if place in there]


def stretches_of(take: bpy.types.Object) -> int:
    """How many alternatives the take has."""
    return len(_remembered(take))


def taken_of(take: bpy.types.Object) -> list[int]:
    """The numbers of the alternatives that the take shows."""
    told = record_of(take).get(TAKEN)
    return [number for number in told if isinstance(number, int)] if isinstance(told, list) else []


def take_next(take: bpy.types.Object, limb: str, frame: int) -> Choice:
    """The whole of `taking_next`."""
    return drained(taking_next(take, limb, frame))


def taking_next(take: bpy.types.Object, limb: str, frame: int) -> Generator[None, None, Choice]:
    """Lets the limb show its next reading in the stretch around that scene frame; behind the last one it is as captured.

    Only keys of the limb's bones in the frames of its readings change. Raises Failure `bad_arguments` where the limb has no other one
    there, or where the take's keys are not where they were made, and `bad_motion` for a take that is damaged.
    """
    rows, name = _remembered(take), take.name
    if limb not in LIMBS:
        raise Failure("bad_arguments", f"There is no limb {limb!r}; choose one of {', '.join(LIMBS)}.")
    place = list(LIMBS).index(limb)
    around = [int(n) for n in np.flatnonzero((rows[:, 0] == place) & (rows[:, 1] <= frame) & (frame <= rows[:, 2]))]
    if not around:
        raise Failure(
            "bad_arguments",
            f"{name} has no other reading of that limb in frame {frame}; go to one in which it points towards the camera or away from it.",
        )
    taken = taken_of(take)
    now = next((number for number in around if number in taken), None)
    at = 0 if now is None else around.index(now) + 1
    new = around[at] if at < len(around) else None
    spans = [rows[number, 1:] for number in (now, new) if number is not None]
    # one that reaches into the new one's frames begins from another reading than that does
    gone = {now} | {
        number for number in taken
        if new is not None and rows[number, 0] == place and rows[number, 1] <= rows[new, 2] and rows[new, 1] <= rows[number, 2]
    }  # fmt: skip
    yield from _showing(take, [number for number in taken if number not in gone] + ([] if new is None else [new]))
    return Choice(0 if new is None else at + 1, len(around), int(min(s[0] for s in spans)), int(max(s[1] for s in spans)))


def taking_again(take: bpy.types.Object, taken: Collection[int]) -> Generator[None, None, None]:
    """The steps of letting a take whose keys have been made anew show these alternatives again, as far as its motion has them."""
    if wanted := [number for number in taken if number < stretches_of(take)]:
        yield from _showing(take, wanted)


def shown_motion(take: bpy.types.Object) -> Callable[[], Motion]:
    """How the take's motion is read as the take shows it; what is returned needs no Blender. Raises Failure as `reading_motion` does."""
    read, taken = reading_motion(take), taken_of(take)
    return lambda: with_alternatives(read(), taken)


def with_alternatives(motion: Motion, taken: Collection[int]) -> Motion:
    """The motion with these of its alternatives, by their numbers, and its joints where they put them; the others stay its alternatives."""
    others = alternatives_of(motion)
    chosen = [others[number] for number in taken if number < len(others)]
    if not chosen:
        return motion
    rotations = motion.rotations.copy()
    for one in chosen:
        rotations[one.frames, [motion.joint(joint) for joint in LIMBS[one.limb]]] = one.rotations
    places = motion.camera_to_world[None] if motion.camera_path is None else motion.camera_path
    world, seen = positions_of(motion.parents, motion.rest_offsets, rotations, motion.root_translation, places)
    return replace(motion, rotations=rotations, positions_world=world, positions_camera=seen)


def _showing(take: bpy.types.Object, taken: list[int]) -> Generator[None, None, None]:
    """The steps to keys and record of a take that shows these alternatives and no others; nothing is changed before the last."""
    record, read = record_of(take), reading_motion(take)
    rate, start = float(record[RATE]), record.get("start")
    motion = yield from elsewhere(lambda: at_that_rate(read(), rate))
    frames = key_frames(motion, start if isinstance(start, int) else 0)
    frames = frames + _shift(take, frames)
    others, before = alternatives_of(motion), taken_of(take)
    bones = {str(motion.joint_names[bone.joint]): bone for bone in bones_of(motion.joint_names, motion.parents, motion.rest_offsets)}
    gone = [others[number] for number in before if number not in taken and number < len(others)]
    new = [others[number] for number in taken if number not in before]
    keys = []
    for one, back in [(one, True) for one in gone] + [(one, False) for one in new]:  # all are known before any key changes
        for place, joint in enumerate(LIMBS[one.limb]):
            bone = bones[joint]
            rotations = motion.rotations[one.frames, bone.joint] if back else one.rotations[:, place]
            keys.append((_curves(take, bone.name), frames[one.frames], rotations, bone.name))
    for curves, moments, rotations, name in keys:
        rest = np.array(take.data.bones[name].matrix_local.to_3x3(), dtype=np.float64)
        keyframes.change_rotation(curves, moments, in_bone_axes(rotations, rest))
    add_to_record(take, **{TAKEN: taken})


def _shift(take: bpy.types.Object, frames: npt.NDArray[np.float64]) -> float:
    """By how many frames the take's keys have been moved as one. Raises Failure `bad_arguments` where they have been moved otherwise."""
    first, last = keyframes.frame_range(take)
    early, late = first - frames[0], last - frames[-1]
    if abs(early - late) < MOVED:
        return round(early)
    if min(abs(early), abs(late)) < MOVED:
        return 0.0
    raise Failure("bad_arguments", f"The keys of {take.name} are not where they were made; Refine Again makes them anew.")


def _curves(take: bpy.types.Object, bone: str) -> list[bpy.types.FCurve]:
    """The four curves of that bone's rotation. Raises Failure `bad_arguments` where it has not got them, or turns by others."""
    path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].rotation_quaternion'
    found = sorted((curve for curve in keyframes.curves_of(take) if curve.data_path == path), key=lambda curve: curve.array_index)
    if len(found) != 4 or take.pose.bones[bone].rotation_mode != "QUATERNION":
        raise Failure(
            "bad_arguments",
            f"{bone} of {take.name} is not moved by the take's own keys any more; play its action, with rotations as Quaternion.",
        )
    return found


def _remembered(take: bpy.types.Object) -> npt.NDArray[np.int32]:
    """(A,3): see PROPERTY; none for a take of an earlier version."""
    try:
        found = np.array(take.get(PROPERTY, ()), np.int32)
    except (TypeError, ValueError):  # somebody's own property
        found = np.zeros(0, np.int32)
    return found.reshape(-1, 3) if found.ndim == 1 and found.size % 3 == 0 else np.zeros((0, 3), np.int32)
