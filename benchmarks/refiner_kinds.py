"""What the refiner brings over the lifter's guess, by what is seen: hidden joints, fast ones, people from behind, straight legs.

    python benchmarks/refiner_kinds.py PAIRS [--lifter FILE] [--window FILE] [--json FILE]

PAIRS is a folder of rendered pairs (docs/data.md), best of people and sources that nothing was trained on (`--only validation` and
`--only people` of engine.datasets.rendering). Of frames, MPJPE and PA-MPJPE in millimetres over the twelve limb joints rooted at the middle
of the hips, and the error of the flexion of knees and elbows in degrees (bend); of joints, their mean error, rooted alike. The change of
MPJPE stands with its 95 % interval, by drawing the segments anew (bootstrap): frames of one segment err together.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.motion_kind import FPS, KINDS, classify  # noqa: E402
from engine.detection.landmarks import LANDMARKS  # noqa: E402
from engine.lifter.network import load_lifter  # noqa: E402
from engine.poses import LIFTER_FILE, WINDOW_FILE  # noqa: E402
from engine.torch_networks import load_window  # noqa: E402
from engine.torch_weights import load_weights  # noqa: E402
from engine.training.lifter import plain_joints  # noqa: E402
from engine.training.metrics import LIMBS, flexion, pa_mpjpe, rooted_at_hips  # noqa: E402
from engine.training.window_refiner import WindowNetworks, readings  # noqa: E402

Array = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

NAMES = tuple(BODY_22.joints[j] for j in LIMBS)
POINTS = [LANDMARKS.index(name) for name in NAMES]
SEEN = 0.5  # of the detector's visibility: below it a joint is hidden
FAST = 2.0  # m/s against the hips: a joint that is faster moves fast
STRAIGHT = 20.0  # degrees: knees that are both bent by less are straight
BEHIND = 45.0  # degrees: so near to straight from behind (or before) is somebody seen from there
DRAWS = 2000  # of the bootstrap
STAGES = ("detector", "guess", "refined", "known_up")
TITLES = {"detector": "detector's own", "guess": "lifter", "refined": "refiner", "known_up": "refiner, true up"}


@dataclass(frozen=True)
class Judged:
    """A segment of T frames. By stage: errors (T,12) mm, aligned (T,) mm, the PA-MPJPE, bends (T,) degrees. By kind: which frames (T,) and
    which joints (T,12) are it. up_off (T,): degrees by which the up that was found is off."""

    errors: Mapping[str, Array]
    aligned: Mapping[str, Array]
    bends: Mapping[str, Array]
    frames: Mapping[str, Flags]
    joints: Mapping[str, Flags]
    up_off: Array


def frames_by_kind(segment: Segment) -> dict[str, Flags]:
    """Which frames (T,) show what; one may show several. Kinds of motion only where the file says where the camera stood."""
    truth = rooted_at_hips(segment.truth).astype(float)
    across = truth[:, 0] - truth[:, 1]  # from the right hip to the left: to the picture's right of somebody who looks into the camera
    facing = np.degrees(np.arctan2(across[:, 2], across[:, 0]))
    straight = (flexion(truth)[:, :2] < STRAIGHT).all(1)
    found = {
        "all": np.ones(len(truth), bool), "from the front": np.abs(facing) < BEHIND, "from behind": np.abs(facing) > 180 - BEHIND,
        "knees straight": straight, "knees bent": ~straight,
    }  # fmt: skip
    if segment.camera_to_world is not None:
        turn, place = segment.camera_to_world[:, None, :3, :3], segment.camera_to_world[:, None, :3, 3]
        kind = classify((turn @ segment.truth[..., None])[..., 0] + place)
        found |= {name: kind == k for k, name in enumerate(KINDS)}
    return found


def joints_by_kind(segment: Segment) -> dict[str, Flags]:
    """Which joints (T,12) are what: seen by the detector, hidden (it says so, or they lie outside the picture), fast."""
    hidden = segment.visibility[:, POINTS] < SEEN
    if segment.camera is not None:
        place = segment.truth[:, list(LIMBS), :2] / segment.truth[:, list(LIMBS), 2:] * segment.camera.focal
        hidden |= (np.abs(place) > np.array(segment.camera.size) / 2).any(-1)
    truth = rooted_at_hips(segment.truth).astype(float)
    fast = np.linalg.norm(np.gradient(truth, axis=0), axis=-1) * FPS > FAST
    return {"seen joints": ~hidden, "hidden joints": hidden, "fast joints": fast, "fast and hidden": fast & hidden}


def judged(segment: Segment, poses: Mapping[str, Array], up_off: Array) -> Judged:
    """`poses`: by stage the twelve limb joints (T,12,3), rooted at the hips, metres."""
    truth = rooted_at_hips(segment.truth).astype(float)
    return Judged(
        {name: 1000 * np.linalg.norm(pose - truth, axis=-1) for name, pose in poses.items()},
        {name: pa_mpjpe(pose, truth) for name, pose in poses.items()},
        {name: np.abs(flexion(pose) - flexion(truth)).mean(1) for name, pose in poses.items()},
        frames_by_kind(segment), joints_by_kind(segment), up_off,
    )  # fmt: skip


@dataclass(frozen=True)
class Row:
    """`count`: how many frames or joints. Each by stage: mpjpe, aligned (PA-MPJPE), mm, and bend, degrees; the last two of frames only.
    change: MPJPE of the refiner less that of the guess, mm, with the bounds of its 95 % interval."""

    count: int
    mpjpe: dict[str, float]
    aligned: dict[str, float]
    bend: dict[str, float]
    change: tuple[float, float, float]


def rows(segments: Sequence[Judged]) -> dict[str, Row]:
    """By kind of frame and of joint; what nobody shows is left out."""
    found = {}
    for name in dict.fromkeys(name for one in segments for name in one.frames):
        chosen = [one.frames.get(name, np.zeros(len(one.up_off), bool)) for one in segments]
        sums = {stage: _sums([one.errors[stage].mean(1) for one in segments], chosen) for stage in STAGES}
        aligned, bend = ({s: _mean(_sums([of(one)[s] for one in segments], chosen)) for s in STAGES} for of in (_aligned, _bends))
        found[name] = Row(*_judged_alike(sums), aligned, bend, _change(sums))
    for name in dict.fromkeys(name for one in segments for name in one.joints):
        chosen = [one.joints[name] for one in segments]
        sums = {stage: _sums([one.errors[stage] for one in segments], chosen) for stage in STAGES}
        found[name] = Row(*_judged_alike(sums), {}, {}, _change(sums))
    return {name: row for name, row in found.items() if row.count}


def by_segment(segments: Sequence[Judged]) -> tuple[int, dict[str, float]]:
    """In how many segments the refiner is nearer to the truth than the guess, and by stage the median of the segments' MPJPE, mm: a few in
    which the detector saw nonsense decide the mean."""
    means = {stage: np.array([one.errors[stage].mean() for one in segments]) for stage in STAGES}
    return int((means["refined"] < means["guess"]).sum()), {stage: float(np.median(m)) for stage, m in means.items()}


def _aligned(one: Judged) -> Mapping[str, Array]:
    return one.aligned


def _bends(one: Judged) -> Mapping[str, Array]:
    return one.bends


def _sums(values: Sequence[Array], chosen: Sequence[Flags]) -> Array:
    """(S,2) of every segment the sum of the chosen values, and how many they are."""
    return np.array([(float(v[c].sum()), int(c.sum())) for v, c in zip(values, chosen, strict=True)])


def _mean(sums: Array) -> float:
    total, count = sums.sum(0)
    return float(total / max(count, 1))


def _judged_alike(sums: Mapping[str, Array]) -> tuple[int, dict[str, float]]:
    return int(next(iter(sums.values()))[:, 1].sum()), {stage: _mean(s) for stage, s in sums.items()}


def _change(sums: Mapping[str, Array]) -> tuple[float, float, float]:
    """Of the refiner over the guess, and its 95 % interval by drawing the segments anew."""
    per = np.stack([sums["refined"][:, 0] - sums["guess"][:, 0], sums["guess"][:, 1]], 1)
    drawn = per[np.random.default_rng(0).integers(0, len(per), (DRAWS, len(per)))].sum(1)
    low, high = np.percentile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), (2.5, 97.5))
    return _mean(per), float(low), float(high)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="a folder of rendered pairs")
    parser.add_argument("--lifter", type=Path, default=LIFTER_FILE)
    parser.add_argument("--window", type=Path, default=WINDOW_FILE, help="the refiner over windows and the network that finds up")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, too")
    add_overwrite_argument(parser)
    read = parser.parse_args(argv)
    try:
        if read.json is not None:
            given = [read.lifter, read.window, *read.pairs.glob("*.npz")]
            (read.json,) = check_outputs([read.json], given, (".json",), read.overwrite)
        segments = load_detections(read.pairs)
        stored = load_weights(read.window)
        lifter, model = load_lifter(read.lifter), WindowNetworks(*load_window(stored))
        done = []
        for segment in segments:
            poses, off = readings(lifter, model, segment, int(stored.header["start_step"]))
            limbs = {"detector": plain_joints(segment)} | {name: rooted_at_hips(joints) for name, joints in poses.items()}
            done.append(judged(segment, limbs, off))
        found = rows(done)
        if read.json is not None:
            write_text(json.dumps({name: vars(row) for name, row in found.items()}, indent=1), read.json)
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    table = Table("", "frames or joints", *(f"{TITLES[stage]}" for stage in STAGES), "refiner brings, mm")
    for name, row in found.items():
        figures = []
        for stage in STAGES:
            more = f" / {row.aligned[stage]:.1f}, {row.bend[stage]:.1f}" if row.aligned else ""
            figures.append(f"{row.mpjpe[stage]:.1f}{more}")
        change, low, high = row.change
        table.add_row(name, f"{row.count:,}", *figures, f"{change:+.1f} ({low:+.1f} .. {high:+.1f})")
    off = np.concatenate([one.up_off for one in done])
    better, middle = by_segment(done)
    print_wide(table, "Frames: MPJPE / PA-MPJPE mm, bend degrees. Joints: their mean error, mm.", least=150)
    print_wide(
        f"{len(segments)} segments; the refiner is better in {better}, and the median of their MPJPE goes from {middle['guess']:.1f} "
        f"to {middle['refined']:.1f} mm."
    )
    print_wide(f"Up is found {off.mean():.1f} degrees off in the mean, {np.median(off):.1f} in the median.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
