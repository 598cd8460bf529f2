"""Who is whom: each person of a shot through crossings and short absences.

The detections follow somebody, and followers beside them follow others, each until it loses her or somebody else gets in the way. Where two
come near to each other what was followed is cut, and the pieces are linked by where they lead to, how large the person is and what colours
she wears: at a crossing all ways to link them are compared at once.
"""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.detection.clothes import unlike
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARKS
from engine.detection.rows import COLUMNS
from engine.detection.sightings import CLOTHES
from engine.footage.rate import LONGEST_GAP, TICK

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_STATURE: Final = 1.7  # metres: pixels of a metre into pixels of a person
_MEET: Final = 0.3  # statures between two people's middles, within which one may be taken for the other
_AWAY: Final = 1.5  # seconds for which somebody who is not seen is where she would be between before and after
_SPEED, _STEP, _GROWTH = 6.0, 0.5, 0.4  # statures a second and at once, and growth (logarithm), beyond which it is somebody else
# What speaks against a piece being a person's: errors of place (statures, at once and a second), of size (logarithm, likewise), of clothes
# (`unlike`), each squared; as much as MOST of one of them.
_PLACE, _SIZE, _CLOTHES, _MOST = (0.25, 0.9), (0.15, 0.15), 0.25, 16.0
_UNKNOWN_CLOTHES: Final = 1.0
_OTHER_SLOT: Final = 1.0  # ... and that another follower followed her
_NEWCOMER: Final = 9.0  # ... and against a piece being nobody's who was there
_LEADS: Final = 0.6  # seconds for which she goes on as she went
_SHORTEST: Final = 0.2  # seconds: what is shorter on its own is a false alarm, and apart for less is not apart
_FORGOTTEN: Final = 60.0  # seconds after which who comes back is somebody else
_MOST_AT_ONCE: Final = 4  # pieces that are linked at once, and people that each may be
_TOGETHER: Final = 0.8  # seconds between the beginnings of pieces that are linked at once
TRUNK: Final = [LANDMARKS.index(f"{joint}.{side}") for joint in ("shoulder", "hip") for side in "LR"]
ENDS: Final = [LANDMARKS.index(f"{joint}.{side}") for joint in ("elbow", "wrist", "knee", "ankle") for side in "LR"]


@dataclass
class Piece:
    """What a follower `slot` saw at the places `rows` (N,) of the frames. `met`: somebody was so near that it may be either. `worn`: the
    sum of the colours of clothes that were seen `looks` times in it. `person`: the number of whom it is, from 0."""

    slot: int
    rows: Ints
    met: bool
    worn: Array
    looks: int
    person: int = -1


class _Known:
    """A person, as far as her pieces are linked: of these the last clear one, and the colours of all."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.worn: Array = np.zeros(CLOTHES)
        self.looks = 0

    def add(self, piece: Piece, number: int) -> None:
        self.pieces.append(piece)
        self.worn, self.looks = self.worn + piece.worn, self.looks + piece.looks
        piece.person = number

    @property
    def last(self) -> Piece:
        return self.pieces[-1]


class Slot:
    """What one follower saw: whether it is `there` (T,), `middle` (T,2) pixels and `scale` (T,) pixels a stature; and `between` (T,2):
    where she would be where she is not seen for a moment, NaN elsewhere."""

    def __init__(self, times: Array, there: Flags, image: npt.NDArray[np.float32], world: npt.NDArray[np.float32]) -> None:
        """`image`, `world`: of the rows that are there alone."""
        self.there, self.rows = there, np.flatnonzero(there)
        self.middle, self.scale = np.full((len(times), 2), np.nan), np.full(len(times), np.nan)
        limbs = TRUNK + ENDS
        pixels, metres = image[:, limbs].astype(float), world[:, limbs, :2].astype(float)
        sizes = [np.sqrt(((points - points.mean(1, keepdims=True)) ** 2).sum((1, 2))) for points in (pixels, metres)]
        self.middle[self.rows] = image[:, TRUNK].astype(float).mean(1)
        self.scale[self.rows] = _STATURE * np.maximum(sizes[0], 1e-6) / np.maximum(sizes[1], 1e-6)
        self.between = self.middle.copy()
        self._fill(times)

    def _fill(self, times: Array) -> None:
        for a, b in pairwise(self.rows.tolist()):
            if b > a + 1 and times[b] - times[a] <= _AWAY:
                share = ((times[a + 1 : b] - times[a]) / (times[b] - times[a]))[:, None]
                self.between[a + 1 : b] = (1 - share) * self.middle[a] + share * self.middle[b]

    def one(self, times: Array, a: int, b: int) -> bool:
        """Whether it can be the same person in its rows of the frames `a` and `b`."""
        elapsed = float(times[b] - times[a])
        far = float(np.hypot(*(self.middle[b] - self.middle[a])))
        least = float(min(self.scale[a], self.scale[b]))
        return far <= least * (_STEP + _SPEED * elapsed) and abs(float(np.log(self.scale[b] / self.scale[a]))) <= _GROWTH + elapsed


class Linking:
    """Links what was followed in one shot."""

    def __init__(self, detections: Detections) -> None:
        self._seen, self._others = detections, detections.others
        self._times = detections.times
        self._step = float(np.median(np.diff(self._times))) if len(self._times) > 1 else _SHORTEST
        self._worn: dict[int, tuple[Ints, Array]] = {}
        if self._others is not None:
            for slot in np.unique(self._others.wearer).tolist():
                order = np.flatnonzero(self._others.wearer == slot)
                order = order[np.argsort(self._others.dressed[order], kind="stable")]
                self._worn[slot] = self._others.dressed[order], self._others.colours[order].astype(float)
        self._slots = {0: Slot(self._times, detections.detected, *self._columns(0))}
        if self._others is not None:
            for slot in np.unique(self._others.slot).tolist():
                there = np.zeros(len(detections), bool)
                there[self._others.frame[self._others.slot == slot]] = True
                self._slots[slot] = Slot(self._times, there, *self._columns(slot))

    def _columns(self, slot: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Image and world landmarks of the rows that the follower has."""
        if slot == 0 or self._others is None:
            return self._seen.image[self._seen.detected], self._seen.world[self._seen.detected]
        rows = self._others.rows[self._others.slot == slot]
        return rows[..., :2], rows[..., 3:]

    def linked(self) -> list[list[Piece]]:
        """The pieces of each person, in the order in which they come. What is too short to be anybody is nobody's."""
        pieces = self._pieces()
        clear = deque(sorted((piece for piece in pieces if not piece.met), key=lambda piece: (int(piece.rows[0]), piece.slot)))
        people: list[_Known] = []
        while clear:
            group = [clear.popleft()]
            while clear and len(group) < _MOST_AT_ONCE and self._at_once(group, clear[0]):
                group.append(clear.popleft())
            self._link(group, people)
        found = [person.pieces for person in people]
        self._between(pieces, found)
        return [sorted(person, key=lambda piece: int(piece.rows[0])) for person in found]

    def _pieces(self) -> list[Piece]:
        met = {slot: self._met(slot) for slot in self._slots}
        pieces = []
        for number, slot in self._slots.items():
            rows = slot.rows
            apart = [
                self._times[b] - self._times[a] > LONGEST_GAP + TICK or met[number][a] != met[number][b] or not slot.one(self._times, a, b)
                for a, b in pairwise(rows.tolist())
            ]
            for part in np.split(rows, np.flatnonzero(apart) + 1):
                beside = bool(len(part)) and bool(met[number][part[0]])
                if len(part) and (beside or self._times[part[-1]] - self._times[part[0]] + self._step >= _SHORTEST):
                    pieces.append(self._piece(number, part, beside))
        return pieces

    def _piece(self, slot: int, rows: Ints, met: bool) -> Piece:
        dressed, colours = self._worn.get(slot, (np.zeros(0, np.int64), np.zeros((0, CLOTHES))))
        seen = slice(*np.searchsorted(dressed, (rows[0], rows[-1] + 1)).tolist())
        return Piece(slot, rows, met, colours[seen].sum(0), seen.stop - seen.start)

    def _met(self, number: int) -> Flags:
        """(T,) whether another is so near that this follower may have gone over to her."""
        slot, met = self._slots[number], np.zeros(len(self._times), bool)
        for other, theirs in self._slots.items():
            if other != number:
                size = np.fmax(slot.scale, np.where(np.isnan(theirs.scale), 0.0, theirs.scale))
                off = np.abs(slot.middle - theirs.between)
                # people are taller than wide: one above the other on the picture is not in the way until near
                with np.errstate(invalid="ignore"):
                    met |= np.hypot(off[:, 0], off[:, 1] / 2) <= _MEET * size
        # apart for a moment between two meetings is met
        edges = np.flatnonzero(np.diff(met.astype(np.int8)))
        for a, b in pairwise(edges.tolist()):
            if not met[b] and self._times[b] - self._times[a] < _SHORTEST:
                met[a : b + 1] = True
        return met

    def _at_once(self, group: list[Piece], piece: Piece) -> bool:
        """Whether the piece begins so soon behind the first of the group, while they go on, that they are linked together."""
        soon = self._times[piece.rows[0]] - self._times[group[0].rows[0]] <= _TOGETHER
        return bool(soon and all(one.rows[-1] >= piece.rows[0] for one in group))

    def _link(self, group: list[Piece], people: list[_Known]) -> None:
        """Gives each piece of the group, which are different people, to one of the `people`, or makes it another one."""
        begins = float(self._times[group[0].rows[0]])
        near = [n for n, person in enumerate(people) if begins - self._times[person.last.rows[-1]] <= _FORGOTTEN]
        choices: list[dict[int, float]] = []
        for piece in group:
            costs = {n: self._cost(people[n], piece) for n in near}
            best = sorted((n for n in near if costs[n] < _NEWCOMER), key=costs.__getitem__)[:_MOST_AT_ONCE]
            choices.append({n: costs[n] for n in best})
        way = min(_ways(choices), key=lambda way: sum(_NEWCOMER if n < 0 else choices[i][n] for i, n in enumerate(way)))
        for piece, chosen in zip(group, way, strict=True):
            if chosen < 0:
                people.append(_Known())
            people[chosen].add(piece, chosen if chosen >= 0 else len(people) - 1)

    def _cost(self, person: _Known, piece: Piece) -> float:
        """What speaks against the piece being that person's; infinite where she is somewhere else at that time."""
        last = person.last
        end, begin = int(last.rows[-1]), int(piece.rows[0])
        elapsed = float(self._times[begin] - self._times[end])
        if elapsed <= 0:
            return float("inf")
        before, after = self._slots[last.slot], self._slots[piece.slot]
        size = float(np.sqrt(before.scale[end] * after.scale[begin]))
        there = before.middle[end] + self._way(last, -1) * min(elapsed, _LEADS)
        back = after.middle[begin] - self._way(piece, 0) * min(elapsed, _LEADS)
        far = min(float(np.hypot(*(after.middle[begin] - there))), float(np.hypot(*(before.middle[end] - back))))
        cost = min((far / (size * (_PLACE[0] + _PLACE[1] * elapsed))) ** 2, _MOST)
        sizes = [float(np.median(slot.scale[rows])) for slot, rows in ((before, last.rows[-15:]), (after, piece.rows[:15]))]
        cost += min((float(np.log(sizes[1] / sizes[0])) / (_SIZE[0] + _SIZE[1] * elapsed)) ** 2, _MOST)
        known = person.looks and piece.looks
        cost += min((unlike(person.worn, piece.worn) / _CLOTHES) ** 2, _MOST) if known else _UNKNOWN_CLOTHES
        return cost + (_OTHER_SLOT if last.slot != piece.slot else 0.0)

    def _way(self, piece: Piece, end: int) -> Array:
        """(2,) pixels a second in which the person goes at the piece's beginning (0) or end (-1)."""
        slot = self._slots[piece.slot]
        near = piece.rows[np.abs(self._times[piece.rows] - self._times[piece.rows[end]]) <= _LEADS]
        if len(near) < 3:
            return np.zeros(2)
        at = self._times[near] - self._times[near].mean()
        return np.asarray(at @ (slot.middle[near] - slot.middle[near].mean(0)) / max(float(at @ at), 1e-9))

    def _between(self, pieces: list[Piece], people: list[list[Piece]]) -> None:
        """Gives the pieces in which two people were near to each other to whom the follower followed before and behind."""
        clear = {slot: [one for one in pieces if one.slot == slot and not one.met] for slot in self._slots}
        begins = {slot: [int(one.rows[0]) for one in row] for slot, row in clear.items()}
        for piece in [one for one in pieces if one.met]:
            at = bisect(begins[piece.slot], int(piece.rows[0]))
            beside = clear[piece.slot]
            owners = [beside[at - 1].person if at else -1, beside[at].person if at < len(beside) else -1]
            known = [owner for owner in owners if owner >= 0]
            if not known:
                people.append([piece])
            elif owners[0] == owners[1] or len(known) == 1:
                people[known[0]].append(piece)
            else:
                split = self._nearest(piece)
                for owner, rows in ((owners[0], piece.rows[:split]), (owners[1], piece.rows[split:])):
                    if len(rows):
                        people[owner].append(self._piece(piece.slot, rows, True))

    def _nearest(self, piece: Piece) -> int:
        """Where in the piece somebody else is nearest: there the follower has gone over to her."""
        off = np.full(len(piece.rows), np.inf)
        for number, slot in self._slots.items():
            if number != piece.slot:
                away = np.hypot(*(self._slots[piece.slot].middle - slot.between)[piece.rows].T)
                off = np.fmin(off, np.where(np.isnan(away), np.inf, away))
        return int(off.argmin())

    def detections_of(self, person: list[Piece]) -> Detections:
        """In which she alone is detected."""
        seen, others = self._seen, self._others
        slot_of = np.full(len(seen), -1)
        for piece in person:
            free = piece.rows[slot_of[piece.rows] < 0]
            slot_of[free] = piece.slot
        values = np.zeros((len(seen), len(LANDMARKS), COLUMNS), np.float32)
        hers = slot_of == 0
        values[hers, :, :2], values[hers, :, 2], values[hers, :, 3:] = seen.image[hers], seen.visibility[hers], seen.world[hers]
        if others is not None:
            mine = slot_of[others.frame] == others.slot
            values[others.frame[mine]] = others.rows[mine]
        return replace(
            seen, image=values[..., :2], visibility=values[..., 2], world=values[..., 3:], detected=slot_of >= 0, sightings=(), others=None,
        )  # fmt: skip


def _ways(choices: list[dict[int, float]], taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """All ways to give each piece to one of its people, each person once, or to nobody (-1)."""
    if len(taken) == len(choices):
        yield taken
        return
    for person in (-1, *choices[len(taken)]):
        if person < 0 or person not in taken:
            yield from _ways(choices, (*taken, person))
