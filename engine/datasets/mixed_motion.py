"""Motions that nobody recorded: the legs of one, the trunk of a second, each arm of a third, at other speeds.

A few hours of motion capture show few of the ways in which legs, trunk and arms go together. A part keeps the angles it has against the
part that carries it (trunk against pelvis, arm against chest), so every joint bends as it bent for somebody; bones keep the lengths of the
person whose legs are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine.datasets.bent_motion import ARMS, CHEST, LEAST, PELVIS, UPPER_BODY, Carrier, bend, carrier_axes, draw_angles

Array = npt.NDArray[np.floating]
T = TypeVar("T")  # a stretch of motion, or what stands for one
Draw = Callable[[int], Array]  # frames -> (frames,22,3) of some motion

SLOWEST, FASTEST = 0.7, 1.6  # a take's speed beside the recorded one


@dataclass(frozen=True)
class Mixing:
    """How often each part comes from another motion. Both arms of one motion keep what hands do together (a sword, a box).

    bent: how often the parts are turned about their joints then (engine/datasets/bent_motion.py).
    """

    trunk: float = 0.35
    both_arms: float = 0.3
    one_arm: float = 0.3
    bent: float = 0.5


@dataclass(frozen=True)
class Take(Generic[T]):
    """A stretch that is played at `speed` beside the recorded one: `taken` frames were asked for, `what` is what came."""

    what: T
    taken: int
    speed: float

    def at(self, frames: int, came: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Where `frames` frames lie among the `came` that came: the frame before (frames,) and the share of the next (frames,)."""
        at = np.arange(frames) * ((came - 1) / (self.taken - 1)) * self.speed  # whole where as many frames came as were asked for
        low = np.clip(at.astype(np.int64), 0, came - 2)
        return low, np.clip(at - low, 0.0, 1.0)


@dataclass(frozen=True)
class Parts(Generic[T]):
    """Whose legs a mixed motion has, and whose trunk, arms and one arm, where they are another's. side: "L" or "R", the arm's.

    angles (T,P,3): of `draw_angles`, where the parts are turned.
    """

    motion: Take[T]
    trunk: Take[T] | None = None
    arms: Take[T] | None = None
    arm: Take[T] | None = None
    side: str = "L"
    angles: npt.NDArray[np.float64] | None = None


def choose_parts(draw: Callable[[int], T], frames: int, mixing: Mixing, random: np.random.Generator) -> Parts[T]:
    """The parts of a mixed motion of `frames` frames. draw: frames -> a stretch of some motion."""
    motion = _take(draw, frames, random)
    trunk = _take(draw, frames, random) if random.random() < mixing.trunk else None
    arms = _take(draw, frames, random) if random.random() < mixing.both_arms else None
    arm, side = None, "L"
    if random.random() < mixing.one_arm:
        arm, side = _take(draw, frames, random), "LR"[int(random.integers(2))]
    angles = draw_angles(frames, random) if random.random() < mixing.bent else None
    return Parts(motion, trunk, arms, arm, side, angles)


def draw_mixed(draw: Draw, frames: int, mixing: Mixing, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """(frames,22,3) float64 of one motion with parts of others; axes and units are those of `draw`."""
    return put_together(choose_parts(draw, frames, mixing, random), frames)


def put_together(parts: Parts[Array], frames: int) -> npt.NDArray[np.float64]:
    """(frames,22,3) of the parts of a mixed motion."""
    motion = _played(parts.motion, frames)
    if parts.trunk is not None:
        motion = with_trunk(motion, _played(parts.trunk, frames))
    if parts.arms is not None:
        other = _played(parts.arms, frames)
        motion = with_arm(with_arm(motion, other, "L"), other, "R")
    if parts.arm is not None:
        motion = with_arm(motion, _played(parts.arm, frames), parts.side)
    if parts.angles is not None:
        motion = bend(torch.from_numpy(motion), torch.from_numpy(parts.angles)).numpy()
    return motion


def with_trunk(motion: Array, other: Array) -> npt.NDArray[np.float64]:
    """`motion` (T,22,3) with the trunk, head and arms of `other` (T,22,3), carried by its own pelvis."""
    return _carried(motion, other, UPPER_BODY, PELVIS)


def with_arm(motion: Array, other: Array, side: str) -> npt.NDArray[np.float64]:
    """`motion` (T,22,3) with the arm "L" or "R" of `other` (T,22,3), carried by its own chest."""
    return _carried(motion, other, ARMS[side], CHEST)


def carry(motion: Tensor, other: Tensor, joints: Sequence[int], carrier: Carrier) -> Tensor:
    """`motion` (...,22,3) with the `joints` of `other` (...,22,3), turned as the carrier is; bones keep their lengths."""
    turn = carrier_axes(motion, carrier) @ carrier_axes(other, carrier).transpose(-1, -2)
    result = motion.clone()
    for joint in joints:  # parents come first
        parent = BODY_22.parents[joint]
        bone = (turn @ (other[..., joint, :] - other[..., parent, :])[..., None])[..., 0]
        length = (motion[..., joint, :] - motion[..., parent, :]).norm(dim=-1, keepdim=True)
        result[..., joint, :] = result[..., parent, :] + bone * (length / bone.norm(dim=-1, keepdim=True).clamp_min(LEAST))
    return result


def _carried(motion: Array, other: Array, joints: Sequence[int], carrier: Carrier) -> npt.NDArray[np.float64]:
    mine, theirs = (torch.from_numpy(np.asarray(each, dtype=np.float64)) for each in (motion, other))
    result: npt.NDArray[np.float64] = carry(mine, theirs, joints, carrier).numpy()
    return result


def _take(draw: Callable[[int], T], frames: int, random: np.random.Generator) -> Take[T]:
    """A stretch that is to be played slower or faster than recorded."""
    speed = float(np.exp(random.uniform(np.log(SLOWEST), np.log(FASTEST))))
    taken = int(np.ceil((frames - 1) * speed)) + 1
    return Take(draw(taken), taken, speed)


def _played(take: Take[Array], frames: int) -> npt.NDArray[np.float64]:
    motion = np.asarray(take.what, dtype=np.float64)
    low, share = take.at(frames, len(motion))
    return (1 - share[:, None, None]) * motion[low] + share[:, None, None] * motion[low + 1]
