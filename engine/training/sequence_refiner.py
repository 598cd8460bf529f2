"""Training of the refiner's sequence form on runs of what the lifter gets wrong, and its judgement over whole segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.datasets.split import Split
from engine.lifter.codec import NETWORK_FPS
from engine.lifter.network import Lifter
from engine.refiner.error_model import ErrorModel
from engine.refiner.network import RefinerConfig
from engine.refiner.noise import MixtureNoise
from engine.refiner.sampler import Ddim
from engine.refiner.sequence import SequenceRefiner
from engine.refiner.state import GUIDE_SIGNS
from engine.training.crops import LENGTH
from engine.training.diffusion import draw_steps, near_start
from engine.training.loop import Batch, Figures, Run
from engine.training.metrics import acceleration_error
from engine.training.refiner import RefinerLearner, RefinerRecipe, StateTable, begin, errors, limbs_of, noisy, taught
from engine.training.transplant import Motions


@dataclass(frozen=True)
class SequenceRecipe(RefinerRecipe):
    """As the single-frame refiner's; `batch` counts runs of LENGTH frames."""

    batch: int = 6


def runs_of(times: Tensor) -> list[slice]:
    """The runs of frames at `times` (N,) seconds, NETWORK_FPS within each."""
    breaks = (torch.nonzero(times.diff() > 1.5 / NETWORK_FPS)[:, 0] + 1).tolist()
    return [slice(a, b) for a, b in pairwise([0, *breaks, len(times)])]


def refined_runs(model: SequenceRefiner, noise: MixtureNoise, poses: StateTable) -> Tensor:
    """(N,22,5) the states of runs one after another, refined in one step from the guess, each run as a whole."""
    sampler, parts = Ddim(noise.schedule), []
    for run in map(poses.__getitem__, runs_of(poses.times)):
        states, step = noise.start(run.guess, 1, 0.0)
        parts.append(sampler.sample(model, states, run.guide[None], noise.schedule.times(step, 1))[0])
    return torch.cat(parts)


@torch.inference_mode()
def judge_runs(model: SequenceRefiner, noise: MixtureNoise, poses: StateTable) -> Figures:
    """Errors of the guess and of the refined poses of whole runs, of a person METRES tall: millimetres, and m/s^2 of acceleration."""
    model.eval()
    refined = refined_runs(model, noise, poses)
    figures, truth = errors(poses, refined), limbs_of(poses.truth)
    for name, state in (("guess", poses.guess), ("refined", refined)):
        joints = limbs_of(state)
        each = [acceleration_error(joints[run], truth[run], NETWORK_FPS) for run in runs_of(poses.times)]
        figures[f"{name}_accel"] = float(np.concatenate(each).mean())
    return figures


class SequenceLearner(RefinerLearner):
    """The same on whole runs, with noise that lasts over them; judged on every frame of the validation segments."""

    frames = LENGTH
    judged = 1

    def draw(self, rows: int) -> Batch:
        generator = self.draws.generator
        runs = torch.randint(0, len(self.pool.guess) // LENGTH, (rows,), generator=generator, device=generator.device)
        batch = self.pool[(LENGTH * runs[:, None] + torch.arange(LENGTH, device=generator.device)).flatten()]
        t = draw_steps(self.noise, 4 * ((rows + 3) // 4), generator, near_start(self.noise))
        t = t[torch.randperm(len(t), generator=generator, device=generator.device)[:rows]]
        h, eps = noisy(batch, self.noise, t.repeat_interleave(LENGTH), self.recipe.real_share, generator, LENGTH)
        h, guide, eps = (values.unflatten(0, (rows, LENGTH)) for values in (h, batch.guide, eps))
        return h, t, guide, eps

    def validate(self, model: nn.Module) -> Figures:
        assert isinstance(model, SequenceRefiner)
        return judge_runs(model, self.noise, self.held_out)


def train_sequence(
    lifter: Lifter, split: Split, recipe: SequenceRecipe, config: RefinerConfig, log: Path, start: Mapping[str, Tensor] | None = None,
    run: Run | None = None, motions: Motions | None = None,
) -> tuple[SequenceRefiner, ErrorModel, int, dict[str, Any]]:  # fmt: skip
    """Trains on the lifter's output; `start`: the tensors of a single-frame refiner to begin with. As `refiner.train_refiner` else."""
    run = run or Run()
    torch.manual_seed(recipe.seed)
    learner = SequenceLearner(lifter.to(run.device), split, recipe, motions)
    model = SequenceRefiner(BODY_22, replace(config, guide_signs=GUIDE_SIGNS))
    begin(model.refiner, start)
    done = taught("sequence", learner, model, model.config, log, run)
    info = {"recipe": asdict(recipe), "reach": model.reach, "validation": done.figures}
    return done.model, learner.noise.errors, learner.noise.start_step, info
