"""What a capture makes of the world around the person: up, path and contacts where cameras turn, people lie, videos are cut.

    python benchmarks/situations.py VIDEOS_OR_FOLDERS --kept FOLDER [--fov DEGREES|true] [--match pan=pan_reference ...]

Every video is detected once; the detections are kept in FOLDER and used again. Captured is every shot, with default options and the
truth's height where a truth NAME.truth.npz lies beside the video (docs/data.md). Printed are, against that truth: the angle between the
found and the true up of the first frame (degrees; where the truth knows its camera), the world error after one turn about the vertical and
one level shift (mm), the speed of toes that stand in the truth (cm/s), MPJPE and PA-MPJPE (mm). Of every clip: the share of frames with a
contact and the length of the hips' way over the ground beside the truth's, the field of view, how the camera moved, how up is known, the
share of frames that are unsure, and what was told. A clip that --match names shows the same as another one: of it the distance of the
joints (mm) after one turn about the vertical and one shift, the ratio of the ways, and the difference of the contacts (points, of both
feet's frames).

cut (walk, then sword) and side_by_side (walk beside sword) have a row for each half too, where their sources lie beside the folder: against
the source's truth, of its height, and of side_by_side as a picture of that half alone would be captured, for no lens is true for both; and
below it the source itself, as far as the half goes.
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

from benchmarks.accuracy import NAMES, TOES, Truth, errors, read_truth, world_errors  # noqa: E402
from benchmarks.people import HALVES, cut_to  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import ALL, CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24  # noqa: E402
from engine.capture import captures  # noqa: E402
from engine.detection.kept import read_kept  # noqa: E402
from engine.finish import Capture, finish  # noqa: E402
from engine.person.people import find_people  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402

Array = npt.NDArray[np.float64]

_LIMBS = [ARMATURE_24.index(name) for name in NAMES]
_JUDGED = [*_LIMBS, *(ARMATURE_24.index(name) for name in TOES)]
_HIPS = [ARMATURE_24.index(f"hip.{side}") for side in "LR"]
_WAY_SECONDS = 0.4  # a way is measured over this time, so that trembling adds nothing
MATCHES = ("pan=pan_reference", "handheld=pan_reference")


@dataclass(frozen=True)
class Take:
    """A capture of a shot, `told`: codes of what was told; `truth`, and its first frame's `up` (3,) in camera axes, where known."""

    name: str
    done: Capture
    told: list[str]
    truth: Truth | None
    up: Array | None


def takes(path: Path, kept: Path, options: CaptureOptions, true_fov: bool) -> list[Take]:
    """The takes of a video; where its truth is known, of the person's height, and through the true lens if that is wanted."""
    beside = path.with_suffix(".truth.npz")
    truth, up = None, None
    if beside.is_file():
        truth = read_truth(beside)
        options = replace(options, height=truth.height)
        with np.load(beside, allow_pickle=False) as file:
            up = file["camera_to_world"][0, 2, :3].astype(float) if "camera_to_world" in file else None
            if true_fov:
                matrix, size = file["camera_matrix"], file["image_size"]
                options = replace(options, fov=float(np.degrees(2 * np.arctan(size.max() / 2 / matrix[0, 0]))))
    progress = Progress()
    found = []
    for done in captures(path, options, progress, kept / f"{path.stem}.npz"):
        told = [code for code, _ in progress.warnings]
        found.append(Take(".".join(filter(None, (path.stem, done.label))), done, told, truth if not done.label else None, up))
    return found


def halves(path: Path, kept: Path, options: CaptureOptions, true_fov: bool) -> list[Take]:
    """Those of cut and side_by_side, and what their sources give over the same frames."""
    found: list[Take] = []
    if path.stem not in ("cut", "side_by_side"):
        return found
    for number, (source, left) in enumerate(HALVES, 1):
        beside = path.parents[1] / f"{source}.mp4"
        if not beside.is_file() or not beside.with_suffix(".truth.npz").is_file():
            continue
        (alone,) = takes(beside, kept, options, true_fov)
        assert alone.truth is not None
        its = alone.done.options  # the height, and the lens where it is the true one
        progress = Progress()
        if path.stem == "cut":
            done = next(captures(path, replace(its, shot=str(number)), progress, kept / f"{path.stem}.npz"))
        else:
            seen = read_kept(kept / f"{path.stem}.npz", its, progress)
            people = find_people(seen.detections, (seen.info.width, seen.info.height))
            width, height = alone.done.motion.image_size.tolist()
            hers = [one for one in people if left <= one.middle[0] < left + width]
            if not hers:
                continue
            info = replace(seen.info, width=width, height=height)
            done = finish(cut_to(hers[0].detections, left), info, lambda: PoseModel("cpu"), its, None, progress)
        motion = replace(done.motion, times=done.motion.times - done.motion.times[0])
        count = len(motion)
        truth = replace(alone.truth, joints=alone.truth.joints[:count], world=alone.truth.world[:count])
        told = [code for code, _ in progress.warnings]
        found.append(Take(f"{path.stem}: {source}", replace(done, motion=motion), told, truth, None))
        found.append(replace(alone, name=f"{source}, {count} frames", truth=truth))
    return found


def judged(take: Take) -> list[str]:
    """up, world, slide, MPJPE, PA-MPJPE of a take with a truth; dashes of what is not known."""
    motion, truth = take.done.motion, take.truth
    if truth is None:
        return ["-"] * 5
    world, slide, _ = world_errors(motion.positions_world[:, _JUDGED].astype(float), motion.times, truth)
    plain, aligned, _ = errors(motion.positions_camera[:, _LIMBS].astype(float), motion.times, truth)
    up = "-" if take.up is None else f"{up_error(motion, take.up):.1f}"
    return [up, f"{world:.0f}", f"{slide:.1f}", f"{plain:.0f}", f"{aligned:.0f}"]


def up_error(motion: Motion, up: Array) -> float:
    """Degrees between the up of the motion's first camera and the true one (3,)."""
    return float(np.degrees(np.arccos(np.clip(motion.camera_to_world[2, :3] @ up, -1.0, 1.0))))


def way(hips: Array, fps: float) -> float:
    """Metres that the middle of the hips (T,2,3) goes over the ground."""
    places = hips.mean(1)[:: max(round(_WAY_SECONDS * fps), 1), :2]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=-1).sum())


def of_any(take: Take) -> list[str]:
    """Contacts, way, lens, camera, up, unsure and told."""
    motion, summary, report = take.done.motion, take.done.summary, take.done.motion.provenance["quality"]
    went = way(motion.positions_world[:, _HIPS].astype(float), motion.fps)
    true = "" if take.truth is None else f" ({way(take.truth.world[:, :2], take.truth.fps):.2f})"
    camera = f"{summary.get('camera', '-')} {summary.get('camera_turns_degrees', 0):.0f}"
    return [
        f"{summary['contact_percent']:.0f}", f"{went:.2f}{true}", f"{summary['fov_degrees']:.0f} {summary['fov_from']}", camera,
        str(summary["level_from"]), f"{report['unsure_percent']:.0f}", " ".join(take.told),
    ]  # fmt: skip


def matched(motion: Motion, other: Motion) -> tuple[float, float, float]:
    """(distance of the joints mm, ratio of the ways, difference of the contacts in points) of two motions of the same frames."""
    count = min(len(motion), len(other))
    ours, theirs = (m.positions_world[:count, _JUDGED].astype(float) for m in (motion, other))
    level, wanted = (a[..., 0] + 1j * a[..., 1] for a in (ours, theirs))
    centred = level - level.mean()
    factor = (np.conj(centred) * (wanted - wanted.mean())).sum()
    turned = centred * factor / max(abs(factor), 1e-12) + wanted.mean()
    rise = ours[..., 2] - theirs[..., 2]
    apart = np.sqrt(np.abs(turned - wanted) ** 2 + (rise - rise.mean()) ** 2)
    ways = [way(m.positions_world[:count, _HIPS].astype(float), m.fps) for m in (motion, other)]
    contacts = [float(m.contacts[:count].mean()) for m in (motion, other)]
    return 1000 * float(apart.mean()), ways[0] / max(ways[1], 1e-9), 100 * (contacts[0] - contacts[1])


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--kept", type=Path, required=True, help="folder of the kept detections")
    parser.add_argument("--fov", default="", help="degrees, or true: the truth's (default: as a capture finds it)")
    parser.add_argument("--match", nargs="*", default=MATCHES, metavar="CLIP=OTHER", help="default: %(default)s")
    read = parser.parse_args()
    table = Table(
        "clip", "up", "world mm", "slide", "MPJPE", "PA", "contacts", "way m (true)", "fov", "camera", "level", "unsure %", "told",
    )  # fmt: skip
    pairs = Table("clip", "against", "joints mm", "way", "contacts")
    found: dict[str, Motion] = {}
    try:
        read.kept.mkdir(parents=True, exist_ok=True)
        options = CaptureOptions(shot=ALL, fov=0.0 if read.fov in ("", "true") else float(read.fov)).check()
        for path in [f for place in read.videos for f in (sorted(place.glob("*.mp4")) if place.is_dir() else [place])]:
            try:
                for take in [*takes(path, read.kept, options, read.fov == "true"), *halves(path, read.kept, options, read.fov == "true")]:
                    found[take.name] = take.done.motion
                    table.add_row(take.name, *judged(take), *of_any(take))
            except Failure as failure:
                table.add_row(path.stem, *["-"] * 11, failure.message)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    for one, other in (pair.split("=", 1) for pair in read.match):
        if one in found and other in found:
            apart, ways, contacts = matched(found[one], found[other])
            pairs.add_row(one, other, f"{apart:.0f}", f"{ways:.3f}", f"{contacts:+.1f}")
    print_wide(table, pairs, least=200)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
