"""The networks over time at work on one run, which they see as it is and mirrored: the lifter's guess, and refined poses, one frame in
STRIDE, the others in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from contract.skeleton import BODY_22
from engine.arrays import Array, constant, namespace, unit
from engine.lifter.codec import Encoded, camera_up
from engine.lifter.mirror import POSE_SIGNS, mirrored, mirrored_directions, mirrored_joints, mirrored_marks
from engine.refiner.layout import STRIDE
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import CLEAN, Schedule
from engine.refiner.state import guides, pose_of, states

Network = Callable[..., Array]  # WindowRefiner.clean
# Degrees by which a trunk is off the upright, up to which the refiner has its say, and from which on it has none: held-out people on the
# floor are 1.8 % worse for it (docs/training_log.md).
UPRIGHT: Final = (40.0, 60.0)
# The same for bent knees: it straightens the legs of who stands, which is what it pays for; takes of people on bent legs gain nothing by
# it, and four clips of them lose 2 to 4 mm.
STRAIGHT: Final = (20.0, 50.0)
_PELVIS, _NECK = BODY_22.index("pelvis"), BODY_22.index("neck")
_LEGS = [[BODY_22.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle")] for side in "LR"]
Lift = Callable[[Array, Array], tuple[Array, Array]]  # Lifter.read


@dataclass(frozen=True)
class Lifted:
    """Runs as the networks have them: the codec's view of B runs of T frames, the detector's visibility (B,T,33), the lifter's guess
    (B,T,22,3), statures in view axes, and its hints (B,T,width). twin: the same runs mirrored, where they were looked at so."""

    encoded: Encoded
    visibility: Array
    guess: Array
    hints: Array
    twin: Lifted | None = None


def lift_both_ways(lift: Lift, encoded: Encoded, visibility: Array) -> Lifted:
    """What the lifter makes of runs: the mean of its guesses from them and from their mirror image."""
    xp, runs, other = namespace(visibility), len(visibility), mirrored(encoded)
    poses, hints = lift(*(xp.concat([getattr(way, name) for way in (encoded, other)]) for name in ("features", "base")))
    guess = (poses[:runs] + mirrored_joints(poses[runs:], BODY_22, POSE_SIGNS)) / 2
    twin = Lifted(other, mirrored_marks(visibility), mirrored_joints(guess, BODY_22, POSE_SIGNS), hints[runs:])
    return Lifted(encoded, visibility, guess, hints[:runs], twin)


def refine_runs(
    network: Network, lifted: Lifted, up: Array, error: Array, times: Sequence[int], begin: int = 0, moved: Array | None = None
) -> Array:
    """(B,T,22,3) refined poses, statures, view axes, the pelvis at the origin.

    up (B,T,3), unit, view axes, and its error (B,T) in radians; times: the steps to visit, the first the one that the guess belongs to;
    begin: the first frame that is refined, so that pieces of a take refine the same ones; moved (B,T',22,5): the states of those frames
    to begin with instead of the guess. Where the runs have a twin, the mean of what is made of both.
    """
    pose = _one_way(network, lifted, up, error, times, begin, moved)
    if lifted.twin is None:
        return pose
    start = None if moved is None else mirrored_joints(moved, BODY_22)
    other = _one_way(network, lifted.twin, mirrored_directions(up), error, times, begin, start)
    return (pose + mirrored_joints(other, BODY_22, POSE_SIGNS)) / 2


def _one_way(
    network: Network, lifted: Lifted, up: Array, error: Array, times: Sequence[int], begin: int, moved: Array | None
) -> Array:
    """As `refine_runs`, of the runs as they are."""
    encoded, shape = lifted.encoded, lifted.guess.shape[:2]
    every = (slice(None), slice(begin, None, STRIDE))
    told = [x[every] for x in (encoded.features, lifted.hints, lifted.guess, up, error, camera_up(encoded.rotation))]
    guide = as_runs(guides(encoded, lifted.visibility), shape)[every]
    x = as_runs(states(encoded, lifted.guess), shape)[every] if moved is None else moved
    schedule = Schedule()
    sampler = Ddim(schedule)
    for t, before in zip(times, (*times[1:], CLEAN), strict=True):
        steps = constant(np.full(len(x), t), x, whole=True)
        x = sampler.step(x, schedule.noise(x, steps, network(x, steps, guide, *told)), t, before)
    change = pose_of(x) - lifted.guess[every]
    if moved is None:  # hypotheses that were drawn differ whoever it is, which is what they are drawn for
        change = change * stands(lifted.guess, up)[every][..., None, None]
    pose = lifted.guess + between(change, shape[1], begin)
    return pose - pose[..., :1, :]


def stands(guess: Array, up: Array) -> Array:
    """(B,T) 0..1: how far the trunk of `guess` (B,T,22,3) is upright, where up (B,T,3) is, unit, in the same axes, and its legs are
    straight, each for half of it."""

    def bone(start: int, end: int) -> Array:
        return unit(guess[..., end, :] - guess[..., start, :])

    left, right = (_within(bone(hip, knee), bone(knee, ankle), STRAIGHT) for hip, knee, ankle in _LEGS)
    return _within(bone(_PELVIS, _NECK), up, UPRIGHT) * (left + right) / 2


def _within(one: Array, other: Array, degrees: tuple[float, float]) -> Array:
    """1 where unit vectors (...,3) are no farther apart than the first of these angles, 0 from the second on; by the cosine."""
    xp = namespace(one)
    whole, none = (math.cos(math.radians(limit)) for limit in degrees)
    return xp.clip((xp.sum(one * other, axis=-1) - none) / (whole - none), min=0.0, max=1.0)


def as_runs(values: Array, shape: Sequence[int]) -> Array:
    """(B T,...) of all frames -> (B,T,...)."""
    return namespace(values).reshape(values, (*shape, *values.shape[1:]))


def between(values: Array, frames: int, begin: int) -> Array:
    """(B,T,...) of values (B,T',...) that stand at the frames `begin`, `begin` + STRIDE, ...: in a straight line, the ends kept."""
    last = values.shape[1] - 1
    at = ((np.arange(frames) - begin) / STRIDE).clip(0, last)
    low = np.floor(at).astype(np.int64).clip(0, max(last - 1, 0))
    share = constant((at - low).reshape(1, -1, *(1,) * (values.ndim - 2)), values)
    first, second = (constant(i, values, whole=True) for i in (low, np.minimum(low + 1, last)))
    return (1 - share) * values[:, first] + share * values[:, second]
