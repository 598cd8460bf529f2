"""Curves of hand speed and toe height over time against the truth, and which second of a clip is worst, by what.

    python benchmarks/curves.py examples/sample.mp4 [more videos, or folders of them] -o FOLDER

A video NAME.mp4 needs its truth NAME.truth.npz beside it (see accuracy.py). Writes FOLDER/NAME.png: the speed of each wrist against the
middle of the hips, the height of each toe over the ground, and the mean error of the limbs; of the truth, of the motion and of a plain
reading of the detector's world landmarks, which are turned upright with the truth's camera and hung up at the truth's hips, since they
know neither. Prints for each clip the second with the largest error of the motion's limb joints (shaded in the picture), the three joints
that are worst in it, how much of their error lies along the line of sight, and how sure the detector is there and in the whole clip.
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

from benchmarks.accuracy import NAMES, TOES, Truth, read_truth, videos_with_truth  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import DEFAULT_FOV, CaptureOptions  # noqa: E402
from contract.outputs import add_overwrite_argument, check_folder, check_outputs  # noqa: E402
from contract.skeleton import ARMATURE_24  # noqa: E402
from engine.cameras.pinhole import camera_matrix  # noqa: E402
from engine.detection import segments  # noqa: E402
from engine.detection.landmarks import LANDMARKS  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.kinematics.assemble import build_motion  # noqa: E402
from engine.kinematics.take import Camera, Performer  # noqa: E402
from engine.person.face import face_direction  # noqa: E402
from engine.person.swaps import undo_swaps  # noqa: E402
from engine.person.track import body_points, make_track  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402

Array = npt.NDArray[np.float64]

HIPS = [NAMES.index("hip.L"), NAMES.index("hip.R")]
WRISTS = ("wrist.L", "wrist.R")
COLOURS = {"truth": "black", "motion": "tab:orange", "detector": "0.65"}
WORST_SECONDS = 1.0


@dataclass(frozen=True)
class Curves:
    """Of one of truth, motion, detector, on the truth's frames: wrists (T,2) m/s, toes (T,2) m over the ground, error (T,12,3) m of the
    limb joints in camera axes, rooted at the hips."""

    wrists: Array
    toes: Array
    error: Array


@dataclass(frozen=True)
class Worst:
    """The worst second: when (s), the mean error in it and in the clip (mm), the three worst joints with their errors (mm), the share of
    the squared error along the line of sight, the detector's confidence of those joints there and in the whole clip."""

    start: float
    end: float
    error: float
    usual: float
    joints: tuple[tuple[str, float], ...]
    depth: float
    confidence: float
    usual_confidence: float


def wrist_speeds(joints: Array, fps: float) -> Array:
    """(T,2) m/s against the middle of the hips, of limb joints (T,12+,3) in the order of NAMES."""
    rooted = joints - joints[:, HIPS].mean(1, keepdims=True)
    return np.asarray(np.linalg.norm(np.gradient(rooted[:, [NAMES.index(n) for n in WRISTS]], 1 / fps, axis=0), axis=-1))


def upright(camera: Array, world: Array) -> Array:
    """(3,3) rotation from camera axes to the world's, from the same joints (T,K,3) in both."""
    a, b = ((x - x.mean((0, 1))).reshape(-1, 3) for x in (camera, world))
    u, _, vt = np.linalg.svd(b.T @ a)
    return np.asarray(u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt)


def worst_second(error: Array, confidence: Array, fps: float) -> Worst:
    """From error (T,12,3) m in camera axes and confidence (T,12) 0..1."""
    size = np.linalg.norm(error, axis=-1)
    width = min(max(round(WORST_SECONDS * fps), 1), len(size))
    total = np.concatenate([[0.0], np.cumsum(size.mean(1))])
    start = int((total[width:] - total[:-width]).argmax())
    there = slice(start, start + width)
    joints = size[there].mean(0)
    order = np.argsort(-joints)[:3]
    squares = (error[there][:, order] ** 2).sum((0, 1))
    return Worst(
        start / fps, (start + width) / fps, 1000 * float(size[there].mean()), 1000 * float(size.mean()),
        tuple((NAMES[j], 1000 * float(joints[j])) for j in order), float(squares[2] / max(squares.sum(), 1e-12)),
        float(confidence[there][:, order].mean()), float(confidence.mean()),
    )  # fmt: skip


def follow(path: Path, truth: Truth, model: PoseModel, options: CaptureOptions) -> tuple[dict[str, Curves], Array]:
    """The curves of truth, motion and detector, and the detector's confidence (T,12), after a capture with the truth's height."""
    progress = Progress()
    video = open_video(path, progress)
    info = video.info
    raw = make_track(segments.detect(video, None, None, progress, options.detector), info, progress)
    track, _ = undo_swaps(raw)
    matrix = camera_matrix((info.width, info.height), info.fov_degrees or DEFAULT_FOV)
    poses = model.run(
        track, matrix, truth.height, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress,
        refiner=options.refiner,
    )  # fmt: skip
    points, confidence = (a.astype(np.float64) for a in body_points(track.image, track.visibility, track.detector))
    performer = Performer.of(poses, track, points, confidence, face_direction(track, matrix))
    camera = Camera(matrix, (info.width, info.height), gravity=poses.up)
    motion = build_motion(performer, camera, replace(options, height=truth.height))
    wanted = np.arange(len(truth.joints)) / truth.fps
    nearest = np.abs(track.times[None] - wanted[:, None]).argmin(1)
    chosen = [ARMATURE_24.index(name) for name in (*NAMES, *TOES)]
    ours = motion.positions_camera[nearest][:, chosen[:-2]].astype(float)
    toes = motion.positions_world[nearest][:, chosen[-2:], 2].astype(float)
    marks = raw.world[nearest][:, [LANDMARKS.index(name) for name in (*NAMES, *TOES)]].astype(float)
    turn = upright(truth.joints, truth.world[:, :-2])
    hung = (marks - marks[:, HIPS].mean(1, keepdims=True)) @ turn.T + truth.world[:, HIPS].mean(1, keepdims=True)
    found = {
        "detector": _curves(marks[:, :-2], hung[:, -2:, 2], truth),
        "motion": _curves(ours, toes, truth),
        "truth": _curves(truth.joints, truth.world[:, -2:, 2], truth),
    }
    return found, motion.confidence[nearest][:, chosen[:-2]].astype(float)


def _curves(joints: Array, toes: Array, truth: Truth) -> Curves:
    error = (joints - joints[:, HIPS].mean(1, keepdims=True)) - (truth.joints - truth.joints[:, HIPS].mean(1, keepdims=True))
    return Curves(wrist_speeds(joints, truth.fps), toes, error)


def draw(found: dict[str, Curves], worst: Worst, fps: float, title: str, path: Path) -> None:
    """The picture of one clip."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 9), dpi=80, layout="constrained")
    axes = figure.subplots(5, 1, sharex=True)
    times = np.arange(len(found["truth"].toes)) / fps
    # a detector that swaps sides leaves the page; the truth and the motion decide its size
    top = 1.25 * max(float(found[name].wrists.max()) for name in ("truth", "motion"))
    for name, curves in found.items():
        style = {"color": COLOURS[name], "label": name, "linewidth": 1.0 if name == "detector" else 1.5}
        for side in range(2):
            axes[side].plot(times, curves.wrists[:, side], **style)
            axes[2 + side].plot(times, 100 * curves.toes[:, side], **style)
        if name != "truth":
            axes[4].plot(times, 1000 * np.linalg.norm(curves.error, axis=-1).mean(1), **style)
    for side, word in enumerate(("left", "right")):
        axes[side].set_ylabel(f"{word} hand, m/s")
        axes[side].set_ylim(0, top)
        axes[2 + side].set_ylabel(f"{word} toe, cm")
    axes[4].set_ylabel("limbs' error, mm")
    axes[4].set_ylim(bottom=0)
    axes[4].set_xlabel("seconds")
    axes[0].set_title(title)
    axes[0].legend(loc="upper right", ncols=3)
    for axis in axes:
        axis.axvspan(worst.start, worst.end, color="tab:red", alpha=0.08, linewidth=0)
        axis.grid(alpha=0.3)
    axes[0].set_xlim(0, times[-1] if len(times) > 1 else 1)
    FigureCanvasAgg(figure).print_png(path)


def main() -> int:
    """Draws the pictures and prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the pictures")
    add_overwrite_argument(parser)
    parser.add_argument("--device", default="auto")
    read = parser.parse_args()
    options = CaptureOptions(device=read.device).check()
    table = Table(
        "clip", "worst second", "error there mm", "in the clip", "worst joints, mm", "along sight", "confidence there", "in the clip"
    )
    try:
        videos = videos_with_truth(read.videos)
        folder = check_folder(read.output)
        check_outputs([folder / f"{path.stem}.png" for path in videos], videos, overwrite=read.overwrite)
        model = PoseModel(options.device)
        for path in videos:
            truth = read_truth(path.with_suffix(".truth.npz"))
            found, confidence = follow(path, truth, model, options)
            worst = worst_second(found["motion"].error, confidence, truth.fps)
            draw(found, worst, truth.fps, path.stem, folder / f"{path.stem}.png")
            table.add_row(
                path.stem, f"{worst.start:.2f}-{worst.end:.2f}", f"{worst.error:.0f}", f"{worst.usual:.0f}",
                ", ".join(f"{name} {size:.0f}" for name, size in worst.joints), f"{100 * worst.depth:.0f} %",
                f"{worst.confidence:.2f}", f"{worst.usual_confidence:.2f}",
            )  # fmt: skip
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, least=140)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
