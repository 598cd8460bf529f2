"""Several people: how near each one's motion is to the truth, whether they are exchanged, and what looking for others costs somebody alone.

    python benchmarks/people.py [VIDEOS] [--detector heavy] [--clips cross,beside,cost] [--times N] [--alone walk,sword]

VIDEOS holds clips with a truth a person (NAME.truth.npz, NAME.person2.truth.npz) and their situations (docs/data.md); beside the
repository ../shared/data/videos is taken. Prints three tables:

    cross   dev_cross, two people who cross: of each the mean joint distance (MPJPE, limbs, about the hips), the frames in which she is
            seen, and those in which what is followed lies nearer to the other's true joints (exchanged); and how far the way from one to
            the other is off in their common world, metres, after one turn about the vertical
    beside  side_by_side, two clips in one picture: MPJPE of each as that clip alone would give it (the detections in its half, through its
            own lens), and of the clip alone; the picture has no lens that is true for both halves
    cost    clips of somebody alone: processor time of a capture that looks for others beside that of one that does not (--people 1), made
            in turns (--times of each, the first pair of a clip not counted: it fills the caches); the median of the pairs' ratios with its
            standard error, from the median distance of the ratios to it, and whether the motions are the same to the digit
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import CaptureOptions, whole  # noqa: E402
from engine.capture import capture, captures  # noqa: E402
from engine.detection.detector import Detections  # noqa: E402
from engine.detection.kept import detect_video  # noqa: E402
from engine.finish import finish  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.person.people import find_people  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402

Array = npt.NDArray[np.float64]
Truth = Mapping[str, npt.NDArray[np.generic]]

LIMBS = [f"{joint}.{side}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in "LR"]
HALVES = (("walk", 0), ("sword", 560))  # the clips that side_by_side shows, and where each one's picture begins
ALONE = ("walk", "sword", "climb", "dev_standing")
TIMES = 6


def limbs(names: npt.NDArray[np.generic], joints: npt.NDArray[np.generic]) -> Array:
    """(T,12,C) the limbs' joints."""
    where = [str(name) for name in names]
    return joints[:, [where.index(limb) for limb in LIMBS]].astype(float)


def places(motion: Motion, truth: Truth) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Frames of the motion and of the truth that are the same moment."""
    at = np.rint(motion.times * float(truth["fps"])).astype(np.int64)
    inside = at < len(truth["camera"])
    return np.flatnonzero(inside), at[inside]


def mpjpe(motion: Motion, truth: Truth) -> float:
    """Millimetres."""
    rows, due = places(motion, truth)
    ours, theirs = limbs(motion.joint_names, motion.positions_camera)[rows], limbs(truth["joint_names"], truth["camera"])[due]
    off = (ours - ours[:, :2].mean(1, keepdims=True)) - (theirs - theirs[:, :2].mean(1, keepdims=True))
    return float(np.linalg.norm(off, axis=-1).mean() * 1e3)


def pixels(truth: Truth) -> Array:
    """(T,12,2) where the truth's limbs are seen."""
    joints = limbs(truth["joint_names"], truth["camera"])
    matrix = np.asarray(truth["camera_matrix"], float)
    return np.asarray(joints[..., :2] / joints[..., 2:] * np.diag(matrix)[:2] + matrix[:2, 2])


def exchanged(motion: Motion, hers: Truth, others: Truth) -> int:
    """Frames in which what was followed lies nearer to the other person's joints than to her own."""
    rows, due = places(motion, hers)
    seen = limbs(motion.joint_names, motion.image_points)[rows]
    near, far = (np.linalg.norm(seen - pixels(truth)[due], axis=-1).mean(1) for truth in (hers, others))
    return int((near > far)[motion.detected[rows]].sum())


def apart(motions: Sequence[Motion], truths: Sequence[Truth]) -> tuple[float, float]:
    """Metres: how far the way from the first person to the second is off over the ground, and how long it is."""
    ways: list[dict[int, Array]] = [{}, {}]
    for motion, truth in zip(motions, truths, strict=True):
        rows, due = places(motion, truth)
        found, real = limbs(motion.joint_names, motion.positions_world)[rows], limbs(truth["joint_names"], truth["world"])[due]
        for of, joints in zip(ways, (found, real), strict=True):
            for k, place in zip(due.tolist(), joints[:, :2, :2].mean(1), strict=True):
                of[k] = np.concatenate([of[k], place]) if k in of else place
    both = [k for k, place in ways[0].items() if len(place) == 4]
    ours, theirs = (np.array([of[k][2:] - of[k][:2] for k in both]) for of in ways)
    turn = np.arctan2((ours[:, 0] * theirs[:, 1] - ours[:, 1] * theirs[:, 0]).sum(), (ours * theirs).sum())
    turned = ours @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return float(np.linalg.norm(turned - theirs, axis=1).mean()), float(np.linalg.norm(theirs, axis=1).mean())


def cross(videos: Path, detector: str) -> Table:
    truths = [_truth(videos / f"dev_cross{label}.truth.npz") for label in ("", ".person2")]
    options = CaptureOptions(detector=detector, person="all", height=float(truths[0]["height"]))  # type: ignore[arg-type]
    done = [one.motion for one in captures(videos / "dev_cross.mp4", options, Progress())]
    table = Table("person", "MPJPE mm", "frames seen", "exchanged", title=f"dev_cross, {detector}: {len(done)} people")
    # the truth whose joints are nearer in most frames
    order = [min((0, 1), key=lambda k: exchanged(motion, truths[k], truths[1 - k])) for motion in done[:2]]
    for number, (motion, k) in enumerate(zip(done, order, strict=False), 1):
        wrong = exchanged(motion, truths[k], truths[1 - k])
        table.add_row(str(number), f"{mpjpe(motion, truths[k]):.1f}", str(int(motion.detected.sum())), str(wrong))
    if sorted(order) == [0, 1]:
        off, long = apart(done[:2], [truths[k] for k in order])
        table.caption = f"from one to the other {off:.2f} m off, of {long:.2f}"
    return table


def beside(videos: Path, detector: str) -> Table:
    clip = videos / "situations" / "side_by_side.mp4"
    options, model = CaptureOptions(detector=detector), PoseModel("cpu")
    detected = detect_video(open_video(clip, Progress()), options, Progress())
    found = find_people(detected.detections, (detected.info.width, detected.info.height))
    table = Table("clip", "in the pair, mm", "alone, mm", title=f"side_by_side, {detector}: {len(found)} people")
    for name, left in HALVES:
        truth = _truth(videos / f"{name}.truth.npz")
        width, height = np.asarray(truth["image_size"], int).tolist()
        hers = [one for one in found if left <= one.middle[0] < left + width]
        alone = mpjpe(capture(videos / f"{name}.mp4", options, Progress()).motion, truth)
        of_pair = "not found"
        if hers:
            info = replace(detected.info, width=width, height=height)
            motion = finish(cut_to(hers[0].detections, left), info, lambda: model, options, None, Progress()).motion
            of_pair = f"{mpjpe(motion, truth):.1f}"
        table.add_row(name, of_pair, f"{alone:.1f}")
    return table


def cost(videos: Path, detector: str, clips: Sequence[str] = ALONE, times: int = TIMES) -> Table:
    table = Table("clip", "pairs", "without, s", "with, s", "with / without", "same motion", title=f"somebody alone, {detector}")
    every: list[float] = []
    for name in clips:
        took, alike = list[tuple[float, float]](), True
        for turn in range(times + 1):
            spent: dict[int, float] = {}
            motions: dict[int, Motion] = {}
            for people in (1, 4) if turn % 2 else (4, 1):  # in turns, so that what else the machine does falls on both
                options = CaptureOptions(detector=detector, people=people)  # type: ignore[arg-type]
                began = sum(os.times()[:4])
                motions[people] = capture(videos / f"{name}.mp4", options, Progress()).motion
                spent[people] = sum(os.times()[:4]) - began
            alike &= same(motions[1], motions[4])
            took += [(spent[1], spent[4])] if turn else []
        without, with_looks = np.array(took).T
        every += (with_looks / without).tolist()
        table.add_row(
            name, str(times), f"{np.median(without):.2f}", f"{np.median(with_looks):.2f}", told_ratio(with_looks / without),
            "yes" if alike else "NO",
        )  # fmt: skip
    if len(clips) > 1:
        table.add_row("all", str(len(every)), "", "", told_ratio(np.array(every)), "")
    return table


def told_ratio(ratios: Array) -> str:
    """The median of N ratios and its standard error: of numbers that scatter normally, 1.2533 times that of the mean."""
    middle = float(np.median(ratios))
    scatter = 1.4826 * float(np.median(np.abs(ratios - middle)))
    return f"{middle:.3f} +- {1.2533 * scatter / math.sqrt(len(ratios)):.3f}"


def same(a: Motion, b: Motion) -> bool:
    """To the last bit."""
    arrays = [name for name, value in vars(a).items() if isinstance(value, np.ndarray)]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)


def cut_to(detections: Detections, left: int) -> Detections:
    """As a picture shows it that begins there."""
    image = detections.image - np.array([left, 0], np.float32) * detections.detected[:, None, None]
    return replace(detections, image=image.astype(np.float32), background=None)


def _truth(path: Path) -> Truth:
    if not path.is_file():
        raise Failure("no_such_file", f"There is no truth {path}; name the folder that has it.")
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


TABLES: dict[str, Callable[..., Table]] = {"cross": cross, "beside": beside, "cost": cost}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="?", default=ROOT.parent / "shared" / "data" / "videos", metavar="VIDEOS")
    parser.add_argument("--detector", choices=("heavy", "full"), default="heavy")
    parser.add_argument("--clips", default=",".join(TABLES), help="which tables, with commas")
    parser.add_argument("--times", type=whole(2), default=TIMES, help="pairs of captures a clip of the table cost (default: %(default)s)")
    parser.add_argument("--alone", default=",".join(ALONE), help="the clips of the table cost, with commas (default: %(default)s)")
    options = parser.parse_args(arguments)
    wanted: Iterable[str] = options.clips.split(",")
    try:
        if unknown := [name for name in wanted if name not in TABLES]:
            raise Failure("bad_arguments", f"There is no table {unknown[0]!r}; choose of {', '.join(TABLES)}.")
        for name in wanted:
            more = {"clips": options.alone.split(","), "times": options.times} if name == "cost" else {}
            print_wide(TABLES[name](options.videos, options.detector, **more))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
