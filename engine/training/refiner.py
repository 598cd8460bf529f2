"""Training of the diffusion refiner on what the lifter gets wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.datasets.split import Split
from engine.lifter.codec import NETWORK_FPS, Encoded, body_matrix, encode, encode_truth
from engine.lifter.network import Lifter
from engine.refiner.embedding import CrossChannelReadout
from engine.refiner.error_fit import APART, Fit
from engine.refiner.error_model import ErrorModel
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import Frames, MixtureNoise
from engine.refiner.state import GUIDE_SIGNS, METRES, confidence_of, guides, pose_of, states
from engine.training.augmentation import augment
from engine.training.crops import Crops
from engine.training.diffusion import Sampling, draw_steps, mixture_of, near_start, noise_loss, refine_guess, with_real_errors
from engine.training.loop import Batch, Drawing, Draws, Figures, Forward, LoopRecipe, M, Run, Trained, lines_into, train
from engine.training.metrics import mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.precision import products
from engine.training.transplant import Motions, transplant

POOL_RUNS = 32  # augmented crops that are lifted at once


@dataclass(frozen=True)
class RefinerRecipe:
    """Everything that decides the result; it is written into the weights' metadata."""

    steps: int = 4000
    batch: int = 128
    learning_rate: float = 1e-3
    warm_up: int = 200
    ema: float = 0.99
    components: int = 3
    classes: int = 2  # of the detector's confidence, each with a mixture of its own
    real_share: float = (
        0.5  # of the noise is the lifter's own error of a training pose, whole; the rest is drawn from the mixture, joint by joint
    )
    seed: int = 0
    pool: int = 120  # batches of 32 augmented crops from which poses are drawn
    # Share of those crops that show other motions under the detector's real errors, and of these the share that is mixed (and bent): the
    # lifter errs on motions that it has learnt from by two thirds of what it errs on others.
    transplant: float = 0.0
    mixed: float = 0.0
    evaluate_every: int = 500


@dataclass(frozen=True)
class StateTable:
    """Single frames: guess and truth (N,22,5) states, guide (N,22,6), times (N,) seconds, runs far apart; all on one device."""

    guess: Tensor
    truth: Tensor
    guide: Tensor
    times: Tensor

    @property
    def confidence(self) -> Tensor:
        """(N,22) 0 to 1."""
        return confidence_of(self.guide)

    def __getitem__(self, rows: slice | Tensor) -> StateTable:
        return StateTable(self.guess[rows], self.truth[rows], self.guide[rows], self.times[rows])

    @classmethod
    def joined(cls, parts: Sequence[StateTable]) -> StateTable:
        """One after another."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def run_times(runs: Sequence[int]) -> Tensor:
    """(N,) float64 seconds of runs of so many frames at NETWORK_FPS, one after another, so far apart that they are unrelated."""
    each = [torch.arange(frames, dtype=torch.float64) / NETWORK_FPS for frames in runs]
    starts = np.cumsum([0.0, *(frames / NETWORK_FPS + APART for frames in runs[:-1])])
    return torch.cat([start + times for start, times in zip(starts, each, strict=True)])


def true_state(encoded: Encoded, truth: Tensor, stature: Tensor, centre_points: Tensor) -> Tensor:
    """(N,22,5) the state of the truth: its own projection into the virtual camera, on the scale of the detector's points, and its joints.

    truth (B,T,22,3) camera axes, absolute, metres; centre_points (B,T,2,2): offset and scale (`point_frame`) of the detector's points.
    """
    seen = truth @ encoded.rotation
    flat = seen[..., :2] / seen[..., 2:].clamp_min(0.1)
    points = flat * centre_points[..., None, 1, :] + centre_points[..., None, 0, :]
    return METRES * torch.cat([points, encode_truth(truth, encoded.rotation, stature)], -1).flatten(0, 1)


def point_frame(encoded: Encoded, rays: Tensor) -> Tensor:
    """(B,T,2,2): [offset; scale] that take the virtual camera's x/z, y/z to the scale of `encoded.points`, found from two of its points."""
    seen = torch.cat([rays, torch.ones_like(rays[..., :1])], -1) @ encoded.rotation
    flat = body_matrix(rays) @ (seen[..., :2] / seen[..., 2:].clamp_min(0.1))
    spread = (flat - flat.mean(-2, keepdim=True)).square().sum((-1, -2))
    scale = ((encoded.points - encoded.points.mean(-2, keepdim=True)).square().sum((-1, -2)) / spread.clamp_min(1e-12)).sqrt()
    scale = scale[..., None].expand(*scale.shape, 2)
    return torch.stack([-flat[..., 0, :] * scale, scale], -2)


@torch.inference_mode()
def pool_of_poses(
    lifter: Lifter, split: Split, recipe: RefinerRecipe, rng: np.random.Generator, generator: torch.Generator,
    motions: Motions | None = None,
) -> StateTable:  # fmt: skip
    """What the lifter makes of augmented training crops, some of them moved to other `motions`, beside their truth."""
    device = next(lifter.parameters()).device
    crops = Crops(split.train, device=device)
    motions = None if motions is None else motions.to(device)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(recipe.pool):
        pairs = crops.draw(POOL_RUNS, rng)
        if motions is not None:
            pairs = transplant(pairs, motions, recipe.transplant, rng)
        pairs, roll = augment(pairs, generator)
        encoded = encode(pairs.rays, pairs.visibility, pairs.world, pairs.detected, roll)
        with products(device, "bf16"):
            pose = lifter(encoded)
        truth = true_state(encoded, pairs.truth, pairs.stature, point_frame(encoded, pairs.rays))
        parts.append((states(encoded, pose.float()), truth, guides(encoded, pairs.visibility)))
    guess, truth, guide = (torch.cat(part).clone() for part in zip(*parts, strict=True))
    return StateTable(guess, truth, guide, run_times([crops.length] * (POOL_RUNS * recipe.pool)).to(device))


@torch.inference_mode()
def validation_poses(lifter: Lifter, split: Split, every: int = 4) -> StateTable:
    """Each `every`-th frame of the validation segments."""
    parts, device = [], next(lifter.parameters()).device
    clock = run_times([len(s.detected) for s in split.validation]).split([len(s.detected) for s in split.validation])
    for s, times in zip(split.validation, clock, strict=True):
        rays, visibility, world, detected, truth = (
            torch.from_numpy(getattr(s, n))[None].to(device) for n in ("rays", "visibility", "world", "detected", "truth")
        )
        encoded = encode(rays, visibility, world, detected)
        true = true_state(encoded, truth, torch.tensor([s.stature], device=device), point_frame(encoded, rays))
        parts.append(StateTable(states(encoded, lifter(encoded)), true, guides(encoded, visibility), times.to(device))[::every])
    return StateTable.joined(parts)


def limbs_of(state: Tensor) -> np.ndarray:
    """(N,22,5) states -> (N,12,3) limb joints for the metrics: metres of a person METRES tall, rooted at the hips."""
    return rooted_at_hips(METRES * pose_of(state).cpu().numpy())


def errors(poses: StateTable, refined: Tensor) -> Figures:
    """Millimetres of a person METRES tall: the errors of the guess and of the `refined` states (N,22,5)."""
    figures, truth = {}, limbs_of(poses.truth)
    for name, state in (("guess", poses.guess), ("refined", refined)):
        joints = limbs_of(state)
        figures[f"{name}_mpjpe"] = float(mpjpe(joints, truth).mean())
        figures[f"{name}_pa"] = float(pa_mpjpe(joints, truth).mean())
    return figures


def judge_refiner(model: Refiner, noise: MixtureNoise, poses: StateTable, steps: int = 1, hypotheses: int = 1) -> Figures:
    """Errors of the guess and of the refined pose, millimetres of a person METRES tall, and how well the spread foretells the error."""
    model.eval()
    known = Frames(poses.confidence, poses.times)
    refined = refine_guess(
        model, noise, BODY_22, poses.guess, poses.guide, GUIDE_SIGNS, Sampling(steps, hypotheses, flip=False), frames=known
    )
    figures = errors(poses, refined.pose)
    if hypotheses > 1:
        error = (METRES * (pose_of(refined.pose) - pose_of(poses.truth))).norm(dim=-1)[:, 1:]
        figures["spread_correlation"] = float(torch.corrcoef(torch.stack([refined.spread[:, 1:].flatten(), error.flatten()]))[0, 1])
    return figures


def fit_noise(poses: StateTable, how: Fit) -> MixtureNoise:
    """The mixtures of the residuals by EM, and the start step whose noise is as large as the guess's error an axis."""
    return mixture_of(poses.guess - poses.truth, how, Frames(poses.confidence, poses.times))


def noisy(
    poses: StateTable, noise: MixtureNoise, t: Tensor, real_share: float, generator: torch.Generator, frames: int = 1
) -> tuple[Tensor, Tensor]:
    """(h_t, eps) of a batch: `real_share` of it moved by the lifter's own residual on the mixture's time scale, the rest by the mixture.

    frames: of the runs that the batch is made of, over which what is drawn lasts.
    """
    times = None if frames == 1 else run_times([frames] * (len(t) // frames))
    drawn = noise.forward(poses.truth, t, generator, poses.confidence, times)
    return with_real_errors(drawn, poses.truth, poses.guess, t, noise, real_share, generator, frames)


def keep_the_guess(model: Refiner) -> None:
    """Zeroes the network's last layer, so that training begins from "no noise", which leaves every pose as it is."""
    last = model.readout.mix if isinstance(model.readout, CrossChannelReadout) else model.readout
    for parameter in last.parameters():
        nn.init.zeros_(parameter)


class RefinerLearner(Drawing):
    """See `engine.training.loop.Learner`: what the lifter makes of augmented crops, or noise of the mixture, beside the truth."""

    frames = 1
    judged = 4  # every so many frames of the validation segments

    def __init__(self, lifter: Lifter, split: Split, recipe: RefinerRecipe, motions: Motions | None = None) -> None:
        self.recipe = recipe
        self.draws = Draws(recipe.seed, next(lifter.parameters()).device)
        self.pool = pool_of_poses(lifter, split, recipe, self.draws.rng, self.draws.generator, motions)
        self.held_out = validation_poses(lifter, split, self.judged)
        self.noise = fit_noise(self.pool, Fit(recipe.components, recipe.classes, recipe.seed))

    def draw(self, rows: int) -> Batch:
        generator = self.draws.generator
        chosen = torch.randint(0, len(self.pool.guess), (rows,), generator=generator, device=generator.device)
        batch = self.pool[chosen]
        t = draw_steps(self.noise, rows, generator, near_start(self.noise))
        h, eps = noisy(batch, self.noise, t, self.recipe.real_share, generator)
        return h, t, batch.guide, eps

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        return noise_loss(forward, batch)

    def validate(self, model: Refiner) -> Figures:
        return judge_refiner(model, self.noise, self.held_out)


def loop_recipe(recipe: RefinerRecipe) -> LoopRecipe:
    """The loop's part of the recipe."""
    return LoopRecipe(
        steps=recipe.steps, batch=recipe.batch, learning_rate=recipe.learning_rate, warm_up=recipe.warm_up, decay="one_cycle",
        ema=recipe.ema, validate_every=recipe.evaluate_every, seed=recipe.seed,
    )  # fmt: skip


def train_refiner(
    lifter: Lifter, split: Split, recipe: RefinerRecipe, config: RefinerConfig, log: Path, start: Mapping[str, Tensor] | None = None,
    run: Run | None = None, motions: Motions | None = None,
) -> tuple[Refiner, ErrorModel, int, dict[str, Any]]:  # fmt: skip
    """Trains on the lifter's output, from scratch or on from the tensors `start`; returns the averaged model, its noise, its start step
    and the figures. run: the device, the checkpoint and who listens; motions: what `recipe.transplant` of the crops are moved to."""
    run = run or Run()
    torch.manual_seed(recipe.seed)
    learner = RefinerLearner(lifter.to(run.device), split, recipe, motions)
    model = Refiner(BODY_22, replace(config, guide_signs=GUIDE_SIGNS))
    begin(model, start)
    done = taught("refiner", learner, model, model.config, log, run)
    several = judge_refiner(done.model, learner.noise, learner.held_out, hypotheses=3)
    info = {"recipe": asdict(recipe), "validation": done.figures, "validation_3_hypotheses": several}
    return done.model, learner.noise.errors, learner.noise.start_step, info


def begin(model: Refiner, start: Mapping[str, Tensor] | None) -> None:
    """Gives the model the tensors `start`, or where there are none what keeps the guess."""
    if start is None:
        keep_the_guess(model)
    else:
        model.load_state_dict(dict(start))


def taught(network: str, learner: RefinerLearner, model: M, config: RefinerConfig, log: Path, run: Run) -> Trained[M]:
    """The model of this layout after the learner's recipe; its checkpoint is of the `network` of that name."""
    recipe = learner.recipe
    layout = {"network": network, **config.to_dict(), **{f"recipe.{name}": value for name, value in asdict(recipe).items()}}
    return train(learner, model.to(run.device), loop_recipe(recipe), layout=layout, run=run.also(lines_into(log)))
