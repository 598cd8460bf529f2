"""Does the spread of the hypotheses foretell the error? A table, a correlation and a plot, on people and motions that nothing learnt from.

    python benchmarks/calibration.py --data PAIRS [--hypotheses 10] [--plot calibration.png] [--every 4]

PAIRS is a folder of rendered pairs (docs/data.md). Joints are put into ten bins by their spread; well calibrated, each bin's mean error
rises with its spread. Prints the rank correlation (Spearman) and the plain one, and the MPJPE of one hypothesis beside the mean of several.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.datasets.detections import load_detections  # noqa: E402
from engine.refiner.pose import AMPLITUDE, PoseModel  # noqa: E402
from engine.refiner.sampler import Ddim, refine  # noqa: E402
from engine.refiner.state import GUIDE_SIGNS, METRES, pose_of  # noqa: E402
from engine.training.metrics import mpjpe, rooted_at_hips  # noqa: E402
from engine.training.refiner import Poses, validation_poses  # noqa: E402
from engine.training.split import split_segments  # noqa: E402

BINS = 10
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


@torch.inference_mode()
def sample(model: PoseModel, poses: Poses, hypotheses: int, seed: int = 0) -> tuple[Array, Array, float]:
    """Spread and error (N,) of every joint but the pelvis, and the MPJPE of the twelve limb joints; millimetres of a person METRES tall."""
    amplitude = AMPLITUDE if hypotheses > 1 else 0.0
    start, step = model.noise.start(poses.guess, hypotheses, amplitude, torch.Generator().manual_seed(seed))
    times = model.noise.schedule.times(step, 1)
    refined = refine(
        model.refiner, BODY_22, Ddim(model.noise.schedule), start, poses.guide, times, flip=False, guide_signs=GUIDE_SIGNS
    )
    error = METRES * (pose_of(refined.pose) - pose_of(poses.truth)).norm(dim=-1)[:, 1:]
    ours, truth = (rooted_at_hips(METRES * pose_of(state).numpy()) for state in (refined.pose, poses.truth))
    spread = refined.spread[:, 1:].flatten().double().numpy() * 1000.0
    return spread, error.flatten().double().numpy() * 1000.0, float(mpjpe(ours, truth).mean())


def plot(found: Calibration, path: Path) -> None:
    """The error of each bin over its spread, as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(found.spread, found.error, "o-")
    axes.set_xlabel("spread of the hypotheses, mm (mean of each tenth of the joints)")
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
    parser.add_argument("--every", type=int, default=8, help="every so many frames (default %(default)s)")
    parser.add_argument("--plot", type=Path, help="a picture of the last number of hypotheses, .png")
    read = parser.parse_args()
    console = Console()
    try:
        model = PoseModel("cpu")
        poses = validation_poses(model.lifter, split_segments(load_detections(read.data)), read.every)
        table = Table("hypotheses", "MPJPE mm", "Pearson", "Spearman", "error of the surest tenth", "of the least sure")
        for count in read.hypotheses:
            spread, error, mean = sample(model, poses, count)
            if count == 1:
                table.add_row("1", f"{mean:.1f}", "", "", "", "")
                continue
            found = calibrate(spread, error)
            ends = (f"{value:.0f} mm" for value in found.error[[0, -1]])
            table.add_row(str(count), f"{mean:.1f}", f"{found.pearson:.2f}", f"{found.spearman:.2f}", *ends)
            if read.plot is not None and count == read.hypotheses[-1]:
                plot(found, read.plot)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    console.print(table)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
