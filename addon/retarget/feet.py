"""Feet that stand where they should: while a foot is planted, it keeps the motion's own place, and the legs turn as little as can be.

A character of other proportions cannot have both the person's footprints and the person's pose: hips are wider or narrower, thighs and
shins share the leg otherwise, feet are longer. So every contact gets a footprint of its own, where the turned legs put the foot on
average; what is left over the hips follow, as far as the standing feet agree; and only the rest bends the legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .roles import Mapping
from .transfer import Pose, Transfer

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Seconds in which the correction comes and goes before and after a contact.
RAMP = 0.2
# A leg is never pulled straighter than this share of its length: its plane would be lost.
REACH = 0.99999
# How much the rest hinge counts against the plane in which the knee bends (sine of the bend): decides for straight legs only.
HINGE_PULL = 0.02
# The hips come down to let a foot stand by at most this share of a leg, smoothly over this many seconds.
DROP, DROP_RAMP = 0.1, 0.2
# The hips follow the feet smoothly over this many seconds before and after.
CALM = 0.07
# A knee bent less than this (sine) counts as bent so far, where the hips decide which leg to spare.
STRAIGHT = 0.1
# A foot whose heel has risen (or whose toe has) by this share of its length stands on the other end alone, and less before.
RISE = 0.3
# A foot's tip that is nearer to or farther from the ankle than these shares of the person's (scaled) is a bone that points elsewhere;
# one between the others is the person's, since bones end at no more than about a foot's tip.
TIP_NEAR, TIP_FAR = 0.4, 2.0
TIP_SAME = (0.85, 1.15)
# The tip of the toes beyond the ball, as a share of ankle to ball, where the toes' bone does not tell; and between which it may tell.
TOES, TOES_LEAST, TOES_MOST = 0.4, 0.15, 0.8


@dataclass(frozen=True)
class Foot:
    """One leg's part. Places and vectors (T,3) in the world, the character's metres.

    bones: thigh, shin, foot. goal: of the ankle while the foot stands; weight: (T,) how far it counts, 0..1.
    """

    side: str
    bones: tuple[int, int, int]
    goal: Array
    weight: Array


def plant_feet(
    transfer: Transfer, mapping: Mapping, contacts: Flags, fps: float, mode: str = "auto", runs: list[slice] | None = None
) -> None:
    """Corrects the place of the hips and the turns of the legs in place.

    Args:
        contacts: (T,2) left, right foot on the ground.
        mode: "auto" lets a planted foot slide as much as the person's does; "always" holds it on one spot.
        runs: stretches of frames without a hole in time; None for a motion without one.
    """
    pose, rig = transfer.pose, transfer.pose.rig
    runs = runs if runs is not None else [slice(0, pose.frames)]
    feet = [_foot(transfer, mapping, side, contacts[:, number], fps, mode, runs) for number, side in enumerate("LR")]
    if not any(foot.weight.any() for foot in feet):
        return
    hips = transfer.traveller
    shift, reach = _agreed(pose, feet), max(1, round(CALM * fps))
    shift = np.concatenate([_calm(shift[run], reach) for run in runs])
    pose.path[hips] = pose.path[hips] + (shift @ rig.turn) / rig.scale

    up = rig.turn[2]  # the world's up in armature space
    goals = [(foot.goal - rig.location) @ rig.turn / rig.scale for foot in feet]
    drops = np.zeros(pose.frames)
    for foot, goal in zip(feet, goals, strict=True):
        drops = np.maximum(drops, foot.weight * _drop(pose, foot.bones, goal, up))
    if drops.any():
        reach = max(1, round(DROP_RAMP * fps))
        pose.path[hips] = pose.path[hips] - np.concatenate([_smooth_cover(drops[run], reach) for run in runs])[:, None] * up
    for foot, goal in zip(feet, goals, strict=True):
        # the rig's own left-right axis turns with the thigh; in the T pose it is the knee's hinge
        hinge = q.rotate(transfer.source.turn(f"hip.{foot.side}"), np.array([1.0, 0.0, 0.0])) @ rig.turn
        _bend(pose, foot.bones, goal, foot.weight, hinge)


def contact_weight(contact: Flags, fps: float) -> Array:
    """(T,) 1 in contact, falling smoothly to 0 within RAMP seconds before and after."""
    frames = np.arange(len(contact), dtype=np.float64)
    on = np.flatnonzero(contact)
    if not len(on):
        return np.zeros(len(contact))
    after = np.searchsorted(on, frames)
    distance = np.minimum(np.abs(on[np.minimum(after, len(on) - 1)] - frames), np.abs(on[np.maximum(after - 1, 0)] - frames))
    return _smooth_step(1 - distance / (RAMP * fps))


def _smooth_step(share: Array) -> Array:
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _foot(transfer: Transfer, mapping: Mapping, side: str, contact: Flags, fps: float, mode: str, runs: list[slice]) -> Foot:
    pose, rig, source, fit = transfer.pose, transfer.pose.rig, transfer.source, transfer.fit
    thigh, shin, foot = (rig.index(mapping.bones[f"{part}.{side}"][0]) for part in ("thigh", "shin", "foot"))
    ankle, toe = source.place(f"ankle.{side}"), source.place(f"toe.{side}")
    rest = source.rest[f"toe.{side}"] - source.rest[f"ankle.{side}"]
    rise = (rest[2] - (toe - ankle)[:, 2]) / (RISE * float(np.linalg.norm(rest)))
    # flat feet that turn do so on the ball; how high they stand shows the ankle better
    on_toe, held_toe = _smooth_step(rise), _smooth_step(1 + rise)[:, None]
    goal = fit.place(ankle) + transfer.shift
    steps = np.zeros((pose.frames, 3))  # what the footprint moves by from frame to frame, beyond the person's
    between = (held_toe[1:] + held_toe[:-1]) / 2
    tip = _tip(transfer, mapping, side)
    if tip is not None:
        # seen from the ankle, the person's toe less the character's: what the ankle must do for the toe to stand as the person's
        other = fit.ratio * (toe - ankle) - rig.directions(q.rotate(pose.turns[foot], (tip @ rig.turn) / rig.scale))
        at_rest = fit.ratio * rest - q.rotate(transfer.match.turns[f"foot.{side}"], tip)
        goal[:, 2] += on_toe * (other[:, 2] - at_rest[2])
        steps[1:] = between * np.diff(other, axis=0)
    if mode == "always":
        steps[1:] -= fit.ratio * (np.diff(ankle, axis=0) + between * np.diff(toe - ankle, axis=0))
    steps[:, 2] = 0.0
    weight = np.zeros(pose.frames)
    made = Foot(side, (thigh, shin, foot), goal, weight)
    turned = _ankle(pose, made)
    for run in runs:
        weight[run] = contact_weight(contact[run], fps)
        goal[run] += _footprints(contact[run], (turned - goal)[run], steps[run])
    return made


def _tip(transfer: Transfer, mapping: Mapping, side: str) -> Array | None:
    """(3,) the tip of the foot seen from the ankle, at rest in the world; None where it is the person's or the bones do not show it."""
    rig, source = transfer.pose.rig, transfer.source
    start = rig.world(rig.heads[rig.index(mapping.bones[f"foot.{side}"][0])])
    tip = transfer.match.ends[f"foot.{side}"] - start
    name = mapping.bone(f"toe.{side}")
    if name is not None:
        toes = rig.index(name)
        forward = q.unit(tip * np.array([1.0, 1.0, 0.0]))
        length = float(np.linalg.norm(tip))
        beyond = rig.scale * float(np.linalg.norm(rig.tails[toes] - rig.heads[toes])) / max(length, 1e-9)
        tip = tip + length * (beyond if TOES_LEAST <= beyond <= TOES_MOST else TOES) * forward
    person = transfer.fit.ratio * float(np.linalg.norm(source.rest[f"toe.{side}"] - source.rest[f"ankle.{side}"]))
    size = float(np.linalg.norm(tip)) / person
    return tip if TIP_NEAR < size < TIP_FAR and not TIP_SAME[0] < size < TIP_SAME[1] else None


def _footprints(contact: Flags, away: Array, steps: Array) -> Array:
    """(T,3) level shifts of the goal: each contact's own, so that on average over it the foot is where the turned leg has it.

    Args:
        away: (T,3) from the goal to where the turned leg has the ankle.
        steps: (T,3) what the shift changes by from the frame before.

    Between two contacts the shift goes over smoothly.
    """
    shift = np.zeros_like(away)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], contact, [False]]).astype(np.int8))).reshape(-1, 2)
    for start, stop in edges:
        along = np.cumsum(steps[start:stop], axis=0)
        shift[start:stop] = along + (away[start:stop] - along).mean(0)
    for (_, before), (after, _) in pairwise(edges):
        share = _smooth_step(np.arange(1, after - before + 1) / (after - before + 1))[:, None]
        shift[before:after] = (1 - share) * shift[before - 1] + share * shift[after]
    if len(edges):
        shift[: edges[0, 0]] = shift[edges[0, 0]]
        shift[edges[-1, 1] :] = shift[edges[-1, 1] - 1]
    shift[:, 2] = 0.0
    return shift


def _ankle(pose: Pose, foot: Foot) -> Array:
    """(T,3) where the ankle is now, in the world."""
    return pose.rig.world(np.broadcast_to(pose.head(foot.bones[2]), (pose.frames, 3)))


def _agreed(pose: Pose, feet: list[Foot]) -> Array:
    """(T,3) how the hips move, world: where standing feet differ on it, so that the legs have to turn as little as can be.

    A leg meets a move across it by swinging, radians of move / length, and one along it by its knee, which a nearly straight leg has to
    bend by far more. So each foot's wish counts by the square of what it would cost the leg instead.
    """
    pull, cost = np.zeros((pose.frames, 3)), np.zeros((pose.frames, 3, 3))
    for foot in feet:
        hip, knee, ankle = (pose.rig.world(np.broadcast_to(pose.head(bone), (pose.frames, 3))) for bone in foot.bones)
        upper, lower, whole = knee - hip, ankle - knee, ankle - hip
        length = np.linalg.norm(whole, axis=-1)
        bend = np.linalg.norm(q.cross(upper, lower), axis=-1)  # both lengths times the sine of the knee's bend
        lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
        along = (length / np.maximum(bend, STRAIGHT * lengths)) ** 2
        across = length**-2
        axis = whole / length[:, None]
        own = across[:, None, None] * np.eye(3) + (along - across)[:, None, None] * axis[:, :, None] * axis[:, None, :]
        own *= foot.weight[:, None, None]
        cost += own
        pull += (own @ (foot.goal - ankle)[:, :, None])[..., 0]
    standing = feet[0].weight + feet[1].weight
    some = standing > 0
    shift = np.zeros((pose.frames, 3))
    shift[some] = np.linalg.solve(cost[some], pull[some][:, :, None])[..., 0]
    return shift * np.minimum(standing, 1.0)[:, None]


def _calm(values: Array, reach: int) -> Array:
    """(T,3) averaged over `reach` frames before and after, near ones counting more."""
    weights = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    result: Array = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0) @ (weights / weights.sum())
    return result


def _lengths(pose: Pose, leg: tuple[int, int, int]) -> tuple[float, float]:
    heads = pose.rig.heads[list(leg)]
    return float(np.linalg.norm(heads[1] - heads[0])), float(np.linalg.norm(heads[2] - heads[1]))


def _drop(pose: Pose, leg: tuple[int, int, int], goal: Array, up: Array) -> Array:
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


def _bend(pose: Pose, leg: tuple[int, int, int], goal: Array, weight: Array, rest_hinge: Array) -> None:
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
