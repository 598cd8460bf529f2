"""The person over time on an even grid: frame k stands at k/fps. Short gaps are filled, long ones left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.detection.detector import Detections, nobody_in
from engine.detection.landmarks import BODY_FROM_LANDMARKS, LANDMARKS, trust
from engine.footage.rate import FASTEST, LONGEST_GAP, TICK
from engine.footage.video import VideoInfo
from engine.long_takes import joined, mapped
from engine.progress import Progress

# Seconds a person must have been seen for. Shorter stretches on their own are false alarms far more often than people.
SHORTEST_RUN: Final = 0.2
# A filled frame's landmarks count for this much of those around it.
FILLED_VISIBILITY: Final = 0.3
# How far the middle of one and the same person can get, in heights of the box around the landmarks: a sprinter runs
# 10 m/s, about six heights a second, and the box itself may tremble or unfold by half.
_SPEED: Final = 6.0
_TREMBLE: Final = 0.5
# By how much (logarithm) a person's pixels per metre can change: measured, at most 1.26 times from one frame to the next
# where it was the same person, and 1.9 to 3.1 times where the detector went over to something else. And per second: a
# runner coming at the camera.
_GROWTH: Final = 0.4
_GROWTH_SPEED: Final = 1.5
_GLITCH: Final = 0.085  # seconds: away and back within so long (or one frame) is a glitch of the detector
_GLITCH_FRAMES: Final = round(_GLITCH * FASTEST)  # and no more frames than that, whatever a file says of their times
# A joint computed from several landmarks is less sure than any of them.
DERIVED_CONFIDENCE: Final = 0.9

_TRUNK: Final = [LANDMARKS.index(f"{joint}.{side}") for joint in ("shoulder", "hip") for side in "LR"]
_LIMBS: Final = _TRUNK + [LANDMARKS.index(f"{joint}.{side}") for joint in ("elbow", "wrist", "knee", "ankle") for side in "LR"]


@dataclass(frozen=True)
class Track:
    """One person, K frames on the grid of the video's rate.

    `times` (K,) seconds, each a whole number of frames from the video's first; a jump is a stretch that was left out.
    `image` (K,33,2) pixels. `visibility` (K,33) 0..1. `world` (K,33,3) metres from the middle of the hips, x right, y down,
    z away. `detected` (K,) False where the frame was filled in. `runs`: slices of K that hold together; between two runs
    the person was away or was another one. `source_frames`: frames read, `detected_count`: those with a person in them.
    `detector`: whose words these are (`Detections`). `kept`: the frames asked for; those around them are there to be looked at.
    `between` (K,) True where the video has more frames than are looked at, and this one was read between its neighbours; None: nowhere.
    """

    times: npt.NDArray[np.float64]
    image: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    detected: npt.NDArray[np.bool_]
    runs: list[slice]
    fps: float
    source_frames: int
    detected_count: int
    detector: str = "full"
    kept: slice = field(default_factory=lambda: slice(None))
    between: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.times)


def make_track(detections: Detections, info: VideoInfo, progress: Progress, span: tuple[float, float] | None = None) -> Track:
    """Puts the detections onto the grid k/fps. A constant rate maps one to one; a variable or another one is interpolated.

    `span`: the times of the first and the last frame asked for, where the detections go beyond them; what is told is of these frames.

    Warns (`frames_missing`, `other_person`, `recording_paused`) of stretches that are left out. Raises Failure `no_person` where
    no frame has a person.
    """
    asked = np.ones(len(detections), bool)
    if span is not None:
        asked = (detections.times >= span[0] - TICK) & (detections.times <= span[1] + TICK)
    if not detections.detected[asked].any():
        raise nobody_in(info.path.name)
    fps = info.fps
    times = detections.times if info.resampled else np.rint(detections.times * fps) / fps
    places = _Places(detections, times)
    seen = np.flatnonzero(detections.detected)
    seen = seen[~_glitches(places, seen)]
    skipped = np.zeros(len(detections), bool) if detections.skipped is None else detections.skipped
    groups = _one_person(_without_false_alarms(_groups(places, seen, fps), fps, skipped), places, asked, skipped)
    spans = [_span(times[group], fps) for group in groups]
    ends = np.cumsum([last - first + 1 for first, last in spans])
    runs = [slice(int(end) - (last - first + 1), int(end)) for end, (first, last) in zip(ends, spans, strict=True)]
    numbers = np.concatenate([np.arange(first, last + 1) for first, last in spans])
    seen_by_run = [
        mapped(
            partial(_on_grid, detections, times[group], group, fps), numbers[run] / fps,
            beside=(detections.image, detections.visibility, detections.world),
        )
        for run, group in zip(runs, groups, strict=True)
    ]  # fmt: skip
    image, visibility, world, detected, between = (joined(columns) for columns in zip(*seen_by_run, strict=True))
    _warn_of_missing(numbers, times[asked], detections.detected[asked], info, progress)
    kept = slice(0, len(numbers))
    if span is not None:
        kept = slice(*np.searchsorted(numbers, (np.ceil(span[0] * fps - 1e-3), np.floor(span[1] * fps + 1e-3) + 1)).tolist())
        if kept.start == kept.stop:  # one frame of the video between two of the track
            kept = slice(min(kept.start, len(numbers) - 1), min(kept.start, len(numbers) - 1) + 1)
    count = int((detections.detected | _seen_on_both_sides(detections.detected, skipped))[asked].sum())
    return Track(
        numbers / fps, image, visibility, world, detected, runs, fps, int(asked.sum()), count, detections.detector, kept,
        between if between.any() else None,
    )  # fmt: skip


def looked_at(track: Track) -> Track:
    """The track without the frames `between`."""
    if track.between is None:
        return track
    rows = np.flatnonzero(~track.between)
    columns = {name: getattr(track, name)[rows] for name in ("times", "image", "visibility", "world", "detected")}
    runs = [slice(*np.searchsorted(rows, (run.start, run.stop)).tolist()) for run in track.runs]
    return replace(track, **columns, runs=runs, fps=track.fps * len(rows) / len(track), kept=slice(None), between=None)


def filled_between(track: Track, seen: Track) -> Track:
    """The track with the frames `between` read anew from `seen`, which has the others as they shall be."""
    if track.between is None:
        return seen
    rows = np.flatnonzero(~track.between)
    detections = Detections(track.times[rows], seen.image, seen.visibility, seen.world, seen.detected)
    filled = [
        mapped(
            partial(_on_grid, detections, seen.times[run], np.arange(run.start, run.stop), track.fps, longest=np.inf),
            track.times[whole], beside=(seen.image, seen.visibility, seen.world),
        )[:3]
        for run, whole in zip(seen.runs, track.runs, strict=True)
    ]  # fmt: skip
    image, visibility, world = (joined(columns) for columns in zip(*filled, strict=True))
    return replace(track, image=image, visibility=visibility, world=world)


def _seen_on_both_sides(detected: npt.NDArray[np.bool_], skipped: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(T,) True for frames that were not looked at between two in which the person was found."""
    looked = np.flatnonzero(~skipped)
    place = np.searchsorted(looked, np.arange(len(skipped)))
    inside = skipped & (place > 0) & (place < len(looked))
    before, after = (detected[looked[np.clip(place + step, 0, len(looked) - 1)]] for step in (-1, 0))
    return np.asarray(inside & before & after)


def body_points(
    image: npt.NDArray[np.floating], visibility: npt.NDArray[np.floating], detector: str = "full", size: tuple[int, int] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(points (T,22,2) pixels, confidence (T,22) 0..1) in the order of BODY_22, from landmarks (T,33,2) and (T,33) of that detector.

    Limbs and toes are landmarks themselves; hands, pelvis, trunk and head are computed from several. What lies outside a picture of
    `size` (width, height) pixels nobody saw, though the detector guesses where it is and calls itself sure: its confidence is 0.
    """
    sources = BODY_FROM_LANDMARKS != 0.0
    share = np.where(sources.sum(axis=1) > 1, DERIVED_CONFIDENCE, 1.0)

    def read(marks: npt.NDArray[np.floating], seen: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        points = np.einsum("jl,tlc->tjc", BODY_FROM_LANDMARKS, np.asarray(marks, np.float64))
        least = np.where(sources, trust(np.asarray(seen, np.float64), detector)[:, None, :], np.inf).min(axis=2)
        if size is not None:
            least = np.where(((points >= 0) & (points <= size)).all(-1), least, 0.0)
        return points, least * share

    points, confidence = mapped(read, image, visibility)
    return points, confidence


class _Places:
    """Where the person is in each frame and how large; tells whether two frames can show the same one."""

    def __init__(self, detections: Detections, times: npt.NDArray[np.float64]) -> None:
        self._times = times

        def place(image: npt.NDArray[np.float32], world: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], ...]:
            points, metres = image.astype(np.float64), world[..., :2].astype(np.float64)
            # pixels per metre do not change with the pose, as the box does
            scale = np.log(np.maximum(_extent(points), 1e-6) / np.maximum(_extent(metres), 1e-6))
            return points[:, _TRUNK].mean(axis=1), np.ptp(points, axis=1).max(axis=1), scale

        self._middle, self._height, self._scale = mapped(place, detections.image, detections.world, dtype=np.float64)

    def same(self, a: int, b: int) -> bool:
        """Whether the person of frame `a` can be the one of the later frame `b`."""
        elapsed = float(self._times[b] - self._times[a])
        distance = float(np.hypot(*(self._middle[b] - self._middle[a])))
        if distance > min(self._height[a], self._height[b]) * (_TREMBLE + _SPEED * elapsed):
            return False
        return bool(abs(self._scale[b] - self._scale[a]) <= _GROWTH + _GROWTH_SPEED * elapsed)

    def elapsed(self, a: int, b: int) -> float:
        return float(self._times[b] - self._times[a])


def _extent(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T,) root of the summed squared distances of the trunk and limbs from their middle."""
    limbs = points[:, _LIMBS]
    return np.sqrt(((limbs - limbs.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)))


def _glitches(places: _Places, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(S,) True where for a moment it cannot be the person who is there before and after."""
    glitch = np.zeros(len(seen), bool)
    before = 0
    for i in range(1, len(seen)):
        if glitch[i]:
            continue
        if not places.same(seen[before], seen[i]):
            for after in range(i + 1, min(i + 2 + _GLITCH_FRAMES, len(seen))):
                if after > i + 1 and places.elapsed(seen[i], seen[after]) > _GLITCH:
                    break
                if places.same(seen[before], seen[after]):
                    glitch[i:after] = True
                    break
        if not glitch[i]:
            before = i
    return glitch


def _groups(places: _Places, seen: npt.NDArray[np.int64], fps: float) -> list[npt.NDArray[np.int64]]:
    """The detected frames in stretches without a long gap in which it can be one and the same person."""
    longest = LONGEST_GAP + 1.0 / fps + 1e-6  # from the last frame before the gap to the first after it
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(seen)) if places.elapsed(a, b) > longest or not places.same(a, b)]
    return np.split(seen, cuts)


def _frames(group: npt.NDArray[np.int64], skipped: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The numbers of the group's frames and of those between them that were not looked at."""
    return np.union1d(group, group[0] + np.flatnonzero(skipped[group[0] : group[-1]]))


def _one_person(
    groups: list[npt.NDArray[np.int64]], places: _Places, asked: npt.NDArray[np.bool_], skipped: npt.NDArray[np.bool_]
) -> list[npt.NDArray[np.int64]]:
    """The group with the most frames of those `asked` for, and before and after it those that can be the same person."""
    main = max(range(len(groups)), key=lambda i: (int(asked[_frames(groups[i], skipped)].sum()), len(groups[i])))
    kept = [groups[main]]
    for group in groups[main + 1 :]:
        if places.same(kept[-1][-1], group[0]):
            kept.append(group)
    for group in reversed(groups[:main]):
        if places.same(group[-1], kept[0][0]):
            kept.insert(0, group)
    return kept


def _without_false_alarms(
    groups: list[npt.NDArray[np.int64]], fps: float, skipped: npt.NDArray[np.bool_]
) -> list[npt.NDArray[np.int64]]:
    """The groups with enough frames in them; the longest always, however short the clip."""
    longest = max(groups, key=len)
    return [group for group in groups if group is longest or len(_frames(group, skipped)) >= SHORTEST_RUN * fps - 1e-6]


def _span(at: npt.NDArray[np.float64], fps: float) -> tuple[int, int]:
    """The numbers of the first and the last frame on the grid of a group seen at `at` (S,) seconds."""
    first = int(np.ceil(at[0] * fps - 1e-3))
    return first, max(int(np.floor(at[-1] * fps + 1e-3)), first)


def _on_grid(
    detections: Detections, at: npt.NDArray[np.float64], group: npt.NDArray[np.int64], fps: float, grid: npt.NDArray[np.float64],
    longest: float = 1.5,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Image, visibility, world, detected and between at the times `grid` (T,) of one group's frames, which stand at `at` (S,)."""
    if len(group) == 1:
        rows = np.repeat(group, len(grid))
        seen, between = np.ones(len(grid), bool), np.zeros(len(grid), bool)
        return detections.image[rows], detections.visibility[rows], detections.world[rows], seen, between
    # the detected frames on either side of each grid time, by their place in the group
    left = np.clip(np.searchsorted(at, grid + 1e-6, side="right") - 1, 0, len(group) - 2)
    on_left, on_right = np.abs(grid - at[left]) < 1e-3 / fps, np.abs(grid - at[left + 1]) < 1e-3 / fps
    apart = group[left + 1] - group[left]
    # neighbours, or with none between them but frames that nobody looked at
    close, between = apart == 1, np.zeros(len(grid), bool)
    if detections.skipped is not None:
        before = np.cumsum(detections.skipped)
        between = (apart > 1) & (before[group[left + 1]] - before[group[left]] == apart - 1)
    close = (close | between) & (at[left + 1] - at[left] <= (longest + apart) / fps)
    detected = on_left | on_right | close
    between &= close & (np.minimum(grid - at[left], at[left + 1] - grid) > 0.5 / fps)
    inside = np.clip(grid, at[0], at[-1])
    share = (inside - at[left]) / (at[left + 1] - at[left])
    if np.isin(share, (0.0, 1.0)).all():  # as nearly always: every frame of the grid is one that was seen
        rows = group[left + (share == 1.0)]
        return detections.image[rows], detections.visibility[rows], detections.world[rows], detected, between
    from scipy.interpolate import PchipInterpolator  # a quarter of a second, and most videos have no gap

    # over gaps cut into the development clips' tracks PCHIP was a quarter nearer to the truth than straight lines, and it
    # never overshoots; a stretch of it depends on the two frames at its ends and on one more to either side
    near = slice(max(int(left[0]) - 1, 0), int(left[-1]) + 3)
    image, world = (PchipInterpolator(at[near], a[group[near]].astype(np.float64))(inside) for a in (detections.image, detections.world))
    before, after = (detections.visibility[group[k]].astype(np.float64) for k in (left, left + 1))
    visibility = before * (1.0 - share)[:, None] + after * share[:, None]
    visibility[~detected] *= FILLED_VISIBILITY
    return image.astype(np.float32), visibility.astype(np.float32), world.astype(np.float32), detected, between


def _warn_of_missing(
    numbers: npt.NDArray[np.int64],
    times: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    info: VideoInfo,
    progress: Progress,
) -> None:
    """Warnings of every stretch of the frames read that the track leaves out, in seconds of the video, by its reason."""
    fps = info.fps
    # from the number before the first frame read to the one behind the last: what lies between two kept numbers is missing
    first, last = int(np.ceil(times[0] * fps - 1e-3)), int(np.floor(times[-1] * fps + 1e-3))
    kept = np.concatenate([[first - 1], numbers[(numbers >= first) & (numbers <= last)], [last + 1]])
    told: dict[str, list[str]] = {"empty": [], "other": [], "paused": []}
    for i in np.flatnonzero(np.diff(kept) > 1):
        begin, end = int(kept[i]) + 1, int(kept[i + 1])  # the numbers begin..end-1
        inside = slice(*np.searchsorted(times, ((begin - 0.5) / fps, (end - 0.5) / fps)))
        count = inside.stop - inside.start
        kind = "other" if seen[inside].any() else "empty" if count else "paused"
        told[kind].append(f"{begin / fps:.2f}-{end / fps:.2f}")
    for kind, code, words in (
        ("paused", "recording_paused", "The recording pauses at {} seconds: a hole in the motion."),
        ("empty", "frames_missing", "Nobody was found at {} seconds, too long to fill in: left out of the motion."),
        ("other", "other_person", "What was found at {} seconds is another person or a false alarm: left out of the motion."),
    ):  # fmt: skip
        if told[kind]:
            progress.warning(code, words.format(", ".join(told[kind])))
