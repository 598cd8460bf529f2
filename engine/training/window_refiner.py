"""Training of the refiner over time and of the network that finds down, on what the lifter makes of rendered pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engine.datasets.detections import Segment
from engine.datasets.split import Split
from engine.lifter.codec import Encoded, camera_up, decode, encode
from engine.lifter.gravity import GravityNetwork, gravity_loss, mean_up
from engine.lifter.layout import GravityLayout
from engine.lifter.network import Lifter
from engine.refiner.layout import STRIDE, WindowConfig
from engine.refiner.schedule import Schedule
from engine.refiner.state import METRES, guides, states
from engine.refiner.window import WindowRefiner, conditions
from engine.refiner.window_run import Lifted, lift_both_ways, refine_runs
from engine.training.augmentation import Pairs, augment
from engine.training.crops import Crops, segment_up
from engine.training.loop import Batch, Drawing, Draws, Figures, Forward, LoopRecipe, Run, Trained, lines_into, train
from engine.training.metrics import mpjpe, pa_mpjpe, rooted_at_hips
from engine.training.pose_losses import JOINT_WEIGHT, bone_errors, flexion
from engine.training.refiner import point_frame, true_state
from engine.training.transplant import Motions, transplant
from engine.weights_file import Weights

LENGTH = 60  # frames of a training crop at the lifter's rate: two seconds
UP_ERRORS = (math.radians(1.0), math.radians(14.0))  # of the up that is given in training, an axis, as often small as large
KNOWN_UP_ERROR = math.radians(2.0)  # given with the true up in the evaluation
UP_UNKNOWN, UNKNOWN_ERROR = 0.15, math.radians(30.0)  # share of the runs in which nothing but the camera's own level is given
START_SHARE, WIDE_SHARE = 0.65, 0.2  # of the runs: at the start step as the lifter has it; drawn around it, at a later step


@dataclass(frozen=True)
class WindowRecipe:
    """Everything that decides the result; it is written into the weights' metadata."""

    steps: int = 6000
    batch: int = 24
    learning_rate: float = 6e-4
    warm_up: int = 200
    weight_decay: float = 0.02
    velocity: float = 1.0  # weight of the change from frame to frame
    bone: float = 0.5  # of the bones' lengths
    direction: float = 0.1  # of the bones' directions, metres for a whole turned bone
    flexion: float = 0.08  # of knees and elbows, metres a radian
    ema: float = 0.998
    transplant: float = 0.25
    mixed: float = 0.0
    gravity: float = 0.02  # weight of the network that finds up
    seed: int = 0
    evaluate_every: int = 500


class WindowNetworks(nn.Module):
    """Both networks that are trained together; each has its own part of the loss."""

    def __init__(self, gravity: GravityNetwork, refiner: WindowRefiner) -> None:
        super().__init__()
        self.gravity, self.refiner = gravity, refiner

    def forward(self, features: Tensor, guess: Tensor, level: Tensor, *refining: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Up and its error of whole runs, and the clean states of their thinned frames."""
        return *self.gravity(features, guess, level), self.refiner(*refining)


def window_loss(predicted: Tensor, truth: Tensor, recipe: WindowRecipe) -> Tensor:
    """Errors of states (B,T,22,5), metres of a person METRES tall."""
    weight = torch.tensor(JOINT_WEIGHT, dtype=predicted.dtype, device=predicted.device)
    flat = (predicted[..., :2] - truth[..., :2]).norm(dim=-1).mean()
    ours, true = (x[..., 2:] - x[..., :1, 2:] for x in (predicted, truth))
    error = ((ours - true).norm(dim=-1) * weight).mean()
    change = ((ours.diff(dim=1) - true.diff(dim=1)).norm(dim=-1) * weight).mean()
    length, way = bone_errors(ours, true)
    bent = (flexion(ours) - flexion(true)).abs().mean()
    return error + recipe.velocity * change + recipe.bone * length + recipe.direction * way + recipe.flexion * bent + 0.2 * flat


def wrong_up(up: Tensor, level: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B,T,3) and (B,T): an up as a capture would have it, wrong by an error that lasts for the run, and that error's size in radians."""
    batch, device = len(up), up.device
    low, high = (math.log(e) for e in UP_ERRORS)
    size = torch.exp(low + (high - low) * torch.rand(batch, generator=generator, device=device))
    off = size[:, None] * torch.randn(batch, 3, generator=generator, device=device)
    wrong = nn.functional.normalize(up + torch.linalg.cross(off[:, None].expand_as(up), up), dim=-1)
    # what is claimed of the error is only roughly right
    claim = size * torch.exp(0.3 * torch.randn(batch, generator=generator, device=device))
    unknown = torch.rand(batch, generator=generator, device=device) < UP_UNKNOWN
    wrong = torch.where(unknown[:, None, None], level, wrong)
    claim = torch.where(unknown, UNKNOWN_ERROR, claim)
    return wrong, claim[:, None].expand(up.shape[:2])


class Fold(NamedTuple):
    """Pairs, and a lifter that has not learnt from them: on those it knows it errs less than a capture's will, and otherwise."""

    lifter: Lifter
    segments: list[Segment]


class WindowLearner(Drawing):
    """See `engine.training.loop.Learner`: runs of rendered pairs, lifted, with wrong ups, at the steps that sampling passes.

    folds: what is learnt from, a batch from one of them, as often as it is long; without them the pairs of `split` as `lifter` has them.
    Validation is of `lifter` on those of `split`.
    """

    frames = LENGTH

    def __init__(
        self, lifter: Lifter, split: Split, motions: Motions | None, recipe: WindowRecipe, device: torch.device | str = "cpu",
        folds: Sequence[Fold] = (),
    ) -> None:  # fmt: skip
        self.lifter, self.split, self.recipe = lifter.to(device).eval(), split, recipe
        self.motions = None if motions is None else motions.to(device)
        self.folds = [
            (fold.lifter.to(device).eval(), Crops(fold.segments, LENGTH, device)) for fold in folds or (Fold(lifter, split.train),)
        ]
        counts = np.array([crops.frames.sum() for _, crops in self.folds], dtype=np.float64)
        self.shares = counts / counts.sum()
        self.draws = Draws(recipe.seed, device)
        self.schedule = Schedule()
        self.start_step = self.schedule.start_step(guess_error(self.lifter, split.validation))

    @torch.no_grad()
    def draw(self, rows: int) -> Batch:
        lifter, pairs, roll = self.runs(rows)
        return self.shown(lifter, pairs, encode(pairs.rays, pairs.visibility, pairs.world, pairs.detected, roll))

    def runs(self, rows: int) -> tuple[Lifter, Pairs, Tensor]:
        """The lifter that has not learnt from them, augmented runs, and by how much their pictures are rolled."""
        # nothing is drawn of one fold alone, so that its runs are those of a training without folds
        chosen = int(self.draws.rng.choice(len(self.folds), p=self.shares)) if len(self.folds) > 1 else 0
        lifter, crops = self.folds[chosen]
        pairs = crops.draw(rows, self.draws.rng)
        if self.motions is not None:
            pairs = transplant(pairs, self.motions, self.recipe.transplant, self.draws.rng)
        pairs, roll = augment(pairs, self.draws.generator)
        return lifter, pairs, roll

    def shown(self, lifter: Lifter, pairs: Pairs, encoded: Encoded) -> Batch:
        """What the networks see of runs, as the lifter has them, and what they are to say."""
        lifted = lift_both_ways(lifter.read, encoded, pairs.visibility)
        guess, hints = lifted.guess, lifted.hints
        level = camera_up(encoded.rotation)
        up = (pairs.up[..., None, :] @ encoded.rotation)[..., 0, :]
        shape = guess.shape[:2]
        truth = true_state(encoded, pairs.truth, pairs.stature, point_frame(encoded, pairs.rays)).unflatten(0, shape)
        state = states(encoded, guess).unflatten(0, shape)
        wrong, claim = self.told_up(up, level)
        told = conditions(encoded.features, hints, guess, wrong, claim, level)
        first = int(torch.randint(0, STRIDE, (1,), generator=self.draws.generator))
        guide = guides(encoded, pairs.visibility).unflatten(0, shape)
        truth, state, told, guide = (x[:, first::STRIDE] for x in (truth, state, told, guide))
        noisy, t = self._noisy(truth, self.guessed(truth, state))
        return encoded.features, guess, level, noisy, t, guide, told, truth, up

    def told_up(self, up: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Up (B,T,3) and its error (B,T), as the networks are told them, of the true one and the camera's level (B,T,3)."""
        return wrong_up(up, level, self.draws.generator)

    def guessed(self, truth: Tensor, guess: Tensor) -> Tensor:
        """States (B,T,22,5) that the way from the truth leads to, of the truth's and the lifter's."""
        return guess

    def _noisy(self, truth: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """States (B,T,22,5) on the way from the truth to the guess, the guess itself, or moved on from it by the error of another run."""
        batch, generator = len(truth), self.draws.generator
        share = torch.rand(batch, generator=generator, device=truth.device)
        t = torch.full((batch,), self.start_step, device=truth.device)
        earlier = torch.randint(0, self.start_step, (batch,), generator=generator, device=truth.device)
        on_the_way = share > START_SHARE + WIDE_SHARE
        t = torch.where(on_the_way, earlier, t)
        kept, sigma = self.schedule.coefficients(t, truth)
        start_kept, start_sigma = self.schedule.coefficients(torch.full_like(t, self.start_step), truth)
        noisy = kept * truth + sigma / start_sigma * (guess - start_kept * truth)
        # another run's error on top, as a hypothesis has: its size a part of the whole
        other = torch.roll(guess - truth, 1, 0)
        part = torch.rand(batch, generator=generator, device=truth.device)
        wide = (share > START_SHARE) & ~on_the_way
        widened = torch.tensor([self.schedule.start_step((1 + float(p) ** 2) ** 0.5 * self.schedule.sigma(self.start_step)) for p in part])
        noisy = torch.where(wide[:, None, None, None], guess + part[:, None, None, None] * other, noisy)
        noisy = torch.where((t == self.start_step)[:, None, None, None] & ~wide[:, None, None, None], guess, noisy)
        return noisy, torch.where(wide, widened.to(t), t)

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        features, guess, level, noisy, t, guide, told, truth, up = batch
        found, error, clean = forward(features, guess, level, noisy, t, guide, told)
        return window_loss(clean.float(), truth, self.recipe) + self.recipe.gravity * gravity_loss(found.float(), error.float(), up)

    def validate(self, model: WindowNetworks) -> Figures:
        return evaluate(self.lifter, model, self.split.validation, self.start_step)


@torch.inference_mode()
def lift(lifter: Lifter, segment: Segment) -> Lifted:
    """The lifter's reading of a segment."""
    rays, visibility, world, detected = (torch.from_numpy(getattr(segment, n))[None] for n in ("rays", "visibility", "world", "detected"))
    return lift_both_ways(lifter.read, encode(rays, visibility, world, detected), visibility)


def guessed(lifter: Lifter, segment: Segment) -> np.ndarray:
    """(T,22,3) metres, camera axes, relative to the pelvis: what the lifter makes of a segment."""
    lifted = lift(lifter, segment)
    return np.asarray(decode(lifted.guess, lifted.encoded.rotation, segment.stature)[0])


def guess_error(lifter: Lifter, segments: Sequence[Segment]) -> float:
    """Metres an axis of a person METRES tall: root of the mean square of what the lifter gets wrong."""
    total, count = 0.0, 0
    for segment in segments:
        lifted = lift(lifter, segment)
        truth = torch.from_numpy(segment.truth)[None]
        true = (truth - truth[:, :, :1]) @ lifted.encoded.rotation / segment.stature
        total += float((METRES * (lifted.guess - true))[:, :, 1:].square().sum())
        count += true[:, :, 1:].numel()
    return (total / max(count, 1)) ** 0.5


@torch.inference_mode()
def readings(lifter: Lifter, model: WindowNetworks, segment: Segment, start_step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Joints (T,22,3), metres, camera axes, the pelvis at the origin, of a segment: the lifter's `guess`, `refined` with the up that was
    found, and `known_up` with the true one; and by how many degrees (T,) the found up is off."""
    model.eval()
    lifted = lift(lifter, segment)
    rotation = lifted.encoded.rotation
    true_up = (torch.from_numpy(segment_up(segment))[None, :, None] @ rotation)[..., 0, :]
    found, claim = model.gravity(lifted.encoded.features, lifted.guess, camera_up(rotation))
    if segment_still(segment):
        one, error = mean_up(found, claim, rotation)
        found, claim = (one[:, None, None] @ rotation)[..., 0, :], error[:, None].expand(found.shape[:2])
    poses = {
        "guess": lifted.guess, "refined": refine_runs(model.refiner.clean, lifted, found, claim, [start_step]),
        "known_up": refine_runs(model.refiner.clean, lifted, true_up, torch.full_like(claim, KNOWN_UP_ERROR), [start_step]),
    }  # fmt: skip
    off = np.degrees(torch.arccos((found * true_up).sum(-1).clamp(-1, 1))[0].numpy())
    return {name: decode(pose, rotation, segment.stature)[0].numpy() for name, pose in poses.items()}, off


def evaluate(lifter: Lifter, model: WindowNetworks, segments: Sequence[Segment], start_step: int) -> Figures:
    """Errors of the guess, of the refined pose with the up that was found and with the true one; mm, degrees; limb joints."""
    rows: dict[str, list[np.ndarray]] = {}
    for segment in segments:
        poses, off = readings(lifter, model, segment, start_step)
        rows.setdefault("up_degrees", []).append(off)
        truth = segment.truth
        for name, joints in poses.items():
            a, b = rooted_at_hips(joints), rooted_at_hips(truth)
            bent = np.degrees((flexion(torch.from_numpy(joints)) - flexion(torch.from_numpy(truth))).numpy())
            rows.setdefault(f"{name}_mpjpe", []).append(mpjpe(a, b))
            rows.setdefault(f"{name}_pa", []).append(pa_mpjpe(a, b))
            rows.setdefault(f"{name}_bend", []).append(np.abs(bent).mean(1))
            rows.setdefault(f"{name}_crouch", []).append(bent[:, :2].mean(1))
    return {name: float(np.concatenate(values).mean()) for name, values in rows.items()}


def segment_still(segment: Segment) -> bool:
    """Whether its camera stands still."""
    up = segment_up(segment)
    return bool(np.abs(up - up[:1]).max() < 1e-4)


def to_store(model: WindowNetworks) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a weights file, and what its header says of the layouts, in which nothing is dropped any more."""
    parts = {"gravity": model.gravity, "window": model.refiner}
    tensors = {f"{part}.{name}": value.cpu() for part, network in parts.items() for name, value in network.state_dict().items()}
    return tensors, {"layout": replace(model.refiner.config, dropout=0.0).to_dict(), "gravity_layout": model.gravity.layout.to_dict()}


def from_store(stored: Weights) -> dict[str, Tensor]:
    """What training goes on from, out of a weights file."""
    parts = {"gravity": "gravity", "window": "refiner"}
    return {f"{name}.{key}": value for part, name in parts.items() for key, value in stored.part(part).items()}


def loop_recipe(recipe: WindowRecipe) -> LoopRecipe:
    """The loop's part of the recipe."""
    return LoopRecipe(
        steps=recipe.steps, batch=recipe.batch, learning_rate=recipe.learning_rate, warm_up=recipe.warm_up,
        weight_decay=recipe.weight_decay, ema=recipe.ema, clip=0.5, spike=2.5, precision="float32", validate_every=recipe.evaluate_every,
        seed=recipe.seed,
    )  # fmt: skip


def train_window(
    lifter: Lifter, split: Split, motions: Motions | None, recipe: WindowRecipe, config: WindowConfig, log: Path,
    start: Mapping[str, Tensor] | None = None, run: Run | None = None, folds: Sequence[Fold] = (),
) -> tuple[WindowNetworks, int, dict[str, Any]]:  # fmt: skip
    """Trains both networks on the lifter's output, or on that of the lifters of `folds`; returns their averaged weights, the start step and
    the figures."""
    run = run or Run()
    torch.manual_seed(recipe.seed)
    config = replace(config, hints=lifter.config.width)
    model = WindowNetworks(GravityNetwork(GravityLayout()), WindowRefiner(config)).to(run.device)
    if start is not None:
        model.load_state_dict(dict(start))
    learner = WindowLearner(lifter, split, motions, recipe, run.device, folds)
    layout = {"network": "window", **config.to_dict(), **{f"recipe.{name}": value for name, value in asdict(recipe).items()}}
    done: Trained[WindowNetworks] = train(learner, model, loop_recipe(recipe), layout=layout, run=run.also(lines_into(log)))
    return done.model, learner.start_step, {"recipe": asdict(recipe), "validation": done.figures}
