"""Inverse kinematics: the rotations of a skeleton with fixed bones that bring its joints to given positions.

Every step works on all frames at once. Trunk and head aim each bone at its target from where the bone really starts, so
errors of length do not add up; arms and legs are solved as two bones with a hinge, so that wrists and ankles arrive. The
turn of a limb about its own axis comes from the plane in which it bends, from the foot, and, where it is nearly straight,
from the frames around it and from how such a limb is usually turned (hinge.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.forward import continuous, quaternions_of
from engine.kinematics.hinge import Habit, steady_hinge
from engine.kinematics.turns import X, Y, Z, frame, steadily_within, swing, unit, within

Array = npt.NDArray[np.float64]

# The hinges in the T pose (facing -Y): the axis about which the joint bends the right way by a positive angle.
KNEE_AXIS = {"L": X, "R": X}
ELBOW_AXIS = {"L": -Z, "R": Z}
# Farthest bend of the joint, degrees.
KNEE_BEND, ELBOW_BEND = 155.0, 150.0
# Farthest turn of the head against the shoulders, and bend of a bone against the one it hangs on, degrees. All but one frame in a thousand
# of motion capture stay within them (one in a hundred for the wrist); what goes beyond is believed less and less.
HEAD_TURN, HEAD_NOD, WRIST_BEND, FOOT_BEND, COLLAR_BEND = 80.0, 60.0, 75.0, 75.0, 50.0
TRUNK_BEND = {"spine": 80.0, "chest": 60.0, "neck": 80.0, "head": 85.0}
# The head follows where the face looks, and the hand its short bone, no faster than this (hertz).
HEAD_HZ, HAND_HZ = 3.0, 4.0
# How limbs are usually turned. In motion capture (eight sources, 84,000 frames; limbs whose middle joint stands out by over 8 cm) legs are
# as the shortest swing leaves them, with the foot to the front, both to within 7 degrees in the median; arms 20 degrees outwards when they
# hang, 60 when level, 80 when raised, to within 17, of which half is taken, since a straight arm is turned less. The last number is the
# farthest turn.
LEG_HABIT = Habit(0.0, 0.0, 2.0, 4.0, 75.0)
ARM_HABIT = {"L": Habit(-25.0, -15.0, 0.5, 0.0, 130.0)}
ARM_HABIT["R"] = ARM_HABIT["L"].mirrored()
# The last share of a limb's reach is approached, never passed: a limb that is almost straight does not snap. Legs, which stand
# straight for long and have to meet the ground, give up less of their length: a share s leaves a limb bent by about sqrt(8 s) radians.
ARM_SOFTNESS, LEG_SOFTNESS = 0.004, 0.001
# Metres by which the middle joint of a limb stands out of its line: up to the first only what it stands out forwards counts as a bend, from
# the second on all of it. Errors of the reading are a few centimetres.
PLAIN_BEND = (0.06, 0.12)

_ARMATURE_OF_BODY = np.array([ARMATURE_24.index(name) for name in BODY_22.joints])


@dataclass(frozen=True)
class Pose:
    """`rotations` (T,24,4) wxyz local, `root` (T,3) metres, `positions` (T,24,3) metres: the joints where these bones put them."""

    rotations: Array
    root: Array
    positions: Array

    @property
    def body(self) -> Array:
        """(T,22,3) positions of the joints of BODY_22."""
        return self.positions[:, _ARMATURE_OF_BODY]


def fit_pose(targets: Array, rest_offsets: Array, runs: list[slice], fps: float, face: Array | None = None) -> Pose:
    """The pose of ARMATURE_24 for `targets` (T,22,3) of BODY_22, metres, in any right-handed axes.

    rest_offsets (24,3) as from proportions.t_pose; runs: stretches of frames without a hole; face (T,3): where the face looks,
    in the targets' axes, where known.
    """
    goal = {name: targets[:, i] for i, name in enumerate(BODY_22.joints)}
    rest = {name: rest_offsets[i] for i, name in enumerate(ARMATURE_24.joints)}
    at: dict[str, Array] = {"pelvis": goal["pelvis"]}
    turn: dict[str, Array] = {}

    hips = unit(goal["hip.L"] - goal["hip.R"], X)
    shoulders = unit(goal["shoulder.L"] - goal["shoulder.R"], hips)
    # the hips lie straight; the spine's direction decides how the pelvis is tipped
    turn["pelvis"] = frame(hips, goal["spine"] - goal["pelvis"]) @ frame(X, Z).T
    for child in ("spine", "hip.L", "hip.R"):
        at[child] = at["pelvis"] + turn["pelvis"] @ rest[child]

    between = unit(hips + shoulders, shoulders)
    look = shoulders
    for bone, child, parent, across in (("spine", "chest", "pelvis", between), ("chest", "neck", "spine", shoulders)):
        _aim(bone, child, parent, across, goal, rest, at, turn)
    if face is not None:
        head = unit(goal["head_top"] - goal["head"], turn["chest"] @ Z)
        look = unit(np.cross(head, face) + 0.25 * shoulders, shoulders)
        look = steadily_within(shoulders, look, HEAD_TURN, turn["chest"], HEAD_HZ, runs, fps)
    for bone, child, parent, across in (("neck", "head", "chest", unit(look + shoulders, shoulders)), ("head", "head_top", "neck", look)):
        _aim(bone, child, parent, across, goal, rest, at, turn)
    if face is not None:
        turn["head"] = _nod(turn["head"], face, runs, fps)
        at["head_top"] = at["head"] + turn["head"] @ rest["head_top"]
    turn["head_top"] = turn["head"]

    for side in "LR":
        _arm(side, goal, rest, at, turn, runs, fps)
        _leg(side, goal, rest, at, turn, runs, fps)

    world = np.stack([turn[name] for name in ARMATURE_24.joints], 1)
    local = world.copy()
    for j, above in ARMATURE_24_PARENTS:
        local[:, j] = np.swapaxes(world[:, above], -1, -2) @ world[:, j]
    positions = np.stack([at[name] for name in ARMATURE_24.joints], 1)
    return Pose(continuous(quaternions_of(local)), positions[:, 0], positions)


ARMATURE_24_PARENTS = tuple((j, p) for j, p in enumerate(ARMATURE_24.parents) if p >= 0)


def _aim(bone: str, child: str, parent: str, across: Array, goal: dict[str, Array], rest: dict[str, Array],
         at: dict[str, Array], turn: dict[str, Array]) -> None:  # fmt: skip
    """Points a bone of the trunk at its child's goal; `across` (T,3) is where its left goes."""
    up = turn[parent] @ Z
    aim = within(up, unit(goal[child] - at[bone], up), TRUNK_BEND[bone])
    turn[bone] = frame(aim, across) @ frame(Z, X).T
    at[child] = at[bone] + turn[bone] @ rest[child]


def _arm(side: str, goal: dict[str, Array], rest: dict[str, Array], at: dict[str, Array], turn: dict[str, Array],
         runs: list[slice], fps: float) -> None:  # fmt: skip
    clavicle, shoulder, elbow, wrist, hand = (f"{part}.{side}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand"))
    at[clavicle] = at["chest"] + turn["chest"] @ rest[clavicle]
    collar = unit(turn["chest"] @ rest[shoulder], X)
    turn[clavicle] = swing(collar, within(collar, unit(goal[shoulder] - at[clavicle], collar), COLLAR_BEND)) @ turn["chest"]
    at[shoulder] = at[clavicle] + turn[clavicle] @ rest[shoulder]
    limb = Limb((shoulder, elbow, wrist), ELBOW_AXIS[side], ARM_HABIT[side], ELBOW_BEND, ARM_SOFTNESS)
    two_bones(limb, turn["chest"], None, goal, rest, at, turn, runs, fps)
    forearm = unit(turn[elbow] @ rest[hand], X)
    # from the goal's own wrist: over so short a bone the few millimetres by which the arm misses it would turn the hand
    line = goal[hand] - goal[wrist]
    # a hand that looks shorter than it is has its ends wrong, and they say little of its direction
    whole = np.minimum(np.linalg.norm(line, axis=-1) / np.linalg.norm(rest[hand]), 1.0) ** 4
    aim = steadily_within(forearm, unit(line, forearm), WRIST_BEND, turn[elbow], HAND_HZ, runs, fps, whole)
    turn[wrist] = swing(forearm, aim) @ turn[elbow]
    at[hand] = at[wrist] + turn[wrist] @ rest[hand]
    turn[hand] = turn[wrist]


def _leg(side: str, goal: dict[str, Array], rest: dict[str, Array], at: dict[str, Array], turn: dict[str, Array],
         runs: list[slice], fps: float) -> None:  # fmt: skip
    hip, knee, ankle, toe = (f"{part}.{side}" for part in ("hip", "knee", "ankle", "toe"))
    limb = Limb((hip, knee, ankle), KNEE_AXIS[side], LEG_HABIT, KNEE_BEND, LEG_SOFTNESS)
    two_bones(limb, turn["pelvis"], goal[toe] - goal[ankle], goal, rest, at, turn, runs, fps)
    # the foot points at the toes, by the shortest way from where the shin holds it
    foot = unit(turn[knee] @ rest[toe], -Y)
    turn[ankle] = swing(foot, within(foot, unit(goal[toe] - at[ankle], foot), FOOT_BEND)) @ turn[knee]
    at[toe] = at[ankle] + turn[ankle] @ rest[toe]
    turn[toe] = turn[ankle]


@dataclass(frozen=True)
class Limb:
    """Two bones: their `joints` from the trunk outwards, the hinge `axis` (3,) in the T pose, how the limb is usually turned, the farthest
    bend in degrees, and the share of the reach that is only approached."""

    joints: tuple[str, str, str]
    axis: Array
    habit: Habit
    bend: float
    softness: float


def two_bones(limb: Limb, parent: Array, end: Array | None, goal: dict[str, Array], rest: dict[str, Array],
              at: dict[str, Array], turn: dict[str, Array], runs: list[slice], fps: float) -> None:  # fmt: skip
    """Solves a limb whose first joint stands at at[first]: the last joint goes to its goal, the middle one as near as it can.

    parent (T,3,3) is the rotation that the limb hangs on; end (T,3): from the last joint's goal to that of the limb's end, where that
    shows the limb's turn. Adds the places of the second and third joint to `at` and the rotations of the first and second to `turn`.
    """
    first, middle, last = limb.joints
    upper, lower = float(np.linalg.norm(rest[middle])), float(np.linalg.norm(rest[last]))
    rest_direction = rest[middle] / upper
    line = goal[last] - at[first]
    distance = np.linalg.norm(line, axis=-1)
    along = unit(line, unit(goal[middle] - at[first], -Z))
    hinge = steady_hinge(goal[middle] - at[first], along, end, parent, rest_direction, limb.axis, limb.habit, runs, fps)
    distance = soft_reach(_shown(goal[middle] - at[first], along, hinge, distance, upper, lower), upper, lower, limb.bend, limb.softness)
    cosine = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    height = upper * np.sqrt(np.maximum(1 - np.clip(cosine, -1, 1) ** 2, 0.0))
    out = np.cross(along, hinge)
    at[middle] = at[first] + along * (upper * cosine)[:, None] + out * height[:, None]
    at[last] = at[first] + along * distance[:, None]
    bones = frame(rest_direction, limb.axis).T
    turn[first] = frame(at[middle] - at[first], hinge) @ bones
    turn[middle] = frame(at[last] - at[middle], hinge) @ bones
    # the rotation matrices hold the lengths exactly
    at[middle] = at[first] + turn[first] @ rest[middle]
    at[last] = at[middle] + turn[middle] @ rest[last]


def _shown(middle: Array, along: Array, hinge: Array, distance: Array, upper: float, lower: float) -> Array:
    """Distances (T,) of a limb's ends, without the bend that the middle joint's place does not show: `middle` (T,3) from the first joint,
    `along` and `hinge` (T,3) unit.

    Bones are of one length, so a joint read a little aside of its limb or behind it shortens the limb as one before it does, and an elbow
    or a knee that is straight but for the errors of the reading would always bend, and always the right way."""
    reach = np.clip(distance, abs(upper - lower) + 1e-6, upper + lower)
    _, bent = triangle(reach, upper, lower)
    out = (middle * np.cross(along, hinge)).sum(-1)
    doubt = np.clip((PLAIN_BEND[1] - bent) / (PLAIN_BEND[1] - PLAIN_BEND[0]), 0.0, 1.0)
    shown = bent - doubt * np.maximum(bent - np.maximum(out, 0.0), 0.0)
    lengths: list[Array] = [np.sqrt(np.maximum(bone**2 - off**2, 0.0)) for off in (shown, bent) for bone in (upper, lower)]
    return np.asarray(distance + lengths[0] + lengths[1] - lengths[2] - lengths[3])


def triangle(distance: Array, upper: float, lower: float) -> tuple[Array, Array]:
    """Where the joint between two bones is whose ends are so far apart, metres that they span: how far along that line, and off it."""
    foot = (upper**2 + distance**2 - lower**2) / (2 * distance)
    return foot, np.sqrt(np.maximum(upper**2 - foot**2, 0.0))


def soft_reach(distance: Array, upper: float, lower: float, bend_limit: float, softness: float = ARM_SOFTNESS) -> Array:
    """Distances (T,) that two bones can span: not nearer than the farthest bend allows, the full reach only approached."""
    reach = upper + lower
    soft = (1 - softness) * reach
    over = np.maximum(distance - soft, 0.0)
    distance = np.where(distance > soft, reach - (reach - soft) * np.exp(-over / (reach - soft)), distance)
    nearest = np.sqrt(upper**2 + lower**2 + 2 * upper * lower * np.cos(np.radians(bend_limit)))
    return np.clip(distance, nearest, reach * (1 - 1e-6))


def _nod(head: Array, face: Array, runs: list[slice], fps: float) -> Array:
    """The head turned about its own left-right axis half of the way to where the face looks: the line from the head joint to the top
    is as rough a measure of the nod as the face is."""
    forward = unit(-(head @ Y), -Y)
    side = head @ X
    level = unit(face - (face * side).sum(-1)[:, None] * side + 0.25 * forward, forward)
    level = steadily_within(forward, level, HEAD_NOD, head, HEAD_HZ, runs, fps)
    return swing(forward, unit(forward + level, forward)) @ head
