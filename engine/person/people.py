"""The people of a shot, who of them is the main one, and whose motion was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.options import ALL, MAIN_PERSON, Place, read_person
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARK_MIRROR
from engine.detection.sightings import box_of, middle_of, size_of
from engine.footage.rate import TICK
from engine.person.linking import ENDS, TRUNK, Linking, Piece, Slot
from engine.person.shots import SHORTEST
from engine.progress import Progress

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_STILL: Final = 0.07  # statures that no limb of a picture or a statue leaves its place by, as the detector trembles
_STILL_FOR: Final = 1.5  # seconds
_ALIKE: Final = 0.9  # correlation of the limbs' ups and downs, sides exchanged, from which one may be the other's reflection
_ALIKE_FOR: Final = 2.0  # seconds
_MOST_ROWS: Final = 2000  # of a person that are looked at to tell how large she is
_OFTEN: Final = 4  # crossings from which on they are told: who is who behind one is right nearly always, behind many not always
_LISTED: Final = 6  # people that a sentence lists
_MOMENT: Final = 0.5  # seconds by which a person may be seen sooner or later than at the time of a click


@dataclass(frozen=True)
class Person:
    """`number`: from 1, the main one first. `detections`: of the whole shot, in which nobody but she is detected. `size`: pixels of her
    stature, `middle`: (2,) pixels of her trunk's, both the median. `moves`: False of what may be a picture or a statue. `mirrors`: the
    number of a person of whom she may be the reflection, 0: nobody's. `crossings`: how often she was so near to others that she may
    have been taken for one of them."""

    number: int
    detections: Detections
    size: float
    middle: Array
    moves: bool = True
    mirrors: int = 0
    crossings: int = 0

    @property
    def told(self) -> dict[str, Any]:
        """For the summary; plain values."""
        seen = self.detections
        rows = np.flatnonzero(seen.detected)
        box = box_of(seen.image[rows[0]], 0.0)
        where = [round(float(value), 1) for value in (*box[:2], *(box[2:] - box[:2]))]
        mirrors = {"mirrors": self.mirrors} if self.mirrors else {}
        return {
            "number": self.number, "start": round(float(seen.times[rows[0]]), 3), "end": round(float(seen.times[rows[-1]]), 3),
            "frames": len(rows), "box": where, "box_time": round(float(seen.times[rows[0]]), 3), "moves": self.moves,
        } | mirrors  # fmt: skip


def choose_people(people: list[Person], wanted: str, info_name: str, size: tuple[int, int], progress: Progress) -> list[Person]:
    """Those that --person asks for; tells of the others. `size` (width, height) of the picture.

    Raises Failure `bad_arguments` for a person who is not there.
    """
    who = read_person(wanted)
    if isinstance(who, Place):
        chosen = [_at_place(people, who, info_name, size)]
    elif isinstance(who, int):
        if who > len(people):
            there = f"{len(people)} people: {_listed(people, size)}" if len(people) > 1 else "one person only"
            raise Failure("bad_arguments", f"There is no person {who}: {info_name} shows {there}; choose another with --person.")
        chosen = [people[who - 1]]
    elif who == ALL:
        chosen = people
    else:
        by: dict[str, Any] = {
            MAIN_PERSON: lambda one: -one.number, "largest": lambda one: one.size, "left": lambda one: -one.middle[0],
            "right": lambda one: one.middle[0],
        }  # fmt: skip
        chosen = [max(people, key=by[who])]
    _tell(people, chosen, who, size, progress)
    return chosen


def _tell(people: list[Person], chosen: list[Person], who: int | str | Place, size: tuple[int, int], progress: Progress) -> None:
    if who == MAIN_PERSON and len(people) > 1:
        progress.warning(
            "people",
            f"{len(people)} people are seen ({_listed(people, size)}); this is person 1: --person N chooses another, --person all makes a "
            "take of each.",
        )
    for one in chosen if len(people) > 1 else []:
        if not one.moves:
            progress.warning("person_still", f"Person {one.number} does not move: perhaps a picture or a statue.")
        if one.crossings >= _OFTEN:
            progress.warning(
                "people_cross",
                f"Person {one.number} meets others {one.crossings} times: behind each it may be somebody else who is followed; look there.",
            )
        if one.mirrors:
            progress.warning("person_mirrored", f"Person {one.number} moves just as person {one.mirrors} does: perhaps a reflection.")


def _at_place(people: list[Person], place: Place, info_name: str, size: tuple[int, int]) -> Person:
    """Who is there; of several the one whose middle is nearest, in sizes of herself."""
    at = np.array([place.x * size[0], place.y * size[1]])
    time = float(people[0].detections.times[0]) if place.time is None else place.time
    near: list[tuple[float, Person]] = []
    for one in people:
        rows = np.flatnonzero(one.detections.detected)
        row = rows[np.abs(one.detections.times[rows] - time).argmin()]
        box = box_of(one.detections.image[row])
        if abs(float(one.detections.times[row]) - time) <= _MOMENT and ((box[:2] <= at) & (at <= box[2:])).all():
            near.append((float(np.linalg.norm(middle_of(box) - at)) / size_of(box), one))
    if not near:
        raise Failure(
            "bad_arguments",
            f"Nobody is at {place.x:g},{place.y:g} of the picture at {time:.2f} s of {info_name}; it shows {_listed(people, size)}.",
        )
    return min(near, key=lambda pair: pair[0])[1]


def _listed(people: list[Person], size: tuple[int, int]) -> str:
    """1: 0.0-2.8 s, on the left; 2: ..."""
    words = []
    for one in people[:_LISTED]:
        rows = np.flatnonzero(one.detections.detected)
        side = ("on the left", "in the middle", "on the right")[min(int(3 * max(float(one.middle[0]), 0.0) / size[0]), 2)]
        begin, end = (float(one.detections.times[rows[k]]) for k in (0, -1))
        words.append(f"{one.number}: {begin:.1f}-{end:.1f} s, {side}")
    return "; ".join(words) + ("; ..." if len(people) > _LISTED else "")


def find_people(detections: Detections, size: tuple[int, int], span: tuple[float, float] | None = None) -> list[Person]:
    """The people of a shot in a picture of `size` (width, height), the main one first: who is seen for longest in the times `span` that
    were asked for (None: all), is large, in the middle, and moves. Where nobody but one was followed, the detections are hers as they
    are."""
    if detections.others is None:
        return [_person(detections)] if detections.detected.any() else []
    asked = np.ones(len(detections), bool)
    if span is not None:
        asked = (detections.times >= span[0] - TICK) & (detections.times <= span[1] + TICK)
    linking, step = Linking(detections), _usual_step(detections)
    linked = sorted(linking.linked(), key=lambda pieces: -_frames(pieces, asked))
    long = [pieces for pieces in linked if _frames(pieces, asked) * step >= SHORTEST] or linked[:1]
    if not long:  # nobody for long enough: as if nobody else had been followed
        return find_people(replace(detections, others=None), size, span)
    people = [replace(_person(linking.detections_of(pieces)), crossings=_crossings(pieces, detections.times)) for pieces in long]
    ranked = sorted(people, key=lambda one: -_weight(one, size, asked))
    numbered = [replace(one, number=number) for number, one in enumerate(ranked, 1)]
    return [replace(one, mirrors=_reflected(one, numbered)) for one in numbered]


def _crossings(pieces: list[Piece], times: Array) -> int:
    """Of the person of the pieces, moments that follow each other counted once."""
    begins = np.sort([float(times[piece.rows[0]]) for piece in pieces if piece.met])
    return int((np.diff(begins, prepend=-np.inf) > _MOMENT).sum())


def _frames(pieces: list[Piece], asked: Flags) -> int:
    """Of those `asked` for in which the person of the pieces is seen."""
    return sum(int(asked[piece.rows].sum()) for piece in pieces)


def _usual_step(detections: Detections) -> float:
    """Seconds from a frame that was looked at to the next."""
    looked = detections.times if detections.skipped is None else detections.times[~detections.skipped]
    return float(np.median(np.diff(looked))) if len(looked) > 1 else SHORTEST


def _person(detections: Detections) -> Person:
    rows = np.flatnonzero(detections.detected)
    long = float(detections.times[rows[-1]] - detections.times[rows[0]]) >= _STILL_FOR
    rows = rows[:: max(1, len(rows) // _MOST_ROWS)]
    image, world = detections.image[rows], detections.world[rows]
    slot = Slot(detections.times[rows], np.ones(len(rows), bool), image, world)
    moves = not long or _moves(image, detections.visibility[rows], slot)
    return Person(1, detections, float(np.median(slot.scale)), np.median(slot.middle, axis=0), moves)


def _moves(image: npt.NDArray[np.float32], visibility: npt.NDArray[np.float32], slot: Slot) -> bool:
    """Whether any limb leaves its place beside the trunk."""
    off = (image[:, ENDS] - slot.middle[:, None]) / np.median(slot.scale)
    sure = np.median(visibility[:, ENDS], axis=0) > 0.5
    ranges = np.hypot(*np.moveaxis(np.percentile(off, 95, axis=0) - np.percentile(off, 5, axis=0), -1, 0))
    return bool((ranges[sure] if sure.any() else ranges).max() > _STILL)


def _weight(person: Person, size: tuple[int, int], asked: Flags) -> float:
    """How much speaks for the person being the one whom the video is about."""
    seen = float((person.detections.detected & asked).sum())
    aside = abs(person.middle[0] / size[0] - 0.5)
    large = min(person.size / max(size), 1.0)
    return float(seen * np.sqrt(large) * (1.0 - 0.5 * min(aside, 1.0)) * (1.0 if person.moves else 0.2))


def _reflected(person: Person, people: list[Person]) -> int:
    """The number of the person of whom this one, who is smaller, seems the reflection; 0 where she is nobody's."""
    for other in people:
        if other.number < person.number and other.moves and person.moves and other.size > person.size and _alike(person, other):
            return other.number
    return 0


def _alike(a: Person, b: Person) -> bool:
    both = a.detections.detected & b.detections.detected
    times = a.detections.times[both]
    if len(times) < 20 or times[-1] - times[0] < _ALIKE_FOR:
        return False
    mirrored = [LANDMARK_MIRROR[mark] for mark in ENDS]
    heights = []
    for person, marks in ((a, ENDS), (b, mirrored)):
        y = person.detections.image[both, :, 1].astype(float)
        heights.append((y[:, marks] - y[:, TRUNK].mean(1, keepdims=True)) / person.size)
    p, q = (h - h.mean(0) for h in heights)
    moved = np.minimum(p.std(0), q.std(0)) > _STILL / 2
    if not moved.any():
        return False
    same = (p * q).sum(0) / np.maximum(np.sqrt((p**2).sum(0) * (q**2).sum(0)), 1e-9)
    return bool(np.median(same[moved]) >= _ALIKE and moved.sum() >= 3)
