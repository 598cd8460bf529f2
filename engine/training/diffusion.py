"""What all trainings of the refiner do alike: fitting the noise, drawing steps, real errors among the drawn ones, the loss, refining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from contract.skeleton import Skeleton
from engine.refiner.error_fit import Fit, fit_errors
from engine.refiner.noise import AMPLITUDE, UNKNOWN, FixedNoise, Frames, MixtureNoise, widened_step
from engine.refiner.sampler import Ddim, Refined, refine
from engine.refiner.schedule import Schedule
from engine.training.loop import Batch, Forward

Noise = FixedNoise | MixtureNoise


@dataclass(frozen=True)
class Sampling:
    """How a guess is refined. amplitude: of the noise that makes hypotheses differ, where there are several."""

    steps: int = 1
    hypotheses: int = 1
    amplitude: float = AMPLITUDE
    flip: bool = True


def matched_step(residual: Tensor) -> int:
    """The step whose noise is as large as the error of poses an axis; residual (N,J,5), the guess minus the truth."""
    return Schedule().start_step(float(residual[:, 1:, 2:].square().mean().sqrt()))


def mixture_of(residual: Tensor, how: Fit, frames: Frames = UNKNOWN, start_step: int | None = None) -> MixtureNoise:
    """The mixtures of the residuals (N,J,5), the guess minus the truth, by EM. start_step: `matched_step` where None."""
    confidence, times = (None if values is None else values.cpu() for values in (frames.confidence, frames.times))
    start = matched_step(residual) if start_step is None else start_step
    return MixtureNoise(Schedule(), start, fit_errors(residual.cpu(), how, confidence, times))


def near_start(noise: Noise) -> int:
    """So many first steps of the chain: up to twice the start step."""
    return min(noise.schedule.steps, 2 * noise.start_step + 1)


def draw_steps(noise: Noise, rows: int, generator: torch.Generator, last: int, focus: bool = True) -> Tensor:
    """(rows,) diffusion steps: in antithetic pairs among the first `last`, as the paper's code draws them. With `focus` that is one half,
    and the other lies where sampling begins, from the start step to the one of the widest hypotheses, because a sample depends most on its
    first step."""
    device = generator.device
    even = rows - rows // 2 if focus else rows
    half = torch.randint(0, last, ((even + 1) // 2,), generator=generator, device=device)
    t = torch.cat([half, last - 1 - half])[:even]
    if focus:
        widest = widened_step(noise.schedule, noise.start_step, 1.0)
        t = torch.cat([t, torch.randint(noise.start_step, widest + 1, (rows // 2,), generator=generator, device=device)])
    return t


def refine_guess(
    model: nn.Module, noise: Noise, skeleton: Skeleton, guess: Tensor, guide: Tensor, guide_signs: Sequence[float], sampling: Sampling,
    seed: int = 0, frames: Frames = UNKNOWN,
) -> Refined:  # fmt: skip
    """The refined poses of the guesses (N,J,5) with their context (N,J,C), which a mirrored picture changes by `guide_signs` (C,)."""
    amplitude = sampling.amplitude if sampling.hypotheses > 1 else 0.0
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
    states, step = noise.start(guess, sampling.hypotheses, amplitude, generator, frames)
    times = noise.schedule.times(step, sampling.steps)
    return refine(model, skeleton, Ddim(noise.schedule), states, guide, times, flip=sampling.flip, guide_signs=guide_signs)


def with_real_errors(
    noisy: tuple[Tensor, Tensor], truth: Tensor, guess: Tensor, t: Tensor, noise: Noise, share: float,
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
