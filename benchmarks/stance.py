"""What it brings to open the hips of who stands straight (engine/kinematics/stance.py), on people nothing was trained on.

    python benchmarks/stance.py PAIRS [--degrees 0 4 8 12]

PAIRS is a folder of rendered pairs with the camera's place (docs/data.md), best of people and sources that nothing was trained on.
Of the lifter's joints, with the true up: MPJPE in millimetres over the twelve limb joints rooted at the middle of the hips, by how far
hips are opened; of all frames, of those of a standing person, of those who are taken to stand straight. Then how open the hips are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import real  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.motion_kind import KINDS, classify  # noqa: E402
from engine.kinematics.stance import OPENED, hips_opening, open_hips, stands_straight  # noqa: E402
from engine.kinematics.turns import direction  # noqa: E402
from engine.lifter.network import load_lifter  # noqa: E402
from engine.poses import LIFTER_FILE  # noqa: E402
from engine.training.crops import segment_up  # noqa: E402
from engine.training.metrics import rooted_at_hips  # noqa: E402
from engine.training.window_refiner import guessed  # noqa: E402

Array = npt.NDArray[np.floating]

SURE = 0.5  # share of standing straight from which on a frame is counted as that


@dataclass(frozen=True)
class Judged:
    """Of T frames: errors (D,T) mm for D openings; which ones show what (T,); how open the hips are (T,), degrees: truth, the lifter's."""

    errors: Array
    frames: dict[str, npt.NDArray[np.bool_]]
    truth: Array
    ours: Array


def judged(segment: Segment, joints: Array, degrees: Sequence[float]) -> Judged:
    """joints (T,22,3) metres, camera axes, relative to the pelvis. Raises Failure `bad_input` where nobody knows how the camera stood."""
    if segment.camera_to_world is None:
        raise Failure("bad_input", "These pairs do not say where the camera stood; render some with this version.")
    near, up, sight = joints.astype(float), segment_up(segment).astype(float), direction(segment.truth.mean(1).astype(float))
    truth = rooted_at_hips(segment.truth).astype(float)
    errors = [1000 * np.linalg.norm(rooted_at_hips(open_hips(near, up, sight, each)) - truth, axis=-1).mean(1) for each in degrees]
    turn, place = segment.camera_to_world[:, None, :3, :3], segment.camera_to_world[:, None, :3, 3]
    kind = classify((turn @ segment.truth[..., None])[..., 0] + place)
    frames = {"all": np.ones(len(near), bool), "standing": kind == KINDS.index("standing"), "straight": stands_straight(near, up) > SURE}
    return Judged(np.stack(errors), frames, hips_opening(segment.truth.astype(float)).mean(1), hips_opening(near).mean(1))


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="a folder of rendered pairs")
    parser.add_argument("--degrees", type=real(-45.0, 45.0), nargs="+", default=[0.0, 4.0, OPENED, 12.0], help="(default 0 4 8 12)")
    read = parser.parse_args(argv)
    try:
        segments = load_detections(read.pairs)
        lifter = load_lifter(LIFTER_FILE)
        done = [judged(segment, guessed(lifter, segment), read.degrees) for segment in segments]
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    table = Table("", "frames", *(f"opened by {each:g}" for each in read.degrees), "hips, truth", "lifter's")
    for name in done[0].frames:
        chosen = [one.frames[name] for one in done]
        errors = np.concatenate([one.errors[:, which] for one, which in zip(done, chosen, strict=True)], 1)
        if not errors.size:
            continue
        truth, ours = (
            np.median(np.concatenate([of[which] for of, which in zip(ways, chosen, strict=True)]))
            for ways in ([one.truth for one in done], [one.ours for one in done])
        )
        means = (f"{each:.2f}" for each in errors.mean(1))
        table.add_row(name, f"{errors.shape[1]:,}", *means, f"{truth:+.1f}", f"{ours:+.1f}")
    print_wide(table, "MPJPE, mm; hips in degrees beyond straight (median)", least=110)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
