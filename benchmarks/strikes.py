"""Does a strike keep its speed, and does who stands still stand still? On people and motions that nothing learnt from.

    python benchmarks/strikes.py --data PAIRS [--smooth 0.5 ...] [--most 60]

PAIRS is a folder of rendered pairs (docs/data.md): what the detector said about a rendered person, and the truth. Of those held out from
training (both body and motion) come the segments with a hand faster than --least m/s. Each goes through the whole capture behind the
detector. Prints, by motion: the number of strikes (peaks of a wrist's speed over --least), the fastest, and the captured peak as a share of
the true one within a tenth of a second, in the median and from the tenth to the ninetieth in a hundred, of the detector's world landmarks,
of the networks' joints and of the motion; then for stretches of half a second in which nothing of the truth moves faster than 0.15 m/s, the
speed of the twelve limb joints in cm/s, and that of the truth. The detector's and the networks' joints are rooted at the pelvis, and so
is the truth beside them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from scipy.signal import find_peaks  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import split_segments  # noqa: E402
from engine.detection.landmarks import BODY_FROM_LANDMARKS  # noqa: E402
from engine.kinematics.assemble import build_motion  # noqa: E402
from engine.kinematics.take import Camera, Performer  # noqa: E402
from engine.person.face import face_direction  # noqa: E402
from engine.person.swaps import undo_swaps  # noqa: E402
from engine.person.track import Track, body_points  # noqa: E402
from engine.poses import PoseModel, Poses  # noqa: E402
from engine.progress import Progress  # noqa: E402
from engine.training.metrics import LIMBS  # noqa: E402

Array = npt.NDArray[np.float64]

FPS = 30.0
FOCAL, SIZE = 1000.0, (1280, 720)
MATRIX = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
WRISTS = [BODY_22.index("wrist.L"), BODY_22.index("wrist.R")]
IN_ARMATURE = [ARMATURE_24.index(name) for name in BODY_22.joints]
APART, PROMINENT = 0.3, 1.5  # seconds between two strikes, m/s by which a peak stands out
AROUND = 0.1  # seconds: where the captured peak is looked for
STILL_SPEED, STILL_SECONDS = 0.15, 0.5
STAGES = ("detector", "networks", "motion")


@dataclass
class Found:
    """Of one motion: true peaks (m/s), the stages' shares of them, and the stages' speeds where the truth stands still (m/s)."""

    peaks: list[float] = field(default_factory=list)
    shares: dict[str, list[float]] = field(default_factory=lambda: {s: [] for s in STAGES})
    still: dict[str, list[float]] = field(default_factory=lambda: {s: [] for s in (*STAGES, "truth")})


def as_track(segment: Segment) -> Track:
    """The segment as the capture would have it from a video whose picture has MATRIX."""
    count = len(segment.rays)
    image = (segment.rays * FOCAL + MATRIX[:2, 2]).astype(np.float32)
    return Track(np.arange(count) / FPS, image, segment.visibility, segment.world, segment.detected, [slice(0, count)], FPS, count,
        int(segment.detected.sum()), segment.detector)  # fmt: skip


def speed(positions: npt.NDArray[np.floating], fps: float = FPS) -> Array:
    """(T-1,...) m/s of points (T,...,3)."""
    return np.asarray(np.linalg.norm(np.diff(positions.astype(float), axis=0), axis=-1) * fps)


def strikes(truth: Array, least: float, fps: float = FPS) -> list[tuple[int, int]]:
    """(frame, hand) of every peak of the speeds (T,2) that is over `least` m/s."""
    found = []
    for hand in range(truth.shape[1]):
        frames, _ = find_peaks(truth[:, hand], height=least, distance=max(round(APART * fps), 1), prominence=PROMINENT)
        found += [(int(frame), hand) for frame in frames]
    return found


def stills(truth: Array, fps: float = FPS) -> Iterator[slice]:
    """Stretches of speeds (T,K), all of them at most STILL_SPEED for STILL_SECONDS."""
    calm = np.concatenate([[False], (truth < STILL_SPEED).all(1), [False]]).astype(int)
    edges = np.flatnonzero(np.diff(calm))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= STILL_SECONDS * fps:
            yield slice(int(start), int(stop))


def share(captured: Array, truth: Array, frame: int, fps: float = FPS) -> float:
    """The largest of the captured speeds (T,) about a frame over the largest of the true ones there."""
    reach = max(round(AROUND * fps), 1)
    near = slice(max(frame - reach, 0), frame + reach + 1)
    return float(captured[near].max() / truth[near].max())


def judge(segment: Segment, model: PoseModel, smooth: float, least: float, found: Found) -> None:
    """Adds what one segment has to `found`."""
    truth = segment.truth.astype(float)
    whole, rooted = speed(truth), speed(truth - truth[:, :1])
    peaks, calm = strikes(whole[:, WRISTS], least), list(stills(whole))
    if not peaks and not calm:
        return
    track, _ = undo_swaps(as_track(segment))
    options = CaptureOptions()
    poses = model.run(
        track, MATRIX, segment.stature, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=Progress(),
        refiner=options.refiner,
    )  # fmt: skip
    motion = finished(track, poses, segment.stature, smooth)
    detector = np.einsum("jl,tlc->tjc", BODY_FROM_LANDMARKS, segment.world.astype(float))
    stages = {
        "detector": (speed(detector - detector[:, :1]), rooted),
        "networks": (speed(poses.joints - poses.joints[:, :1]), rooted),
        "motion": (speed(motion.positions_world[:, IN_ARMATURE]), whole),
    }
    found.peaks += [float(whole[frame, WRISTS[hand]]) for frame, hand in peaks]
    for stretch in calm:
        found.still["truth"] += whole[stretch][:, list(LIMBS)].ravel().tolist()
    for name, (captured, exact) in stages.items():
        found.shares[name] += [share(captured[:, WRISTS[hand]], exact[:, WRISTS[hand]], frame) for frame, hand in peaks]
        for stretch in calm:
            found.still[name] += captured[stretch][:, list(LIMBS)].ravel().tolist()


def finished(track: Track, poses: Poses, height: float, smooth: float) -> Motion:
    """The motion of one track with default options but the smoothing."""
    points, confidence = (a.astype(np.float64) for a in body_points(track.image, track.visibility, track.detector))
    performer = Performer.of(poses, track, points, confidence, face_direction(track, MATRIX))
    return build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=height, smooth=smooth))


def chosen(segments: list[Segment], least: float, most: int) -> list[Segment]:
    """Those with a strike, fastest first, and those with a still stretch, at most `most` of each."""
    fastest = [(float(speed(s.truth[:, WRISTS]).max()), i) for i, s in enumerate(segments)]
    order = [i for top, i in sorted(fastest, reverse=True) if top > least][:most]
    calm = [i for i, s in enumerate(segments) if i not in order and any(stills(speed(s.truth)))][:most]
    return [segments[i] for i in sorted(order + calm)]


def rows(motions: dict[str, Found]) -> Iterator[list[str]]:
    """The table's rows: one a motion, and all of them together."""
    together = Found()
    for found in motions.values():
        together.peaks += found.peaks
        for name in STAGES:
            together.shares[name] += found.shares[name]
        for name in together.still:
            together.still[name] += found.still[name]
    for label, found in [*sorted(motions.items()), ("all", together)]:
        cells = [label, str(len(found.peaks)), f"{max(found.peaks):.1f}" if found.peaks else ""]
        for name in STAGES:
            values = found.shares[name]
            cells.append("{:.2f} ({:.2f}-{:.2f})".format(*np.percentile(values, [50, 10, 90])) if values else "")
        within = np.abs(np.array(found.shares["motion"]) - 1) <= 0.1
        cells.append(f"{100 * within.mean():.0f} %" if len(within) else "")
        yield cells + [f"{100 * float(np.mean(values)):.1f}" if values else "" for values in found.still.values()]


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument("--smooth", type=float, nargs="+", default=[0.5])
    parser.add_argument("--least", type=float, default=3.0, help="m/s from which a hand strikes (default %(default)s)")
    parser.add_argument(
        "--most", type=int, default=60, help="segments with strikes, and as many with still stretches (default %(default)s)"
    )
    read = parser.parse_args()
    console = Console(width=max(Console().width, 140))
    try:
        segments = chosen(split_segments(load_detections(read.data)).validation, read.least, read.most)
        model = PoseModel("cpu")
        for smooth in read.smooth:
            motions: dict[str, Found] = {}
            for segment in segments:
                judge(segment, model, smooth, read.least, motions.setdefault(f"{segment.source} {segment.clip}", Found()))
            table = Table("motion", "strikes", "fastest m/s", *STAGES, "within 10 %", *(f"still: {s}" for s in Found().still))
            for cells in rows({name: f for name, f in motions.items() if f.peaks or f.still["motion"]}):
                table.add_row(*cells)
            console.print(f"--smooth {smooth}")
            console.print(table)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
