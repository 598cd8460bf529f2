"""Training of the refiner's sequence form on runs of what the lifter gets wrong, and its judgement over whole segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine.refiner.codec import NETWORK_FPS
from engine.refiner.error_fit import Fit
from engine.refiner.error_model import ErrorModel
from engine.refiner.lifter import Lifter
from engine.refiner.network import RefinerConfig
from engine.refiner.noise import MixtureNoise
from engine.refiner.sampler import Ddim
from engine.refiner.sequence import SequenceRefiner
from engine.refiner.state import GUIDE_SIGNS, METRES, pose_of
from engine.training.crops import LENGTH
from engine.training.loop import Batch, Drawing, Draws, Figures, Forward, Run, lines_into, train
from engine.training.metrics import acceleration_error, mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.refiner import (
    Poses,
    RefinerRecipe,
    draw_steps,
    fit_noise,
    keep_the_guess,
    loop_recipe,
    pool_of_poses,
    run_times,
    validation_poses,
)
from engine.training.split import Split
from engine.training.transplant import Motions


@dataclass(frozen=True)
class SequenceRecipe(RefinerRecipe):
    """As the single-frame refiner's; `batch` counts runs of LENGTH frames."""

    batch: int = 6


def refined_runs(model: SequenceRefiner, noise: MixtureNoise, poses: Poses) -> Tensor:
    """(N,22,5) the states of runs one after another, refined in one step from the guess, each run as a whole."""
    sampler, parts = Ddim(noise.schedule), []
    breaks = (torch.nonzero(poses.times.diff() > 1.5 / NETWORK_FPS)[:, 0] + 1).tolist()
    for first, last in zip([0, *breaks], [*breaks, len(poses.times)], strict=True):
        run = poses[slice(first, last)]
        states, step = noise.start(run.guess, 1, 0.0)
        parts.append(sampler.sample(model, states, run.guide[None], noise.schedule.times(step, 1))[0])
    return torch.cat(parts)


@torch.inference_mode()
def evaluate(model: SequenceRefiner, noise: MixtureNoise, poses: Poses) -> Figures:
    """Errors of the guess and of the refined poses of whole runs, of a person METRES tall: millimetres, and m/s^2 of acceleration."""
    model.eval()
    breaks = torch.nonzero(poses.times.diff() > 1.5 / NETWORK_FPS)[:, 0].tolist()
    truth = rooted_at_hips(METRES * pose_of(poses.truth).cpu().numpy())
    figures: Figures = {}
    for name, state in (("guess", poses.guess), ("refined", refined_runs(model, noise, poses))):
        joints = rooted_at_hips(METRES * pose_of(state).cpu().numpy())
        figures[f"{name}_mpjpe"], figures[f"{name}_pa"] = float(mpjpe(joints, truth).mean()), float(pa_mpjpe(joints, truth).mean())
        accelerations = acceleration_error(joints, truth, NETWORK_FPS)
        within = torch.ones(len(accelerations), dtype=torch.bool)  # not across two runs
        for k in breaks:
            within[max(k - 1, 0) : k + 1] = False
        figures[f"{name}_accel"] = float(accelerations[within.numpy()].mean())
    return figures


class SequenceLearner(Drawing):
    """See `engine.training.loop.Learner`: runs of what the lifter makes of augmented crops, or of lasting noise, beside the truth."""

    frames = LENGTH

    def __init__(self, lifter: Lifter, split: Split, recipe: SequenceRecipe, motions: Motions | None = None) -> None:
        self.recipe = recipe
        self.draws = Draws(recipe.seed, next(lifter.parameters()).device)
        self.pool = pool_of_poses(lifter, split, recipe, self.draws.rng, self.draws.generator, motions)
        self.held_out = validation_poses(lifter, split, every=1)
        self.noise = fit_noise(self.pool, Fit(recipe.components, recipe.classes, recipe.seed))

    def draw(self, rows: int) -> Batch:
        generator, noise = self.draws.generator, self.noise
        device = generator.device
        runs = torch.randint(0, len(self.pool.guess) // LENGTH, (rows,), generator=generator, device=device)
        batch = self.pool[(LENGTH * runs[:, None] + torch.arange(LENGTH, device=device)).flatten()]
        t = draw_steps(noise, 4 * ((rows + 3) // 4), generator)
        t = t[torch.randperm(len(t), generator=generator, device=device)[:rows]]
        each = t.repeat_interleave(LENGTH)
        h, eps = noise.forward(batch.truth, each, generator, batch.confidence, run_times([LENGTH] * rows))
        real = (torch.rand(rows, generator=generator, device=device) < self.recipe.real_share).repeat_interleave(LENGTH)[:, None, None]
        kept, sigma = noise.schedule.coefficients(each, batch.truth)
        moved = batch.truth + sigma / noise.schedule.sigma(noise.start_step) * (batch.guess - batch.truth)
        h, eps = torch.where(real, moved, h), torch.where(real, (moved - kept * batch.truth) / sigma, eps)
        h, guide, eps = (values.unflatten(0, (rows, LENGTH)) for values in (h, batch.guide, eps))
        return h, t, guide, eps

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        h, t, guide, eps = batch
        return (forward(h, t, guide).float() - eps).square().sum((2, 3)).mean()

    def validate(self, model: SequenceRefiner) -> Figures:
        return evaluate(model, self.noise, self.held_out)


def train_sequence(
    lifter: Lifter, split: Split, recipe: SequenceRecipe, config: RefinerConfig, log: Path, start: Mapping[str, Tensor] | None = None,
    run: Run | None = None, motions: Motions | None = None,
) -> tuple[SequenceRefiner, ErrorModel, int, dict[str, Any]]:  # fmt: skip
    """Trains on the lifter's output; `start`: the tensors of a single-frame refiner to begin with. As `refiner.train_refiner` else."""
    run = run or Run()
    torch.manual_seed(recipe.seed)
    learner = SequenceLearner(lifter.to(run.device), split, recipe, motions)
    config = replace(config, guide_signs=GUIDE_SIGNS)
    model = SequenceRefiner(BODY_22, config)
    if start is None:
        keep_the_guess(model.refiner)
    else:
        model.start_from(start)
    layout = {"network": "sequence", **config.to_dict(), **{f"recipe.{name}": value for name, value in asdict(recipe).items()}}
    done = train(learner, model.to(run.device), loop_recipe(recipe), layout=layout, run=run.also(lines_into(log)))
    info = {"recipe": asdict(recipe), "reach": model.reach, "validation": done.figures}
    return done.model, learner.noise.errors, learner.noise.start_step, info
