"""The bones of a motion: which joint each one starts from, where it lies in the T pose and how it is rolled. No bpy here.

A bone is named after the part of the body that it moves (Blender's and Rigify's names), runs from its joint to one of
that joint's children, and carries that joint's rotation. Joints without children end a bone and have none.

Rolls follow Rigify's human: turning a bone about its own +X bends it the natural way (knees back, elbows and spine
forward), and a left bone is the mirror image of its right one, so that Blender's mirrored paste works.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# joint -> (its bone, the child that the bone points at, the world axis that the bone's Z is turned towards in the T pose)
FORWARD, BACKWARD, UP, DOWN = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)
_KNOWN: dict[str, tuple[str, str, tuple[float, float, float]]] = {
    "pelvis": ("hips", "spine", FORWARD),
    "spine": ("spine", "chest", FORWARD),
    "chest": ("chest", "neck", FORWARD),
    "neck": ("neck", "head", FORWARD),
    "head": ("head", "head_top", FORWARD),
    "clavicle": ("shoulder", "shoulder", UP),
    "shoulder": ("upper_arm", "elbow", FORWARD),
    "elbow": ("forearm", "wrist", FORWARD),
    "wrist": ("hand", "hand", FORWARD),
    "hip": ("thigh", "knee", BACKWARD),
    "knee": ("shin", "ankle", BACKWARD),
    "ankle": ("foot", "toe", DOWN),
}
ROOT_BONE = _KNOWN["pelvis"][0]

# Blender deletes bones without length. A joint that lies on its parent gets a bone of this length, in metres, instead.
SHORTEST = 0.01
# closer than this, in metres, a bone's head counts as standing on its parent's tail
TOUCHING = 1e-5

_LIMBS = {"shoulder": "Arm", "upper_arm": "Arm", "forearm": "Arm", "hand": "Arm", "thigh": "Leg", "shin": "Leg", "foot": "Leg"}


@dataclass(frozen=True)
class Bone:
    """One bone in the T pose: metres, world axes (Z up, the person faces -Y)."""

    name: str
    joint: int  # the joint that it starts from and whose rotation it carries
    end: int  # the joint that its tail stands on
    parent: int  # index in the list of bones, -1 for the root
    head: tuple[float, float, float]
    tail: tuple[float, float, float]
    connected: bool  # the head stands on the parent's tail
    z_axis: tuple[float, float, float]  # what the roll turns the bone's Z axis towards
    collection: str  # Torso, Arm.L, Arm.R, Leg.L or Leg.R


def rest_positions(parents: npt.NDArray[np.int64], rest_offsets: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(J,3) metres: the joints in the T pose, the root above the origin and the lowest joint on the ground.

    A root that has a rest offset of its own stands there instead.
    """
    positions = np.array(rest_offsets, dtype=np.float64)
    for joint in range(1, len(parents)):
        positions[joint] += positions[parents[joint]]
    if not np.any(rest_offsets[0]):
        positions[:, 2] -= positions[:, 2].min()
    return positions


def bones_of(joint_names: Iterable[str], parents: npt.NDArray[np.int64], rest_offsets: npt.NDArray[np.float32]) -> list[Bone]:
    """Every bone of the skeleton, parents before children."""
    names = [str(name) for name in joint_names]
    positions = rest_positions(parents, rest_offsets)
    children: dict[int, list[int]] = {joint: [] for joint in range(len(names))}
    for joint in range(1, len(names)):
        children[int(parents[joint])].append(joint)

    bones: list[Bone] = []
    bone_of_joint: dict[int, int] = {-1: -1}
    for joint, name in enumerate(names):
        if not children[joint] and joint:
            continue
        part, _, side = name.partition(".")
        side = f".{side}" if side else ""
        bone_name, child_name, z_axis = _KNOWN.get(part, (part, "", FORWARD))
        end = _end_joint(children[joint], names, child_name + side, joint)
        parent = bone_of_joint[int(parents[joint])]
        head, tail = positions[joint], positions[end]
        if np.linalg.norm(tail - head) < SHORTEST:
            tail = head + SHORTEST * (np.array(UP) if parent < 0 else _direction(bones[parent]))
        touching = parent >= 0 and bool(np.linalg.norm(head - bones[parent].tail) < TOUCHING)
        limb = _LIMBS.get(bone_name)
        bones.append(
            Bone(
                name=bone_name + side,
                joint=joint,
                end=end,
                parent=parent,
                head=_triple(head),
                tail=_triple(tail),
                connected=touching,
                z_axis=z_axis,
                collection=f"{limb}{side}" if limb and side else "Torso",
            )
        )
        bone_of_joint[joint] = len(bones) - 1
    return bones


def _end_joint(children: list[int], names: list[str], wanted: str, joint: int) -> int:
    """The child that a bone points at: the one that is known to continue it, else the first; the joint itself if it has none."""
    for child in children:
        if names[child] == wanted:
            return child
    return children[0] if children else joint


def _direction(bone: Bone) -> npt.NDArray[np.float64]:
    along = np.subtract(bone.tail, bone.head)
    unit: npt.NDArray[np.float64] = along / np.linalg.norm(along)
    return unit


def _triple(vector: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
