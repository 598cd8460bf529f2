"""The path of a body on a root bone that an export adds: along the ground under the topmost bone, facing as the body. No bpy here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from ..retarget.heading import about_vertical, heading

Array = npt.NDArray[np.float64]

# A bone with so many children is where limbs start: the hips with spine and thighs, the chest with neck and arms.
FORK = 3


def root_motion(parents: Mapping[str, str], rest: Array, poses: Array, turns: bool) -> Array:
    """(T,4,4) world: the added bone, which stands at the origin, unturned, while the body is at rest.

    Args:
        parents: bone -> parent, "" for none; parents before children.
        rest, poses: (B,4,4) and (T,B,4,4) the bones in the world, in the order of `parents`; Z is up.
        turns: the bone also faces as the body does, by the turn half-way between the topmost bone and the chest.
    """
    names = list(parents)
    top = topmost(parents)
    hips, chest = names.index(top), names.index(fork_below(parents, top))
    result = np.tile(np.eye(4), (len(poses), 1, 1))
    facing = np.zeros(len(poses))
    if turns:
        facing = heading(*(q.multiply(_turn(poses[:, bone]), q.conjugate(_turn(rest[bone]))) for bone in (hips, chest)))
        result[:, :3, :3] = _matrices(facing)
    result[:, :2, 3] = poses[:, hips, :2, 3] - q.rotate(about_vertical(facing), np.array([*rest[hips, :2, 3], 0.0]))[:, :2]
    return result


def topmost(parents: Mapping[str, str]) -> str:
    """Of the bones without a parent the one that carries most."""
    carried = dict.fromkeys(parents, 1)
    for name in reversed(list(parents)):
        if parents[name]:
            carried[parents[name]] += carried[name]
    return max((name for name, parent in parents.items() if not parent), key=lambda name: carried[name])


def fork_below(parents: Mapping[str, str], top: str) -> str:
    """The nearest bone below `top` that carries FORK or more, the chest in a body; `top` where there is none."""
    level = [top]
    while level:
        level = [name for name, parent in parents.items() if parent in level]
        forks = [name for name in level if sum(parent == name for parent in parents.values()) >= FORK]
        if forks:
            return forks[0]
    return top


def _turn(matrices: Array) -> Array:
    """(...,4) of (...,4,4) whose axes may be scaled."""
    axes = matrices[..., :3, :3]
    return q.of_matrices(axes / np.linalg.norm(axes, axis=-2, keepdims=True))


def _matrices(angles: Array) -> Array:
    """(T,3,3) about +Z."""
    c, s, zero, one = np.cos(angles), np.sin(angles), np.zeros_like(angles), np.ones_like(angles)
    return np.stack([np.stack([c, -s, zero], -1), np.stack([s, c, zero], -1), np.stack([zero, zero, one], -1)], -2)
