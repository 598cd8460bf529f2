"""Who stands straight stands straight in the hips too.

From the front or the back a picture does not show how deep the pelvis lies, so the networks answer what the people of their training do:
motion capture has hips that are bent by some degrees where people stand at ease, and an unsure guess bends them further. From the side
such a person sits a little. So where legs and trunk are upright and nearly straight, the hips go forwards, along their lines of sight
alone: the picture stays, and whoever is seen from the side, where the hips are seen, does not change.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]

# Degrees by which the hips of who stands straight are opened. At ease the line of gravity passes behind the hip joints and before
# the knees, which opens hips by about 6 beyond a straight line. Median of who stands with straight knees: motion capture 0, rendered
# people -5, and the networks close those by 6 more. On rendered people whom nothing was trained on 4 degrees are best and 8 cost
# nothing, on those with open hips 8 are best (benchmarks/stance.py); on real ones who stand 8 are worth a tenth.
OPENED: Final = 8.0
# Degrees up to which somebody stands straight, and from which on not at all: knees, and legs and trunk off the upright.
STRAIGHT: Final = (15.0, 30.0)
# The same for hips, off what the networks make of somebody who stands: degrees, below 0 bent.
HIPS: Final = (20.0, 35.0)
USUAL_HIPS: Final = -5.0
# What goes with the hips, by shares: the spine's joint lies half way to the neck, which stays, the chest's three quarters.
CARRIED: Final = {"pelvis": 1.0, "hip.L": 1.0, "hip.R": 1.0, "spine": 0.5, "chest": 0.25}

_AT: Final = {name: BODY_22.index(name) for name in BODY_22.joints}
_SHARES: Final = np.array([CARRIED.get(name, 0.0) for name in BODY_22.joints])


def open_hips(joints: Array, up: Array, sight: Array, opened: float = OPENED) -> Array:
    """(T,22,3): the joints (T,22,3), metres, relative to anything, the hips of who stands straight `opened` by so many degrees as far as
    they move along the lines of sight (T,3), unit. up (T,3), unit; all in the same axes."""
    across = joints[:, _AT["hip.L"]] - joints[:, _AT["hip.R"]]
    forwards = np.cross(direction(across - (across * up).sum(-1, keepdims=True) * up), up)
    # a hip that moves by d opens by d / trunk + d / thigh
    ways = _trunk(joints), (_thigh(joints, "L") + _thigh(joints, "R")) / 2
    turn = sum(1 / np.maximum(np.linalg.norm(way, axis=-1), 0.05) for way in ways)
    shift = stands_straight(joints, up) * np.radians(opened) / turn * (forwards * sight).sum(-1)
    return np.asarray(joints + _SHARES[:, None] * (shift[:, None] * sight)[:, None])


def stands_straight(joints: Array, up: Array) -> Array:
    """(T,) 0..1: how far somebody stands upright on straight legs. joints (T,22,3) metres, up (T,3), unit, in the same axes."""
    share = faded(_between(_trunk(joints), up), STRAIGHT)
    opening = hips_opening(joints)
    for i, side in enumerate("LR"):
        thigh, shin = _thigh(joints, side), joints[:, _AT[f"ankle.{side}"]] - joints[:, _AT[f"knee.{side}"]]
        share = share * faded(_between(thigh, shin), STRAIGHT) * faded(_between(-thigh - shin, up), STRAIGHT)
        share = share * faded(np.abs(opening[:, i] - USUAL_HIPS), HIPS)
    return share


def hips_opening(joints: Array) -> Array:
    """(T,2) degrees, left and right, by which trunk (middle of the hips to that of the shoulders) and thigh are opened beyond a straight
    line about the line through both hips; below 0 they are bent. joints (T,22,3) metres."""
    across = direction(joints[:, _AT["hip.L"]] - joints[:, _AT["hip.R"]])
    found = []
    for side in "LR":
        trunk, thigh = (way - (way * across).sum(-1, keepdims=True) * across for way in (-_trunk(joints), _thigh(joints, side)))
        found.append(np.degrees(np.arctan2((np.cross(trunk, thigh) * across).sum(-1), (trunk * thigh).sum(-1))))
    return np.stack(found, -1)


def _trunk(joints: Array) -> Array:
    hips, shoulders = ((joints[:, _AT[f"{name}.L"]] + joints[:, _AT[f"{name}.R"]]) / 2 for name in ("hip", "shoulder"))
    return np.asarray(shoulders - hips)


def _thigh(joints: Array, side: str) -> Array:
    return np.asarray(joints[:, _AT[f"knee.{side}"]] - joints[:, _AT[f"hip.{side}"]])


def _between(one: Array, other: Array) -> Array:
    return np.asarray(np.degrees(np.arccos(np.clip((direction(one) * direction(other)).sum(-1), -1, 1))))


def faded(degrees: Array, limits: tuple[float, float]) -> Array:
    """1 up to the first of the limits, 0 from the second on."""
    return np.clip((limits[1] - degrees) / (limits[1] - limits[0]), 0.0, 1.0)
