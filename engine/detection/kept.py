"""What was detected of a video, from the video itself or from the detection file that was kept of it (contract.detection_file)."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from contract.detection_file import DetectionFile, Facts, OtherPeople, SeenBackground, load_detection, save_detection
from contract.failure import Failure
from contract.options import CaptureOptions, parse_moment
from contract.reading import shown
from engine.detection import segments
from engine.detection.background_rows import Background
from engine.detection.detector import Detections
from engine.detection.follow import follow_others
from engine.detection.model_bundle import MODELS
from engine.detection.sightings import Followed
from engine.footage.rate import TICK
from engine.footage.video import Moment, Video, VideoInfo, reached
from engine.progress import Progress

# Seconds before and behind the frames asked for that are looked at too, so that a part of a video is that part of the whole: the detector
# needs a third of a second to settle, exchanged sides show by the frames around, smoothing reaches some tenths of a second, and leans are
# read from a second around. With 1 second parts lay up to 5.1 mm off the whole, with 1.3 up to 4.1 (benchmarks/parts.py).
AROUND: Final = 1.3
KEPT_EXTENSION: Final = ".npz"  # what is captured from a file of this kind is captured from a detection
_PACKAGES: Final = ("mediapipe", "opencv-python-headless")  # which decide what is seen


@dataclass(frozen=True)
class Detected:
    """`span`: the times of the first and the last frame asked for, where the detections go beyond them."""

    detections: Detections
    info: VideoInfo
    span: tuple[float, float] | None
    facts: Facts

    def options(self, asked: CaptureOptions) -> CaptureOptions:
        """The options asked for, with those of the detection where they were left open."""
        facts = self.facts
        range_asked = asked.start or asked.end
        start, end = (asked.start, asked.end) if range_asked else (facts.start, facts.end)
        return replace(asked, start=start, end=end, detector=facts.detector, people=facts.people)


def detect_video(
    video: Video, options: CaptureOptions, progress: Progress, while_detecting: Callable[[], None] = lambda: None
) -> Detected:
    """Looks at the video. Raises Failure as `segments.detect` and its like do."""
    start, end = parse_moment(options.start, "--start"), parse_moment(options.end, "--end")
    around = video.around(start, end, AROUND, segments.SEAM)
    before = len(progress.warnings)
    seen = segments.detect(
        video, around.start, around.end, progress, options.detector, while_detecting=while_detecting, background=True,
        others=options.people > 1,
    )  # fmt: skip
    others = follow_others(video, around.start, around.end, seen, options.people, progress, while_detecting)
    seen = replace(seen, others=others)
    span = around.span if start or end else None
    info = video.info
    facts = Facts(
        info.path.name, content_hash(info.path), info.path.stat().st_size, info.width, info.height, info.fps, info.frame_count,
        info.duration, info.rotation, info.variable_rate, info.fov_degrees, info.file_fps, info.mirrored,
        video.range(around.start, around.end)[0], span, options.start, options.end, options.detector, MODELS[options.detector].sha256,
        _versions(), segments.cores(), tuple(progress.warnings[before:]), options.people,
    )  # fmt: skip
    return Detected(seen, info, span, facts)


def read_kept(path: Path, options: CaptureOptions, progress: Progress) -> Detected:
    """What was kept, or the part of it from --start to --end; tells the warnings of its reading again.

    Raises Failure `bad_input` for a file that is damaged or another, `bad_arguments` for options that it does not fit.
    """
    kept = load_detection(path)
    facts = kept.facts
    if options.detector != facts.detector and options.detector != CaptureOptions().detector:
        raise Failure(
            "bad_arguments",
            f"{shown(path)} was detected with the {facts.detector} network; leave --detector out, or capture the video again.",
        )
    if facts.detector not in MODELS:
        raise Failure("bad_input", f"{shown(path)} names a detector that there is not, {facts.detector[:40]!r}; capture the video again.")
    detections = _detections(kept)
    info = VideoInfo(
        Path(facts.name), facts.width, facts.height, facts.fps, facts.frame_count, facts.duration, facts.rotation, facts.variable_rate,
        facts.fov_degrees, facts.file_fps, facts.mirrored,
    )  # fmt: skip
    found = Detected(detections, info, facts.span, facts)
    if options.start or options.end:
        found = _part(found, parse_moment(options.start, "--start"), parse_moment(options.end, "--end"), path)
    for code, message in facts.warnings:
        progress.warning(code, message)
    return found


def keep(detected: Detected, path: Path) -> None:
    """Writes the detection file. Raises Failure `not_writable` or `disk_full`."""
    seen = detected.detections
    skipped = np.zeros(len(seen), bool) if seen.skipped is None else seen.skipped
    frame = np.flatnonzero(seen.detected)
    rows = np.concatenate([seen.image[frame], seen.visibility[frame, :, None], seen.world[frame]], axis=-1)
    background = seen.background
    told = None if background is None else SeenBackground(
        background.index.astype(np.int32), background.key.astype(np.int32), background.corners, background.line_frame.astype(np.int32),
        background.lines,
    )  # fmt: skip
    cuts = np.asarray(seen.cuts, float)
    others = None if (them := seen.others) is None else OtherPeople(
        them.frame.astype(np.int32), them.slot.astype(np.int32), them.rows, them.dressed.astype(np.int32), them.wearer.astype(np.int32),
        them.colours,
    )  # fmt: skip
    save_detection(DetectionFile(seen.times, skipped, frame.astype(np.int32), rows, detected.facts, told, cuts, others), path)


def fitting(path: Path, video: Path, options: CaptureOptions) -> bool:
    """Whether `path` is a detection file of that very video, detected as asked, by what is installed now. Raises Failure for a video that
    cannot be read."""
    if not path.is_file():
        return False
    try:
        facts = load_detection(path).facts
    except Failure:
        return False  # damaged, or another file: detected anew
    same = (facts.start, facts.end, facts.detector, facts.people) == (options.start, options.end, options.detector, options.people)
    same = same and facts.weights == MODELS[options.detector].sha256 and facts.versions == _versions() and facts.name == video.name
    return same and video.is_file() and video.stat().st_size == facts.bytes and content_hash(video) == facts.sha256


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises Failure `bad_input` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure("bad_input", f"{shown(path)} cannot be read ({error.strerror}); check its permissions.") from error


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def _detections(kept: DetectionFile) -> Detections:
    count = len(kept.times)
    rows = np.zeros((count, *kept.rows.shape[1:]), np.float32)
    rows[kept.frame] = kept.rows
    detected = np.zeros(count, bool)
    detected[kept.frame] = True
    skipped = kept.skipped if kept.skipped.any() else None
    background = None
    if (seen := kept.seen) is not None:
        times = kept.times[seen.frame - kept.facts.first]
        index, key, line_frame = (numbers.astype(np.int64) for numbers in (seen.frame, seen.key, seen.line_frame))
        background = Background(index, times, key, seen.corners, line_frame, seen.lines)
    return Detections(
        kept.times, rows[..., :2], rows[..., 2], rows[..., 3:], detected, kept.facts.detector, skipped, background,
        tuple(kept.cuts.tolist()), (), _followed(kept),
    )  # fmt: skip


def _followed(kept: DetectionFile) -> Followed | None:
    if (them := kept.others) is None:
        return None
    frame, slot, dressed, wearer = (numbers.astype(np.int64) for numbers in (them.frame, them.slot, them.dressed, them.wearer))
    return Followed(frame, slot, them.rows, dressed, wearer, them.colours)


def _part(kept: Detected, start: Moment | None, end: Moment | None, path: Path) -> Detected:
    """The frames from `start` to `end` and what lies around them, of those that were kept."""
    seen, first = kept.detections, kept.facts.first
    low, high = kept.span or (float(seen.times[0]), float(seen.times[-1]))

    def place(moment: Moment) -> int:
        """Of the first frame at or after the moment."""
        at = int(moment[0]) - first if moment[1] == "f" else int(np.searchsorted(seen.times, moment[0] - TICK))
        return min(max(at, 0), len(seen))

    a = place(start) if start else int(np.searchsorted(seen.times, low - TICK))
    b = place(end) if end else int(np.searchsorted(seen.times, high + TICK))
    early = start is not None and start[1] == "f" and int(start[0]) < first
    if a >= b or early or seen.times[a] < low - TICK or seen.times[b - 1] > high + TICK:
        raise Failure(
            "bad_arguments",
            f"{shown(path)} holds what was detected from {low:.2f} to {high:.2f} seconds; choose --start and --end within, "
            "or capture the video again.",
        )
    span = float(seen.times[a]), float(seen.times[b - 1])
    rows = slice(*reached(seen.times, a, b, AROUND, segments.SEAM))
    columns = {name: getattr(seen, name)[rows] for name in ("times", "image", "visibility", "world", "detected")}
    skipped = None if seen.skipped is None else seen.skipped[rows]
    background = seen.background
    if background is not None:
        background = background.of((background.index >= rows.start + first) & (background.index < rows.stop + first))
    others = None if seen.others is None else seen.others.part(rows)
    return replace(kept, detections=replace(seen, **columns, skipped=skipped, background=background, others=others), span=span)
