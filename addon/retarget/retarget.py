"""A motion onto a character's armature: one function that the panel, the command and the tests call alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Euler, Quaternion

from ...contract.failure import Failure
from ...contract.motion_file import Motion
from .. import keyframes
from .. import quaternions as q
from ..steps import drained, elsewhere
from .feet import plant_feet
from .follow import unknown_above
from .ik import check_ik, to_controls
from .pose import Pose
from .rig import read_rig
from .roles import LIMB_ROLES, Mapping
from .transfer import Transfer, transfer

Array = npt.NDArray[np.float64]

ROOT_CHOICES = ("motion", "in-place")
ROOT_BONE_CHOICES = ("auto", "hips", "root")
FEET_CHOICES = ("auto", "always", "never")
# The joints that a motion needs to be put on another rig.
_NEEDED = ("pelvis", "spine", "chest", "neck", "head", *{joint for joints in LIMB_ROLES.values() for joint in joints})


@dataclass(frozen=True)
class RetargetOptions:
    """What a person can choose. `root`: "motion" or "in-place". `root_bone`: who carries the travel along the ground: the hips, the rig's
    root bone, or ("auto") the root bone where the rig has one. `feet`: "auto" holds planted feet, sliding as far as the person's do,
    "always" holds them on one spot, "never" leaves the legs as turned. `root_heading`: the root bone turns with the person about the
    vertical too. `ik`: keys go on the rig's IK controls."""

    root: str = "motion"
    root_bone: str = "auto"
    feet: str = "auto"
    root_heading: bool = False
    ik: bool = False

    def check(self) -> RetargetOptions:
        """Itself, if the choices exist. Raises Failure `bad_arguments`."""
        for name, value, choices in (
            ("--root", self.root, ROOT_CHOICES),
            ("--root-bone", self.root_bone, ROOT_BONE_CHOICES),
            ("--feet", self.feet, FEET_CHOICES),
        ):
            if value not in choices:
                raise Failure("bad_arguments", f"{name} is {value!r}; use one of {', '.join(choices)}.")
        if self.root_heading and self.root_bone == "hips":
            raise Failure("bad_arguments", "--root-heading turns the root bone, and --root-bone hips leaves it still; drop one of them.")
        return self


@dataclass(frozen=True)
class RetargetResult:
    """The new action, how many keys on which bones, and what a person should know."""

    action: bpy.types.Action
    keys: int
    bones: tuple[str, ...]
    frames: int
    ratio: float  # the character's legs to the person's
    seconds: float
    notes: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One sentence for the panel and the command."""
        return f"{self.frames} frames, {self.keys} keys on {len(self.bones)} bones; legs {self.ratio:.3g} times the person's."


def retarget(
    motion: Motion,
    armature: bpy.types.Object,
    mapping: Mapping,
    options: RetargetOptions | None = None,
    frames: Array | None = None,
    name: str = "",
) -> RetargetResult:
    """Gives the armature a new action with the motion, and plays it. Other actions, constraints and drivers stay as they are.

    Args:
        frames: (T,) rising scene frames of the motion's frames; None for one scene frame each, from 0.
        name: of the action; "" for the armature's.

    Bones of the mapping alone get keys: rotations in the bone's own rotation mode (a bone in axis-angle mode is switched to quaternions,
    since an axis jumps where a rotation passes through zero), locations on the hips and, where it carries the travel, on the root bone;
    with `ik` also locations on the controls of hands, feet and poles, and one key on controls that have to be at rest. What the rig has
    to switch between FK and IK (`Mapping.switches`) gets one key in the action.
    Raises Failure `bad_input`, `bad_motion` or `bad_arguments`; then nothing has changed.
    """
    return drained(retargeting(motion, armature, mapping, options, frames, name))


def retargeting(
    motion: Motion,
    armature: bpy.types.Object,
    mapping: Mapping,
    options: RetargetOptions | None = None,
    frames: Array | None = None,
    name: str = "",
    writes: Callable[[], None] = lambda: None,
) -> Generator[None, None, RetargetResult]:
    """The steps of `retarget`, each short; `writes` is called before the first that changes something."""
    began = time.perf_counter()
    options = (options or RetargetOptions()).check()
    lacking = sorted(set(_NEEDED) - {str(joint) for joint in motion.joint_names})
    if lacking:
        raise Failure("bad_motion", f"The motion lacks the joints {', '.join(lacking)}; capture the video again.")
    rig = read_rig(armature, mapping)
    if options.ik:
        check_ik(mapping, armature.name)
        rig = rig.at_rest(mapping.ik_rest)
    notes: list[str] = []
    root = mapping.bone("root")
    carries = options.root_bone == "root" or (options.root_bone == "auto" and root is not None)
    if root is None and (options.root_bone == "root" or options.root_heading):
        advice = "leave out --root-heading" if options.root_heading else "use --root-bone hips"
        raise Failure("bad_input", f"{armature.name} has no root bone; {advice}.")
    modes = {bone.name: str(bone.rotation_mode) for bone in armature.pose.bones}

    def work() -> _Moved:
        moved = transfer(motion, rig, mapping, options.root, "root" if carries else "hips", options.root_heading)
        if options.feet != "never":
            starts = [0, *(np.flatnonzero(np.diff(motion.frame_numbers) > 1) + 1).tolist(), len(motion)]
            runs = [slice(first, last) for first, last in pairwise(starts)]
            plant_feet(moved, mapping, motion.contacts, motion.fps, options.feet, runs)
        if options.ik:
            to_controls(moved.pose, mapping)
        return _Moved(moved, list(_channels(moved.pose, modes)))

    worked = yield from elsewhere(work)
    moved, pose = worked.transfer, worked.transfer.pose
    hips = rig.index(mapping.bones["hips"][0])
    if moved.traveller != hips:
        notes.append(f"{rig.names[hips]} is connected to its parent; {rig.names[moved.traveller]} travels in its place.")
    notes += [
        f"{name} is moved by a constraint too, which may hide its keys."
        for name in (rig.names[bone] for bone in pose.turns)
        if any(not constraint.mute and constraint.influence > 0 for constraint in armature.pose.bones[name].constraints)
    ]
    notes += [
        f"{rig.names[bone]}, which carries bones with keys, has a {kind} constraint that Kinolift does not follow; look at the result."
        for bone, kind in unknown_above(pose.turns.keys() | pose.path.keys(), rig.parents.tolist(), rig.follows).items()
    ]
    if mapping.ik and not mapping.switches:
        notes.append(f"{armature.name} has FK and IK controls; set it to {'IK' if options.ik else 'FK'} yourself, its switch is not known.")
    at = np.asarray(frames, dtype=np.float64) if frames is not None else (motion.frame_numbers - motion.frame_numbers[0]).astype(np.float64)
    held = np.append(np.diff(motion.frame_numbers) > 1, False)
    writes()
    before = armature.animation_data.action if armature.animation_data else None
    curves = keyframes.new_action(armature, name or armature.name)
    if before is not None and before.users == 0:
        before.use_fake_user = True  # else Blender would not save it
    keys = 0
    for channel in worked.channels:
        if channel.mode and armature.pose.bones[channel.bone].rotation_mode != channel.mode:
            armature.pose.bones[channel.bone].rotation_mode = channel.mode
        yield from curves.writing(f"{_path(channel.bone)}.{channel.property}", channel.bone, at, channel.values, held)
        keys += channel.values.size
    keys += _write_switches(curves, armature, mapping, options.ik, at)
    bones = tuple(rig.names[bone] for bone in sorted(pose.turns.keys() | pose.path.keys()))
    action = armature.animation_data.action
    return RetargetResult(action, keys, bones, len(motion), moved.fit.ratio, time.perf_counter() - began, notes)


@dataclass(frozen=True)
class _Channel:
    """The keys (T,C) of one property of one bone, which has to have that rotation `mode` for them; "" where that does not matter."""

    bone: str
    property: str
    values: Array
    mode: str = ""


@dataclass(frozen=True)
class _Moved:
    """The motion on the rig, and the keys that make it so."""

    transfer: Transfer
    channels: list[_Channel]


def _channels(pose: Pose, modes: dict[str, str]) -> Iterator[_Channel]:
    """Keys on every frame for every bone that the pose turns or moves; `modes`: the bones' rotation modes."""
    moved = pose.moved()
    for bone in sorted(pose.turns.keys() | pose.path.keys()):
        name = pose.rig.names[bone]
        if bone in moved:
            yield _Channel(name, "location", pose.location(bone))
        if bone in pose.turns:
            yield _rotation(name, q.continuous(q.unit(pose.rotation(bone))), modes[name])


def _rotation(bone: str, rotation: Array, mode: str) -> _Channel:
    """An axis jumps where a rotation passes through zero: bones in that mode get quaternions."""
    if mode in ("AXIS_ANGLE", "QUATERNION"):
        return _Channel(bone, "rotation_quaternion", rotation, "QUATERNION")
    return _Channel(bone, "rotation_euler", euler_angles(rotation, mode), mode)


def _write_rotation(curves: keyframes.Curves, bone: bpy.types.PoseBone, at: Array, rotation: Array, held: npt.NDArray[np.bool_]) -> int:
    channel = _rotation(bone.name, rotation, str(bone.rotation_mode))
    bone.rotation_mode = channel.mode
    return curves.write(f"{_path(bone.name)}.{channel.property}", bone.name, at, channel.values, held)


def _write_switches(curves: keyframes.Curves, armature: bpy.types.Object, mapping: Mapping, ik: bool, at: Array) -> int:
    """One key, on the first frame, for what stays as it is throughout: the rig's switches, and with `ik` the controls at rest."""
    bones = armature.pose.bones
    first, held, keys = at[:1], np.zeros(1, bool), 0
    for switch in mapping.switches:
        value, bone = switch.ik if ik else switch.fk, bones.get(switch.bone)
        if value is None or bone is None:
            continue
        if switch.property in bone:
            path = f'["{bpy.utils.escape_identifier(switch.property)}"]'
        elif switch.property in bone.bl_rna.properties:
            path = f".{switch.property}"
        else:
            continue
        keys += curves.write(_path(switch.bone) + path, switch.bone, first, np.array([[value]]), held)
    for name in mapping.ik_rest if ik else ():
        if name in bones:
            keys += curves.write(f"{_path(name)}.location", name, first, np.zeros((1, 3)), held)
            keys += _write_rotation(curves, bones[name], first, np.array([[1.0, 0.0, 0.0, 0.0]]), held)
    return keys


def _path(bone: str) -> str:
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'


def euler_angles(rotations: Sequence[Sequence[float]] | Array, order: str) -> Array:
    """(T,4) wxyz -> (T,3) radians in the order, each as near as can be to the one before."""
    angles = np.empty((len(rotations), 3))
    before = Euler((0.0, 0.0, 0.0), order)
    for frame, rotation in enumerate(np.asarray(rotations).tolist()):
        before = Quaternion(rotation).to_euler(order, before)
        angles[frame] = before
    return angles
