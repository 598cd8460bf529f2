"""What the lifter's errors come from: people it has not seen, or motions it has not seen? On rendered pairs.

    python benchmarks/generalisation.py PAIRS [--lifter FILE ...] [--mirrored] [--segments 120]

PAIRS is a folder of rendered pairs (docs/data.md). Prints MPJPE and PA-MPJPE in millimetres over the twelve limb joints rooted at the
middle of the hips, for bodies and motions that were learnt from and for those that are held out (engine/datasets/split.py), beside the
detector's own reading. --segments: of each of the four kinds at most so many, evenly chosen (0: all). --mirrored: the guess averaged with
that of the mirrored picture, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Column, Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from engine.datasets.blended_human import bodies_of  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import HELD_OUT_HUMANS, HELD_OUT_SOURCES  # noqa: E402
from engine.lifter.network import Lifter, load_lifter  # noqa: E402
from engine.poses import LIFTER_FILE  # noqa: E402
from engine.training.lifter import lift_segment, plain_joints  # noqa: E402
from engine.training.metrics import mpjpe, pa_mpjpe, rooted_at_hips  # noqa: E402
from engine.training.window_refiner import guessed  # noqa: E402

Array = npt.NDArray[np.floating]
Lift = Callable[[Segment], Array]
KINDS = tuple(f"{body} body, {motion} motion" for body in ("learnt", "new") for motion in ("learnt", "new"))


def kind(segment: Segment) -> str | None:
    """One of KINDS; None for a blend of bodies of both sorts."""
    bodies = bodies_of(segment.human)
    if HELD_OUT_HUMANS.isdisjoint(bodies):
        body = "learnt"
    elif HELD_OUT_HUMANS.issuperset(bodies):
        body = "new"
    else:
        return None
    return f"{body} body, {'new' if segment.source in HELD_OUT_SOURCES else 'learnt'} motion"


def sorted_out(segments: Sequence[Segment], most: int) -> dict[str, list[Segment]]:
    """The segments of each of KINDS, at most `most` of each where that is above 0, evenly chosen."""
    found: dict[str, list[Segment]] = {name: [s for s in segments if kind(s) == name] for name in KINDS}
    if most:
        found = {name: [rows[k] for k in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] for name, rows in found.items()}
    return found


def errors(lift: Lift, segments: Sequence[Segment]) -> tuple[float, float]:
    """(MPJPE, PA-MPJPE) in millimetres over all frames of the segments."""
    pairs = [(lift(s), rooted_at_hips(s.truth)) for s in segments]
    plain, aligned = (np.concatenate([measure(*pair) for pair in pairs]).mean() for measure in (mpjpe, pa_mpjpe))
    return float(plain), float(aligned)


def lifter(model: Lifter) -> Lift:
    """(T,12,3) the lifter's guess."""
    return lambda segment: rooted_at_hips(lift_segment(model, segment)[0])


def both_ways(model: Lifter) -> Lift:
    """(T,12,3) the mean of the guess and of that of the mirrored picture, mirrored back, as a capture has it."""
    return lambda segment: rooted_at_hips(guessed(model, segment))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="a folder of rendered pairs")
    parser.add_argument("--lifter", type=Path, nargs="+", default=[LIFTER_FILE], metavar="FILE", help="weights (default: the shipped ones)")
    parser.add_argument("--mirrored", action="store_true", help="averaged with the mirrored picture too")
    parser.add_argument("--segments", type=int, default=120, metavar="N", help="of each kind at most; 0: all (default %(default)s)")
    options = parser.parse_args(argv)
    try:
        groups = sorted_out(load_detections(options.pairs), options.segments)
        ways: dict[str, Lift] = {"detector": plain_joints}
        for path in options.lifter:
            model, name = load_lifter(path), "lifter" if len(options.lifter) == 1 else str(path)
            ways[name] = lifter(model)
            if options.mirrored:
                ways[f"{name}, both ways"] = both_ways(model)
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    table = Table("", "frames", *(Column(name, overflow="fold") for name in ways))
    for name, segments in groups.items():
        if segments:
            figures = ("{:.1f} / {:.1f}".format(*errors(way, segments)) for way in ways.values())
            table.add_row(name, f"{sum(len(s.detected) for s in segments):,}", *figures)
    print_wide(table, "MPJPE / PA-MPJPE, mm", least=150)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
