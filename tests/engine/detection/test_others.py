"""Looking for others, with a network that is told whom it finds; and what a picture looks like without somebody."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from engine.detection import others
from engine.detection.others import LEVELS, PART, OthersWatch, likely, painted_over, parts_of
from engine.detection.sightings import box_of, confirmed, size_of
from engine.footage.video import Frame
from tests.engine.person.walkers import row

PICTURE = np.zeros((480, 640, 3), np.uint8)


class Told:
    """Finds, in every part, those whose middle lies in it and is not painted over."""

    def __init__(self, people: dict[int, list[Any]]) -> None:
        self.people, self.looks, self.index = people, list[tuple[int, others.Part]](), 0

    def people_in(self, image: np.ndarray, part: others.Part, painted: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.looks.append((self.index, part))
        x, y, width, height = part
        found = []
        for one in self.people.get(self.index, []):
            middle = one[:, :2].mean(0)
            hidden = any((box[:2] <= middle).all() and (middle <= box[2:]).all() for box in painted)
            if not hidden and x <= middle[0] < x + width and y <= middle[1] < y + height:
                found.append(one)
        return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told({})

    class Finder:
        people = staticmethod(made.people_in)

    @contextlib.contextmanager
    def finder() -> Iterator[Any]:
        yield Finder()

    monkeypatch.setattr(others, "finder", finder)
    return made


def watch(told: Told, model: str, frames: int, followed: Any) -> list[Any]:
    found = []
    with OthersWatch(model) as looking:
        for k in range(frames):
            told.index = k
            found += looking.see(Frame(k, k / 25.0, PICTURE), followed)
    return found


def test_somebody_alone_costs_few_looks(told: Told) -> None:
    """Of the landmark network's 48 and 19 ms a frame looks of 15 ms are a thirtieth at most, but for the first second."""
    alone = row(300)
    told.people = {k: [alone] for k in range(500)}
    for model, budget in (("heavy", 48.0), ("full", 19.0)):
        told.looks.clear()
        assert watch(told, model, 500, alone) == []
        assert 15.0 * (len(told.looks) - 5) <= budget * 500 / 30
        assert {part for index, part in told.looks if index <= 25} == set(parts_of(640, 480))


def test_another_is_seen_and_looked_at_again_soon(told: Told) -> None:
    told.people = {k: [row(300), row(550, tall=120.0)] for k in range(60)}
    found = watch(told, "heavy", 60, row(300))
    assert len(found) >= 2 and found[1].index - found[0].index <= 2
    assert all(450 < sighting.box[0] < 600 for sighting in found)


def test_everybody_in_a_crowd_is_seen_at_one_look(told: Told) -> None:
    """Though the network names one at a time, the largest who is not painted over."""
    crowd = [row(60 + 75 * k, tall=90.0 + 5 * k) for k in range(8)]
    told.people = {0: crowd}

    class Largest:
        @staticmethod
        def people(image: np.ndarray, part: others.Part, painted: Sequence[np.ndarray]) -> list[np.ndarray]:
            return told.people_in(image, part, painted)[-1:]

    with OthersWatch("heavy") as looking:
        looking._finder = Largest()  # type: ignore[assignment]
        seen = looking.see(Frame(0, 0.0, PICTURE), crowd[0])
    assert sorted(round(float(one.box[[0, 2]].mean())) for one in seen) == [60 + 75 * k for k in range(1, 8)]


def test_where_there_is_one_more_are_looked_for_sooner(told: Told) -> None:
    """Until the other has been gone for a while."""
    told.people = {k: [row(300), *([row(550, tall=120.0)] if k < 100 else [])] for k in range(300)}
    watch(told, "heavy", 300, row(300))
    there, gone = (len([index for index, _ in told.looks if a <= index < a + 60]) for a in (30, 240))
    assert 10 <= there <= 30 and gone <= 4


def test_who_is_mostly_where_the_followed_person_is_is_nobody_else(told: Told) -> None:
    told.people = {k: [row(300), row(330, tall=150.0)] for k in range(60)}
    assert watch(told, "heavy", 60, row(300)) == []


def test_where_nobody_is_followed_each_frame_is_looked_at_in_smaller_and_smaller_parts(told: Told) -> None:
    watch(told, "heavy", 60, None)
    parts = parts_of(640, 480, LEVELS)
    assert {part for _, part in told.looks} == set(parts) and len(told.looks) == 2 * 60
    assert min(part[2] for part in parts) == round(640 * PART**2), "there are no more pixels to see somebody in"


def test_who_is_too_small_for_the_whole_is_seen_twice_at_once(told: Told) -> None:
    told.people = {k: [row(300, tall=60.0)] for k in range(60)}
    class Sharp:
        """Sees who is a fifth of the part, as the network does."""

        @staticmethod
        def people(image: np.ndarray, part: others.Part, painted: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [one for one in told.people_in(image, part, painted) if size_of(box_of(one, 0.0)) >= max(part[2:]) / 5]

    found = []
    with OthersWatch("heavy", beside=False) as looking:
        looking._finder = Sharp()  # type: ignore[assignment]
        for k in range(60):
            told.index = k
            found += looking.see(Frame(k, k / 25.0, PICTURE), None)
    assert len(confirmed(found)) >= 2 and found[1].index - found[0].index <= 2


def test_for_a_moment_in_which_she_is_lost_nobody_is_looked_for(told: Told) -> None:
    told.people = {k: [row(300)] for k in range(60)}
    with OthersWatch("heavy", beside=False) as looking:
        for k in range(40):
            told.index = k
            looking.see(Frame(k, k / 25.0, PICTURE), row(300) if k < 20 else None)
        assert looking.see(Frame(40, 41 / 25.0, np.zeros((0, 0, 3), np.uint8)), None) == []
    assert min(index for index, _ in told.looks) == 20 + 12, "half a second, and beside her not at all"


def test_what_the_network_makes_of_a_wall_is_no_person() -> None:
    assert likely(row(300), 640, 480)
    assert not likely(row(300, tall=20.0), 640, 480)
    assert not likely(row(-50), 640, 480)
    unseen = row(300)
    unseen[:, 2] = 0.3
    assert not likely(unseen, 640, 480)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (640, 640), (1920, 800), (64, 48), (1440, 400), (100, 1000)])
def test_parts_cover_the_picture_and_lie_within(width: int, height: int) -> None:
    covered = np.zeros((height, width), int)
    parts = parts_of(width, height)
    for x, y, w, h in parts[1:]:
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        covered[y : y + h, x : x + w] += 1
    assert covered.min() >= 1 and parts[0] == (0, 0, width, height)
    assert len(parts) <= 5 or max(width, height) > 2.5 * min(width, height)
    assert max(max(part[2:]) for part in parts[1:]) <= 1.4 * min(width, height) + 1


def test_a_box_is_painted_with_what_is_around_it_but_for_what_is_spared() -> None:
    picture = np.full((100, 100, 3), 50, np.uint8)
    picture[20:60, 20:60] = 255
    done = painted_over(picture, [np.array([20.0, 20, 60, 60]), np.array([-50.0, -50, -10, -10]), np.array([np.nan] * 4)])
    assert (done == 50).all() and picture[30, 30, 0] == 255
    spared = painted_over(picture, [np.array([20.0, 20, 60, 60])], np.array([40.0, 40, 80, 80]))
    assert spared[30, 30, 0] == 50 and spared[50, 50, 0] == 255
    assert (painted_over(picture, [np.array([-10.0, -10, 200, 200])]) == 128).all()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1920, 300), (300, 1920), (640, 480)])
def test_no_part_is_looked_at_twice_in_a_round(width: int, height: int) -> None:
    parts = parts_of(width, height, LEVELS)
    assert len(parts) == len(set(parts))
