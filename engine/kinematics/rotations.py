"""Inverse kinematics: the rotations of a skeleton with fixed bones that bring its joints to given positions.

Every step works on all frames at once. Trunk and head aim each bone at its target from where the bone really starts, so
errors of length do not add up; arms and legs are solved as two bones with a hinge, so that wrists and ankles arrive. The
turn of a limb about its own axis comes from the plane in which it bends; where it is nearly straight, from the frames
around it and from the way such a joint bends at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.forward import continuous, quaternions_of
from engine.kinematics.smoothing import penalty, whittaker

Array = npt.NDArray[np.float64]

X, Y, Z = np.eye(3)

# The hinges in the T pose (facing -Y): the axis about which the joint bends the right way by a positive angle.
KNEE_AXIS = {"L": X, "R": X}
ELBOW_AXIS = {"L": -Z, "R": Z}
# Farthest bend of the joint, degrees.
KNEE_BEND, ELBOW_BEND = 155.0, 150.0
# Farthest turn of the head against the shoulders, nod against its own bone, and bend of the wrist, degrees. A reading beyond DOUBTFUL is
# believed less and less, until one that points backwards counts for nothing: so a wrong one never throws the joint to the other side.
HEAD_TURN, HEAD_NOD, WRIST_BEND = 80.0, 60.0, 75.0
DOUBTFUL = 110.0
# How far the hinge may turn about the limb from its place at rest, degrees: hips turn less than shoulders.
THIGH_TWIST, ARM_TWIST = 75.0, 130.0
# A limb whose middle joint stands out this far from the straight line (m) shows its plane as surely as its neighbours in time.
CLEAR_PLANE = 0.03
# Pull of the resting plane, in the same measure; small: it only decides where nothing else does.
REST_PULL = 0.05
# The plane of a straight limb follows its neighbours within about this frequency (hertz).
PLANE_HZ = 1.5
# The last share of a limb's reach is approached, never passed: a limb that is almost straight does not snap. Legs, which stand
# straight for long and have to meet the ground, give up less of their length.
ARM_SOFTNESS, LEG_SOFTNESS = 0.01, 0.004
ARM_LIMITS = (ARM_TWIST, ELBOW_BEND, ARM_SOFTNESS)
LEG_LIMITS = (THIGH_TWIST, KNEE_BEND, LEG_SOFTNESS)

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

    hips = _unit(goal["hip.L"] - goal["hip.R"], X)
    shoulders = _unit(goal["shoulder.L"] - goal["shoulder.R"], hips)
    # the hips lie straight; the spine's direction decides how the pelvis is tipped
    turn["pelvis"] = _frame(hips, goal["spine"] - goal["pelvis"]) @ _frame(X, Z).T
    for child in ("spine", "hip.L", "hip.R"):
        at[child] = at["pelvis"] + turn["pelvis"] @ rest[child]

    between = _unit(hips + shoulders, shoulders)
    look = shoulders
    if face is not None:
        look = _unit(_unit(np.cross(goal["head_top"] - goal["head"], face), shoulders) + 0.25 * shoulders, shoulders)
        look = within(shoulders, look, HEAD_TURN)
    for bone, child, across in (
        ("spine", "chest", between),
        ("chest", "neck", shoulders),
        ("neck", "head", _unit(look + shoulders, shoulders)),
        ("head", "head_top", look),
    ):
        aim = goal[child] - at[bone]
        turn[bone] = _frame(aim, across) @ _frame(Z, X).T
        at[child] = at[bone] + turn[bone] @ rest[child]
    if face is not None:
        turn["head"] = _nod(turn["head"], face)
        at["head_top"] = at["head"] + turn["head"] @ rest["head_top"]
    turn["head_top"] = turn["head"]

    for side in "LR":
        _arm(side, goal, rest, at, turn, runs, fps)
        _leg(side, goal, rest, at, turn, runs, fps)

    world = np.stack([turn[name] for name in ARMATURE_24.joints], 1)
    local = world.copy()
    for j, parent in ARMATURE_24_PARENTS:
        local[:, j] = np.swapaxes(world[:, parent], -1, -2) @ world[:, j]
    positions = np.stack([at[name] for name in ARMATURE_24.joints], 1)
    return Pose(continuous(quaternions_of(local)), positions[:, 0], positions)


ARMATURE_24_PARENTS = tuple((j, p) for j, p in enumerate(ARMATURE_24.parents) if p >= 0)


def _arm(side: str, goal: dict[str, Array], rest: dict[str, Array], at: dict[str, Array], turn: dict[str, Array],
         runs: list[slice], fps: float) -> None:  # fmt: skip
    clavicle, shoulder, elbow, wrist, hand = (f"{part}.{side}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand"))
    at[clavicle] = at["chest"] + turn["chest"] @ rest[clavicle]
    turn[clavicle] = swing(turn["chest"] @ rest[shoulder], goal[shoulder] - at[clavicle]) @ turn["chest"]
    at[shoulder] = at[clavicle] + turn[clavicle] @ rest[shoulder]
    two_bones(
        (shoulder, elbow, wrist), turn["chest"], ELBOW_AXIS[side], ARM_LIMITS, goal, rest, at, turn, runs, fps
    )
    forearm = _unit(turn[elbow] @ rest[hand], X)
    # from the goal's own wrist: over so short a bone the few millimetres by which the arm misses it would turn the hand
    turn[wrist] = swing(forearm, within(forearm, _unit(goal[hand] - goal[wrist], forearm), WRIST_BEND)) @ turn[elbow]
    at[hand] = at[wrist] + turn[wrist] @ rest[hand]
    turn[hand] = turn[wrist]


def _leg(side: str, goal: dict[str, Array], rest: dict[str, Array], at: dict[str, Array], turn: dict[str, Array],
         runs: list[slice], fps: float) -> None:  # fmt: skip
    hip, knee, ankle, toe = (f"{part}.{side}" for part in ("hip", "knee", "ankle", "toe"))
    two_bones((hip, knee, ankle), turn["pelvis"], KNEE_AXIS[side], LEG_LIMITS, goal, rest, at, turn, runs, fps)
    # the foot points at the toes and is rolled like the knee's hinge
    turn[ankle] = _frame(goal[toe] - at[ankle], turn[knee] @ KNEE_AXIS[side]) @ _frame(rest[toe], KNEE_AXIS[side]).T
    at[toe] = at[ankle] + turn[ankle] @ rest[toe]
    turn[toe] = turn[ankle]


def two_bones(joints: tuple[str, str, str], parent: Array, axis: Array, limits: tuple[float, float, float],
              goal: dict[str, Array], rest: dict[str, Array], at: dict[str, Array], turn: dict[str, Array],
              runs: list[slice], fps: float) -> None:  # fmt: skip
    """Solves a limb whose first joint stands at at[first]: the last joint goes to its goal, the middle one as near as it can.

    parent (T,3,3) is the rotation that the limb hangs on, axis (3,) the hinge in the T pose, limits the
    farthest twist and bend in degrees and the softness of the reach. Adds the places of the second and
    third joint to `at` and the rotations of the first and second to `turn`.
    """
    first, middle, last = joints
    upper, lower = float(np.linalg.norm(rest[middle])), float(np.linalg.norm(rest[last]))
    rest_direction = rest[middle] / upper
    line = goal[last] - at[first]
    distance = np.linalg.norm(line, axis=-1)
    along = _unit(line, _unit(goal[middle] - at[first], -Z))
    hanging = swing(parent @ rest_direction, along) @ parent
    hinge = _hinge(goal[middle] - at[first], along, hanging @ axis, limits[0], runs, fps)
    distance = soft_reach(distance, upper, lower, limits[1], limits[2])
    cosine = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    height = upper * np.sqrt(np.maximum(1 - np.clip(cosine, -1, 1) ** 2, 0.0))
    out = np.cross(along, hinge)
    at[middle] = at[first] + along * (upper * cosine)[:, None] + out * height[:, None]
    at[last] = at[first] + along * distance[:, None]
    bones = _frame(rest_direction, axis).T
    turn[first] = _frame(at[middle] - at[first], hinge) @ bones
    turn[middle] = _frame(at[last] - at[middle], hinge) @ bones
    # the rotation matrices hold the lengths exactly
    at[middle] = at[first] + turn[first] @ rest[middle]
    at[last] = at[middle] + turn[middle] @ rest[last]


def soft_reach(distance: Array, upper: float, lower: float, bend_limit: float, softness: float = ARM_SOFTNESS) -> Array:
    """Distances (T,) that two bones can span: not nearer than the farthest bend allows, the full reach only approached."""
    reach = upper + lower
    soft = (1 - softness) * reach
    over = np.maximum(distance - soft, 0.0)
    distance = np.where(distance > soft, reach - (reach - soft) * np.exp(-over / (reach - soft)), distance)
    nearest = np.sqrt(upper**2 + lower**2 + 2 * upper * lower * np.cos(np.radians(bend_limit)))
    return np.clip(distance, nearest, reach * (1 - 1e-6))


def _hinge(middle: Array, along: Array, rest_axis: Array, limit: float, runs: list[slice], fps: float) -> Array:
    """(T,3) unit axis about which the limb bends, at right angles to `along`.

    middle (T,3): the middle joint's goal from the first joint; rest_axis (T,3): the hinge if the limb were not turned about itself.
    """
    out = middle - (middle * along).sum(-1)[:, None] * along
    clear = np.linalg.norm(out, axis=-1)
    seen = np.cross(out, along)
    other = np.cross(along, rest_axis)
    angle = np.arctan2((seen * other).sum(-1), (seen * rest_axis).sum(-1))
    # beyond the limit the reading says more of its error than of the joint
    angle = np.clip(angle, -np.radians(limit), np.radians(limit))
    weight = (clear / CLEAR_PLANE) ** 2
    heading = np.stack([np.cos(angle), np.sin(angle)], 1)
    steady = heading.copy()
    strength = penalty(PLANE_HZ, fps)
    for run in runs:
        total = weight[run] + REST_PULL
        pulled = (weight[run, None] * heading[run] + REST_PULL * np.array([1.0, 0.0])) / total[:, None]
        steady[run] = whittaker(pulled, total, strength)
    steady = _unit(steady, np.array([1.0, 0.0]))
    return steady[:, :1] * rest_axis + steady[:, 1:] * other


def swing(start: Array, end: Array) -> Array:
    """(T,3,3) smallest rotations that turn the directions `start` (T,3) into `end` (T,3)."""
    a, b = _unit(start, X), _unit(end, X)
    cosine = (a * b).sum(-1)
    v = np.cross(a, b)
    skew = np.zeros((*v.shape[:-1], 3, 3))
    skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    skew -= np.swapaxes(skew, -1, -2)
    out = np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-9)[..., None, None]
    opposite = cosine < -1 + 1e-7
    if opposite.any():
        # half a turn about any axis at right angles
        helper = np.where(np.abs(a[..., :1]) < 0.9, X, Y)
        axis = _unit(np.cross(a, helper), Z)
        half = 2 * axis[..., :, None] * axis[..., None, :] - np.eye(3)
        out[opposite] = half[opposite]
    return out


def within(middle: Array, direction: Array, limit: float) -> Array:
    """(T,3) unit vectors: `direction` where it is at most `limit` degrees from `middle`, both (T,3) unit; else moved towards `middle`.

    Continuous everywhere: from DOUBTFUL degrees on the result goes back to `middle`, which it reaches where they are opposite.
    """
    axis = np.cross(middle, direction)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), (middle * direction).sum(-1))
    doubt = np.clip((np.pi - angle) / (np.pi - np.radians(DOUBTFUL)), 0.0, 1.0)
    allowed = np.minimum(angle, np.radians(limit)) * doubt
    side = np.cross(_unit(axis, X), middle)
    return np.where((angle > allowed)[:, None], np.cos(allowed)[:, None] * middle + np.sin(allowed)[:, None] * side, direction)


def _nod(head: Array, face: Array) -> Array:
    """The head turned about its own left-right axis half of the way to where the face looks: the line from the head joint to the top
    is as rough a measure of the nod as the face is."""
    forward = _unit(-(head @ Y), -Y)
    side = head @ X
    level = within(forward, _unit(face - (face * side).sum(-1)[:, None] * side, forward), HEAD_NOD)
    return swing(forward, _unit(forward + level, forward)) @ head


def _frame(first: Array, second: Array) -> Array:
    """(...,3,3) right-handed frames, in columns: `first`, then `second` made square to it, then their cross product."""
    a = _unit(first, X)
    b = second - (second * a).sum(-1, keepdims=True) * a
    helper = np.where(np.abs(a[..., :1]) < 0.9, X, Y)
    b = _unit(b, _unit(helper - (helper * a).sum(-1, keepdims=True) * a, X))
    return np.stack([a, b, np.cross(a, b)], -1)


def _unit(vectors: Array, otherwise: Array) -> Array:
    """Unit vectors; `otherwise` where there is no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), otherwise)
