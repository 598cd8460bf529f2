"""What the lifter makes of a reading without error: how much of a take's error is the detector's, and how much the lifter's own.

    python benchmarks/exact_reading.py FOLDER [--lifter FILE] [--device cpu]

Videos NAME.mp4 with NAME.truth.npz beside them (benchmarks/accuracy.py). The twelve limb landmarks are put where the truth has the joints,
in space, and then in the picture too; face, fingers and feet move along. Of the lifter alone: MPJPE and PA-MPJPE, mm; bend and lean,
degrees; by how much shoulders are too far away from the camera (below 0: too near), mm. A lifter that learnt from a detector that errs
more than the one in front of it goes on correcting what is right.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.accuracy import NAMES, Truth, errors, nearest, read_truth, side_errors, videos_with_truth  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CaptureOptions  # noqa: E402
from engine.detection import segments  # noqa: E402
from engine.detection.landmarks import LANDMARKS  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.person.swaps import undo_swaps  # noqa: E402
from engine.person.track import Track, make_track  # noqa: E402
from engine.poses import LIFTER_FILE, PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402
from engine.training.metrics import LIMBS  # noqa: E402
from engine.view import first_view  # noqa: E402

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

POINTS = [LANDMARKS.index(name) for name in NAMES]
SHOULDERS = [NAMES.index(f"shoulder.{side}") for side in "LR"]
# What moves along with the landmark of a limb joint: the face with both shoulders, fingers with wrists, feet with ankles.
ALONG = {
    **{f"{finger}.{side}": (f"wrist.{side}",) for finger in ("pinky", "index", "thumb") for side in "LR"},
    **{f"{part}.{side}": (f"ankle.{side}",) for part in ("heel", "toe") for side in "LR"},
    **{name: ("shoulder.L", "shoulder.R") for name in LANDMARKS[: LANDMARKS.index("shoulder.L")]},
}
READINGS = ("as it is", "exact in space", "and in the picture")


def moved(marks: Floats, exact: Array) -> Array:
    """(T,33,D): landmarks (T,33,D) of which the limb joints' (NAMES) stand at `exact` (T,12,D); what is beside them moves along."""
    result = np.array(marks, dtype=np.float64)
    change = exact - result[:, POINTS]
    result[:, POINTS] = exact
    for name, joints in ALONG.items():
        result[:, LANDMARKS.index(name)] += change[:, [NAMES.index(joint) for joint in joints]].mean(1)
    return result


def readings(track: Track, truth: Truth, matrix: Array) -> dict[str, Track]:
    """The track as it is, and with exact landmarks. matrix (3,3): of the camera."""
    joints = truth.joints[np.abs(track.times[:, None] - np.arange(len(truth.joints))[None] / truth.fps).argmin(1)]
    rooted = joints - (joints[:, :1] + joints[:, 1:2]) / 2
    seen = joints @ matrix.T
    space = replace(track, world=moved(track.world, rooted).astype(np.float32))
    picture = moved(track.image, seen[..., :2] / seen[..., 2:]).astype(np.float32)
    return dict(zip(READINGS, (track, space, replace(space, image=picture)), strict=True))


def shoulders_off(joints: Array, times: Array, truth: Truth) -> float:
    """Mean mm by which the shoulders of limb joints (K,12,3) at `times` (K,) are further from the camera than the truth's, of the hips'."""
    ours, exact = (a - (a[:, :1] + a[:, 1:2]) / 2 for a in (joints[nearest(times, truth)], truth.joints))
    return 1000 * float((ours - exact)[:, SHOULDERS, 2].mean())


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--lifter", type=Path, default=LIFTER_FILE)
    parser.add_argument("--device", default="auto")
    read = parser.parse_args()
    table = Table("clip", "reading", "MPJPE mm", "PA-MPJPE mm", "bend", "lean", "shoulders too far mm")
    options = CaptureOptions(device=read.device).check()
    try:
        model = PoseModel(options.device, read.lifter)
        for path in videos_with_truth(read.videos):
            truth, progress = read_truth(path.with_suffix(".truth.npz")), Progress()
            video = open_video(path, progress)
            detections = segments.detect(video, None, None, progress, options.detector, 0, background=True)
            view = first_view(detections, video.info, options, None)
            track, _ = undo_swaps(make_track(detections, video.info, progress))
            for name, reading in readings(track, truth, view.sight.matrix).items():
                poses = model.run(
                    reading, view.sight.matrix, truth.height, steps=0, hypotheses=1, seed=0, progress=progress,
                    turns=view.turning.at(track.times),
                )  # fmt: skip
                joints = poses.joints[:, list(LIMBS)].astype(float)
                bend, _, lean = side_errors(joints, track.times, truth)
                figures = (*errors(joints, track.times, truth)[:2], bend, lean, shoulders_off(joints, track.times, truth))
                table.add_row(path.stem if name == READINGS[0] else "", name, *(f"{value:.1f}" for value in figures))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, least=120)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
