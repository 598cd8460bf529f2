"""Training of the diffusion refiner on what the lifter gets wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.refiner.codec import Encoded, body_matrix, encode, encode_truth
from engine.refiner.embedding import CrossChannelReadout
from engine.refiner.lifter import Lifter
from engine.refiner.mixture import Mixture, MixtureNoise, fit, widened_step
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim, refine
from engine.refiner.schedule import Schedule
from engine.refiner.state import GUIDE_SIGNS, METRES, guides, pose_of, states
from engine.training.augmentation import augment
from engine.training.lifter import Ema, crops, draw
from engine.training.metrics import mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.split import Split


@dataclass(frozen=True)
class RefinerRecipe:
    """Everything that decides the result; it is written into the weights' metadata."""

    steps: int = 4000
    batch: int = 128
    learning_rate: float = 1e-3
    warm_up: int = 200
    ema: float = 0.99
    components: int = 3
    real_share: float = (
        0.5  # of the noise is the lifter's own error of a training pose, whole; the rest is drawn from the mixture, joint by joint
    )
    seed: int = 0
    pool: int = 120  # batches of 32 augmented crops from which poses are drawn
    evaluate_every: int = 500


@dataclass(frozen=True)
class Poses:
    """Single frames: guess and truth (N,22,5) states, guide (N,22,6), pose_truth (N,22,3) statures."""

    guess: Tensor
    truth: Tensor
    guide: Tensor


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
    flat = body_matrix(rays.dtype, rays.device) @ (seen[..., :2] / seen[..., 2:].clamp_min(0.1))
    spread = (flat - flat.mean(-2, keepdim=True)).square().sum((-1, -2))
    scale = ((encoded.points - encoded.points.mean(-2, keepdim=True)).square().sum((-1, -2)) / spread.clamp_min(1e-12)).sqrt()
    scale = scale[..., None].expand(*scale.shape, 2)
    return torch.stack([-flat[..., 0, :] * scale, scale], -2)


@torch.inference_mode()
def pool_of_poses(lifter: Lifter, split: Split, recipe: RefinerRecipe, rng: np.random.Generator, generator: torch.Generator) -> Poses:
    """What the lifter makes of augmented training crops, beside their truth."""
    segments = crops(split.train)
    lengths = np.array([len(s.detected) for s in segments], dtype=np.float64)
    parts: list[Poses] = []
    for _ in range(recipe.pool):
        pairs, roll = augment(draw(segments, lengths, 32, rng), generator)
        encoded = encode(pairs.rays, pairs.visibility, pairs.world, pairs.detected, roll)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pose = lifter(encoded)
        truth = true_state(encoded, pairs.truth, pairs.stature, point_frame(encoded, pairs.rays))
        parts.append(Poses(states(encoded, pose.float()), truth, guides(encoded, pairs.visibility)))
    return Poses(*(torch.cat([getattr(p, name) for p in parts]).clone() for name in ("guess", "truth", "guide")))


@torch.inference_mode()
def validation_poses(lifter: Lifter, split: Split, every: int = 4) -> Poses:
    """Every fourth frame of the validation segments."""
    parts = []
    for s in split.validation:
        rays, visibility, world, detected, truth = (
            torch.from_numpy(getattr(s, n))[None] for n in ("rays", "visibility", "world", "detected", "truth")
        )
        encoded = encode(rays, visibility, world, detected)
        true = true_state(encoded, truth, torch.tensor([s.stature]), point_frame(encoded, rays))
        whole = Poses(states(encoded, lifter(encoded)), true, guides(encoded, visibility))
        parts.append(Poses(*(getattr(whole, n)[::every] for n in ("guess", "truth", "guide"))))
    return Poses(*(torch.cat([getattr(p, name) for p in parts]) for name in ("guess", "truth", "guide")))


def evaluate(
    model: Refiner, noise: MixtureNoise, poses: Poses, steps: int = 1, hypotheses: int = 1, amplitude: float = 0.0
) -> dict[str, float]:
    """Errors of the guess and of the refined pose, millimetres of a person METRES tall, and how well the spread foretells the error."""
    model.eval()
    start, step = noise.start(poses.guess, hypotheses, amplitude, torch.Generator().manual_seed(0))
    times = noise.schedule.times(step, steps)
    refined = refine(model, BODY_22, Ddim(noise.schedule), start, poses.guide, times, flip=False, guide_signs=GUIDE_SIGNS)
    truth = rooted_at_hips(METRES * pose_of(poses.truth).numpy())
    figures = {}
    for name, state in (("guess", poses.guess), ("refined", refined.pose)):
        joints = rooted_at_hips(METRES * pose_of(state).numpy())
        figures[f"{name}_mpjpe"] = float(mpjpe(joints, truth).mean())
        figures[f"{name}_pa"] = float(pa_mpjpe(joints, truth).mean())
    if hypotheses > 1:
        error = (METRES * (pose_of(refined.pose) - pose_of(poses.truth))).norm(dim=-1)[:, 1:]
        figures["spread_correlation"] = float(torch.corrcoef(torch.stack([refined.spread[:, 1:].flatten(), error.flatten()]))[0, 1])
    model.train()
    return figures


def fit_noise(poses: Poses, components: int, seed: int) -> MixtureNoise:
    """The mixture of the residuals by EM, and the start step whose noise is as large as the guess's error an axis."""
    residual = poses.guess - poses.truth
    chosen = torch.randperm(len(residual), generator=torch.Generator().manual_seed(seed))[:8000]
    schedule = Schedule()
    rmse = float(residual[:, 1:, 2:].square().mean().sqrt())
    return MixtureNoise(schedule, schedule.start_step(rmse), fit(residual[chosen], components, seed))


def noisy(poses: Poses, noise: MixtureNoise, t: Tensor, real_share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(h_t, eps) of a batch: `real_share` of it moved by the lifter's own residual on the mixture's time scale, the rest by the mixture."""
    h, eps = noise.forward(poses.truth, t, generator)
    kept, sigma = noise.schedule.coefficients(t, poses.truth)
    moved = poses.truth + sigma / noise.schedule.sigma(noise.start_step) * (poses.guess - poses.truth)
    real = torch.rand(len(t), 1, 1, generator=generator) < real_share
    h = torch.where(real, moved, h)
    return h, torch.where(real, (moved - kept * poses.truth) / sigma, eps)


def draw_steps(noise: MixtureNoise, count: int, generator: torch.Generator) -> Tensor:
    """(count,) diffusion steps: one half in antithetic pairs, as the paper's code draws them, up to twice the start step; the other
    half where sampling begins, from the start step to the one of the widest hypotheses, because a sample depends most on its first step."""
    last = min(noise.schedule.steps, 2 * noise.start_step + 1)
    pairs = torch.randint(0, last, (count // 4,), generator=generator)
    widest = widened_step(noise.schedule, noise.start_step, 1.0)
    first = torch.randint(noise.start_step, widest + 1, (count - 2 * len(pairs),), generator=generator)
    return torch.cat([pairs, last - 1 - pairs, first])


def keep_the_guess(model: Refiner) -> None:
    """Zeroes the network's last layer, so that training begins from "no noise", which leaves every pose as it is."""
    last = model.readout.mix if isinstance(model.readout, CrossChannelReadout) else model.readout
    for parameter in last.parameters():
        nn.init.zeros_(parameter)


def train_refiner(
    lifter: Lifter, split: Split, recipe: RefinerRecipe, config: RefinerConfig, log: Path, start: Mapping[str, Tensor] | None = None
) -> tuple[Refiner, Mixture, int, dict[str, Any]]:
    """Trains on the lifter's output, from scratch or on from the tensors `start`; returns the averaged model, the mixture, its start step
    and the figures."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    pool = pool_of_poses(lifter, split, recipe, rng, generator)
    held_out = validation_poses(lifter, split)
    noise = fit_noise(pool, recipe.components, recipe.seed)
    config = replace(config, guide_signs=GUIDE_SIGNS)
    model, judged = Refiner(BODY_22, config), Refiner(BODY_22, config)
    if start is None:
        keep_the_guess(model)
    else:
        model.load_state_dict(dict(start))
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=min(0.3, recipe.warm_up / recipe.steps)
    )
    ema = Ema(model, recipe.ema)
    started, running, figures = time.monotonic(), 0.0, {}
    with log.open("a", encoding="utf-8") as out:
        for step in range(recipe.steps):
            rows = torch.randint(0, len(pool.guess), (recipe.batch,), generator=generator)
            batch = Poses(pool.guess[rows], pool.truth[rows], pool.guide[rows])
            t = draw_steps(noise, recipe.batch, generator)
            h, eps = noisy(batch, noise, t, recipe.real_share, generator)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                predicted = model(h, t, batch.guide)
            loss = (predicted.float() - eps).square().sum((1, 2)).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            ema.update(model, step)
            running += float(loss.detach())
            if (step + 1) % recipe.evaluate_every == 0 or step + 1 == recipe.steps:
                judged.load_state_dict(ema.values)
                figures = evaluate(judged, noise, held_out)
                every = step % recipe.evaluate_every + 1
                line = {
                    "step": step + 1,
                    "loss": running / every,
                    "seconds": round(time.monotonic() - started),
                    "start_step": noise.start_step,
                }
                running = 0.0
                out.write(json.dumps(line | figures) + "\n")
                out.flush()
    judged.load_state_dict(ema.values)
    several = evaluate(judged, noise, held_out, hypotheses=3, amplitude=0.5)
    info = {"recipe": asdict(recipe), "validation": figures, "validation_3_hypotheses": several}
    return judged.eval(), noise.mixture, noise.start_step, info
