"""A part of a clip against that part of the whole.

    python benchmarks/parts.py VIDEOS_OR_FOLDERS --kept FOLDER [--thirds 2] [--fov DEGREES] [--anew] [--least 3]

Every video is detected once; the detections are kept in FOLDER and used again. Captured is every shot of `--least` seconds as a whole, and
the `--thirds` of its time (1 to 3), with default options. The part is made from what was kept, as --start and --end do with a detection
file; with --anew it is captured from the video once more, as they do with a video.

Printed are of every part: how far its joints lie from those of the whole in the same frames (mm, seen from the pelvis, in the camera's
axes: the mean of all, of the worst frame, of the joint that differs most), in how many frames left and right are exchanged, degrees between
the two ups, by how much the bones differ (mm, the mean), the field of view and how up is known in whole and part, and their processor
seconds: of what comes behind the detection, with --anew of all of the part.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.accuracy import NAMES  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import ALL, CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24  # noqa: E402
from engine.capture import captures  # noqa: E402
from engine.finish import Capture  # noqa: E402
from engine.progress import Progress  # noqa: E402

VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm")
_LIMBS = [ARMATURE_24.index(name) for name in NAMES]
_OTHER = [ARMATURE_24.index(name[:-1] + ("R" if name.endswith("L") else "L")) if name[-2:] in (".L", ".R") else k
          for k, name in zip(_LIMBS, NAMES, strict=True)]  # fmt: skip


@dataclass(frozen=True)
class Apart:
    """How far a part lies from the whole: mm of all joints, of the worst frame, of the worst joint; frames with exchanged sides and all
    frames; degrees of up; mm of bones."""

    joints: float
    worst_frame: float
    worst_joint: float
    joint: str
    exchanged: int
    frames: int
    up: float
    bones: float


def compare(whole: Motion, part: Motion) -> Apart:
    """The part against the same frames of the whole."""
    both, mine, own = np.intersect1d(whole.frame_numbers, part.frame_numbers, return_indices=True)
    there, here = (m.positions_camera[rows].astype(float) - m.positions_camera[rows, :1] for m, rows in ((whole, mine), (part, own)))
    off = 1000.0 * np.linalg.norm(there - here, axis=-1)
    named, other = (np.linalg.norm(there[:, joints] - here[:, _LIMBS], axis=-1).mean(1) for joints in (_LIMBS, _OTHER))
    ups = [m.camera_to_world[2, :3] for m in (whole, part)]
    up = float(np.degrees(np.arccos(np.clip(ups[0] @ ups[1], -1.0, 1.0))))
    lengths: list[npt.NDArray[np.floating]] = [np.linalg.norm(m.rest_offsets[1:], axis=-1) for m in (whole, part)]
    bones = 1000.0 * float(np.abs(lengths[0] - lengths[1]).mean())
    worst = int(off.mean(0).argmax())
    return Apart(
        float(off.mean()), float(off.mean(1).max()), float(off.mean(0).max()), ARMATURE_24.joints[worst], int((named >= other).sum()),
        len(both), up, bones,
    )  # fmt: skip


def part_of(whole: Capture, source: Path, kept: Path, third: int, anew: bool) -> Capture:
    """The third of the whole's frames, 1 to 3, captured alone."""
    numbers = whole.motion.frame_numbers
    first, last = (int(numbers[k * (len(numbers) - 1) // 3]) for k in (third - 1, third))
    options = replace(whole.options, start=f"{first}f", end=f"{last + 1}f", shot="longest")
    part = next(captures(source if anew else kept, options, Progress()))
    if part.summary.get("people_seen", 1) == 1:
        return part
    # who is the main one of a part may be another than of the whole: compared is the same person
    everybody = list(captures(kept, replace(options, person=ALL), Progress()))
    number = everybody[nearest(whole.motion, [one.motion for one in everybody])].summary["person"]
    return next(captures(source if anew else kept, replace(options, person=str(number)), Progress()))


def nearest(whole: Motion, parts: Sequence[Motion]) -> int:
    """Which of the parts shows the person of the whole: whose joints are seen nearest to hers."""

    def away(part: Motion) -> float:
        _, mine, own = np.intersect1d(whole.frame_numbers, part.frame_numbers, return_indices=True)
        return float(np.median(np.linalg.norm(whole.image_points[mine] - part.image_points[own], axis=-1))) if len(mine) else np.inf

    return int(np.argmin([away(part) for part in parts]))


def row(whole: Capture, spent: float, source: Path, kept: Path, third: int, anew: bool) -> tuple[float, list[str]]:
    """mm of all joints, and a line of the table."""
    begun = time.process_time()
    part = part_of(whole, source, kept, third, anew)
    took = time.process_time() - begun
    apart = compare(whole.motion, part.motion)
    fov, level = (" ".join(str(one.summary[name]) for one in (whole, part)) for name in ("fov_degrees", "level_from"))
    name = ".".join(filter(None, (source.stem, whole.label)))
    return apart.joints, [
        f"{name} {third}/3", str(apart.frames), f"{apart.joints:.1f}", f"{apart.worst_frame:.1f}", f"{apart.worst_joint:.1f} {apart.joint}",
        str(apart.exchanged), f"{apart.up:.1f}", f"{apart.bones:.1f}", fov, level, f"{spent:.1f}", f"{took:.1f}",
    ]  # fmt: skip


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--kept", type=Path, required=True, help="folder of the kept detections")
    parser.add_argument("--thirds", type=int, nargs="*", default=[2], choices=(1, 2, 3), help="default: the middle one")
    parser.add_argument("--fov", type=float, default=0.0, help="degrees (default: as a capture finds it)")
    parser.add_argument("--anew", action="store_true", help="capture the parts from the video")
    parser.add_argument("--least", type=float, default=3.0, help="seconds of a shot (default %(default)s)")
    read = parser.parse_args()
    table = Table(
        "part", "frames", "joints mm", "worst frame", "worst joint", "exchanged", "up", "bones mm", "fov", "level", "whole s", "part s",
    )  # fmt: skip
    found: list[float] = []
    try:
        read.kept.mkdir(parents=True, exist_ok=True)
        options = CaptureOptions(shot=ALL, fov=read.fov).check()
        for path in [f for place in read.videos for f in (sorted(place.iterdir()) if place.is_dir() else [place])]:
            if path.suffix not in VIDEOS:
                continue
            kept, begun = read.kept / f"{path.stem}.npz", time.process_time()
            for whole in captures(path, options, Progress(), kept):
                spent = time.process_time() - begun
                if len(whole.motion) / whole.motion.fps < read.least:
                    continue
                for third in read.thirds:
                    mm, line = row(whole, spent, path, kept, third, read.anew)
                    found.append(mm)
                    table.add_row(*line)
                begun = time.process_time()
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, f"{len(found)} parts, {sum(mm > 5.0 for mm in found)} beyond 5 mm", least=200)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
