"""Learning curves: what more pairs, longer training or a wider network would bring to people and motions that nothing was trained on.

    python benchmarks/learning_curves.py lifter --data PAIRS [PAIRS ...] --judge PAIRS [PAIRS ...] [--shares 0.125 0.5 1] [--widths 192 384]
    python benchmarks/learning_curves.py window --data PAIRS --judge PAIRS --lifter LIFTER

PAIRS are folders of rendered pairs (docs/data.md): --data to learn from, without anybody who is held out, --judge held-out people. Every
row is one training from nothing, with the same recipe and seed, of that share of the segments and that width (of the window: of its trunk).
Its columns are the error after each quarter of the steps, MPJPE over the twelve limb joints rooted at the middle of the hips, mm; and at
the end that of the pairs that were learnt from, as many as are judged. Prints a table in Markdown. The window learns from what --lifter
makes of the pairs (default: the shipped one), and its first column is that guess.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.window_ablation import held_out  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import real, whole  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.mocap import load_mocap  # noqa: E402
from engine.datasets.split import Split, split_segments, training_motions  # noqa: E402
from engine.lifter.gravity import GravityNetwork  # noqa: E402
from engine.lifter.layout import GravityLayout, LifterConfig  # noqa: E402
from engine.lifter.network import Lifter, load_lifter  # noqa: E402
from engine.poses import LIFTER_FILE  # noqa: E402
from engine.refiner.layout import WindowConfig  # noqa: E402
from engine.refiner.window import WindowRefiner  # noqa: E402
from engine.training import lifter as lifting  # noqa: E402
from engine.training import window_refiner as refining  # noqa: E402
from engine.training.loop import Line, train  # noqa: E402
from engine.training.transplant import Motions  # noqa: E402

NETWORKS = ("lifter", "window")
LOOKS = 4  # validations of a training
SMALLEST = 1e-4  # share of the segments


@dataclass(frozen=True)
class Curve:
    """One training: `share` of the segments, so many `frames`, and the network's `width`. guess: the error of what it starts from, mm;
    `held` after each look, of held-out people; `known` at the end, of what it learnt from."""

    share: float
    frames: int
    width: int
    steps: tuple[int, ...]
    guess: float
    held: tuple[float, ...]
    known: float


@dataclass(frozen=True)
class Bench:
    """What all trainings share. lifter: whose guesses a window learns from."""

    segments: list[Segment]
    judge: list[Segment]
    motions: Motions | None
    lifter: Lifter | None
    steps: int
    batch: int
    seed: int = 0


def part_of(segments: Sequence[Segment], share: float) -> list[Segment]:
    """That share of the segments, from all over: at least one."""
    count = max(1, round(share * len(segments)))
    return [segments[(k * len(segments)) // count] for k in range(count)]


def lifter_curve(bench: Bench, share: float, width: int) -> Curve:
    """Of a lifter."""
    mine = part_of(bench.segments, share)
    recipe = replace(lifting.LifterRecipe(), **_common(bench))
    torch.manual_seed(bench.seed)
    learner = lifting.LifterLearner(Split(mine, bench.judge), bench.motions, recipe)
    done = train(learner, Lifter(LifterConfig(width=width)), lifting.loop_recipe(recipe), layout={})
    known = lifting.judge_lifter(done.model, part_of(mine, len(bench.judge) / len(mine)))
    figures = [line.figures for line in done.lines]
    held = tuple(f["lifter_mpjpe"] for f in figures)
    return _curve(share, mine, width, done.lines, figures[0]["base_mpjpe"], held, known["lifter_mpjpe"])


def window_curve(bench: Bench, share: float, width: int) -> Curve:
    """Of a refiner over windows, with the up that is found."""
    assert bench.lifter is not None
    mine = part_of(bench.segments, share)
    recipe = replace(refining.WindowRecipe(), **_common(bench))
    torch.manual_seed(bench.seed)
    config = WindowConfig(width=width, hints=bench.lifter.config.width, dropout=0.1)
    model = refining.WindowNetworks(GravityNetwork(GravityLayout()), WindowRefiner(config))
    learner = refining.WindowLearner(bench.lifter, Split(mine, bench.judge), bench.motions, recipe)
    done = train(learner, model, refining.loop_recipe(recipe), layout={})
    known = refining.evaluate(bench.lifter, done.model, part_of(mine, len(bench.judge) / len(mine)), learner.start_step)
    figures = [line.figures for line in done.lines]
    held = tuple(f["refined_mpjpe"] for f in figures)
    return _curve(share, mine, width, done.lines, figures[0]["guess_mpjpe"], held, known["refined_mpjpe"])


def _common(bench: Bench) -> dict[str, Any]:
    """What these trainings have otherwise than the recipe: none without motion capture is moved to other motions."""
    every, warm_up = max(1, bench.steps // LOOKS), max(1, bench.steps // 20)
    common = {"steps": bench.steps, "batch": bench.batch, "warm_up": warm_up, "seed": bench.seed, "evaluate_every": every}
    return common if bench.motions else common | {"transplant": 0.0}


def _curve(
    share: float, mine: list[Segment], width: int, lines: Sequence[Line], guess: float, held: tuple[float, ...], known: float
) -> Curve:
    return Curve(share, sum(len(one.truth) for one in mine), width, tuple(line.step for line in lines), guess, held, known)


CURVES: dict[str, Callable[[Bench, float, int], Curve]] = {"lifter": lifter_curve, "window": window_curve}
WIDTHS = {"lifter": LifterConfig().width, "window": WindowConfig().width}
BATCHES = {"lifter": lifting.LifterRecipe().batch, "window": refining.WindowRecipe().batch}


def curves(
    network: str, bench: Bench, shares: Sequence[float], widths: Sequence[int], told: Callable[[list[Curve]], None] = lambda found: None
) -> list[Curve]:
    """All shares at the first of the widths, then the other widths at the last of the shares. `told` hears of them after each training."""
    found: list[Curve] = []
    for share, width in [*((share, widths[0]) for share in shares), *((shares[-1], width) for width in widths[1:])]:
        found.append(CURVES[network](bench, share, width))
        told(found)
    return found


def markdown(found: Sequence[Curve]) -> str:
    """The table."""
    steps = found[0].steps if found else ()
    looks = [f"after {step:,} steps" for step in steps]
    lines = ["| frames | width | start | " + " | ".join(looks) + " | of what it learnt from |", "|---" * (4 + len(steps)) + "|"]
    for one in found:
        figures = [one.guess, *one.held, one.known]
        lines.append(f"| {one.frames:,} | {one.width} | " + " | ".join(f"{value:.1f}" for value in figures) + " |")
    return "\n".join(lines)


def read_bench(read: argparse.Namespace) -> Bench:
    """What the words name. Raises Failure."""
    segments = [one for folder in read.data for one in split_segments(load_detections(folder)).train]
    if not segments:
        raise Failure("bad_input", f"{', '.join(map(str, read.data))} holds nobody to learn from; see docs/data.md.")
    judge = held_out(read.judge)
    motions = None if read.mocap is None else Motions(training_motions(load_mocap(read.mocap)))
    lifter = load_lifter(read.lifter) if read.network == "window" else None
    return Bench(segments, judge, motions, lifter, read.steps, read.batch or BATCHES[read.network], read.seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="PAIRS")
    parser.add_argument("--judge", type=Path, nargs="+", required=True, metavar="PAIRS")
    parser.add_argument("--lifter", type=Path, default=LIFTER_FILE, help="window: whose guesses are learnt from")
    parser.add_argument("--mocap", type=Path, help="folder of motion capture that is seen too")
    parser.add_argument(
        "--shares", type=real(SMALLEST, 1.0), nargs="+", default=[0.125, 0.25, 0.5, 1.0], help="of the segments (default %(default)s)"
    )
    parser.add_argument("--widths", type=whole(8, 4096), nargs="+", help="of the network (default: as it ships)")
    parser.add_argument("--steps", type=whole(LOOKS, 1_000_000), default=1200, help="(default %(default)s)")
    parser.add_argument("--batch", type=whole(1, 4096), help="(default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=whole(1, 256), default=1)
    parser.add_argument("--json", type=Path, default=Path("learning_curves.json"), help="figures of every training")
    add_overwrite_argument(parser)
    read = parser.parse_args(arguments)
    torch.set_num_threads(read.threads)
    began = time.monotonic()

    def told(found: list[Curve]) -> None:
        print(f"{time.monotonic() - began:.0f} s, {len(found)} trainings", file=sys.stderr, flush=True)
        write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", read.json)

    try:
        folders = (*read.data, *read.judge, *([read.mocap] if read.mocap else []))
        given = [read.lifter, *(path for folder in folders for path in folder.glob("*.npz"))]
        (read.json,) = check_outputs([read.json], given, (".json",), read.overwrite)
        bench = read_bench(read)
        found = curves(read.network, bench, read.shares, read.widths or [WIDTHS[read.network]], told)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print(markdown(found))
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
