"""Training of the product's lifter on rendered pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.datasets.detections import Segment
from engine.datasets.split import Split
from engine.lifter.codec import NETWORK_FPS, decode, encode, encode_truth, upright_roll
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.refiner.state import METRES
from engine.training.augmentation import augment
from engine.training.crops import LENGTH, Crops
from engine.training.detector_model import DetectorModel
from engine.training.loop import Batch, Drawing, Draws, Figures, Forward, LoopRecipe, Run, lines_into, train
from engine.training.metrics import acceleration_error, mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.pose_losses import JOINT_WEIGHT, bone_errors, flexion
from engine.training.transplant import Motions, transplant

CLIP = 0.5  # of the gradient's norm
SPIKE = 2.5  # batches whose loss is so many times the usual one are passed over


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
    direction: float = 0.1  # weight of the bones' directions, metres for a whole turned bone
    flexion: float = 0.08  # of knees and elbows, metres a radian
    ema: float = 0.998
    transplant: float = 0.35  # share of the runs that show other motion capture under the detector's real errors
    mixed: float = 0.0  # share of those whose legs, trunk and arms are those of different motions
    seed: int = 0
    evaluate_every: int = 500


def pose_loss(predicted: Tensor, truth: Tensor, recipe: LifterRecipe) -> Tensor:
    """Errors of (B,T,22,3) poses in statures, by the recipe's weights; in metres of a person METRES tall, so that their size reads as an
    error."""
    weight = torch.tensor(JOINT_WEIGHT, dtype=predicted.dtype, device=predicted.device)
    error = (predicted - truth).norm(dim=-1)
    change = (predicted.diff(dim=1) - truth.diff(dim=1)).norm(dim=-1)
    length, way = bone_errors(predicted, truth)
    bent = (flexion(predicted) - flexion(truth)).abs().mean()
    placed = (error * weight).mean() + recipe.velocity * (change * weight).mean() + recipe.bone * length
    return METRES * placed + recipe.direction * way + recipe.flexion * bent


@torch.inference_mode()
def lift_segment(model: Lifter, segment: Segment) -> tuple[np.ndarray, np.ndarray]:
    """The lifter's and the detector's own joints of a segment: two (T,22,3) arrays, metres, camera axes, pelvis at the origin."""
    device = next(model.parameters()).device
    rays, visibility, world, detected = (
        torch.from_numpy(getattr(segment, name))[None].to(device) for name in ("rays", "visibility", "world", "detected")
    )
    encoded = encode(rays, visibility, world, detected, upright_roll(rays))
    pose = model(encoded)
    return (
        decode(pose, encoded.rotation, segment.stature)[0].cpu().numpy(),
        decode(encoded.base, encoded.rotation, segment.stature)[0].cpu().numpy(),
    )


def judge_lifter(model: Lifter, segments: list[Segment]) -> dict[str, float]:
    """Errors over whole segments beside those of the detector's plain world landmarks (unturned, unscaled) and of the base pose."""
    model.eval()
    totals: dict[str, list[np.ndarray]] = {}
    for segment in segments:
        lifted, base = lift_segment(model, segment)
        truth = rooted_at_hips(segment.truth)
        for name, joints in (("lifter", rooted_at_hips(lifted)), ("base", rooted_at_hips(base)), ("detector", plain_joints(segment))):
            totals.setdefault(f"{name}_mpjpe", []).append(mpjpe(joints, truth))
            totals.setdefault(f"{name}_pa", []).append(pa_mpjpe(joints, truth))
            totals.setdefault(f"{name}_accel", []).append(acceleration_error(joints, truth, NETWORK_FPS))
    return {name: float(np.concatenate(values).mean()) for name, values in totals.items()}


# The detector's landmarks for metrics.LIMBS, in the same order.
PLAIN = [23, 24, 25, 26, 27, 28, 11, 12, 13, 14, 15, 16]


def plain_joints(segment: Segment) -> np.ndarray:
    """(T,12,3) metres: the detector's world landmarks for metrics.LIMBS as they are, from the middle of the hips."""
    marks = segment.world[:, PLAIN]
    return np.asarray(marks - (marks[:, :1] + marks[:, 1:2]) / 2)


class LifterLearner(Drawing):
    """See `engine.training.loop.Learner`: augmented crops of rendered pairs, some of them moved to other motions."""

    frames = LENGTH

    def __init__(
        self, split: Split, motions: Motions | None, recipe: LifterRecipe, device: torch.device | str = "cpu",
        detector: DetectorModel | None = None,
    ) -> None:  # fmt: skip
        self.split, self.recipe = split, recipe
        self.detector = None if detector is None else detector.to(device)
        self.motions = None if motions is None else motions.to(device)
        self.crops = Crops(split.train, LENGTH, device)
        self.draws = Draws(recipe.seed, device)

    def draw(self, rows: int) -> Batch:
        pairs = self.crops.draw(rows, self.draws.rng)
        if self.motions is not None:
            pairs = transplant(pairs, self.motions, self.recipe.transplant, self.draws.rng, self.detector)
        pairs, roll = augment(pairs, self.draws.generator)
        return pairs.rays, pairs.visibility, pairs.world, pairs.detected, pairs.truth, pairs.stature, roll

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        rays, visibility, world, detected, truth, stature, roll = batch
        encoded = encode(rays, visibility, world, detected, roll)
        target = encode_truth(truth, encoded.rotation, stature)
        return pose_loss(forward(encoded), target, self.recipe)

    def validate(self, model: Lifter) -> Figures:
        return judge_lifter(model, self.split.validation)


def loop_recipe(recipe: LifterRecipe) -> LoopRecipe:
    """The loop's part of the recipe."""
    return LoopRecipe(
        steps=recipe.steps, batch=recipe.batch, learning_rate=recipe.learning_rate, warm_up=recipe.warm_up,
        weight_decay=recipe.weight_decay, ema=recipe.ema, clip=CLIP, spike=SPIKE, validate_every=recipe.evaluate_every, seed=recipe.seed,
    )  # fmt: skip


def train_lifter(
    split: Split, motions: Motions | None, recipe: LifterRecipe, config: LifterConfig, log: Path, start: Mapping[str, Tensor] | None = None,
    run: Run | None = None, detector: DetectorModel | None = None,
) -> tuple[Lifter, dict[str, Any]]:  # fmt: skip
    """Trains from scratch, or on from the tensors `start`; the same recipe on the same machine gives the same weights.

    Figures go to `log`, a line an evaluation. run: the device, the checkpoint and who listens. detector: see `transplant`.
    """
    run = run or Run()
    torch.manual_seed(recipe.seed)
    model = Lifter(config).to(run.device)
    if start is not None:
        model.load_state_dict(dict(start))
    learner = LifterLearner(split, motions, recipe, run.device, detector)
    layout = {
        "network": "lifter",
        "detector": detector is not None,
        **asdict(config),
        **{f"recipe.{name}": value for name, value in asdict(recipe).items()},
    }
    done = train(learner, model, loop_recipe(recipe), layout=layout, run=run.also(lines_into(log)))
    return done.model, {"recipe": asdict(recipe), "validation": done.figures}
