"""Other people than the one who is followed, as they were seen now and then (sightings) and as they were followed then."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contract.detection_file import COLOURS

Box = npt.NDArray[np.float64]  # (4,): left, top, right, bottom, pixels
Ints = npt.NDArray[np.int64]

CLOTHES: Final = COLOURS  # numbers that tell the colours of a person's clothes, see `clothes`
_GROWN: Final = 0.12  # of a box's longer side, by which a person reaches beyond the landmarks: hair, hands, clothes
# Two sightings show the same person: seconds apart, heights of the person that lie between, growth of the box.
TOGETHER: Final = 2.5
_FAR: Final = 0.4, 2.0  # ... at once, and for every second
_GROWTH: Final = 1.8


@dataclass(frozen=True)
class Sighting:
    """Somebody else, in frame number `index` at `time` seconds, in the `box`."""

    index: int
    time: float
    box: Box

    def same(self, other: Sighting) -> bool:
        """Whether it can be the same person, moments apart."""
        apart = abs(self.time - other.time)
        if apart > TOGETHER or self.index == other.index:
            return False
        a, b = size_of(self.box), size_of(other.box)
        far = float(np.linalg.norm(middle_of(self.box) - middle_of(other.box)))
        return far <= min(a, b) * (_FAR[0] + _FAR[1] * apart) and max(a, b) <= _GROWTH * min(a, b)


@dataclass(frozen=True)
class Followed:
    """People who were followed beside the first one, each for a while; nobody knows yet who of them is whom.

    `frame` (D,): place among the detections of each row; `slot` (D,): 1, 2, ... who followed; first by slot, then by frame. `rows`
    (D,33,6) as in `rows.Row`. And what was seen of clothes: `dressed` (C,): place of the frame, `wearer` (C,): the slot, 0 for the person
    whom the detections follow, `colours` (C,CLOTHES) uint8.
    """

    frame: Ints
    slot: Ints
    rows: npt.NDArray[np.float32]
    dressed: Ints
    wearer: Ints
    colours: npt.NDArray[np.uint8]

    def part(self, rows: slice) -> Followed | None:
        """Of these frames of the detections alone; None where nobody was followed in them."""
        kept = (self.frame >= rows.start) & (self.frame < rows.stop)
        seen = (self.dressed >= rows.start) & (self.dressed < rows.stop)
        if not kept.any():
            return None
        return Followed(
            self.frame[kept] - rows.start, self.slot[kept], self.rows[kept], self.dressed[seen] - rows.start, self.wearer[seen],
            self.colours[seen],
        )  # fmt: skip


def box_of(row: npt.NDArray[np.floating], margin: float = _GROWN) -> Box:
    """Around the landmarks (33,C), with a `margin` in parts of its longer side."""
    return grown(np.concatenate([row[:, :2].min(0), row[:, :2].max(0)]).astype(float), margin)


def grown(box: Box, margin: float = _GROWN) -> Box:
    """The box with so much more on each side, in parts of its longer side."""
    return box + size_of(box) * margin * np.array([-1.0, -1.0, 1.0, 1.0])


def size_of(box: Box) -> float:
    """The longer side, pixels."""
    return float(max(box[2] - box[0], box[3] - box[1], 1e-6))


def middle_of(box: Box) -> npt.NDArray[np.float64]:
    return (box[:2] + box[2:]) / 2


def share_within(box: Box, other: Box) -> float:
    """Of the box's area, how much lies within the other."""
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    return float(np.prod(np.maximum(high - low, 0.0)) / max(np.prod(box[2:] - box[:2]), 1e-9))


def confirmed(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Those that another one, moments before or behind, confirms: a single one is a false alarm more often than a person."""
    order = sorted(range(len(sightings)), key=lambda k: sightings[k].time)
    sure = set[int]()
    for place, k in enumerate(order):
        for other in itertools.islice(order, place + 1, None):
            if sightings[other].time - sightings[k].time > TOGETHER:
                break
            if not {k, other} <= sure and sightings[k].same(sightings[other]):
                sure |= {k, other}
    return [one for k, one in enumerate(sightings) if k in sure]


def seen_together(sightings: Sequence[Sighting]) -> int:
    """How many people at least were seen within moments: no two of the sightings can be of one."""
    most = 0
    for _, group in itertools.groupby(sorted(sightings, key=lambda one: one.time), key=lambda one: one.time // (TOGETHER / 2)):
        most = max(most, len(apart(list(group))))
    return most


def apart(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The last sighting of each person, nearly: of one that none before it can be of."""
    chains: list[Sighting] = []
    for one in sightings:
        match = next((i for i, last in enumerate(chains) if one.same(last)), None)
        if match is None:
            chains.append(one)
        else:
            chains[match] = one
    return chains
