"""The refiner's forward pass on this CPU against the paper's as written, in turns, and what bfloat16 does to real poses.

    python benchmarks/cpu_refiner.py [--batch 64] [--threads 1] [--repeat 25] [--pairs FOLDER] [--videos VIDEO ...] [--profile]

The layout is the released one (34 nodes, 96 channels, 5 layers), with random weights. `ms` is the clock's, `processor ms` that of all
threads together, which other programs' work counts into far less; both median, fastest and slowest of the repetitions, `times` is as
written divided by it, by the medians. With --pairs the shipped refiner refines every frame of the rendered pairs that nothing was trained
on (docs/data.md) in float32 and in bfloat16: MPJPE of the limb joints rooted at the hips in mm of a person 1.7 m tall, how far the joints
move between the two, and the median length of the joints' second differences from frame to frame, which trembling would raise. --videos
captures clips with a truth beside them (benchmarks/accuracy.py) in both precisions, and prints their errors. --profile
prints where the clock's time of each fused pass goes; every call counts as its fastest of ten passes, as other programs interrupt many.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from torch import Tensor  # noqa: E402

from benchmarks.plain_refiner import PlainRefiner  # noqa: E402
from contract.skeleton import BODY_22, H36M_17  # noqa: E402
from engine.datasets.detections import load_detections  # noqa: E402
from engine.datasets.split import Split, split_segments  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.refiner.fast.cpu import multiplies_bfloat16  # noqa: E402
from engine.refiner.fast.fused import FusedRefiner  # noqa: E402
from engine.refiner.network import Refiner, RefinerConfig  # noqa: E402
from engine.refiner.noise import Frames  # noqa: E402
from engine.refiner.sampler import Ddim, refine  # noqa: E402
from engine.refiner.state import GUIDE_SIGNS, METRES, pose_of  # noqa: E402
from engine.training.metrics import mpjpe, rooted_at_hips  # noqa: E402
from engine.training.refiner import StateTable, validation_poses  # noqa: E402

STEP = 6  # of the diffusion; any costs the same
OPERATIONS, ROUNDS = 12, 10  # lines of a profile, and passes that it is taken of
WIDTH = 150  # of the tables, also where no terminal says its own

Pass = Callable[[Tensor, Tensor, Tensor], Tensor]
Array = npt.NDArray[np.floating]


def passes(threads: int) -> dict[str, Pass]:
    """What is compared, by name, the one as written first; bfloat16 where the processor multiplies it."""
    torch.manual_seed(0)
    network = Refiner(H36M_17, RefinerConfig(released=True)).eval()
    made: dict[str, Pass] = {"as written": PlainRefiner(network), "network.py": network, "fused, float32": FusedRefiner(network, threads)}
    if multiplies_bfloat16():
        made["fused, bfloat16"] = FusedRefiner(network, threads, torch.bfloat16)
    return made


def inputs(batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """(x, t, p) of `batch` poses."""
    generator = torch.Generator().manual_seed(1)
    x, p = (0.3 * torch.randn(batch, len(H36M_17), channels, generator=generator) for channels in (5, 2))
    return x, torch.full((batch,), STEP), p


@torch.inference_mode()
def measure(made: dict[str, Pass], batch: int, repeat: int) -> dict[str, tuple[Array, Array]]:
    """(clock, processor) milliseconds, (repeat,) each, taken in turns, by name."""
    given = inputs(batch)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
    for run in made.values():
        run(*given)
    for _ in range(repeat):
        for name, run in made.items():
            clock, processor = time.perf_counter(), time.process_time()
            run(*given)
            taken[name].append((time.perf_counter() - clock, time.process_time() - processor))
    return {name: (1e3 * np.array(rows)[:, 0], 1e3 * np.array(rows)[:, 1]) for name, rows in taken.items()}


@torch.inference_mode()
def differences(made: dict[str, Pass], batch: int) -> dict[str, float]:
    """The largest difference from the first pass, of its largest value."""
    given = inputs(batch)
    wanted = next(iter(made.values()))(*given)
    return {name: float((run(*given) - wanted).abs().max() / wanted.abs().max()) for name, run in made.items()}


def timings(made: dict[str, Pass], batch: int, repeat: int) -> Table:
    """The table of the passes."""
    table = Table("forward pass", "ms", "fastest to slowest", "times", "processor ms", "fastest to slowest", "times", "largest difference")
    figures, off = measure(made, batch, repeat), differences(made, batch)
    first = next(iter(figures.values()))
    for name, columns in figures.items():
        cells = []
        for taken, written in zip(columns, first, strict=True):
            middle = float(np.median(taken))
            cells += [f"{middle:.1f}", f"{taken.min():.1f} to {taken.max():.1f}", f"{float(np.median(written)) / middle:.2f}"]
        table.add_row(name, *cells, f"{off[name]:.1e}")
    return table


@torch.inference_mode()
def profile(name: str, run: Pass, batch: int) -> Table:
    """Where the time of one pass goes, by operation and shapes: the sum over a pass's calls of each one's fastest in ROUNDS passes."""
    given = inputs(batch)
    run(*given)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as seen:
        for _ in range(ROUNDS):
            run(*given)
    taken: dict[tuple[str, str], list[float]] = {}
    for event in seen.events() or ():
        if event.self_cpu_time_total > 0:
            taken.setdefault((event.name, str([s for s in event.input_shapes if s])), []).append(event.self_cpu_time_total)
    # A key's calls come in order, the same number in every pass: one row a pass.
    rows = []
    for key, times in taken.items():
        calls = len(times) // ROUNDS
        rows.append((float(np.reshape(times[: calls * ROUNDS], (ROUNDS, calls)).min(0).sum()) / 1e3, calls, *key))
    rows.sort(reverse=True)
    table = Table("ms a pass", "calls", "operation", "shapes", title=f"{name}: {sum(row[0] for row in rows):.1f} ms")
    for milliseconds, calls, operation, shapes in rows[:OPERATIONS]:
        table.add_row(f"{milliseconds:.2f}", str(calls), operation, shapes)
    return table


def accuracy(model: PoseModel, poses: StateTable) -> Table:
    """The table of the guess and of the refined poses in both precisions."""
    begin, step = model.noise.start(poses.guess, 1, 0.0, torch.Generator().manual_seed(0), Frames(poses.confidence, poses.times))
    times = model.noise.schedule.times(step, 1)

    def refined(dtype: torch.dtype) -> Tensor:
        run = FusedRefiner(model.refiner, dtype=dtype)
        state = refine(run, BODY_22, Ddim(model.noise.schedule), begin, poses.guide, times, flip=False, guide_signs=GUIDE_SIGNS).pose
        return METRES * pose_of(state)

    exact = refined(torch.float32)
    truth = rooted_at_hips(METRES * pose_of(poses.truth).numpy())
    first = float(mpjpe(rooted_at_hips(exact.numpy()), truth).mean())
    table = Table("joints", "MPJPE mm", "change", "moved mm, mean", "99 of 100 below", "farthest", "second difference mm")
    rows = {"guess": METRES * pose_of(poses.guess), "float32": exact, "bfloat16": refined(torch.bfloat16)}
    for name, joints in rows.items():
        error = float(mpjpe(rooted_at_hips(joints.numpy()), truth).mean())
        moved = 1e3 * (joints - exact).norm(dim=-1).numpy()
        second = 1e3 * np.median(np.linalg.norm(np.diff(joints.numpy(), 2, axis=0), axis=-1))
        spread = (moved.mean(), np.quantile(moved, 0.99), moved.max())
        table.add_row(name, f"{error:.3f}", f"{error - first:+.3f}", *(f"{value:.3f}" for value in spread), f"{second:.3f}")
    return table


def captures(model: PoseModel, videos: list[Path]) -> Table:
    """The table of clips with a truth: MPJPE, PA-MPJPE in mm and the error of the accelerations in m/s^2, in both precisions."""
    from benchmarks.accuracy import judge, read_truth, videos_with_truth
    from contract.options import CaptureOptions

    options = CaptureOptions(device="cpu").check()
    table = Table("clip", "stage", "precision", "MPJPE mm", "PA-MPJPE mm", "accel m/s2")
    for path in videos_with_truth(videos):
        truth, found = read_truth(path.with_suffix(".truth.npz")), {}
        for dtype in (torch.float32, torch.bfloat16):
            model.network = FusedRefiner(model.refiner, dtype=dtype)
            found[str(dtype).removeprefix("torch.")] = judge(path, truth, model, options)[0]
        for stage in ("refiner", "motion"):
            for precision, figures in found.items():
                table.add_row(path.stem, stage, precision, *(f"{value:.3f}" for value in figures[stage][0]))
    return table


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=25)
    parser.add_argument("--pairs", type=Path, help="folder of rendered pairs: measure the error too")
    parser.add_argument("--videos", type=Path, nargs="+", help="clips, or folders of them, with their truth: measure the error of captures")
    parser.add_argument("--profile", action="store_true")
    read = parser.parse_args(arguments)
    if min(read.batch, read.threads, read.repeat) < 1:
        parser.error("--batch, --threads and --repeat are at least 1")
    torch.set_num_threads(read.threads)
    console, made = Console(width=WIDTH), passes(read.threads)
    console.print(timings(made, read.batch, read.repeat))
    if read.profile:
        for name, run in made.items():
            if isinstance(run, FusedRefiner):
                console.print(profile(name, run, read.batch))
    if read.pairs is not None:
        model = PoseModel("cpu")
        held_out = split_segments(load_detections(read.pairs)).validation
        poses = validation_poses(model.lifter, Split([], held_out), every=1)
        console.print(accuracy(model, poses), f"{len(poses.guess)} frames")
    if read.videos is not None:
        console.print(captures(PoseModel("cpu"), read.videos))
    return 0


if __name__ == "__main__":
    sys.exit(main())
