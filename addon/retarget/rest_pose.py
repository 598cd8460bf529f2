"""Rest-pose matching: the turn in the world that brings each part of a rig from its own rest pose into the motion's T pose.

Limbs are aligned bone by bone from the body outwards, each by the smallest turn after its parent's, so that an A pose, a T pose and
bent arms come out alike whatever the rolls. The trunk is aligned as a whole, so that a character keeps the curve of its own spine; neck,
head and collar bones keep their own rest posture; feet keep their soles flat and are turned only to the T pose's heading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .names import read_names
from .rig import Rig
from .roles import LIMB_ROLES, Mapping

Array = npt.NDArray[np.float64]

# A trunk that leans less than this (cosine of 35 degrees) off an axis of the world stands upright along it.
UPRIGHT = 0.82
# Sine of 30 degrees: a knee that is bent by more at rest shows where its hinge is.
BENT = 0.5
SIDE, UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Match:
    """`turns`: role -> (4,) the world rotation from the rig's rest pose to the T pose. `ends`: role -> (3,) world point where the role's
    limb ends at rest."""

    turns: dict[str, Array]
    ends: dict[str, Array]


def source_rest(joint_names: tuple[str, ...], parents: npt.NDArray[np.int64], offsets: Array) -> dict[str, Array]:
    """Joint -> (3,) its place in the motion's T pose, the root at the origin."""
    points = np.array(offsets, dtype=np.float64)
    points[0] = 0.0
    for joint in range(1, len(parents)):
        points[joint] += points[parents[joint]]
    return dict(zip(joint_names, points, strict=True))


def match(rig: Rig, mapping: Mapping, source: dict[str, Array]) -> Match:
    """The alignment of every mapped role; `source` from `source_rest`."""

    def head(role: str) -> Array:
        return rig.world(rig.heads[rig.index(mapping.bones[role][0])])

    ends = {role: _end(rig, mapping, role) for role in LIMB_ROLES if mapping.bone(role)}
    hips, ground = _hips(rig, mapping)
    turns = {"hips": hips, "root": hips}
    trunk = hips
    if mapping.bones.get("spine"):
        top = (head("upper_arm.L") + head("upper_arm.R")) / 2
        middle = (source["shoulder.L"] + source["shoulder.R"]) / 2
        # the shoulders' middle, because a neck's place differs between rigs; seen from the side only, as no trunk is bent sideways at rest
        here, there = q.rotate(hips, top - head("spine")), middle - source["spine"]
        here[0] = there[0] = 0.0
        trunk = q.multiply(q.swing(here, there), hips)
    turns["spine"] = trunk
    turns["neck"] = turns["head"] = hips
    if mapping.bones.get("neck") and mapping.bones.get("head"):
        # someone who crouches may look ahead, or along the trunk
        rise = head("head") - head("neck")
        turns["neck"] = turns["head"] = max((hips, ground), key=lambda turn: round(float(q.rotate(turn, rise)[2]), 6))
    for side in "LR":
        turns[f"clavicle.{side}"] = trunk
        for chain, start in ((("upper_arm", "forearm", "hand"), trunk), (("thigh", "shin"), hips)):
            turn = start
            for part in chain:
                role = f"{part}.{side}"
                if role not in ends:
                    continue
                first, last = LIMB_ROLES[role]
                here, there = q.rotate(turn, ends[role] - head(role)), source[last] - source[first]
                shin = f"shin.{side}"
                hinge = q.cross(q.unit(here), q.unit(q.rotate(turn, ends[shin] - head(shin)))) if part == "thigh" else np.zeros(3)
                if np.linalg.norm(hinge) > BENT:
                    # a knee that is bent at rest shows its hinge, which is level and across in the T pose, wherever the knees point
                    aligned = q.of_matrices(q.frame(there, SIDE) @ q.frame(here, hinge).T)
                else:
                    aligned = q.swing(here, there)
                turn = q.multiply(aligned, turn)
                turns[role] = turn
        foot = f"foot.{side}"
        here, there = q.rotate(ground, ends[foot] - head(foot)), source[f"toe.{side}"] - source[f"ankle.{side}"]
        here[2] = there[2] = 0.0
        turns[foot] = q.multiply(q.swing(here, there), ground) if np.linalg.norm(here) > 1e-6 * rig.scale else ground
    return Match(turns, ends)


def _hips(rig: Rig, mapping: Mapping) -> tuple[Array, Array]:
    """(4,), (4,): the turns that let the rig face -Y and stand its trunk upright, and its ground level; one and the same unless the trunk
    leans far, as in someone who crouches: soles are flat on the ground then, not square to the trunk."""
    parts = ("thigh", "upper_arm", "foot")
    at = {f"{part}.{s}": rig.world(rig.heads[rig.index(mapping.bones[f"{part}.{s}"][0])]) for part in parts for s in "LR"}
    middle = {part: (at[f"{part}.L"] + at[f"{part}.R"]) / 2 for part in parts}
    across = at["thigh.L"] - at["thigh.R"]

    def turn(up: Array) -> Array:
        return q.of_matrices(q.frame(UP, SIDE) @ q.frame(up, across).T)

    trunk, level = _snapped(middle["upper_arm"] - middle["thigh"])
    if level:
        return turn(trunk), turn(trunk)
    whole, level = _snapped(middle["upper_arm"] - middle["foot"])  # who stands has the shoulders over the feet
    return turn(trunk), turn(whole if level else trunk)


def _snapped(up: Array) -> tuple[Array, bool]:
    """The axis of the world along which a direction lies, and True; itself and False where it lies along none."""
    up = q.unit(up)
    axis = int(np.argmax(np.abs(up)))
    if abs(up[axis]) > UPRIGHT:
        return np.eye(3)[axis] * np.sign(up[axis]), True
    return up, False


_NEXT = {"clavicle": "upper_arm", "upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot", "foot": "toe"}


def _end(rig: Rig, mapping: Mapping, role: str) -> Array:
    """(3,) world: where a limb ends: at the next mapped bone, since importers put tails anywhere; else at its children or its tail."""
    part, _, side = role.partition(".")
    bone = rig.index(mapping.bones[role][0])
    following = f"{_NEXT[part]}.{side}" if part in _NEXT else ""
    if mapping.bone(following):
        return rig.world(rig.heads[rig.index(mapping.bones[following][0])])
    children = rig.children(bone)
    if part == "hand":
        readings = read_names([rig.names[child] for child in children])
        # what a hand holds, and helpers, are no fingers
        children = [c for c, reading in zip(children, readings, strict=True) if reading.finger or not reading.apart]
    if part == "hand" and len(children) > 2:
        # the thumb stands apart from the other fingers; without it their middle is the hand's direction
        directions = q.unit(rig.heads[children] - rig.heads[bone])
        odd = int(np.argmin(directions @ q.unit(directions.sum(0))))
        return rig.world(np.delete(rig.heads[children], odd, 0).mean(0))
    length = np.linalg.norm(rig.tails[bone] - rig.heads[bone])
    if len(children) == 1 and np.linalg.norm(rig.heads[children[0]] - rig.heads[bone]) > 0.2 * length:
        return rig.world(rig.heads[children[0]])
    return rig.world(rig.tails[bone])
