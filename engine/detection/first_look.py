"""Who is in the first picture, before a capture: found one after the other, numbered by size, and drawn for whoever chooses.

    python -m engine people VIDEO [--start T] [--end T] [--people N] [--picture OUT.png]

One event a line, as the worker's capture; the last is {"event": "result", "people": [{"number", "box": [x, y, width, height], "box_time"}],
"width", "height", "time"}, in pixels of the upright picture and seconds of the video.
The numbers are of this look: a choice is handed on as a place, --person X,Y@SECONDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.options import parse_moment
from contract.outputs import check_outputs, written_beside
from engine.detection.others import LEVELS, Finder, finder, likely, parts_of
from engine.detection.sightings import Box, box_of, grown, share_within, size_of
from engine.footage.video import Frame, open_video

PATIENCE: Final = 2.0  # seconds after the first picture in which somebody may appear
STEP: Final = 0.25  # seconds from one of these pictures to the next
SIDE: Final = 512  # pixels of the drawn picture's longer side
SAME: Final = 0.5  # of a box within another's, from which both are of one person
_COLOURS: Final = ((60, 200, 250), (250, 170, 60), (120, 230, 120), (240, 120, 220), (250, 240, 90), (130, 150, 255))

Image = npt.NDArray[np.uint8]


def look(frames: Iterable[Frame], most: int, find: Finder) -> tuple[Frame, list[Box]]:
    """The first frame in which somebody is seen, and the boxes (4,), left, top, right, bottom, of who is there, the largest first.

    Where nobody is seen in any, the first frame and no box.
    """
    first: Frame | None = None
    for frame in frames:
        first = first or frame
        if boxes := people_in(frame.image, most, find):
            return frame, boxes
    assert first is not None  # a range without a frame is a failure of the video's
    return first, []


def people_in(image: Image, most: int, find: Finder) -> list[Box]:
    """The boxes of at most so many people, the largest first; those who are found are painted over, until nobody is left."""
    height, width = image.shape[:2]
    found, painted = list[Box](), list[Box]()  # hair, hands and clothes are painted over too: a head alone is nobody else
    parts = parts_of(width, height)
    smaller = parts_of(width, height, LEVELS)[len(parts) :]  # for who is there alone: an audience would be found in them too
    for part in [*parts, *smaller]:
        if found and part in smaller:
            break
        while len(found) < most:
            rows = find.people(image, part, painted)
            boxes = [box_of(row, 0.0) for row in rows if likely(row, width, height)]
            new = [box for box in boxes if all(share_within(box, other) <= SAME and share_within(other, box) <= SAME for other in found)]
            if not new:
                break
            found.append(max(new, key=size_of))
            painted.append(grown(found[-1]))
    return sorted(found, key=size_of, reverse=True)


def drawn(image: Image, boxes: list[Box]) -> Image:
    """The picture, small, with a frame and a number for each box."""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    out = np.ascontiguousarray(small, np.uint8)
    for number, box in enumerate(boxes, 1):
        colour = _COLOURS[(number - 1) % len(_COLOURS)]
        left, top, right, bottom = (round(float(side) * scale) for side in box)
        cv2.rectangle(out, (left, top), (right, bottom), colour, 2)
        at = (max(left + 4, 4), max(top + 54, 54))  # large: it is shown a third as wide in a sidebar
        for thickness, ink in ((16, (20, 20, 20)), (6, colour)):
            cv2.putText(out, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 2.2, ink, thickness, cv2.LINE_AA)
    return out


def told(frame: Frame, boxes: list[Box]) -> dict[str, Any]:
    """The fields of the result event."""
    height, width = frame.image.shape[:2]
    people = [
        {"number": number, "box": [round(float(value), 1) for value in (*box[:2], *(box[2:] - box[:2]))], "box_time": round(frame.time, 3)}
        for number, box in enumerate(boxes, 1)
    ]
    return {"people": people, "width": width, "height": height, "time": round(frame.time, 3)}


def people(video: Path, start: str, end: str, most: int, picture: Path | None, overwrite: bool = False) -> dict[str, Any]:
    """Looks at the video from `start` on. Raises Failure as `open_video` does, `no_person` where nobody is seen, or for a picture that
    cannot be written."""
    if picture is not None:
        (picture,) = check_outputs([picture], [video], (".png",), overwrite)
    opened = open_video(video)
    begin, finish = parse_moment(start, "--start"), parse_moment(end, "--end")
    step = max(1, round(STEP * opened.info.fps))
    frames = opened.frames(begin, finish)
    try:
        with finder() as find:
            frame, boxes = look(islice(frames, 0, round(PATIENCE * opened.info.fps) + 1, step), most, find)
    finally:
        _close(frames)
    if not boxes:
        raise Failure("no_person", f"Nobody is in the first picture of {video.name}; choose a later start, or capture without choosing.")
    if picture is not None:
        write_picture(drawn(frame.image, boxes), picture)
    return told(frame, boxes)


def write_picture(image: Image, path: Path) -> None:
    """As a PNG, whole or not at all."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    with written_beside(path) as beside:
        beside.write_bytes(data.tobytes())


def _close(frames: Iterator[Frame]) -> None:
    if hasattr(frames, "close"):
        frames.close()
