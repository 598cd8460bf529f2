"""Does the spread of the hypotheses foretell the error, is their mean better, does it shake? On people and motions nothing learnt from.

    python benchmarks/calibration.py --data PAIRS [--hypotheses 1 3 10] [--refit] [--plot calibration.png] [--every 4]

PAIRS is a folder of rendered pairs (docs/data.md). Joints are put into ten bins by their spread; well calibrated, each bin's mean error
rises with its spread. Prints the rank correlation (Spearman) and the plain one, the MPJPE and the acceleration error of the mean pose, and
what share of itself the spread changes by from a frame to the next. --refit draws the hypotheses from three more noises, fitted to the
training pairs: one mixture a joint as the paper has it, one for each class of confidence, and the latter lasting over the frames.

    python benchmarks/calibration.py --data PAIRS --likelihood

prints how well mixtures of more classes and components, fitted to the training pairs, describe the residuals of the held-out people: mean
log-likelihood of a joint, without the pelvis.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.datasets.detections import load_detections  # noqa: E402
from engine.datasets.split import Split, split_segments  # noqa: E402
from engine.lifter.codec import NETWORK_FPS  # noqa: E402
from engine.lifter.network import Lifter  # noqa: E402
from engine.poses import LIFTER_FILE, REFINER_FILE, WINDOW_FILE  # noqa: E402
from engine.refiner.error_fit import Fit, fit_errors  # noqa: E402
from engine.refiner.error_model import ErrorModel  # noqa: E402
from engine.refiner.noise import AMPLITUDE, Frames, MixtureNoise  # noqa: E402
from engine.refiner.sampler import Ddim, Model, refine  # noqa: E402
from engine.refiner.schedule import Schedule  # noqa: E402
from engine.refiner.state import GUIDE_SIGNS, METRES, pose_of  # noqa: E402
from engine.torch_networks import TorchNetworks  # noqa: E402
from engine.training.loop import Draws  # noqa: E402
from engine.training.metrics import acceleration_error, mpjpe, rooted_at_hips  # noqa: E402
from engine.training.refiner import RefinerRecipe, StateTable, pool_of_poses, validation_poses  # noqa: E402

BINS = 10
WIDTH = 150  # letters: the table in one line a row, also where the output is a file
CLASSES, COMPONENTS = (1, 2, 3), (1, 3)
POOL = 40  # batches of augmented crops that a noise is fitted to: 61,440 frames
OWN = "the weights' own"
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Per bin of spread, lowest first: mean `spread` and `error` in millimetres (BINS,); the two correlations over all joints."""

    spread: Array
    error: Array
    pearson: float
    spearman: float


def calibrate(spread: Array, error: Array, bins: int = BINS) -> Calibration:
    """Bins of equally many joints; spread, error (N,) in millimetres. Raises Failure `bad_input` where all spreads are equal."""
    if np.ptp(spread) == 0.0:
        raise Failure("bad_input", "All hypotheses are equal, so there is no spread to judge; use at least two.")
    parts = np.array_split(np.argsort(spread, kind="stable"), bins)
    return Calibration(
        np.array([spread[p].mean() for p in parts]), np.array([error[p].mean() for p in parts]),
        float(np.corrcoef(spread, error)[0, 1]), float(spearmanr(spread, error).statistic),
    )  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """spread, error (N,): of every joint but the pelvis. mpjpe of the twelve limb joints; all in millimetres of a person METRES tall.
    alone: the mean MPJPE of the hypotheses one by one. acceleration: error of the mean pose, m/s2. unrest: mean change of the spread
    from a frame to the next over the mean spread."""

    spread: Array
    error: Array
    mpjpe: float
    alone: float
    acceleration: float
    unrest: float


@dataclass(frozen=True)
class Shipped:
    """The shipped networks in torch, and the noise that hypotheses are drawn with."""

    lifter: Lifter
    network: Model
    noise: MixtureNoise


def shipped() -> Shipped:
    """As the weights files have them."""
    networks = TorchNetworks("cpu", LIFTER_FILE, REFINER_FILE, WINDOW_FILE, lambda *_: None)
    stored = networks.weights["refiner"]
    noise = MixtureNoise(Schedule(), int(stored.header["start_step"]), ErrorModel.from_tensors(stored.tensors))
    return Shipped(networks.lifter, networks.network, noise)


@torch.inference_mode()
def sample(model: Shipped, noise: MixtureNoise, poses: StateTable, hypotheses: int, seed: int = 0) -> Sample:
    """The hypotheses of all frames, those of a run drawn one after another."""
    amplitude = AMPLITUDE if hypotheses > 1 else 0.0
    known = Frames(poses.confidence, poses.times)
    start, step = noise.start(poses.guess, hypotheses, amplitude, torch.Generator().manual_seed(seed), known)
    visited = noise.schedule.times(step, 1)
    refined = refine(model.network, BODY_22, Ddim(noise.schedule), start, poses.guide, visited, flip=False, guide_signs=GUIDE_SIGNS)
    error = METRES * (pose_of(refined.pose) - pose_of(poses.truth)).norm(dim=-1)[:, 1:]
    ours, truth = (rooted_at_hips(METRES * pose_of(state).numpy()) for state in (refined.pose, poses.truth))
    alone = float(mpjpe(ours, truth).mean())
    if hypotheses > 1:
        each = (refine(model.network, BODY_22, Ddim(noise.schedule), one[None], poses.guide, visited, flip=False, guide_signs=GUIDE_SIGNS)
                for one in start)  # fmt: skip
        alone = float(np.mean([mpjpe(rooted_at_hips(METRES * pose_of(one.pose).numpy()), truth).mean() for one in each]))
    spread = refined.spread[:, 1:].double().numpy() * 1000.0
    gaps = poses.times.diff().numpy()
    ends = [0, *(np.flatnonzero(gaps > 1.5 / NETWORK_FPS) + 1), len(ours)]
    shaking = [acceleration_error(ours[a:b], truth[a:b], NETWORK_FPS) for a, b in pairwise(ends)]
    moves = np.concatenate([np.abs(np.diff(spread[a:b], axis=0)) for a, b in pairwise(ends)])
    unrest = float(moves.mean() / spread.mean()) if hypotheses > 1 else 0.0
    errors = error.flatten().double().numpy() * 1000.0
    return Sample(spread.flatten(), errors, float(mpjpe(ours, truth).mean()), alone, float(np.concatenate(shaking).mean()), unrest)


def log_likelihood(errors: ErrorModel, residuals: Tensor, confidence: Tensor) -> float:
    """Mean log-density a joint, without the root, of residuals (N,J,5) at confidences (N,J)."""
    values, classes = residuals.double(), errors.classify(confidence)
    total = values.new_zeros(values.shape[:2])
    for k, mixture in enumerate(errors.classes):
        parts = MultivariateNormal(mixture.means, scale_tril=mixture.factors)
        density = MixtureSameFamily(Categorical(mixture.weights), parts).log_prob(values)
        total = torch.where(classes == k, density, total)
    return float(total[:, 1:].mean())


def likelihoods(model: Shipped, split: Split, pool: int = POOL) -> Table:
    """Classes down, components across."""
    seen, held_out = training_poses(model, split, pool), validation_poses(model.lifter, split, 1)
    table = Table("classes", *(f"{count} components" for count in COMPONENTS))
    for classes in CLASSES:
        cells = []
        for components in COMPONENTS:
            errors = fit_errors(seen.guess - seen.truth, Fit(components, classes), seen.confidence)
            cells.append(f"{log_likelihood(errors, held_out.guess - held_out.truth, held_out.confidence):.3f}")
        table.add_row(str(classes), *cells)
    return table


def training_poses(model: Shipped, split: Split, pool: int) -> StateTable:
    """What the lifter makes of `pool` batches of augmented crops."""
    draws = Draws(0)
    return pool_of_poses(model.lifter, split, RefinerRecipe(pool=pool), draws.rng, draws.generator)


def fitted_noises(model: Shipped, split: Split, pool: int = POOL) -> dict[str, MixtureNoise]:
    """Noises of the training pairs, at the weights' own start step. pool: batches of augmented crops."""
    seen = training_poses(model, split, pool)
    residuals = seen.guess - seen.truth
    lasting = fit_errors(residuals, Fit(), seen.confidence, seen.times)
    still = torch.zeros_like(lasting.deviate_seconds)
    found: dict[str, ErrorModel] = {
        "a mixture a joint": fit_errors(residuals, Fit(classes=1)),
        "by confidence": replace(lasting, deviate_seconds=still, component_seconds=still[:, 0]),
        "by confidence, lasting": lasting,
    }
    return {name: MixtureNoise(model.noise.schedule, model.noise.start_step, errors) for name, errors in found.items()}


def plot(found: Calibration, path: Path) -> None:
    """The error of each bin over its spread, as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(found.spread, found.error, "o-")
    axes.set_xlabel("spread of the hypotheses, mm (tenths of the joints)")
    axes.set_ylabel("error, mm")
    axes.set_title(f"Pearson {found.pearson:.2f}, Spearman {found.spearman:.2f}")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    FigureCanvasAgg(figure).print_png(path)


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument("--hypotheses", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--every", type=int, default=4, help="one run of so many (default %(default)s)")
    parser.add_argument("--refit", action="store_true", help="other noises too, fitted to the training pairs: takes some minutes")
    parser.add_argument("--likelihood", action="store_true", help="the table of classes and components alone: takes some minutes")
    parser.add_argument("--plot", type=Path, help="a picture of the last number of hypotheses, the weights' own noise, .png")
    add_overwrite_argument(parser)
    read = parser.parse_args()
    console = Console(width=max(Console().width, WIDTH))
    try:
        if read.plot is not None:
            (read.plot,) = check_outputs([read.plot], kinds=(".png",), overwrite=read.overwrite)
        model, split = shipped(), split_segments(load_detections(read.data))
        if read.likelihood:
            console.print(likelihoods(model, split))
            return int(ExitCode.DONE)
        poses = validation_poses(model.lifter, Split(split.train, split.validation[:: read.every]), 1)
        noises = {OWN: model.noise} | (fitted_noises(model, split) if read.refit else {})
        table = Table(
            "hypotheses", "noise", "MPJPE mm", "of one alone", "acceleration m/s2", "unrest of the spread", "Pearson", "Spearman",
            "error of the surest tenth", "of the least sure",
        )  # fmt: skip
        for count in read.hypotheses:
            for name, noise in noises.items():
                got = sample(model, noise, poses, count)
                if count == 1:
                    table.add_row("1", "", f"{got.mpjpe:.1f}", "", f"{got.acceleration:.1f}", *[""] * 5)
                    break
                found = calibrate(got.spread, got.error)
                ends = (f"{value:.0f} mm" for value in found.error[[0, -1]])
                correlations = f"{found.pearson:.2f}", f"{found.spearman:.2f}"
                cells = (f"{got.mpjpe:.1f}", f"{got.alone:.1f}", f"{got.acceleration:.1f}", f"{got.unrest:.2f}", *correlations)
                table.add_row(str(count), name, *cells, *ends)
                if read.plot is not None and name == OWN and count == read.hypotheses[-1]:
                    plot(found, read.plot)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    console.print(table)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
