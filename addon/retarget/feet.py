"""Feet that stand where they should: while a foot is planted, its ankle is brought to the motion's own place by bending the leg."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .roles import Mapping
from .transfer import Pose, Transfer

Array = npt.NDArray[np.float64]

# Seconds in which the correction comes and goes before and after a contact.
RAMP = 0.25
# A leg is never pulled straighter than this share of its length: its plane would be lost.
REACH = 0.99999
# How much the rest hinge counts against the plane in which the knee bends (sine of the bend): decides for straight legs only.
HINGE_PULL = 0.02
# The hips come down to let a foot stand by at most this share of a leg, smoothly over this many seconds.
DROP, DROP_RAMP = 0.1, 0.2


def plant_feet(transfer: Transfer, mapping: Mapping, contacts: npt.NDArray[np.bool_], fps: float) -> None:
    """Corrects the legs (and, where they are too short, the height of the hips) of the pose in place.

    Args:
        contacts: (T,2) left, right foot on the ground.
    """
    pose, rig = transfer.pose, transfer.pose.rig
    weights = [contact_weight(contacts[:, side], fps) for side in range(2)]
    if not any(weight.any() for weight in weights):
        return
    goals = []
    for side in "LR":
        goal = transfer.fit.place(transfer.source.place(f"ankle.{side}"))
        goals.append((goal + transfer.shift - rig.location) @ rig.turn / rig.scale)
    legs = [[rig.index(mapping.bones[f"{part}.{side}"][0]) for part in ("thigh", "shin", "foot")] for side in "LR"]
    up = rig.turn[2]  # the world's up in armature space
    drops = np.zeros(pose.frames)
    for leg, goal, weight in zip(legs, goals, weights, strict=True):
        drops = np.maximum(drops, weight * _drop(pose, leg, goal, up))
    if drops.any():
        hips = rig.index(mapping.bones["hips"][0])
        pose.path[hips] = pose.path[hips] - _smooth_cover(drops, max(1, round(DROP_RAMP * fps)))[:, None] * up
    for side, leg, goal, weight in zip("LR", legs, goals, weights, strict=True):
        # the rig's own left-right axis turns with the thigh; in the T pose it is the knee's hinge
        hinge = q.rotate(transfer.source.turn(f"hip.{side}"), np.array([1.0, 0.0, 0.0])) @ rig.turn
        _bend(pose, leg, goal, weight, hinge)


def contact_weight(contact: npt.NDArray[np.bool_], fps: float) -> Array:
    """(T,) 1 in contact, falling smoothly to 0 within RAMP seconds before and after."""
    frames = np.arange(len(contact), dtype=np.float64)
    on = np.flatnonzero(contact)
    if not len(on):
        return np.zeros(len(contact))
    after = np.searchsorted(on, frames)
    distance = np.minimum(np.abs(on[np.minimum(after, len(on) - 1)] - frames), np.abs(on[np.maximum(after - 1, 0)] - frames))
    share = np.clip(1 - distance / (RAMP * fps), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _lengths(pose: Pose, leg: list[int]) -> tuple[float, float]:
    heads = pose.rig.heads[leg]
    return float(np.linalg.norm(heads[1] - heads[0])), float(np.linalg.norm(heads[2] - heads[1]))


def _drop(pose: Pose, leg: list[int], goal: Array, up: Array) -> Array:
    """(T,) how far the hips must come down for the ankle to get to its goal."""
    reach = sum(_lengths(pose, leg)) * REACH
    away = goal - pose.head(leg[0])
    height = -(away @ up)
    beside2 = (away * away).sum(-1) - height**2
    need = height - np.sqrt(np.maximum(reach**2 - beside2, 0.0))
    return np.clip(need, 0.0, DROP * reach)


def _smooth_cover(values: Array, reach: int) -> Array:
    """A smooth curve that is nowhere under `values`: their highest within `reach` frames, then averaged as widely."""
    padded = np.pad(values, 2 * reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(-1)
    return np.lib.stride_tricks.sliding_window_view(highest, 2 * reach + 1).mean(-1)


def _bend(pose: Pose, leg: list[int], goal: Array, weight: Array, rest_hinge: Array) -> None:
    thigh, shin, _ = leg
    heads = pose.rig.heads
    upper, lower = _lengths(pose, leg)
    hip = np.broadcast_to(pose.head(thigh), (pose.frames, 3))
    first = q.rotate(pose.turns[thigh], heads[shin] - heads[thigh])
    second = q.rotate(pose.turns[shin], heads[leg[2]] - heads[shin])
    ankle = hip + first + second
    wanted = ankle + weight[:, None] * (goal - ankle)
    old, new = ankle - hip, wanted - hip
    swing = q.swing(old, new)
    plane = q.cross(first, second) / (upper * lower) + HINGE_PULL * rest_hinge
    before = q.frame(old, plane)[..., 1]
    after = q.rotate(swing, before)
    far = np.clip(np.linalg.norm(new, axis=-1), abs(upper - lower) + 1e-6 * upper, (upper + lower) * REACH)
    along = q.unit(new)
    cosine = np.clip((upper**2 + far**2 - lower**2) / (2 * upper * far), -1.0, 1.0)
    out = q.cross(along, after)
    knee = upper * (along * cosine[:, None] + out * np.sqrt(1 - cosine**2)[:, None])
    rest = along * far[:, None] - knee
    active = weight > 0
    for bone, was, becomes in ((thigh, first, knee), (shin, second, rest)):
        change = q.of_matrices(q.frame(becomes, after) @ np.swapaxes(q.frame(was, before), -1, -2))
        pose.turns[bone] = np.where(active[:, None], q.multiply(change, pose.turns[bone]), pose.turns[bone])
