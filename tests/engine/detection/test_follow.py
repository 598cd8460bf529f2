"""Following others, with landmarkers that see drawn blobs; the real ones follow two people of a composite at the end."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.detection import follow
from engine.detection.detector import Detections
from engine.detection.follow import fits, moved, people_to_follow, same_person, window_around
from engine.detection.others import Image
from engine.detection.sightings import Sighting, box_of, confirmed, seen_together
from engine.footage.video import Frame
from engine.progress import Progress
from tests.engine.person.walkers import row, seen, walk

SIZE = (640, 480)
COUNT = 60


class Mark:
    def __init__(self, x: float, y: float, visibility: float = 0.95) -> None:
        self.x, self.y, self.z, self.visibility = x, y, 0.0, visibility


class Result:
    def __init__(self, rows: list[np.ndarray], width: int, height: int) -> None:
        self.pose_landmarks = [[Mark(x / width, y / height) for x, y in one[:, :2]] for one in rows]
        self.pose_world_landmarks = [[Mark(x, y) for x, y in one[:, 3:5]] for one in rows]


class Mediapipe:
    """The pictures carry the people: the red channel's values are their numbers."""

    class ImageFormat:
        SRGB = 0

    @staticmethod
    def Image(_: int, picture: Image) -> Image:  # noqa: N802 - MediaPipe's name
        return picture


class Landmarker:
    """Finds the person of the largest blob of one value in the red channel, where it is larger than a few pixels."""

    def __init__(self) -> None:
        self.clock, self.blank = -1, 0

    def detect_for_video(self, picture: Image, milliseconds: int) -> Result:
        assert milliseconds > self.clock
        self.clock = milliseconds
        if not picture.any():
            self.blank += 1
        height, width = picture.shape[:2]
        values, counts = np.unique(picture[..., 0][picture[..., 0] > 0], return_counts=True)
        if not len(values) or counts.max() < 200:
            return Result([], width, height)
        ys, xs = np.nonzero(picture[..., 0] == values[counts.argmax()])
        tall = float(np.ptp(ys) + 1) / 0.94
        return Result([row((xs.min() + xs.max()) / 2, foot=float(ys.max()), tall=tall)], width, height)


def drawn(people: list[np.ndarray | None]) -> Image:
    """A picture with a rectangle of its own value for each; the later ones hide the earlier."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for number, one in enumerate(people, 1):
        if one is not None:
            x0, y0, x1, y1 = np.clip(box_of(one, 0.0), 0, [*SIZE, *SIZE]).astype(int)
            image[y0:y1, x0:x1] = 60 * number, 0, 0
    return image


def followed(
    slots: list[list[Any]], sightings: list[Sighting], count: int, cuts: tuple[float, ...] = ()
) -> tuple[list[dict[int, Any]], Any]:
    """What the followers say of each frame when the first person is that of slot 0."""
    detections = seen([slots[0]])
    detections = Detections(**{**vars(detections), "sightings": tuple(sightings), "cuts": cuts})
    landmarkers = [Landmarker() for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        following = follow._Following(detections, confirmed(detections.sightings), Mediapipe, landmarkers, pool)
        told = [following.see(k, Frame(k, float(detections.times[k]), drawn([slot[k] for slot in slots]))) for k in range(len(slots[0]))]
    return told, landmarkers


def twice(rows: list[Any], *frames: int) -> list[Sighting]:
    return [Sighting(k, k / 25.0, box_of(rows[k], 0.0)) for first in frames for k in (first, first + 2)]


def test_another_is_followed_from_before_her_sighting_to_the_end() -> None:
    first, other = walk(150, 180, COUNT), walk(500, 450, COUNT, tall=120.0)
    told, _ = followed([first, other], twice(other, 20), 1)
    assert all(set(people) == {0, 1} for people in told)
    for people, one in zip(told, other, strict=True):
        assert one is not None and abs(people[1][:, 0].mean() - one[:, 0].mean()) < 12


def test_her_window_goes_with_her_without_a_new_start() -> None:
    first, other = walk(60, 60, COUNT), walk(600, 200, COUNT, tall=100.0)
    told, (landmarker,) = followed([first, other], twice(other, 0), 1)
    assert all(1 in people for people in told) and landmarker.blank <= 1


def test_who_is_hidden_is_found_again_and_the_first_one_is_not_taken_for_her() -> None:
    """The first person walks past before the other."""
    other, first = walk(480, 160, COUNT, tall=120.0), walk(160, 480, COUNT)
    slots = [first, other]
    detections = seen([first])
    detections = Detections(**{**vars(detections), "sightings": tuple(twice(other, 0, 50))})
    with ThreadPoolExecutor(1) as pool:
        following = follow._Following(detections, confirmed(detections.sightings), Mediapipe, [Landmarker()], pool)
        told = [following.see(k, Frame(k, k / 25.0, drawn([slots[1][k], slots[0][k]]))) for k in range(COUNT)]
    there = [k for k, people in enumerate(told) if 1 in people]
    assert set(range(15)) <= set(there) and set(range(50, COUNT)) <= set(there)
    for k in there:
        one = slots[1][k]
        assert one is not None and abs(told[k][1][:, 0].mean() - one[:, 0].mean()) < 45


def test_two_others_have_a_follower_each_and_nobody_has_two() -> None:
    first, second, third = walk(80, 90, COUNT), walk(320, 330, COUNT, tall=140.0), walk(560, 540, COUNT, tall=140.0)
    told, _ = followed([first, second, third], twice(second, 4, 40) + twice(third, 8, 30), 3)
    assert all(len(people) == 3 for people in told[10:])


def test_nobody_is_followed_over_a_cut() -> None:
    first = walk(150, 180, COUNT)
    other = [*walk(500, 480, 30, tall=120.0), *[None] * 30]
    told, _ = followed([first, other], twice(other, 4), 1, cuts=(30 / 25.0,))
    assert [1 in people for people in told] == [True] * 30 + [False] * 30


class _Nothing:
    def frames(self, *_: object) -> list[Frame]:
        return []


def test_how_many_are_followed() -> None:
    other, third = walk(500, 450, COUNT), walk(320, 320, COUNT)

    def count(sightings: list[Sighting], most: int) -> int:
        sure = confirmed(sightings)
        return people_to_follow(sure, seen_together(sure), most)

    assert count([], 4) == 0 and count(twice(other, 0)[:1], 4) == 0
    assert count(twice(other, 0), 4) == 1 and count(twice(other, 0), 1) == 1
    both = sorted(twice(other, 0, 10) + twice(third, 0, 10), key=lambda s: s.index)
    assert count(both, 4) == 2 and count(both, 1) == 1


def test_of_one_person_who_was_lost_one_is_followed_and_nobody_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --people 1 nobody is looked for beside her: whom the sightings show is she, or the only one."""
    asked: list[int] = []

    @contextlib.contextmanager
    def following(_: object, __: object, count: int) -> Any:
        asked.append(count)
        yield None

    monkeypatch.setattr(follow, "_following", following)
    alone = twice(walk(80, 80, COUNT, tall=60.0), 0)
    for first in (walk(20, 20, COUNT), [None] * COUNT):
        detections = Detections(**{**vars(seen([first])), "sightings": tuple(alone)})
        progress = Progress()
        assert follow.follow_others(_Nothing(), None, None, detections, 1, progress) is None  # type: ignore[arg-type]
        assert not progress.warnings
    assert asked == [1, 1]


def test_more_people_than_are_followed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def nobody(*_: object) -> Any:
        yield None

    monkeypatch.setattr(follow, "_following", nobody)
    others = [walk(x, x, COUNT, tall=100.0) for x in (80, 200, 320, 440, 560)]
    sightings = tuple(sorted((one for rows in others for one in twice(rows, 0)), key=lambda s: s.index))
    detections = Detections(**{**vars(seen([walk(20, 20, COUNT)])), "sightings": sightings})
    for most, words in ((4, "At least 6 people are seen, and 4 are followed: --people N"), (8, None)):
        progress = Progress()
        progress.stage("start")
        follow.follow_others(_Nothing(), None, None, detections, most, progress)  # type: ignore[arg-type]
        told = [message for code, message in progress.warnings if code == "people_more"]
        assert [message.startswith(words) for message in told] == [True] if words else not told


@pytest.mark.parametrize("x", [0.0, 100.0, 320.0, 640.0])
def test_windows_lie_within_the_picture(x: float) -> None:
    box = np.array([x - 20, 200, x + 20, 300])
    window = window_around(box, SIZE)
    assert window[0] >= 0 and window[1] >= 0 and window[0] + window[2] <= 640 and window[1] + window[3] <= 480
    assert fits(window, box, SIZE)
    assert window_around(np.array([100.0, 10, 300, 460]), SIZE) == (0, 0, 640, 480)
    assert not fits(window, np.array([x - 80, 50, x + 80, 450]), SIZE) and not fits(window, box + np.array([400, 0, 400, 0]), (2000, 480))
    there = moved(window, box + np.array([30, 0, 30, 0]), SIZE)
    assert 0 <= there[0] - window[0] <= 8 and there[2:] == window[2:] and there[0] + there[2] <= 640


def test_one_person_twice_is_the_same_and_two_side_by_side_are_not() -> None:
    assert same_person(row(300), row(305)) and same_person(row(300), row(300, tall=190.0))
    assert not same_person(row(300), row(350)) and not same_person(row(300), row(300, tall=100.0))
