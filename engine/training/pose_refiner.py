"""What the paper's refiner learns: the noise in the joint state (u,v,x,y,z) of a single frame.

`released`: the published code's noise, the same for every joint. `paper`: the mixture of what the detector and the lifter really get wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from contract.failure import Failure
from contract.skeleton import Skeleton
from engine.datasets.gmm import draw as draw_kernels
from engine.refiner.error_fit import Fit, fit_errors
from engine.refiner.noise import RELEASED_SCALES, UNKNOWN, FixedNoise, Frames, MixtureNoise
from engine.refiner.sampler import GUIDE_SIGNS, STATE_SIGNS, Ddim, Refined, refine
from engine.refiner.schedule import Schedule
from engine.training.diffusion import noise_loss, with_real_errors
from engine.training.loop import Batch, Drawing, Draws, Forward
from engine.training.pose_table import PoseTable, judge, mirror_some

Noise = FixedNoise | MixtureNoise
MODES = ("released", "paper")
MATCHED = -1  # the step whose noise is as large as the lifter's error an axis
GMM = ("first", "draw")


@dataclass(frozen=True)
class DiffusionRecipe:
    """mode: "released" or "paper". components: of a joint's mixture. classes: of the detector's confidence, each with a mixture of its own,
    where the data have one. focus: half of the steps are drawn where sampling begins, not evenly. real_share: of the rows carry the
    lifter's own error of that frame, whole, instead of one drawn from the mixture (paper mode). start_step: MATCHED to the lifter's error,
    or the published 6 for the published lifter. gmm: of 2D mixtures (`*_gmm.npz`) the "first" mean is the 2D, as published, or a kernel is
    drawn for every joint and row by its weight ("draw"); the noise of the released mode then has its scales in (u, v), as DiffPose has it.
    """

    mode: str = "paper"
    components: int = 3
    classes: int = 2
    focus: bool = True
    real_share: float = 0.0
    start_step: int = MATCHED
    gmm: str = "first"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise Failure("bad_arguments", f"mode is one of {', '.join(MODES)}, not {self.mode!r}.")
        if self.gmm not in GMM:
            raise Failure("bad_arguments", f"gmm is one of {', '.join(GMM)}, not {self.gmm!r}.")


@dataclass(frozen=True)
class Sampling:
    """How a guess is refined. amplitude: of the noise that makes hypotheses differ, 0 where there is one."""

    steps: int = 1
    hypotheses: int = 1
    amplitude: float = 1.0
    flip: bool = True


def guessed_states(table: PoseTable, guess: Tensor) -> Tensor:
    """(N,J,5): what refinement starts from, the detector's points beside the lifter's guess."""
    return torch.cat([table.keypoints, guess], -1)


def true_states(table: PoseTable, recipe: DiffusionRecipe) -> Tensor:
    """(N,J,5). The published code takes the detector's points for true ones; the mixture knows better where exact ones are given."""
    points = table.keypoints if recipe.mode == "released" else table.exact
    return torch.cat([points, table.poses], -1)


def make_noise(table: PoseTable, guess: Tensor, recipe: DiffusionRecipe, seed: int = 0) -> Noise:
    """The forward process. The residuals are those of `table`: subjects that the lifter was not trained on, else they are too small."""
    schedule = Schedule()
    residual = guessed_states(table, guess) - true_states(table, recipe)
    rmse = float(residual[:, 1:, 2:].square().mean().sqrt())
    start = schedule.start_step(rmse) if recipe.start_step == MATCHED else recipe.start_step
    if recipe.mode == "released":
        return FixedNoise(schedule, start)
    confidence = None if table.confidence is None else table.confidence.cpu()
    how = Fit(recipe.components, recipe.classes, seed)
    return MixtureNoise(schedule, start, fit_errors(residual.cpu(), how, confidence, table.times))


def refine_guess(
    model: nn.Module, noise: Noise, skeleton: Skeleton, keypoints: Tensor, guess: Tensor, sampling: Sampling, seed: int = 0,
    frames: Frames = UNKNOWN,
) -> Refined:  # fmt: skip
    """The refined poses of (N,J,2) keypoints and their (N,J,3) guess."""
    amplitude = sampling.amplitude if sampling.hypotheses > 1 else 0.0
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
    states, step = noise.start(torch.cat([keypoints, guess], -1), sampling.hypotheses, amplitude, generator, frames)
    times = noise.schedule.times(step, sampling.steps)
    return refine(model, skeleton, Ddim(noise.schedule), states, keypoints, times, flip=sampling.flip, guide_signs=GUIDE_SIGNS)


class PoseRefinerLearner(Drawing):
    """See `engine.training.loop.Learner`. The loss is the squared error of the noise, summed over a pose (the published one)."""

    frames = 1

    def __init__(
        self, table: PoseTable, guess: Tensor, held_out: PoseTable, held_out_guess: Tensor, noise: Noise, recipe: DiffusionRecipe,
        sampling: Sampling | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        """guess, held_out_guess: the lifter's poses of both tables."""
        self.table, self.held_out, self.held_out_guess = table, held_out, held_out_guess
        self.noise, self.recipe, self.sampling = noise, recipe, sampling or Sampling()
        self.truth, self.guess = true_states(table, recipe), guessed_states(table, guess)
        self.draws = Draws(seed, table.poses.device)
        if recipe.gmm == "draw" and table.kernels is None:
            raise Failure("bad_arguments", 'gmm = "draw" wants keypoints that are mixtures (cpn_gmm, gt_gmm or such a file).')
        self.sure = torch.ones_like(table.poses[..., 0]) if table.confidence is None else table.confidence
        # the drawn 2D is the true one too, where none is known apart or the published code is followed
        self.drawn_is_true = recipe.mode == "released" or torch.equal(table.exact, table.keypoints)

    def steps(self, rows: int) -> Tensor:
        """(rows,) diffusion steps, drawn as the recipe says."""
        noise, generator = self.noise, self.draws.generator
        device = self.truth.device
        last = noise.schedule.steps
        even = rows - rows // 2 if self.recipe.focus else rows
        half = torch.randint(0, last, ((even + 1) // 2,), generator=generator, device=device)
        t = torch.cat([half, last - 1 - half])[:even]  # antithetic, as published
        if self.recipe.focus:
            widest = noise.schedule.start_step(2.0**0.5 * noise.schedule.sigma(noise.start_step))
            t = torch.cat([t, torch.randint(noise.start_step, widest + 1, (rows // 2,), generator=generator, device=device)])
        return t

    def rows(self, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Truth, guess (B,J,5), 2D (B,J,2) and the scales (B,J,5) of the fixed noise of the rows `chosen` (B,)."""
        truth, guess, points = self.truth[chosen], self.guess[chosen], self.table.keypoints[chosen]
        scales = truth.new_tensor(RELEASED_SCALES).expand_as(truth)
        if self.recipe.gmm == "first" or self.table.kernels is None:
            return truth, guess, points, scales
        drawn, wide = draw_kernels(self.table.kernels[chosen.cpu().numpy()], self.draws.rng)
        points, scales = (torch.from_numpy(part).to(truth) for part in (drawn, wide))
        if self.drawn_is_true:
            truth = torch.cat([points, truth[..., 2:]], -1)
        return truth, torch.cat([points, guess[..., 2:]], -1), points, scales

    def draw(self, rows: int) -> Batch:
        generator, device = self.draws.generator, self.truth.device
        chosen = torch.randint(0, len(self.truth), (rows,), generator=generator, device=device)
        flips = torch.rand(rows, generator=generator, device=device) < 0.5
        truth, guess, guide, scales = self.rows(chosen)
        truth, guess, guide, scales, sure = mirror_some(
            self.table.skeleton, flips, (truth, guess, guide, scales, self.sure[chosen, :, None]),
            (STATE_SIGNS, STATE_SIGNS, GUIDE_SIGNS, (1.0,) * 5, (1.0,)),
        )  # fmt: skip
        t = self.steps(rows)
        if isinstance(self.noise, FixedNoise):
            h, eps = self.noise.forward(truth, t, generator, scales=scales)
        else:
            h, eps = self.noise.forward(truth, t, generator, sure[..., 0])
        if self.recipe.real_share > 0.0:
            h, eps = with_real_errors((h, eps), truth, guess, t, self.noise, self.recipe.real_share, generator)
        return h, t, guide, eps

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        return noise_loss(forward, batch)

    def validate(self, model: nn.Module) -> dict[str, float]:
        table = self.held_out
        refined = refine_guess(model, self.noise, table.skeleton, table.keypoints, self.held_out_guess, self.sampling, frames=table.frames)
        return {**judge(self.held_out_guess, table.poses, "guess"), **judge(refined.pose[..., 2:], table.poses, "refined")}
