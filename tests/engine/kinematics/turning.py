"""How fast a pose turns its bones beyond what its targets ask for, by a reckoning of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.rotations import Pose

Array = npt.NDArray[np.float64]

NEXT = {"pelvis": "spine", "spine": "chest", "chest": "neck", "neck": "head", "head": "head_top", "clavicle": "shoulder",
        "shoulder": "elbow", "elbow": "wrist", "wrist": "hand", "hip": "knee", "knee": "ankle", "ankle": "toe"}  # fmt: skip
LIMBS = {part: limb for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")) for part in limb[:2]}
# The sine of a limb's bend below which its plane asks for nothing, and above which for all of its turn.
STRAIGHT, BENT = 0.1, 0.35


def tremble(shape: tuple[int, ...], metres: float, hertz: float, fps: float, seed: int) -> Array:
    """Noise (T,...) of that standard deviation which hardly changes within 1 / (2 pi hertz) seconds."""
    if not metres:
        return np.zeros(shape)
    noise = gaussian_filter1d(np.random.default_rng(seed).normal(size=shape), fps / (2 * np.pi * hertz), axis=0, mode="wrap")
    return metres * noise / noise.std()


def undemanded(targets: Array, pose: Pose, fps: float) -> Array:
    """(T-1,24) degrees in a thirtieth of a second by which bones turn more than targets (T,22,3) ask for.

    They ask for the change of the bone's own direction and of the plane of its limb where that is bent, or of the hips and shoulders.
    """
    goal = {name: targets[:, i] for i, name in enumerate(BODY_22.joints)}
    trunk = sum(between(direction(goal[f"{part}.R"], goal[f"{part}.L"])) for part in ("hip", "shoulder"))
    turned = turns_of(pose)
    out = np.zeros((len(targets) - 1, len(ARMATURE_24)))
    for j, name in enumerate(ARMATURE_24.joints):
        part, dot, side = name.partition(".")
        if part not in NEXT:
            continue
        start = "neck" if part == "clavicle" else name
        asked = between(direction(goal[start], goal[NEXT[part] + dot + side]))
        if part in LIMBS:
            a, b, c = (goal[f"{p}.{side}"] for p in LIMBS[part])
            normal = np.cross(direction(a, b), direction(b, c))
            bend = np.linalg.norm(normal, axis=-1)
            share = np.clip((np.minimum(bend[1:], bend[:-1]) - STRAIGHT) / (BENT - STRAIGHT), 0, 1)
            asked = asked + share * between(normal / np.maximum(bend, 1e-9)[:, None])
        elif part != "wrist":
            asked = asked + trunk
        trace = np.einsum("tab,tab->t", turned[1:, j], turned[:-1, j])
        out[:, j] = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))) - asked
    return out * fps / 30


def turns_of(pose: Pose) -> Array:
    """(T,24,3,3) rotations of the bones in the axes of the root, quaternion by quaternion."""
    w, x, y, z = np.moveaxis(pose.rotations, -1, 0)
    rows = ((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)))  # fmt: skip
    turned = np.stack([np.stack(row, -1) for row in rows], -2)
    for j, parent in enumerate(ARMATURE_24.parents):
        if parent >= 0:
            turned[:, j] = turned[:, parent] @ turned[:, j]
    return turned


def direction(start: Array, end: Array) -> Array:
    line = end - start
    return line / np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-9)


def between(units: Array) -> Array:
    """(T-1,) degrees from one frame's direction to the next."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(units[1:], units[:-1]), axis=-1), (units[1:] * units[:-1]).sum(-1)))
