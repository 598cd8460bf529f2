"""What the detector says about a pose: a model of its errors, learnt from rendered pairs.

The detector's errors depend on the pose: depths are too shallow, hidden limbs are guessed, bodies that lean are set upright. Where a run's
truth is replaced by another motion (`engine.training.transplant`), this model says which errors that motion would have, and what it did not
foresee in the old run (the person, the clothes, what stood in front) is kept. It reads from the exact pose to the landmarks, which is far
easier to learn from few bodies and motions than the lifter's way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine import torch_weights
from engine.datasets.split import Split
from engine.detection.landmarks import LANDMARKS
from engine.lifter.codec import WORLD_TO_STATURE
from engine.lifter.layout import TemporalLayout
from engine.lifter.network import TemporalNetwork
from engine.training.augmentation import CARRIER, Pairs, mirrored, projected, viewed
from engine.training.crops import LENGTH, Crops
from engine.training.loop import Batch, Drawing, Draws, Figures, Forward, LoopRecipe, Run, lines_into, train

_L = len(LANDMARKS)
WORLD, IMAGE, VISIBILITY = slice(0, 3 * _L), slice(3 * _L, 5 * _L), slice(5 * _L, 6 * _L)  # of an error's values
VALUES = 6 * _L
# What an error of 1 is of the network's outputs: about the spread of each kind on the pairs, so that all weigh alike.
WORLD_UNIT, IMAGE_UNIT, VISIBILITY_UNIT = 0.05, 0.02, 1.5  # statures, statures, logits
LOGIT_EDGE = 0.01  # visibilities nearer to 0 and 1 have logits without bound
LONGEST_SPREAD = 4.0  # |log| of a foreseen spread, in units
STRETCH = 1.0  # |log| of how much larger or smaller what was not foreseen becomes with another pose
POSE_UNIT, MOVE_UNIT, DEPTH_UNIT = 4.0, 10.0, 3.0  # bring statures, statures a frame and 1 / statures to the order of 1
VALIDATION_CROPS = 200
CLIP = 0.5  # of the gradient's norm


@dataclass(frozen=True)
class DetectorConfig(TemporalLayout):
    """Layout of the network."""

    width: int = 256
    dilations: tuple[int, ...] = (1, 2, 4)
    dropout: float = 0.1


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that decides the result.

    build: statures by which each joint of a run is put off, so that bodies are not learnt by heart.
    """

    steps: int = 3000
    batch: int = 32
    learning_rate: float = 1e-3
    warm_up: int = 100
    weight_decay: float = 0.05
    ema: float = 0.99
    build: float = 0.01
    seed: int = 0
    evaluate_every: int = 500


@dataclass(frozen=True)
class Reading:
    """A batch of pairs as pose and error.

    pose (B,T,22,3): statures, axes of a camera that looks at the pelvis, which is the origin; depth (B,T,1,1): of the pelvis, statures;
    errors (B,T,VALUES): of the world landmarks in statures and those axes, of the points in the picture in statures at the pelvis's depth,
    both from the joint that carries the landmark; and the logit of the visibility.
    """

    pose: Tensor
    depth: Tensor
    errors: Tensor


def posed(truth: Tensor, stature: Tensor) -> tuple[Tensor, Tensor]:
    """The pose and the depth of a `Reading`, from the truth (B,T,22,3) in metres and camera axes, and the stature (B,)."""
    return viewed(truth, stature), truth[:, :, :1, 2:] / stature[:, None, None, None]


def read(pairs: Pairs) -> Reading:
    """The pairs' poses and what the detector got wrong about them."""
    pose, depth = posed(pairs.truth, pairs.stature)
    world = pairs.world * WORLD_TO_STATURE - pose[:, :, CARRIER]
    image = (pairs.rays - projected(pairs.truth)) * depth
    visibility = torch.logit(pairs.visibility.clamp(LOGIT_EDGE, 1 - LOGIT_EDGE))
    return Reading(pose, depth, torch.cat([world.flatten(-2), image.flatten(-2), visibility], -1))


def units(like: Tensor) -> Tensor:
    """(VALUES,) what an error of 1 is of the network's outputs, on the device of `like`."""
    unit = torch.empty(VALUES, dtype=like.dtype, device=like.device)
    unit[WORLD], unit[IMAGE], unit[VISIBILITY] = WORLD_UNIT, IMAGE_UNIT, VISIBILITY_UNIT
    return unit


class DetectorModel(TemporalNetwork):
    """pose (B,T,22,3) and depth (B,T,1,1) of a `Reading` -> the errors to expect and the log of their spread, (B,T,VALUES), in `units`."""

    def __init__(self, config: DetectorConfig | None = None) -> None:
        self.config = config or DetectorConfig()
        super().__init__(6 * len(BODY_22) + 1, 2 * VALUES, self.config, self.config.dropout)

    def forward(self, pose: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        flat = pose.flatten(-2).to(self.norm.weight.dtype)
        moves = torch.cat([torch.zeros_like(flat[:, :1]), flat.diff(dim=1)], 1)  # the detector lags behind what moves
        seen = torch.cat([POSE_UNIT * flat, DEPTH_UNIT / depth[..., 0].to(flat.dtype), MOVE_UNIT * moves], -1)
        mean, spread = self.through(seen).float().chunk(2, -1)
        return mean, spread.clamp(-LONGEST_SPREAD, LONGEST_SPREAD)


@torch.no_grad()
def reread(old: Pairs, truth: Tensor, stature: Tensor, model: DetectorModel) -> Pairs:
    """`old` with another truth (B,T,22,3) and stature (B,), as the detector would read it.

    Its errors are what the model expects of the new poses and what it did not expect of the old ones, larger where the new are less sure.
    """
    was, (pose, depth) = read(old), posed(truth, stature)
    (mean, spread), (wanted, wanted_spread) = model(was.pose, was.depth), model(pose, depth)
    unit = units(was.errors)
    rest = was.errors - mean * unit
    errors = wanted * unit + (wanted_spread - spread).clamp(-STRETCH, STRETCH).exp() * rest
    world, image = errors[..., WORLD].unflatten(-1, (_L, 3)), errors[..., IMAGE].unflatten(-1, (_L, 2))
    return replace(
        old, truth=truth, stature=stature, world=(pose[:, :, CARRIER] + world) / WORLD_TO_STATURE, rays=projected(truth) + image / depth,
        visibility=torch.sigmoid(errors[..., VISIBILITY]),
    )  # fmt: skip


def load_detector_model(path: Path) -> DetectorModel:
    """The model of a weights file, for use. Raises Failure as `torch_weights.load_weights` does."""
    stored = torch_weights.load_weights(path)
    model = DetectorModel(DetectorConfig.from_dict(stored.header["layout"]))
    torch_weights.load_into(model, stored.part("detector"), "detector's model")
    return model.eval()


class DetectorLearner(Drawing):
    """See `engine.training.loop.Learner`: mirrored crops of rendered pairs, as they are."""

    frames = LENGTH

    def __init__(self, split: Split, recipe: DetectorRecipe, device: torch.device | str = "cpu") -> None:
        self.recipe = recipe
        self.crops = Crops(split.train, LENGTH, device)
        self.draws = Draws(recipe.seed, device)
        self._validation = Crops(split.validation, LENGTH, device)

    def draw(self, rows: int) -> Batch:
        pairs = mirrored(self.crops.draw(rows, self.draws.rng), self.draws.generator)
        seen = read(pairs)
        off = torch.randn(rows, 1, *seen.pose.shape[2:], generator=self.draws.generator, device=seen.pose.device)
        return seen.pose + self.recipe.build * off.to(seen.pose.dtype), seen.depth, seen.errors, pairs.detected

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """The Gaussian's negative log-likelihood, weighed by its spread (beta-NLL, Seitzer et al., ICLR 2022, with beta = 1): the mean is
        learnt as by least squares, and sure values do not drown the others."""
        pose, depth, errors, detected = batch
        mean, spread = forward(pose, depth)
        off = (errors / units(errors) - mean) * (-spread).exp()
        return ((0.5 * off.square() + spread) * spread.detach().exp() * detected[..., None]).mean()

    @torch.no_grad()
    def validate(self, model: DetectorModel) -> Figures:
        """The share of the errors' variance that the model foresees, of people and motions that nothing was learnt from."""
        pairs = self._validation.draw(VALIDATION_CROPS, np.random.default_rng(self.recipe.seed))
        seen = read(pairs)
        mean, _ = model(seen.pose, seen.depth)
        here = pairs.detected.bool()
        errors, rest = seen.errors[here], (seen.errors - mean * units(mean))[here]
        spread = errors - errors.mean(0)
        return {
            f"foreseen_{name}": float(1 - rest[:, part].square().sum() / spread[:, part].square().sum())
            for name, part in (("world", WORLD), ("image", IMAGE), ("visibility", VISIBILITY))
        }


def loop_recipe(recipe: DetectorRecipe) -> LoopRecipe:
    """The loop's part of the recipe."""
    return LoopRecipe(
        steps=recipe.steps, batch=recipe.batch, learning_rate=recipe.learning_rate, warm_up=recipe.warm_up,
        weight_decay=recipe.weight_decay, ema=recipe.ema, clip=CLIP, validate_every=recipe.evaluate_every, seed=recipe.seed,
    )  # fmt: skip


def train_detector_model(
    split: Split, recipe: DetectorRecipe, config: DetectorConfig, log: Path, start: Mapping[str, Tensor] | None = None,
    run: Run | None = None,
) -> tuple[DetectorModel, dict[str, Any]]:  # fmt: skip
    """Trains from scratch, or on from the tensors `start`; the same recipe on the same machine gives the same weights.

    Figures go to `log`, a line an evaluation. run: the device, the checkpoint and who listens.
    """
    run = run or Run()
    torch.manual_seed(recipe.seed)
    model = DetectorModel(config).to(run.device)
    if start is not None:
        model.load_state_dict(dict(start))
    learner = DetectorLearner(split, recipe, run.device)
    layout = {"network": "detector", **asdict(config), **{f"recipe.{name}": value for name, value in asdict(recipe).items()}}
    done = train(learner, model, loop_recipe(recipe), layout=layout, run=run.also(lines_into(log)))
    return done.model, {"recipe": asdict(recipe), "validation": done.figures}
