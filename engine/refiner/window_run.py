"""The refiner over time at work on one run: from what the lifter made of it to poses, one frame in STRIDE, the others in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.lifter.codec import Encoded
from engine.lifter.gravity import camera_up
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import CLEAN, Schedule
from engine.refiner.state import guides, pose_of, states
from engine.refiner.window import STRIDE, conditions, noise_of

Network = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # WindowRefiner.forward


@dataclass(frozen=True)
class Lifted:
    """Runs as the networks have them: the codec's view of B runs of T frames, the detector's visibility (B,T,33), the lifter's guess
    (B,T,22,3), statures in view axes, and its hints (B,T,width)."""

    encoded: Encoded
    visibility: Tensor
    guess: Tensor
    hints: Tensor


def refine_runs(
    network: Network, lifted: Lifted, up: Tensor, error: Tensor, times: Sequence[int], begin: int = 0, moved: Tensor | None = None
) -> Tensor:
    """(B,T,22,3) refined poses, statures, view axes, the pelvis at the origin.

    up (B,T,3), unit, view axes, and its error (B,T) in radians; times: the steps to visit, the first the one that the guess belongs to;
    begin: the first frame that is refined, so that pieces of a take refine the same ones; moved (B,T',22,5): the states of those frames
    to begin with instead of the guess.
    """
    encoded, shape = lifted.encoded, lifted.guess.shape[:2]
    told = conditions(encoded.features, lifted.hints, lifted.guess, up, error, camera_up(encoded.rotation))[:, begin::STRIDE]
    guide = guides(encoded, lifted.visibility).unflatten(0, shape)[:, begin::STRIDE]
    x = states(encoded, lifted.guess).unflatten(0, shape)[:, begin::STRIDE] if moved is None else moved
    schedule = Schedule()
    sampler = Ddim(schedule)
    for t, before in zip(times, (*times[1:], CLEAN), strict=True):
        steps = torch.full((len(x),), t, device=x.device)
        x = sampler.step(x, noise_of(schedule, x, network(x, steps, guide, told), steps), t, before)
    change = pose_of(x) - lifted.guess[:, begin::STRIDE]
    pose = lifted.guess + between(change, shape[1], begin)
    return pose - pose[..., :1, :]


def between(values: Tensor, frames: int, begin: int) -> Tensor:
    """(B,T,...) of values (B,T',...) that stand at the frames `begin`, `begin` + STRIDE, ...: in a straight line, the ends kept."""
    at = (torch.arange(frames, device=values.device) - begin).to(values.dtype) / STRIDE
    at = at.clamp(0, values.shape[1] - 1)
    low = at.floor().long().clamp_max(max(values.shape[1] - 2, 0))
    share = (at - low).view(1, -1, *(1,) * (values.ndim - 2))
    high = (low + 1).clamp_max(values.shape[1] - 1)
    return (1 - share) * values[:, low] + share * values[:, high]
