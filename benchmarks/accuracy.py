"""Accuracy against exact truth, stage by stage, beside a plain reading of the detector's world landmarks.

    python benchmarks/accuracy.py examples/sample.mp4 [more videos, or folders of them]

A video NAME.mp4 needs its truth NAME.truth.npz beside it: joint_names (K,), camera (T,K,3) metres in camera axes (x right, y down, z
forward), fps, height. Frames that the track lacks count as their nearest frame. Prints, over the twelve limb joints rooted at the middle of
the hips: MPJPE and PA-MPJPE in millimetres, and the error of the accelerations in m/s^2; then the seconds that each stage took.
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
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import DEFAULT_FOV, CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine import segments  # noqa: E402
from engine.camera import camera_matrix  # noqa: E402
from engine.face import face_direction  # noqa: E402
from engine.kinematics.assemble import build_motion  # noqa: E402
from engine.landmarks import LANDMARKS  # noqa: E402
from engine.progress import Progress  # noqa: E402
from engine.refiner.pose import PoseModel  # noqa: E402
from engine.swaps import undo_swaps  # noqa: E402
from engine.track import body_points, make_track  # noqa: E402
from engine.training.metrics import LIMBS, acceleration_error, mpjpe, pa_mpjpe  # noqa: E402
from engine.video import open_video  # noqa: E402

Array = npt.NDArray[np.float64]

NAMES = tuple(BODY_22.joints[j] for j in LIMBS)
STAGES = ("detector", "lifter", "refiner", "motion")


@dataclass(frozen=True)
class Truth:
    """joints (T,12,3) metres, camera axes; fps; height metres."""

    joints: Array
    fps: float
    height: float


def read_truth(path: Path) -> Truth:
    """Raises Failure `bad_input` for a file of another layout."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [str(n) for n in file["joint_names"]]
            return Truth(file["camera"][:, [names.index(n) for n in NAMES]].astype(float), float(file["fps"]), float(file["height"]))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise Failure("bad_input", f"{path} is not a truth file of the documented layout ({error}).") from error


def errors(joints: Array, times: Array, truth: Truth) -> tuple[float, float, float]:
    """(MPJPE mm, PA-MPJPE mm, acceleration error m/s^2) of limb joints (K,12,3) that stand at `times` (K,) seconds."""
    wanted = np.arange(len(truth.joints)) / truth.fps
    nearest = np.abs(times[None] - wanted[:, None]).argmin(1)
    ours, exact = (a - (a[:, :1] + a[:, 1:2]) / 2 for a in (joints[nearest], truth.joints))
    return float(mpjpe(ours, exact).mean()), float(pa_mpjpe(ours, exact).mean()), float(acceleration_error(ours, exact, truth.fps).mean())


Figures = tuple[float, float, float]


def judge(
    video_path: Path, truth: Truth, model: PoseModel, options: CaptureOptions, processes: int = 0
) -> tuple[dict[str, Figures], Progress]:
    """The errors after every stage of a capture with default options and the truth's height, and its timings."""
    progress = Progress()
    progress.stage("start")
    video = open_video(video_path, progress)
    info = video.info
    detections = segments.detect(video, None, None, progress, processes)
    raw = make_track(detections, info, progress)
    track, _ = undo_swaps(raw)
    matrix = camera_matrix((info.width, info.height), info.fov_degrees or DEFAULT_FOV)

    def poses(steps: int) -> Array:
        run = model.run(track, matrix, truth.height, steps=steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress)
        spread[:] = run.spread
        return run.joints

    spread = np.zeros((len(track), len(BODY_22)))
    lifted, refined = poses(0), poses(options.steps)
    progress.stage("motion")
    points, confidence = (a.astype(np.float64) for a in body_points(track.image, track.visibility))
    motion = build_motion(
        refined, spread, points, confidence, track.times, track.detected, track.runs, track.fps, matrix,
        (info.width, info.height), truth.height, smooth=options.smooth, face=face_direction(track, matrix), feet=options.feet,
    )  # fmt: skip
    progress.finish()
    stages = {
        "detector": raw.world[:, [LANDMARKS.index(n) for n in NAMES]].astype(float),
        "lifter": lifted[:, list(LIMBS)],
        "refiner": refined[:, list(LIMBS)],
        "motion": motion.positions_camera[:, [ARMATURE_24.index(n) for n in NAMES]].astype(float),
    }
    return {name: errors(joints, track.times, truth) for name, joints in stages.items()}, progress


def videos_with_truth(places: list[Path]) -> list[Path]:
    """The videos named, and those in the folders named, that have a truth beside them. Raises Failure where there is none."""
    files = [f for place in places for f in (sorted(place.iterdir()) if place.is_dir() else [place])]
    found = [f for f in files if f.suffix != ".npz" and f.with_suffix(".truth.npz").is_file()]
    if not found:
        raise Failure("no_such_file", "No video with a NAME.truth.npz beside it was named; try examples/sample.mp4.")
    return found


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=0, help="that detect a video together (default: as many as a capture takes)")
    read = parser.parse_args()
    options = CaptureOptions(device=read.device).check()
    table = Table("clip", "stage", "MPJPE mm", "PA-MPJPE mm", "accel m/s2", "of the detector's")
    times = Table("clip", "frames", "detect s", "lift s", "refine s", "motion s")
    try:
        model = PoseModel(options.device)
        for path in videos_with_truth(read.videos):
            truth = read_truth(path.with_suffix(".truth.npz"))
            figures, progress = judge(path, truth, model, options, read.processes)
            plain = figures["detector"]
            for stage in STAGES:
                mine = figures[stage]
                share = " ".join(f"{a / b:.2f}" for a, b in zip(mine, plain, strict=True))
                table.add_row(path.stem if stage == "detector" else "", stage, *(f"{v:.1f}" for v in mine), share)
            took = progress.timings
            times.add_row(path.stem, str(len(truth.joints)), *(f"{took.get(s, 0):.2f}" for s in ("detect", "lift", "refine", "motion")))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    console = Console()
    console.print(table)
    console.print(times)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
