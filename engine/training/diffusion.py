"""What both trainings of the refiner do with noise: real errors among the drawn ones, and the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.refiner.noise import FixedNoise, MixtureNoise
from engine.training.loop import Batch, Forward


def with_real_errors(
    noisy: tuple[Tensor, Tensor], truth: Tensor, guess: Tensor, t: Tensor, noise: FixedNoise | MixtureNoise, share: float,
    generator: torch.Generator, frames: int = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(h_t, eps) `noisy` of a batch, `share` of it replaced by the truth moved towards the lifter's guess, as far as step t's noise goes.

    truth, guess (B,J,5); t (B,). frames: so many poses that follow each other are a run, which is replaced as a whole or not at all.
    """
    kept, sigma = noise.schedule.coefficients(t, truth)
    moved = truth + sigma / noise.schedule.sigma(noise.start_step) * (guess - truth)
    real = torch.rand(len(t) // frames, 1, 1, generator=generator, device=generator.device).repeat_interleave(frames, 0) < share
    return torch.where(real, moved, noisy[0]), torch.where(real, (moved - kept * truth) / sigma, noisy[1])


def noise_loss(forward: Forward, batch: Batch) -> Tensor:
    """The squared error of the noise, summed over a pose and averaged over the poses of the batch (h, t, guide, eps), as published."""
    h, t, guide, eps = batch
    return (forward(h, t, guide).float() - eps).square().sum((-2, -1)).mean()
