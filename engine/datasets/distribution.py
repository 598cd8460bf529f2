"""What people in rendered pairs are seen doing, and how they stand, beside what is known of people.

    python -m engine.datasets.distribution PAIRS

A network learns the mean of what it is shown: pairs in which nobody stands straight make everybody crouch. The model card has this table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from contract.failure import ExitCode, Failure
from contract.skeleton import BODY_22
from engine.datasets.detections import Segment, load_detections
from engine.datasets.flexion import limb_flexion
from engine.datasets.motion_kind import FLOOR, KINDS, STANDING, WALKING, classify, trunk_lean
from engine.kinematics.stance import hips_opening, stands_straight

Array = npt.NDArray[np.float64]

PERCENTILES: Final = (5, 25, 50, 75, 95)
STRAIGHT: Final = 8.0  # degrees: a knee or an elbow bent by less is straight to the eye
HANGING: Final = 0.9  # of the upper arm's length: so much lower is the elbow of an arm that hangs
QUARTERS: Final = ("from the front", "from the left", "from behind", "from the right")


@dataclass(frozen=True)
class Distribution:
    """frames: how many; kinds (5,): shares of motion_kind.KINDS; straighter_knee, knees, lean (each (F,) degrees) and kind (F,) of every
    frame (knees: both, (F,2)); hips (H,): degrees by which those of who stands straight are open beyond a straight line; elbows (E,):
    degrees, of arms that hang; facing (4,): shares of QUARTERS, None where no camera is known."""

    kinds: Array
    kind: npt.NDArray[np.int64]
    knees: Array
    hips: Array
    elbows: Array
    lean: Array
    facing: Array | None

    @property
    def frames(self) -> int:
        """How many were measured."""
        return len(self.kind)

    @property
    def straighter_knee(self) -> Array:
        """(F,) degrees by which the straighter knee of each frame is bent."""
        return np.asarray(self.knees.min(axis=1))


def measure(world: Sequence[npt.NDArray[np.floating]], seen: Sequence[npt.NDArray[np.floating]] = ()) -> Distribution:
    """Of joints (T,22,3) of every segment in the world (metres, Z up, the floor at 0) and, for the facing, in the camera's axes."""
    kind = np.concatenate([classify(positions) for positions in world])
    every = np.concatenate([np.asarray(positions, dtype=np.float64) for positions in world])
    knees, elbows = (np.degrees(np.stack([limb_flexion(every, limb, side) for side in "LR"], axis=1)) for limb in ("knee", "elbow"))
    upper = [every[:, BODY_22.index(f"shoulder.{side}")] - every[:, BODY_22.index(f"elbow.{side}")] for side in "LR"]
    hangs = np.stack([along[:, 2] > HANGING * np.linalg.norm(along, axis=-1) for along in upper], axis=1)
    facing = None
    if len(seen):
        left = np.concatenate([positions[:, BODY_22.index("hip.L")] - positions[:, BODY_22.index("hip.R")] for positions in seen])
        # the left hip is to the right of somebody who looks into the camera, and nearer of who shows the left side
        quarter = np.round(np.arctan2(-left[:, 2], left[:, 0]) / (np.pi / 2)).astype(int) % 4
        facing = np.bincount(quarter, minlength=4) / len(quarter)
    kinds = np.bincount(kind, minlength=len(KINDS)) / len(kind)
    straight = stands_straight(every, np.broadcast_to([0.0, 0.0, 1.0], (len(every), 3))) > 0.5
    return Distribution(kinds, kind, knees, hips_opening(every)[straight].ravel(), elbows[hangs], trunk_lean(every), facing)


def of_pairs(segments: Sequence[Segment]) -> Distribution:
    """Of rendered pairs. Raises Failure `bad_input` where their files do not say where the cameras stood."""
    world = []
    for segment in segments:
        if segment.camera_to_world is None:
            raise Failure("bad_input", "These pairs do not say where their cameras stood; render them anew (docs/data.md).")
        turn, place = segment.camera_to_world[:, :3, :3], segment.camera_to_world[:, :3, 3]
        world.append(np.einsum("tij,tkj->tki", turn, segment.truth) + place[:, None])
    return measure(world, [segment.truth for segment in segments])


def rows_of(found: Distribution) -> list[tuple[str, str, str]]:
    """The table: what, here, what is known of people or asked for."""
    standing, walking = found.kind == STANDING, found.kind == WALKING
    straight = found.straighter_knee
    rows = [(f"frames {name}", f"{share:.0%}", "") for name, share in zip(KINDS, found.kinds, strict=True)]
    rows[STANDING] = (*rows[STANDING][:2], "standing and walking together at least 50%")
    rows[FLOOR] = (*rows[FLOOR][:2], "about 8 to 10%")
    rows += [
        (f"straighter knee under {STRAIGHT:.0f} degrees", _share(straight < STRAIGHT), "at least 33% of all frames"),
        (f"straighter knee, degrees ({_named()})", _percentiles(straight), ""),
        ("the same, standing", _percentiles(straight[standing]), "0 to 5"),
        ("the same, everybody upright", _percentiles(straight[found.kind < FLOOR - 1]), ""),
        ("hips of who stands straight, opened by degrees", _percentiles(found.hips), "0 of motion capture, 6 at ease, 13 of a man filmed"),
        ("both knees, walking", _percentiles(found.knees[walking].ravel()), "3, 9, 17 to 20, 40, 62"),
        (f"hanging arm's elbow under {STRAIGHT:.0f} degrees", _share(found.elbows < STRAIGHT), "at least 33%"),
        ("hanging arm's elbow, degrees", _percentiles(found.elbows), "4 to 9 of a man who stands still"),
        ("trunk's lean, standing, degrees", _percentiles(found.lean[standing]), ""),
        ("trunk's lean, all frames", _percentiles(found.lean), ""),
    ]
    if found.facing is not None:
        rows += [(f"seen {name}", f"{share:.0%}", "25%") for name, share in zip(QUARTERS, found.facing, strict=True)]
    return rows


def _share(chosen: npt.NDArray[np.bool_]) -> str:
    return f"{chosen.mean():.0%}" if len(chosen) else "none"


def _percentiles(values: Array) -> str:
    return ", ".join(f"{value:.0f}" for value in np.percentile(values, PERCENTILES)) if len(values) else "none"


def _named() -> str:
    return "percentiles " + ", ".join(map(str, PERCENTILES))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.datasets.distribution", description="How people in rendered pairs stand.")
    parser.add_argument("pairs", type=Path, metavar="PAIRS", help="folder of pairs (.npz); see docs/data.md")
    options = parser.parse_args(argv)
    try:
        found = of_pairs(load_detections(options.pairs))
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    print(f"| {found.frames} frames | here | people, or asked for |\n|---|---|---|")
    for row in rows_of(found):
        print(f"| {' | '.join(row)} |")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
