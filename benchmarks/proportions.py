"""What the networks read of people's bones, beside what the bones are: for engine/kinematics/proportions.py.

    python benchmarks/proportions.py --data PAIRS [--every 1]

PAIRS is a folder of rendered pairs (docs/data.md), whose bones are known. Printed is of every bone as a share of the stature: what the
networks read (mean and spread over the segments, each by its median), what it is, how both correlate, which share of a difference that is
read between two people is one, and the error of the length (mm at 1.70 m, all chains of bones equally long) by the reading, by the average
body, and as a capture mixes them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from benchmarks.world import FPS, track_of  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import DEFAULT_FOV, CaptureOptions  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.cameras.pinhole import camera_matrix  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.kinematics.proportions import CHAIN, CHAIN_OF_STATURE, TYPICAL, fit_proportions  # noqa: E402
from engine.person.track import body_points  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402

Array = npt.NDArray[np.float64]

_NAMES = list(TYPICAL)
_CHAIN = [_NAMES.index(name) for name in CHAIN]
STATURE = 1700.0  # mm
LEAST_DETECTED = 0.8  # of a segment's frames


def medians(joints: npt.NDArray[np.floating]) -> Array:
    """(B,) the median length of every bone of TYPICAL in joints (T,22,3), both sides together."""
    found = []
    for name in _NAMES:
        child = BODY_22.index(name)
        both = sorted({child, BODY_22.mirror[child]})
        above = [BODY_22.parents[k] for k in both]
        found.append(float(np.median(np.linalg.norm(joints[:, both].astype(float) - joints[:, above], axis=-1))))
    return np.array(found)


def scaled(shares: Array) -> Array:
    """(S,B) bones whose chain has the length that it has in the stature."""
    return shares * (CHAIN_OF_STATURE / shares[:, _CHAIN].sum(1, keepdims=True))


def rows(read: Array, true: Array, mixed: Array) -> list[list[str]]:
    """The table's lines, of (S,B) shares of the stature: as read, as they are, and as a capture has them."""
    average = np.tile([TYPICAL[name] for name in _NAMES], (len(true), 1))
    off = [STATURE * np.abs(scaled(some) - scaled(true)).mean(0) for some in (read, average, mixed)]
    lines = []
    for k, name in enumerate(_NAMES):
        a, b = read[:, k], true[:, k]
        both = float(np.cov(a, b)[0, 1])
        lines.append([
            name, f"{a.mean():.4f}", f"{a.std():.4f}", f"{b.mean():.4f}", f"{b.std():.4f}", f"{both / (a.std(ddof=1) * b.std(ddof=1)):.2f}",
            f"{both / a.var(ddof=1):.2f}", *(f"{of[k]:.1f}" for of in off),
        ])  # fmt: skip
    return [*lines, ["mean", *[""] * 6, *(f"{of.mean():.1f}" for of in off)]]


def lengths(segment: Segment, model: PoseModel, options: CaptureOptions) -> tuple[Array, Array, Array]:
    """(B,) each, shares of the stature: as read, as they are, as a capture has them."""
    assert segment.camera is not None
    track = track_of(segment)
    poses = model.run(
        track, camera_matrix(segment.camera.size, DEFAULT_FOV), segment.stature, steps=options.steps, hypotheses=options.hypotheses,
        seed=options.seed, progress=Progress(), refiner=options.refiner,
    )  # fmt: skip
    _, confidence = body_points(track.image, track.visibility, track.detector)
    body = fit_proportions(poses.joints, confidence, segment.stature, FPS)
    mixed = np.array([body.lengths[name] for name in _NAMES])
    return medians(poses.joints) / segment.stature, medians(segment.truth) / segment.stature, mixed / segment.stature


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument("--every", type=int, default=1, help="judge every so many of the segments (default %(default)s)")
    read = parser.parse_args()
    table = Table("bone", "read", "spread", "true", "spread", "correlation", "of a difference", "read, mm", "average, mm", "capture, mm")
    try:
        chosen = [s for s in load_detections(read.data) if s.camera is not None and s.detected.mean() >= LEAST_DETECTED]
        model, options = PoseModel("cpu"), CaptureOptions()
        found = [lengths(segment, model, options) for segment in chosen[:: max(read.every, 1)]]
        if len(found) < 3:
            raise Failure("bad_input", f"{read.data.name} holds {len(found)} segments with a camera; name a folder with three or more.")
        for line in rows(*(np.array(some) for some in zip(*found, strict=True))):
            table.add_row(*line)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    people = len({round(segment.stature, 3) for segment in chosen[:: max(read.every, 1)]})
    print_wide(table, f"{len(found)} segments of {people} people")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
