"""How far a joint of a capture lies from the truth, by joint and by how sure the detector is of it: what `spread` says of one hypothesis.

    python benchmarks/expected_error.py --data PAIRS [PAIRS ...] [--every 1]

PAIRS are folders of rendered pairs (docs/data.md); judged are people and motions that nothing learnt from. Prints the table that
`engine/kinematics/expected_error.py` holds: the root mean square distance to the truth, both with the pelvis at the origin, in thousandths
of the stature, for each joint (its sides together) at each of the confidences there; it never rises with the confidence. Then, for the half
of the segments that a table of the other half foretells, the foretold and the true distances of ten parts of the joints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.optimize import isotonic_regression  # noqa: E402

from benchmarks.world import capture, track_of  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import split_segments  # noqa: E402
from engine.kinematics.expected_error import CONFIDENCES, KINDS, kind_of, look_up  # noqa: E402
from engine.person.track import body_points  # noqa: E402
from engine.poses import PoseModel  # noqa: E402

Array = npt.NDArray[np.float64]

PARTS = 10
FEWEST = 30  # samples of a joint at a confidence: with fewer the neighbours decide


def samples(segment: Segment, model: PoseModel, options: CaptureOptions) -> tuple[Array, Array]:
    """(T,22) confidences, and squared distances in statures, of one captured segment."""
    track = track_of(segment)
    _, confidence = body_points(track.image, track.visibility, track.detector)
    motion = capture(segment, model, "estimated", options)
    ours = motion.positions_camera[:, [ARMATURE_24.index(name) for name in BODY_22.joints]].astype(float)
    truth = segment.truth.astype(float)
    away = (ours - ours[:, :1]) - (truth - truth[:, :1])
    return np.asarray(confidence, float), (away**2).sum(-1) / segment.stature**2


def fit(confidence: Array, squares: Array) -> Array:
    """(kinds, confidences): root mean square distances at the knots, statures. Each sample counts for the two knots around it."""
    place = np.interp(confidence, CONFIDENCES, np.arange(len(CONFIDENCES)))
    table = np.zeros((len(KINDS), len(CONFIDENCES)))
    for kind in range(1, len(KINDS)):
        of_kind = np.array([kind_of(name) == kind for name in BODY_22.joints])
        at, far = place[:, of_kind].ravel(), squares[:, of_kind].ravel()
        weights = np.maximum(1 - np.abs(at[:, None] - np.arange(len(CONFIDENCES))), 0)
        count = weights.sum(0)
        mean = (weights.T @ far + FEWEST * far.mean()) / (count + FEWEST)
        table[kind] = np.sqrt(isotonic_regression(mean, weights=count + 1, increasing=False).x)
    return table


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered pairs (*.npz)")
    parser.add_argument("--every", type=int, default=1, help="judge every so many of the segments (default %(default)s)")
    read = parser.parse_args()
    try:
        options = CaptureOptions().check()
        chosen = [s for folder in read.data for s in split_segments(load_detections(folder)).validation][:: max(read.every, 1)]
        model = PoseModel("cpu")
        found = [samples(segment, model, options) for segment in chosen]
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    table = fit(*(np.concatenate(part) for part in zip(*found, strict=True)))
    print(f"{len(chosen)} segments of {sum(len(s.truth) for s in chosen)} frames; confidences {CONFIDENCES}")
    for kind, row in zip(KINDS, table, strict=True):
        print(f'    "{kind}": ({", ".join(f"{1000 * value:.0f}" for value in row)}),')
    half = fit(*(np.concatenate(part) for part in zip(*found[::2], strict=True)))
    confidence, squares = (np.concatenate(part)[:, 1:].ravel() for part in zip(*found[1::2], strict=True))
    kinds = np.tile([kind_of(name) for name in BODY_22.joints[1:]], len(confidence) // (len(BODY_22) - 1))
    foretold = look_up(half, kinds, confidence)
    print("foretold and true, thousandths of the stature (root mean square), of tenths of the other half's joints:")
    for part in np.array_split(np.argsort(foretold, kind="stable"), PARTS):
        print(f"  {1000 * np.sqrt((foretold[part] ** 2).mean()):5.0f} {1000 * np.sqrt(squares[part].mean()):5.0f}")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
