"""Whether somebody else is in the picture beside the person who is followed.

MediaPipe, asked for several people at once, finds the second one in few pictures. With the followed person painted over it finds who is
left, one after the other; and in parts of the picture those who are small in the whole, be it that nobody is followed because the only
person is small. A look is at one part of one picture, and rare: it must not cost a video of one person a twentieth of its time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from contract.options import MOST_PEOPLE
from engine.detection.detector import Detector, read_rows
from engine.detection.rows import Row
from engine.detection.sightings import Box, Sighting, box_of, share_within, size_of
from engine.footage.video import Frame
from engine.long_takes import give_back

Image = npt.NDArray[np.uint8]
Part = tuple[int, int, int, int]  # left, top, width, height, pixels

# By the detector's model: frames from a look to the next. A look takes 15 ms, a frame 48 (heavy) and 19 (full); to begin takes 150 ms.
EVERY: Final = {"heavy": 15, "full": 36}
_FIRST: Final = 5  # ... until every part of the picture was looked at once, and for a while where somebody was found
_CROWDED: Final = 12  # looks so soon: where there is one there may be more, and it is somebody alone who must not cost
_AGAIN: Final = 2  # frames after which a part in which somebody was found is looked at again
PART: Final = 0.6  # of the picture's longer side: the sides of its parts
# The network that finds people sees a part in 224 pixels and finds who is a fifth as tall or more: in a whole picture of 1920x1080 those of
# 420 pixels, in the smallest parts, two steps further, those of 55.
LEVELS: Final = 4
_AT_ONCE: Final = 2  # parts that are looked at in a frame while nobody is followed, which costs less than to follow somebody
_SMALLEST: Final = 200.0  # pixels of a part's side
_STRETCH: Final = 1.4  # of its shorter side, which they do not exceed: people in a panorama are small beside its length
_OVERLAP: Final = 0.2  # of a part's side, at least
_SIDE: Final = 320  # pixels of the copy's longer side: the network sees 224
# Of what is found, how much may lie where the followed person was painted over: more is her hair, her foot or her shadow.
_HERS: Final = 0.5
_ALONE: Final = 0.5  # seconds for which nobody was followed who was before: for moments the detector loses people, and finds them again
_SEEN: Final = 0.5  # mean visibility of shoulders and hips
_TRUNK: Final = [11, 12, 23, 24]
_LEAST_PIXELS: Final = 24  # of a box's longer side
# Of a box, how much must lie within the picture: what the network makes of walls has limbs far outside of it.
_INSIDE: Final = 0.6


class OthersWatch:
    """Looks at frames in the order of time; `model`: the one that follows the person. `beside`: not only where nobody is followed. Close it
    at the end."""

    def __init__(self, model: str, beside: bool = True) -> None:
        self._every, self._beside = EVERY[model], beside
        self._followed = -math.inf  # seconds of the last frame with somebody who is followed
        self._finder: Finder | None = None
        self._part = 0  # the next one
        self._next = 0  # frames until then
        self._part_alone = 0
        self._again: list[tuple[int, Part]] = []  # frames left
        self._found = False  # somebody, at the last look
        self._crowded = 0  # looks that follow each other soon
        self._stack = contextlib.ExitStack()

    def see(self, frame: Frame, row: Row | None) -> list[Sighting]:
        """Who is there beside the person in `row` (33,6); and where nobody is followed for a while, who is there at all."""
        if frame.skipped or (row is not None and not len(row)):
            return []
        if row is not None:
            self._followed = frame.time
        if (not self._beside) if row is not None else frame.time - self._followed < _ALONE:
            return []
        height, width = frame.image.shape[:2]
        self._again = [(left - 1, part) for left, part in self._again]
        again = [part for left, part in self._again if left <= 0]
        self._again = [(left, part) for left, part in self._again if left > 0]
        following = self._next_alone(width, height) if row is None else self._next_beside(width, height)
        found: list[Sighting] = []
        for part in [*again, *(part for part in following if part not in again)]:
            here = self._look(frame, row, part, found)
            if here and not found and not self._found:
                self._again.append((_AGAIN, part))
            self._found = bool(here)
            if here and part in again:
                self._crowded = _CROWDED
            found += here
        return found

    def _next_beside(self, width: int, height: int) -> list[Part]:
        """Where to look next beside her: nowhere in most frames, for it costs time."""
        parts = parts_of(width, height)
        self._next -= 1
        if self._next >= 0:
            return []
        part = parts[self._part % len(parts)]
        self._next = (_FIRST if self._part < len(parts) or self._crowded else self._every) - 1
        self._part, self._crowded = self._part + 1, max(self._crowded - 1, 0)
        return [part]

    def _next_alone(self, width: int, height: int) -> list[Part]:
        """Where to look next while nobody is followed."""
        parts = parts_of(width, height, LEVELS)
        first, self._part_alone = self._part_alone, (self._part_alone + _AT_ONCE) % len(parts)
        return [parts[(first + k) % len(parts)] for k in range(min(_AT_ONCE, len(parts)))]

    def _look(self, frame: Frame, row: Row | None, part: Part, known: list[Sighting]) -> list[Sighting]:
        """Who is there beside her and those who are `known`. Whoever is found is painted over in turn, and it is looked again: the network
        names one or two, whoever else is there. Somebody alone costs one look."""
        first = self._finder is None
        if self._finder is None:
            self._finder = self._stack.enter_context(finder())
        height, width = frame.image.shape[:2]
        told, painted = list[Sighting](), [*([] if row is None else [box_of(row)]), *(one.box for one in known)]
        while len(told) < MOST_PEOPLE:
            before = len(told)
            for one in self._finder.people(frame.image, part, list(painted)):
                box = box_of(one, 0.0)
                if likely(one, width, height) and all(share_within(box, other) <= _HERS for other in painted):
                    told.append(Sighting(frame.index, frame.time, box))
                    painted.append(box_of(one))
            if first:
                give_back()  # what it needed to load, 50 MB
                first = False
            if len(told) == before:
                break
        return told

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> OthersWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Finder:
    """The networks, asked for all people in a part of a single picture."""

    def __init__(self, mediapipe: Any, landmarker: Any) -> None:
        self._mediapipe, self._landmarker = mediapipe, landmarker

    def people(self, image: Image, part: Part, painted: Sequence[Box]) -> list[Row]:
        """(33,6) of each, in the picture's pixels, where the boxes are `painted` over."""
        x, y, width, height = part
        scale = min(1.0, _SIDE / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
        across, down = width / size[0], height / size[1]
        small = painted_over(np.asarray(small, np.uint8), [(box - [x, y, x, y]) / [across, down, across, down] for box in painted])
        result = self._landmarker.detect(self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, small))
        return read_rows(result, part)


@contextlib.contextmanager
def finder() -> Iterator[Finder]:
    """The networks, loaded; the quick ones, for who is there matters and not where her fingers are."""
    with Detector("full").single_pictures(2) as (mediapipe, landmarker):
        yield Finder(mediapipe, landmarker)


def parts_of(width: int, height: int, levels: int = 1) -> list[Part]:
    """The whole picture, and overlapping parts of it that cover it: four at most, but more of a picture that is much longer than wide. With
    more `levels` parts of parts too, each time as much smaller, as long as there are pixels to see somebody in."""
    parts = [(0, 0, width, height)]
    longer = float(max(width, height))
    for level in range(levels):
        longer *= PART
        if level and longer < _SMALLEST:
            break
        side = round(min(longer, _STRETCH * min(width, height)))
        across, down = (_begins(side, length) for length in (width, height))
        parts += [(x, y, min(side, width), min(side, height)) for y in down for x in across]
    return list(dict.fromkeys(parts))  # of a long picture the first levels are alike: the shorter side decides


def _begins(side: int, length: int) -> list[int]:
    """Where parts of that side begin on an axis of the picture."""
    if side >= length:
        return [0]
    count = math.ceil((length - _OVERLAP * side) / ((1 - _OVERLAP) * side))
    return [round(k * (length - side) / (count - 1)) for k in range(count)]


def likely(row: npt.NDArray[np.floating], width: int, height: int) -> bool:
    """Whether landmarks (33,6) can be a person's in a picture of that size, and not what the network makes of a wall."""
    box = box_of(row, 0.0)
    inside = share_within(box, np.array([0.0, 0.0, width, height]))
    return size_of(box) >= _LEAST_PIXELS and inside >= _INSIDE and float(row[_TRUNK, 2].mean()) >= _SEEN


def painted_over(image: Image, boxes: Sequence[Box], spared: Box | None = None) -> Image:
    """A copy in which the boxes have the colour of what is around them, but for what lies in the box that is `spared`."""
    out, (height, width) = np.array(image), image.shape[:2]
    for box in boxes:
        x0, y0, x1, y1 = np.clip(np.nan_to_num(box), 0, [width, height, width, height]).astype(int).tolist()
        if x0 < x1 and y0 < y1:
            around = [image[y0:y1, max(x0 - 3, 0) : x0], image[y0:y1, x1 : x1 + 3], image[max(y0 - 3, 0) : y0, x0:x1]]
            ring = np.concatenate([strip.reshape(-1, 3) for strip in around])
            out[y0:y1, x0:x1] = np.median(ring, axis=0) if len(ring) else 128
    if spared is not None:
        x0, y0, x1, y1 = np.clip(np.nan_to_num(spared), 0, [width, height, width, height]).astype(int).tolist()
        out[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    return out
