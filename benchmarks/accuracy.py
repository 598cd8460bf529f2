"""Accuracy against exact truth, stage by stage, beside a plain reading of the detector's world landmarks.

    python benchmarks/accuracy.py examples/sample.mp4 [more videos, or folders of them]

A video NAME.mp4 needs its truth NAME.truth.npz beside it: joint_names (K,), camera (T,K,3) metres in camera axes (x right, y down, z
forward), world (T,K,3) metres, Z up, the ground at z=0, fps, height. Frames that the track lacks count as their nearest frame. Prints,
over the twelve limb joints rooted at the middle of the hips: MPJPE and PA-MPJPE in millimetres, the error of the accelerations in
m/s^2, and what the side view shows, in degrees: the error of the knees' and elbows' flexion (`bend`), how much further the knees are
bent than the truth's (`crouch`, signed), and the angle between the trunks (`lean`). Of the finished motion, before (`smoothing`) and
after the feet are held (`motion`), also the world error in millimetres (one turn and one level shift for the clip), the speed of toes
that stand still in the truth, cm/s, and the mean depth of ankles and toes under the ground, mm. Then the seconds that each stage took.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import CHOICES, DEFAULT_DETECTOR, DEFAULT_REFINER, DEFAULT_STEPS, NO_REFINER, CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.detection import segments  # noqa: E402
from engine.detection.landmarks import LANDMARKS  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.kinematics.assemble import build_motion  # noqa: E402
from engine.kinematics.take import Camera, Performer  # noqa: E402
from engine.person.face import face_direction  # noqa: E402
from engine.person.swaps import undo_swaps  # noqa: E402
from engine.person.track import body_points, make_track  # noqa: E402
from engine.poses import PoseModel, Poses  # noqa: E402
from engine.progress import Progress  # noqa: E402
from engine.training.metrics import LIMBS, acceleration_error, flexion, mpjpe, pa_mpjpe, trunk_lean  # noqa: E402
from engine.view import first_view  # noqa: E402

Array = npt.NDArray[np.float64]

NAMES = tuple(BODY_22.joints[j] for j in LIMBS)
STAGES = ("detector", "lifter", "refiner", "smoothing", "motion")
TOES = ("toe.L", "toe.R")
STILL = 0.15  # m/s: a toe of the truth that is slower stands


@dataclass(frozen=True)
class Truth:
    """joints (T,12,3) metres, camera axes; world (T,14,3) metres, the same and the toes; fps; height metres."""

    joints: Array
    world: Array
    fps: float
    height: float


def read_truth(path: Path) -> Truth:
    """Raises Failure `bad_input` for a file of another layout."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [str(n) for n in file["joint_names"]]
            camera, world = (file[a][:, [names.index(n) for n in (*NAMES, *more)]] for a, more in (("camera", ()), ("world", TOES)))
            return Truth(camera.astype(float), world.astype(float), float(file["fps"]), float(file["height"]))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise Failure("bad_input", f"{path} is not a truth file of the documented layout ({error}).") from error


def errors(joints: Array, times: Array, truth: Truth) -> tuple[float, float, float]:
    """(MPJPE mm, PA-MPJPE mm, acceleration error m/s^2) of limb joints (K,12,3) that stand at `times` (K,) seconds."""
    ours, exact = (a - (a[:, :1] + a[:, 1:2]) / 2 for a in (joints[nearest(times, truth)], truth.joints))
    return float(mpjpe(ours, exact).mean()), float(pa_mpjpe(ours, exact).mean()), float(acceleration_error(ours, exact, truth.fps).mean())


def world_errors(positions: Array, times: Array, truth: Truth) -> tuple[float, float, float]:
    """(world error mm, slide cm/s, depth under the ground mm) of limb joints and toes (K,14,3), world axes, at `times` (K,)."""
    ours, exact = positions[nearest(times, truth)].astype(float), truth.world
    low = ours[:, [NAMES.index("ankle.L"), NAMES.index("ankle.R"), -2, -1], 2]
    # the turn about the vertical and the level shift that bring the whole clip nearest; as complex numbers a turn is a factor
    level, wanted = (a[..., 0] + 1j * a[..., 1] for a in (ours, exact))
    centred = level - level.mean()
    factor = (np.conj(centred) * (wanted - wanted.mean())).sum()
    turned = centred * (factor / max(abs(factor), 1e-12)) + wanted.mean()
    error = np.sqrt(np.abs(turned - wanted) ** 2 + (ours[..., 2] - exact[..., 2]) ** 2).mean()
    still = np.linalg.norm(np.diff(exact[:, -2:], axis=0), axis=-1) * truth.fps < STILL
    speed = np.abs(np.diff(turned[:, -2:], axis=0)) * truth.fps
    slide = float(speed[still].mean()) if still.any() else 0.0
    return 1000 * float(error), 100 * slide, 1000 * float(np.maximum(-low, 0).mean())


def side_errors(joints: Array, times: Array, truth: Truth) -> tuple[float, float, float]:
    """(bend, crouch, lean) in degrees of limb joints (K,12,3) that stand at `times` (K,) seconds."""
    ours = joints[nearest(times, truth)]
    bent = flexion(ours) - flexion(truth.joints)
    return float(np.abs(bent).mean()), float(bent[:, :2].mean()), float(trunk_lean(ours, truth.joints).mean())


def nearest(times: Array, truth: Truth) -> npt.NDArray[np.intp]:
    """(T,) for every frame of the truth the nearest of `times` (K,) seconds."""
    return np.abs(times[None] - (np.arange(len(truth.joints)) / truth.fps)[:, None]).argmin(1)


Figures = tuple[float, float, float]


def judge(
    video_path: Path, truth: Truth, model: PoseModel, options: CaptureOptions, processes: int = 0
) -> tuple[dict[str, tuple[Figures, Figures]], dict[str, Figures], Progress]:
    """The errors after every stage of a capture with default options and the truth's height (`errors`, `side_errors`), those in the world
    after the last two stages, and its timings."""
    progress = Progress()
    progress.stage("start")
    video = open_video(video_path, progress)
    detections = segments.detect(video, None, None, progress, options.detector, processes, background=True)
    view = first_view(detections, video.info, options, None)
    raw = make_track(detections, video.info, progress)
    track, _ = undo_swaps(raw)
    matrix, turns = view.sight.matrix, view.turning.at(track.times)

    def poses(steps: int) -> Poses:
        return model.run(
            track, matrix, truth.height, steps=steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress,
            refiner=options.refiner, turns=turns,
        )  # fmt: skip

    plain = poses(0)
    refined = plain if options.refiner == NO_REFINER else poses(options.steps)
    points, confidence = (a.astype(np.float64) for a in body_points(track.image, track.visibility, track.detector, view.size))
    view = view.estimated(refined, points, confidence, truth.height, track.fps)
    matrix = view.sight.matrix

    def finished(feet: str) -> Motion:
        performer = Performer.of(refined, track, points, confidence, face_direction(track, matrix))
        camera = Camera(matrix, view.size, turns=view.turning.at(track.times), gravity=refined.up, lines=view.scene_lines())
        return build_motion(performer, camera, replace(options, height=truth.height, feet=feet))

    motions = {"smoothing": finished("never")}
    progress.stage("motion")
    motions["motion"] = finished(options.feet)
    progress.finish()
    stages = {
        "detector": raw.world[:, [LANDMARKS.index(n) for n in NAMES]].astype(float),
        "lifter": plain.joints[:, list(LIMBS)].astype(float),
        "refiner": refined.joints[:, list(LIMBS)].astype(float),
    }
    chosen = [ARMATURE_24.index(n) for n in (*NAMES, *TOES)]
    stages |= {name: motion.positions_camera[:, chosen[:-2]].astype(float) for name, motion in motions.items()}
    world = {name: world_errors(motion.positions_world[:, chosen].astype(float), track.times, truth) for name, motion in motions.items()}
    judged = {name: (errors(joints, track.times, truth), side_errors(joints, track.times, truth)) for name, joints in stages.items()}
    return judged, world, progress


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
    parser.add_argument("--detector", choices=CHOICES["detector"], default=DEFAULT_DETECTOR)
    parser.add_argument("--processes", type=int, default=0, help="that detect a video together (default: as many as a capture takes)")
    parser.add_argument("--refiner", choices=CHOICES["refiner"], default=DEFAULT_REFINER)
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="of the refiner; 0 leaves it out")
    read = parser.parse_args()
    options = CaptureOptions(device=read.device, detector=read.detector, refiner=read.refiner, steps=read.steps).check()
    table = Table(
        "clip", "stage", "MPJPE mm", "PA-MPJPE mm", "accel m/s2", "of the detector's", "bend", "crouch", "lean", "world mm", "slide cm/s",
        "floor mm",
    )  # fmt: skip
    times = Table("clip", "frames", "detect s", "lift s", "refine s", "motion s")
    try:
        model = PoseModel(options.device)
        for path in videos_with_truth(read.videos):
            truth = read_truth(path.with_suffix(".truth.npz"))
            figures, world, progress = judge(path, truth, model, options, read.processes)
            plain, _ = figures["detector"]
            for stage in STAGES:
                mine, side = figures[stage]
                share = " ".join(f"{a / b:.2f}" for a, b in zip(mine, plain, strict=True))
                table.add_row(path.stem if stage == "detector" else "", stage, *(f"{v:.1f}" for v in mine), share,
                    *(f"{v:.1f}" for v in side), *(f"{v:.1f}" for v in world.get(stage, ())))  # fmt: skip
            took = progress.timings
            times.add_row(path.stem, str(len(truth.joints)), *(f"{took.get(s, 0):.2f}" for s in ("detect", "lift", "refine", "motion")))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, times, least=170)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
