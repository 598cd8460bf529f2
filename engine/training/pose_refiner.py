"""What the paper's refiner learns: the noise in the joint state (u,v,x,y,z) of a single frame.

`released`: the published code's noise, the same for every joint. `paper`: the mixture of what the detector and the lifter really get wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from contract.failure import Failure
from engine.datasets.gmm import draw as draw_kernels
from engine.lifter.mirror import POINT_SIGNS, STATE_SIGNS
from engine.refiner.error_fit import Fit
from engine.refiner.noise import RELEASED_SCALES, FixedNoise
from engine.refiner.schedule import Schedule
from engine.training.diffusion import Noise, Sampling, draw_steps, matched_step, mixture_of, noise_loss, refine_guess, with_real_errors
from engine.training.loop import Batch, Drawing, Draws, Forward
from engine.training.pose_table import PoseTable, judge, mirror_some

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


def guessed_states(table: PoseTable, guess: Tensor) -> Tensor:
    """(N,J,5): what refinement starts from, the detector's points beside the lifter's guess."""
    return torch.cat([table.keypoints, guess], -1)


def true_states(table: PoseTable, recipe: DiffusionRecipe) -> Tensor:
    """(N,J,5). The published code takes the detector's points for true ones; the mixture knows better where exact ones are given."""
    points = table.keypoints if recipe.mode == "released" else table.exact
    return torch.cat([points, table.poses], -1)


def make_noise(table: PoseTable, guess: Tensor, recipe: DiffusionRecipe, seed: int = 0) -> Noise:
    """The forward process. The residuals are those of `table`: subjects that the lifter was not trained on, else they are too small."""
    residual = guessed_states(table, guess) - true_states(table, recipe)
    start = matched_step(residual) if recipe.start_step == MATCHED else recipe.start_step
    if recipe.mode == "released":
        return FixedNoise(Schedule(), start)
    return mixture_of(residual, Fit(recipe.components, recipe.classes, seed), table.frames, start)


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
            (STATE_SIGNS, STATE_SIGNS, POINT_SIGNS, (1.0,) * 5, (1.0,)),
        )  # fmt: skip
        t = draw_steps(self.noise, rows, generator, self.noise.schedule.steps, self.recipe.focus)
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
        guess = guessed_states(table, self.held_out_guess)
        refined = refine_guess(model, self.noise, table.skeleton, guess, table.keypoints, POINT_SIGNS, self.sampling, frames=table.frames)
        return {**judge(self.held_out_guess, table.poses, "guess"), **judge(refined.pose[..., 2:], table.poses, "refined")}
