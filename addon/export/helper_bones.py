"""Helper bones of Unreal's mannequin, which hang on the root and are to go with a hand or a foot: its IK and its weapons aim at them.

In Unreal's own animations they are where the hands and feet are; a motion that leaves them at rest drags arms and feet of a character with
IK to where they stand in the rest pose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# helper -> the bone that it goes with; a gun is held in the right hand. Letters' case does not matter.
UNREAL_HELPERS = {
    "ik_foot_l": "foot_l",
    "ik_foot_r": "foot_r",
    "ik_hand_gun": "hand_r",
    "ik_hand_l": "hand_l",
    "ik_hand_r": "hand_r",
    "weapon_l": "hand_l",
    "weapon_r": "hand_r",
}
UNREAL_HELPER_ROOTS = ("ik_foot_root", "ik_hand_root")
STILL = 1e-4  # of the largest number of its matrix: a bone that moves by more against its parent has a motion of its own


def is_helper(bone: str) -> bool:
    return bone.lower() in UNREAL_HELPERS or bone.lower() in UNREAL_HELPER_ROOTS


def helpers_of(parents: Mapping[str, str]) -> dict[str, str]:
    """Helper -> the bone that it goes with, of those of UNREAL_HELPERS that are there and do not hang below that bone already.

    parents: bone -> parent, "" for none.
    """
    there = {name.lower(): name for name in parents}
    found = {there[helper]: there[owner] for helper, owner in UNREAL_HELPERS.items() if helper in there and owner in there}
    return {helper: owner for helper, owner in found.items() if owner not in _line(helper, parents)}


def follow(parents: Mapping[str, str], helpers: Mapping[str, str], rest: Array, poses: Array) -> Array:
    """(T,B,4,4): the poses with the helpers lying to their owners as at rest. What hangs on a helper goes along.

    Args:
        parents: bone -> parent, "" for none; parents before children.
        helpers: of `helpers_of`. One that has a motion of its own against its parent (keys, constraints) keeps it.
        rest, poses: (B,4,4) and (T,B,4,4) the bones in the world, in the order of `parents`.
    """
    if not helpers:
        return poses
    index = {name: k for k, name in enumerate(parents)}
    result = poses.copy()
    moved: set[str] = set()
    for name, k in index.items():
        above = parents[name]
        if name in helpers and _still(rest, poses, k, index.get(above, -1)):
            owner = index[helpers[name]]
            result[:, k] = poses[:, owner] @ np.linalg.inv(rest[owner]) @ rest[k]
            moved.add(name)
        elif above in moved:
            result[:, k] = result[:, index[above]] @ np.linalg.inv(poses[:, index[above]]) @ poses[:, k]
            moved.add(name)
    return result


def _still(rest: Array, poses: Array, bone: int, parent: int) -> bool:
    """Whether the bone lies to its parent as at rest, on all frames."""
    at_rest, against = rest[bone], poses[:, bone]
    if parent >= 0:
        at_rest, against = np.linalg.inv(rest[parent]) @ at_rest, np.linalg.inv(poses[:, parent]) @ against
    return bool(np.abs(against - at_rest).max() < STILL * max(1.0, np.abs(at_rest).max()))


def _line(name: str, parents: Mapping[str, str]) -> list[str]:
    line = []
    while name := parents[name]:
        line.append(name)
    return line
