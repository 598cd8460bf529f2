"""Following the others: once somebody else was seen beside the person of a video, or somebody too small to be followed in the whole
picture, it is looked at again, for them alone.

Each is followed by a landmarker of her own, in a window of the picture in which the rest are painted over. Whom it follows for a while is
one person; who was whom before and after they crossed is found later (`person.people`), when all of it is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contract.detection_file import rounded
from contract.options import MOST_PEOPLE
from engine.detection.clothes import colours_of
from engine.detection.detector import Detections, Detector, read_rows
from engine.detection.others import Image, Part, likely, painted_over
from engine.detection.rows import Row
from engine.detection.sightings import (
    CLOTHES,
    Box,
    Followed,
    Sighting,
    apart,
    box_of,
    confirmed,
    middle_of,
    seen_together,
    share_within,
    size_of,
)
from engine.footage.rate import TICK
from engine.footage.video import Frame, Moment, Video
from engine.long_takes import give_back
from engine.progress import Progress

STAGE: Final = "people"
BEFORE: Final = 2.0  # seconds before a sighting from which she is sought
_AFTER: Final = 0.5  # ... and behind it
# Heights of the person, the sides of the window in which she is sought and followed: the network that finds people sees it in 224 pixels.
_WINDOW: Final = 2.6
_WHOLE: Final = 0.9  # of the picture's longer side, from which the window is the whole picture
_SMALLER, _LARGER = 1.7, 5.0  # heights of the person that the window has at least and at most
# The window goes with her, slowly, so that the landmarker finds her in it about where she was: of the way to her, and heights of her.
_PULL, _FASTEST = 0.25, 0.06
_LOST: Final = 1.5  # seconds for which who is lost is sought where she was
_PATIENCE: Final = 3  # frames in which the landmarker may find her again by itself
# Two rows are of one person: the median landmark's distance, in heights of the smaller one.
SAME: Final = 0.12
# How far she may get between two frames, in heights: at once and for every second; and how much her size may change.
_STEP, _SPEED, _GROWTH = 0.35, 6.0, 1.6
_DRESSED: Final = 0.12  # seconds between looks at the clothes
_COVERED: Final = 0.15  # of her box, from which what is seen of her clothes may be another's


def people_to_follow(sure: Sequence[Sighting], together: int, most: int) -> int:
    """How many people besides the first one are in the `sure` sightings, of whom so many were seen `together`; `most` at most."""
    return min(most, max(len(apart(sure)), together))


def follow_others(
    video: Video, start: Moment | None, end: Moment | None, detections: Detections, most: int, progress: Progress,
    while_detecting: Callable[[], None] = lambda: None, every_frame: bool = False,
) -> Followed | None:  # fmt: skip
    """Who else is there than the person of the `detections`, which are those of the frames from `start` to `end`, `most` people in all; of
    one person alone what was sighted while she was not followed. None where nobody is."""
    sure = confirmed(detections.sightings)
    together, first = seen_together(sure), int(detections.detected.any())
    count = people_to_follow(sure, together, max(most - first, 1))
    if not count:
        return None
    if (at_once := first + together) > max(most, 1 + first):
        progress.warning(
            "people_more",
            f"At least {at_once} people are seen, and {most} are followed: --people N follows more."
            if most < MOST_PEOPLE
            else f"At least {at_once} people are seen, and {most} are followed, which are the most.",
        )
    progress.stage(STAGE, len(detections))
    give_back(cycles=True)  # the detector of the first person and the look for others, 150 MB, before others take as much
    kept = _Kept()
    with _following(detections, sure, count) as following:
        for k, frame in enumerate(video.frames(start, end, not every_frame)):
            while_detecting()
            if k >= len(detections) or abs(detections.times[k] - frame.time) > TICK:
                break  # the file has changed meanwhile
            if not frame.skipped:
                kept.append(k, frame, following.see(k, frame))
            progress.advance(k + 1)
    return kept.followed()


class _Kept:
    """What comes of it, frame by frame."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, Row]] = []
        self._dressed: list[tuple[int, int, npt.NDArray[np.uint8]]] = []
        self._next: dict[int, float] = {}

    def append(self, k: int, frame: Frame, people: dict[int, Row]) -> None:
        """The `people` of frame `k` by their slots, 0 the first one."""
        boxes = {slot: box_of(row) for slot, row in people.items()}
        for slot, row in people.items():
            if slot:
                self._rows.append((slot, k, row))
            hidden = any(share_within(boxes[slot], box) > _COVERED for other, box in boxes.items() if other != slot)
            if frame.time >= self._next.get(slot, 0.0) and not hidden and (colours := colours_of(frame.image, row)) is not None:
                self._dressed.append((k, slot, colours))
                self._next[slot] = frame.time + _DRESSED

    def followed(self) -> Followed | None:
        if not self._rows:
            return None
        self._rows.sort(key=lambda one: one[:2])
        slots, frames, rows = zip(*self._rows, strict=True)
        dressed, wearer, colours = zip(*self._dressed, strict=True) if self._dressed else ((), (), np.zeros((0, CLOTHES)))
        return Followed(
            np.array(frames, np.int64), np.array(slots, np.int64), rounded(np.stack(rows)), np.array(dressed, np.int64),
            np.array(wearer, np.int64), np.array(colours, np.uint8).reshape(-1, CLOTHES),
        )  # fmt: skip


@dataclass
class _Follower:
    """One landmarker and whom it follows: `window` None where nobody. `row`: where she was seen last, at `time`, moving by `speed` (2,)
    pixels a second; `box`: around it, or of the sighting that it seeks her by, `until` (seconds) as long."""

    landmarker: Any
    window: Part | None = None
    fresh: bool = True  # the landmarker follows nobody
    clock: int = -1  # milliseconds
    row: Row | None = None
    box: Box = field(default_factory=lambda: np.zeros(4))
    time: float = 0.0
    speed: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    until: float = 0.0
    missed: int = 0

    def seek(self, box: Box, until: float, size: tuple[int, int]) -> None:
        self.window, self.fresh, self.row, self.box, self.until, self.missed = window_around(box, size), True, None, box, until, 0

    def stop(self) -> None:
        self.window, self.row, self.missed = None, None, 0

    def expected(self, time: float) -> Box:
        """Where she should be."""
        return self.box + np.tile(self.speed * min(time - self.time, 0.4), 2) if self.row is not None else self.box


class _Following:
    """All followers, frame by frame."""

    def __init__(
        self, detections: Detections, sure: Sequence[Sighting], mediapipe: Any, landmarkers: list[Any], pool: ThreadPoolExecutor
    ) -> None:
        self._detections, self._mediapipe, self._pool = detections, mediapipe, pool
        self._followers = [_Follower(landmarker) for landmarker in landmarkers]
        self._sightings = sorted(sure, key=lambda one: one.time)
        self._times = [one.time for one in self._sightings]
        self._cuts = np.asarray(detections.cuts, float)

    def see(self, k: int, frame: Frame) -> dict[int, Row]:
        """Who is where in frame `k`, by slot."""
        height, width = frame.image.shape[:2]
        if len(self._cuts) and np.abs(self._cuts - frame.time).min() <= TICK:
            for follower in self._followers:
                follower.stop()
        people = self._first(k)
        self._seek(frame, people, (width, height))
        active = [f for f in self._followers if f.window is not None]
        firsts = [box_of(row) for row in people.values()]
        hers = [(f, box_of(f.row)) for f in active if f.row is not None]
        looks = [(f, firsts + [box for other, box in hers if other is not f]) for f in active]
        rows = list(self._pool.map(lambda look: self._look(look[0], frame, look[1]), looks))
        for follower, row in zip(active, rows, strict=True):
            slot = 1 + self._followers.index(follower)
            if row is not None and self._accepted(follower, row, frame, people):
                people[slot] = row
        return people

    def _first(self, k: int) -> dict[int, Row]:
        """The person whom the detections follow."""
        seen = self._detections
        if not seen.detected[k]:
            return {}
        return {0: np.concatenate([seen.image[k], seen.visibility[k][:, None], seen.world[k]], axis=-1)}

    def _seek(self, frame: Frame, people: dict[int, Row], size: tuple[int, int]) -> None:
        """Sets who has nothing to do onto who was or will be seen, and is not followed."""
        first, last = bisect_left(self._times, frame.time - TICK), bisect_right(self._times, frame.time + BEFORE)
        due = [s for s in self._sightings[first:last] if not self._cut_between(frame.time, s.time)]
        for sighting in sorted(due, key=lambda s: abs(s.time - frame.time)):
            idle = [f for f in self._followers if f.window is None]
            if not idle:
                return
            taken = [f.expected(frame.time) for f in self._followers if f.window is not None]
            if not any(_near(box, sighting.box, abs(sighting.time - frame.time)) for box in taken):
                idle[0].seek(sighting.box, sighting.time + _AFTER, size)

    def _cut_between(self, a: float, b: float) -> bool:
        return bool(((self._cuts > a + TICK) & (self._cuts <= b + TICK)).any())

    def _look(self, follower: _Follower, frame: Frame, painted: Sequence[Box]) -> Row | None:
        """Who is found in the follower's window, where the others are painted over."""
        assert follower.window is not None
        x, y, width, height = window = follower.window
        corner = np.array([x, y, x, y], float)
        spared = None if follower.row is None or follower.missed else box_of(follower.row, 0.04) - corner
        picture = painted_over(frame.image[y : y + height, x : x + width], [box - corner for box in painted], spared)
        if follower.fresh:  # it lets go of whom it followed where there is nothing to see, and of its filters
            self._detect(follower, np.zeros_like(picture), frame.time - 0.001)
            follower.fresh = False
        rows = read_rows(self._detect(follower, picture, frame.time), window)
        return rows[0] if rows else None

    def _detect(self, follower: _Follower, picture: Image, time: float) -> Any:
        follower.clock = max(follower.clock + 1, round(time * 1000.0))
        image = self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, np.ascontiguousarray(picture))
        return follower.landmarker.detect_for_video(image, follower.clock)

    def _accepted(self, follower: _Follower, row: Row, frame: Frame, people: dict[int, Row]) -> bool:
        """Whether it is she, and nobody who is followed already. Sets the follower to go on from there, or to seek her."""
        height, width = frame.image.shape[:2]
        size, box = (width, height), box_of(row, 0.0)
        good = likely(row, width, height) and not any(same_person(row, other) for other in people.values())
        if good and follower.row is not None:
            elapsed = max(frame.time - follower.time, 1e-3)
            before, now = size_of(follower.box), size_of(box)
            far = float(np.linalg.norm(middle_of(box) - middle_of(follower.box)))
            good = far <= min(before, now) * (_STEP + _SPEED * elapsed) and max(before, now) <= _GROWTH * (1 + elapsed) * min(before, now)
        if not good:
            self._missed(follower, frame.time, size)
            return False
        if follower.row is not None:
            step = (middle_of(box) - middle_of(follower.box)) / max(frame.time - follower.time, 1e-3)
            follower.speed = 0.7 * follower.speed + 0.3 * step
        else:
            follower.speed = np.zeros(2)
        follower.row, follower.box, follower.time, follower.missed = row, box, frame.time, 0
        assert follower.window is not None
        follower.window = moved(follower.window, box, size)
        if not fits(follower.window, box, size):
            follower.window, follower.fresh = window_around(box, size), True
        return True

    def _missed(self, follower: _Follower, time: float, size: tuple[int, int]) -> None:
        follower.missed += 1
        if follower.row is None:
            if time > follower.until:
                follower.stop()
        elif time - follower.time > _LOST:
            follower.stop()
        elif follower.missed % _PATIENCE == 0:
            follower.window, follower.fresh = window_around(follower.expected(time), size), True


@contextmanager
def _following(detections: Detections, sure: Sequence[Sighting], count: int) -> Iterator[_Following]:
    with Detector(detections.detector).followers(count) as (mediapipe, landmarkers), ThreadPoolExecutor(count, "people") as pool:
        yield _Following(detections, sure, mediapipe, landmarkers, pool)


def window_around(box: Box, size: tuple[int, int]) -> Part:
    """The window in which the person of that box is followed, in a picture of `size` (width, height)."""
    side = _WINDOW * size_of(box)
    if side >= _WHOLE * max(size):
        return 0, 0, *size
    x, y = (_placed(middle, side, length) for middle, length in zip(middle_of(box).tolist(), size, strict=True))
    return x, y, min(round(side), size[0]), min(round(side), size[1])


def moved(window: Part, box: Box, size: tuple[int, int]) -> Part:
    """The window a step nearer to the person of that box, within the picture of `size`."""
    x, y, width, height = window
    off = middle_of(box) - [x + width / 2, y + height / 2]
    most = _FASTEST * size_of(box)
    x, y = (
        int(np.clip(round(at + float(np.clip(_PULL * way, -most, most))), 0, length - side))
        for at, way, length, side in zip((x, y), off.tolist(), size, (width, height), strict=True)
    )
    return x, y, width, height


def fits(window: Part, box: Box, size: tuple[int, int]) -> bool:
    """Whether the person of that box can be followed further in the window of a picture of `size`."""
    x, y, width, height = window
    if (width, height) == size:
        return True
    within = share_within(box, np.array([x, y, x + width, y + height], float)) >= 0.9 * share_within(box, np.array([0.0, 0.0, *size]))
    return within and _SMALLER * size_of(box) <= max(width, height) <= _LARGER * size_of(box)


def _placed(middle: float, side: float, length: int) -> int:
    """Where a window of that side begins on an axis of the picture."""
    return int(np.clip(round(middle - side / 2), 0, max(length - round(side), 0)))


def same_person(a: Row, b: Row) -> bool:
    """Whether two rows of one frame are of the same person."""
    tall = min(size_of(box_of(a, 0.0)), size_of(box_of(b, 0.0)))
    return bool(np.median(np.linalg.norm(a[:, :2] - b[:, :2], axis=-1)) <= SAME * tall)


def _near(a: Box, b: Box, elapsed: float) -> bool:
    """Whether it can be one person who is in two boxes so many seconds apart."""
    far = float(np.linalg.norm(middle_of(a) - middle_of(b)))
    return far <= min(size_of(a), size_of(b)) * (0.4 + 1.2 * elapsed) or share_within(a, b) > 0.5
