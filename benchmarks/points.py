"""Where the detector's points lie on rendered people, whose joints are known exactly: what `engine/kinematics/points.py` states.

    python benchmarks/points.py --data PAIRS [--every 4]

PAIRS is a folder of rendered pairs (docs/data.md) that name their cameras; read are those whose body or motion no network learnt from. By
least squares over all frames, each weighted by its confidence squared: from a joint to the detector's point for it, in thousandths of the
stature, along the bone that ends in the joint, up the trunk and to the body's front; how far the points lie off before and after, the root
mean square of a coordinate in the picture; and the widest deviation of a single body from the common values. Then how far the points of
elbows, wrists, knees and ankles lie off, by the visibility that the network gives them: two networks that have read the same pictures
say by that what the visibility of the one is worth in that of the other (`engine/detection/landmarks.py`).
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import split_segments  # noqa: E402
from engine.kinematics.points import OFFSETS, directions, point_offsets  # noqa: E402
from engine.person.track import body_points  # noqa: E402

Array = npt.NDArray[np.float64]

# Directions that lie along each other tell nothing apart: the bones of the trunk go up, arms and legs have their own.
TRUNK, LIMB = ("pelvis", "spine", "chest", "neck"), ("wrist", "hand", "ankle")
BESIDES_UP = ("head", "head_top", "elbow", "knee")
# A point farther from its joint than this share of the stature is a wrong detection, not an offset.
FARTHEST = 0.07
ENDS = [BODY_22.index(f"{name}.{side}") for name in ("elbow", "wrist", "knee", "ankle") for side in "LR"]  # these are landmarks themselves
VISIBILITIES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97, 1.01)


def used(name: str) -> list[int]:
    """Which of the three directions are fitted for a joint: 0 along the bone, 1 up, 2 to the front."""
    return [1, 2] if name in TRUNK else [0] if name in LIMB else [0, 2] if name in BESIDES_UP else [0, 1, 2]


def equations(segment: Segment, name: str) -> tuple[Array, Array]:
    """Weighted rows (N,3) and right-hand sides (N,): the directions and the offsets of the joints of that name, across the line of sight,
    in statures. Raises Failure `bad_input` for a segment without its camera."""
    if segment.camera is None:
        raise Failure("bad_input", "The pairs do not name their cameras; make them anew (docs/data.md).")
    truth = segment.truth.astype(float)
    points, confidence = body_points(segment.rays, segment.visibility, segment.detector)
    off = (points * truth[..., 2:] - truth[..., :2]) / segment.stature
    ways = directions(truth)
    # along the line of sight an offset moves the point as far as the ray is slanted
    seen = ways[..., :2] - ways[..., 2:] * points[..., None, :]
    joints = [i for i, joint in enumerate(BODY_22.joints) if joint.split(".")[0] == name]
    weight = confidence[:, joints] ** 2 * (np.linalg.norm(off[:, joints], axis=-1) < FARTHEST)
    rows = np.moveaxis(seen[:, joints] * weight[..., None, None], 2, -1).reshape(-1, 3)
    return rows, (off[:, joints] * weight[..., None]).reshape(-1)


def fit(parts: list[tuple[Array, Array]], name: str) -> tuple[Array, float, float]:
    """(3,) thousandths, and the root mean square off before and after, thousandths."""
    rows, right = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    chosen, out = used(name), np.zeros(3)
    out[chosen] = np.linalg.lstsq(rows[:, chosen], right, rcond=None)[0]
    before, after = (float(np.sqrt((r**2).mean())) for r in (right, right - rows @ out))
    return 1000 * out, 1000 * before, 1000 * after


def by_visibility(segments: list[Segment]) -> list[list[str]]:
    """The second table's lines: visibility, share of all points, and how far they lie off, thousandths of the stature: median and mean."""
    off, seen = [], []
    for segment in segments:
        truth = segment.truth.astype(float)
        points, visibility = body_points(segment.rays, segment.visibility)  # as it stands
        exact = truth + point_offsets(truth, segment.stature)
        distance = np.linalg.norm(points * exact[..., 2:] - exact[..., :2], axis=-1) / segment.stature
        off.append(distance[segment.detected][:, ENDS])
        seen.append(visibility[segment.detected][:, ENDS])
    distances, visibilities = np.concatenate(off), np.concatenate(seen)
    lines = []
    for low, high in pairwise(VISIBILITIES):
        chosen = distances[(visibilities >= low) & (visibilities < high)]
        if len(chosen):
            lines.append([f"{low:.2f}-{min(high, 1):.2f}", f"{len(chosen) / distances.size:.3f}",
                f"{1000 * np.median(chosen):.1f}", f"{1000 * chosen.mean():.1f}"])  # fmt: skip
    return lines


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument("--every", type=int, default=4, help="read every so many of the segments (default %(default)s)")
    read = parser.parse_args()
    seen = Table("visibility", "share", "off, median", "mean")
    table = Table("joint", "bone", "up", "front", "stated", "off before", "after", "bodies differ by")
    try:
        segments = load_detections(read.data)
        learnt = {id(s) for s in split_segments(segments).train}
        chosen = [s for s in segments if id(s) not in learnt][:: max(read.every, 1)]
        bodies = sorted({s.human for s in chosen})
        for name, stated in OFFSETS.items():
            parts = [(s.human, equations(s, name)) for s in chosen]
            common, before, after = fit([p for _, p in parts], name)
            apart = max(np.abs(fit([p for human, p in parts if human == body], name)[0] - common).max() for body in bodies)
            table.add_row(name, *(f"{v:.0f}" for v in common), str(stated), f"{before:.1f}", f"{after:.1f}", f"{apart:.0f}")
        for line in by_visibility(chosen):
            seen.add_row(*line)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, seen, f"{len(chosen)} segments of {sum(len(s.truth) for s in chosen)} frames, {len(bodies)} bodies")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
