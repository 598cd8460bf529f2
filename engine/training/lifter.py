"""Training of the lifter on rendered pairs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.datasets.detections import Segment
from engine.refiner.codec import NETWORK_FPS, decode, encode, encode_truth, upright_roll
from engine.refiner.lifter import Lifter, LifterConfig
from engine.training.augmentation import Pairs, augment
from engine.training.metrics import acceleration_error, mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.split import Split
from engine.training.transplant import Motions, transplant

LENGTH = 48  # frames of a training crop: a little more than the lifter's reach to both sides
CLIP = 0.5  # of the gradient's norm
SPIKE = 2.5  # batches whose loss is so many times the usual one are passed over
METRES = 1.7  # losses are in metres of a person of this height, so that their size reads as an error
# The judged limb joints weigh most; spine and head follow from them.
JOINT_WEIGHT = tuple(0.5 if j in ("pelvis", "spine", "chest", "head", "head_top") else 1.0 for j in BODY_22.joints)


@dataclass(frozen=True)
class LifterRecipe:
    """Everything that decides the result; it is written into the weights' metadata."""

    steps: int = 6000
    batch: int = 32
    learning_rate: float = 7e-4
    warm_up: int = 200
    weight_decay: float = 0.02
    velocity: float = 2.0  # weight of the frame-to-frame error: stillness
    bone: float = 0.5  # weight of the bone lengths' error
    ema: float = 0.998
    transplant: float = 0.35  # share of the runs that show other motion capture under the detector's real errors
    seed: int = 0
    evaluate_every: int = 500


def crops(segments: list[Segment], length: int = LENGTH) -> list[Segment]:
    """The segments that a crop fits into."""
    return [s for s in segments if len(s.detected) >= length]


def draw(segments: list[Segment], lengths: np.ndarray, recipe_batch: int, rng: np.random.Generator, length: int = LENGTH) -> Pairs:
    """A batch of random crops, every frame as likely as another."""
    chosen = rng.choice(len(segments), recipe_batch, p=lengths / lengths.sum())
    starts = [int(rng.integers(0, len(segments[i].detected) - length + 1)) for i in chosen]

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(segments[i], name)[a : a + length] for i, a in zip(chosen, starts, strict=True)]))

    stature = torch.tensor([segments[i].stature for i in chosen], dtype=torch.float32)
    return Pairs(stack("rays"), stack("visibility"), stack("world"), stack("detected"), stack("truth"), stature)


def pose_loss(predicted: Tensor, truth: Tensor, velocity: float, bone: float) -> Tensor:
    """Position, velocity and bone length errors of (B,T,22,3) poses in statures; in metres of METRES."""
    weight = torch.tensor(JOINT_WEIGHT, dtype=predicted.dtype, device=predicted.device)
    error = (predicted - truth).norm(dim=-1)
    change = (predicted.diff(dim=1) - truth.diff(dim=1)).norm(dim=-1)
    parent, child = (list(side) for side in zip(*BODY_22.edges, strict=True))
    lengths = (predicted[:, :, child] - predicted[:, :, parent]).norm(dim=-1) - (truth[:, :, child] - truth[:, :, parent]).norm(dim=-1)
    return METRES * ((error * weight).mean() + velocity * (change * weight).mean() + bone * lengths.abs().mean())


class Ema:
    """Exponential moving average of a module's parameters, which is what is judged and shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))  # follows closely at first
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - decay)
            else:
                self.values[name].copy_(value)


def learning_rate(step: int, recipe: LifterRecipe) -> float:
    """Linear warm-up, then a half cosine down to one hundredth."""
    if step < recipe.warm_up:
        return recipe.learning_rate * (step + 1) / recipe.warm_up
    part = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


@torch.inference_mode()
def lift_segment(model: Lifter, segment: Segment) -> tuple[np.ndarray, np.ndarray]:
    """The lifter's and the detector's own joints of a segment: two (T,22,3) arrays, metres, camera axes, pelvis at the origin."""
    rays, visibility, world, detected = (
        torch.from_numpy(getattr(segment, name))[None] for name in ("rays", "visibility", "world", "detected")
    )
    encoded = encode(rays, visibility, world, detected, upright_roll(rays))
    pose = model(encoded)
    return (
        decode(pose, encoded.rotation, segment.stature)[0].numpy(),
        decode(encoded.base, encoded.rotation, segment.stature)[0].numpy(),
    )


def evaluate(model: Lifter, segments: list[Segment]) -> dict[str, float]:
    """Errors over whole segments beside those of the detector's plain world landmarks (unturned, unscaled) and of the base pose."""
    model.eval()
    totals: dict[str, list[np.ndarray]] = {}
    for segment in segments:
        lifted, base = lift_segment(model, segment)
        truth = rooted_at_hips(segment.truth)
        marks = segment.world[:, PLAIN]
        plain = marks - (marks[:, :1] + marks[:, 1:2]) / 2
        for name, joints in (("lifter", rooted_at_hips(lifted)), ("base", rooted_at_hips(base)), ("detector", plain)):
            totals.setdefault(f"{name}_mpjpe", []).append(mpjpe(joints, truth))
            totals.setdefault(f"{name}_pa", []).append(pa_mpjpe(joints, truth))
            totals.setdefault(f"{name}_accel", []).append(acceleration_error(joints, truth, NETWORK_FPS))
    model.train()
    return {name: float(np.concatenate(values).mean()) for name, values in totals.items()}


# The detector's landmarks for metrics.LIMBS, in the same order.
PLAIN = [23, 24, 25, 26, 27, 28, 11, 12, 13, 14, 15, 16]


def train_lifter(
    split: Split, motions: Motions | None, recipe: LifterRecipe, config: LifterConfig, log: Path, start: Mapping[str, Tensor] | None = None
) -> tuple[Lifter, dict[str, Any]]:
    """Trains from scratch, or on from the tensors `start`; the same recipe on the same machine gives the same weights.

    Figures go to `log`, a line an evaluation.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    segments = crops(split.train)
    lengths = np.array([len(s.detected) for s in segments], dtype=np.float64)
    model = Lifter(config)
    if start is not None:
        model.load_state_dict(dict(start))
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    ema = Ema(model, recipe.ema)
    judged = Lifter(config)
    started, running, usual, figures = time.monotonic(), 0.0, 0.0, {}
    with log.open("a", encoding="utf-8") as out:
        for step in range(recipe.steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, recipe)
            pairs = draw(segments, lengths, recipe.batch, rng)
            if motions is not None:
                pairs = transplant(pairs, motions, recipe.transplant, rng)
            pairs, roll = augment(pairs, generator)
            encoded = encode(pairs.rays, pairs.visibility, pairs.world, pairs.detected, roll)
            target = encode_truth(pairs.truth, encoded.rotation, pairs.stature)
            with torch.autocast("cpu", dtype=torch.bfloat16):  # the matrix products only; losses and the moving average stay float32
                pose = model(encoded)
            loss = pose_loss(pose, target, recipe.velocity, recipe.bone)
            value = float(loss.detach())
            usual = value if step == 0 else usual
            if value < SPIKE * usual:  # one impossible batch would undo thousands of steps
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                optimiser.step()
                ema.update(model, step)
            usual += 0.02 * (min(value, SPIKE * usual) - usual)
            running += value
            if (step + 1) % recipe.evaluate_every == 0 or step + 1 == recipe.steps:
                judged.load_state_dict(ema.values)
                figures = evaluate(judged, split.validation)
                every = (step % recipe.evaluate_every) + 1
                line = {"step": step + 1, "loss": running / every, "seconds": round(time.monotonic() - started), **figures}
                running = 0.0
                out.write(json.dumps(line) + "\n")
                out.flush()
    judged.load_state_dict(ema.values)
    return judged.eval(), {"recipe": asdict(recipe), "validation": figures}
