"""Who is counted as a person, who of them is the main one, and whose motion is asked for."""

import numpy as np
import pytest

from contract.failure import Failure
from engine.detection.sightings import CLOTHES
from engine.person.people import choose_people, find_people
from engine.progress import Progress
from tests.engine.person.walkers import BLUE, FPS, RED, row, seen, walk

SIZE = (640, 480)
COUNT = 80


def two(**where):
    """A tall one on the right and a smaller one on the left."""
    return seen([walk(420, 400, COUNT), walk(100, 140, COUNT, tall=120.0)], [[RED] * COUNT, [BLUE] * COUNT])


def chosen(people, wanted):
    progress = Progress()
    return [one.number for one in choose_people(people, wanted, "clip.mp4", SIZE, progress)], progress.warnings


def test_somebody_alone_is_as_she_was_detected_and_nothing_is_told():
    alone = seen([walk(100, 140, COUNT)])
    people = find_people(alone, SIZE)
    assert len(people) == 1 and people[0].detections is alone
    assert chosen(people, "main") == ([1], []) and chosen(people, "all") == ([1], []) and chosen(people, "left") == ([1], [])
    told = people[0].told
    assert told["number"] == 1 and told["frames"] == COUNT and told["start"] == 0.0 and told["end"] == (COUNT - 1) / FPS


def test_the_main_person_is_the_large_one_and_the_words_choose_others():
    people = find_people(two(), SIZE)
    assert [round(one.middle[0] / 10) for one in people] == [41, 12]
    for wanted, number in (("main", 1), ("largest", 1), ("right", 1), ("left", 2), ("1", 1), ("2", 2)):
        assert chosen(people, wanted)[0] == [number]
    assert chosen(people, "all")[0] == [1, 2]
    ((code, sentence),) = chosen(people, "main")[1]
    assert code == "people" and "2 people are seen (1: 0.0-3.2 s, in the middle; 2: 0.0-3.2 s, on the left)" in sentence
    assert people[1].told["box_time"] == 0.0 and people[1].told["box"][0] < 100


def test_a_click_chooses_who_is_there_at_that_time():
    people = find_people(two(), SIZE)
    assert chosen(people, "0.16,0.7")[0] == [2] and chosen(people, "0.65,0.7")[0] == [1] and chosen(people, "0.22,0.7@3")[0] == [2]
    with pytest.raises(Failure, match=r"Nobody is at 0.9,0.1 of the picture at 0.00 s of clip.mp4; it shows 1: ") as failure:
        chosen(people, "0.9,0.1")
    assert failure.value.code == "bad_arguments"


def test_a_person_who_is_not_there_is_refused_with_those_who_are():
    with pytest.raises(Failure, match=r"There is no person 3: clip.mp4 shows 2 people: 1: .*; 2: .*--person"):
        chosen(find_people(two(), SIZE), "3")
    with pytest.raises(Failure, match=r"There is no person 2: clip.mp4 shows one person only"):
        chosen(find_people(seen([walk(100, 140, COUNT)]), SIZE), "2")


def test_who_is_seen_for_a_moment_is_nobody():
    glimpse = [row(100) if 20 <= k < 28 else None for k in range(COUNT)]
    people = find_people(seen([walk(420, 400, COUNT), glimpse]), SIZE)
    assert len(people) == 1 and people[0].detections.detected.all()


def test_who_meets_others_all_the_time_is_told_and_who_meets_one_once_is_not():
    def beside(times):
        way = 320 + 220 * np.cos(np.linspace(0, np.pi * times, 25 * times))
        there, back = ([row(x, phase=6.0 * k / FPS) for k, x in enumerate(path)] for path in (way, 640 - way))
        return seen([there, back], [[RED] * len(way), [BLUE] * len(way)])

    often, once = find_people(beside(6), SIZE), find_people(beside(1), SIZE)
    assert [one.crossings for one in often] == [6, 6] and [one.crossings for one in once] == [1, 1]
    told = dict(chosen(often, "all")[1])
    assert "Person 2 meets others 6 times" in told["people_cross"] and "people_cross" not in dict(chosen(once, "all")[1])


def test_a_large_statue_is_not_the_main_person_and_is_told():
    statue = [row(320, tall=300.0)] * COUNT
    people = find_people(seen([statue, walk(100, 140, COUNT, tall=150.0)]), SIZE)
    assert [one.moves for one in people] == [True, False] and people[0].middle[0] < 150
    assert any(code == "person_still" and "picture or a statue" in sentence for code, sentence in chosen(people, "all")[1])


def test_a_reflection_is_told():
    mirrored = []
    from engine.detection.landmarks import LANDMARK_MIRROR

    for one in walk(150, 100, COUNT, tall=120.0):
        assert one is not None
        other = one[list(LANDMARK_MIRROR)].copy()
        other[:, 0] = 640.0 - other[:, 0]
        mirrored.append(other)
    real = walk(150, 100, COUNT, tall=240.0)
    for k, (one, other) in enumerate(zip(real, mirrored, strict=True)):
        for body, sides in ((one, (15, 16, 13, 14)), (other, (16, 15, 14, 13))):
            tall = 240.0 if body is one else 120.0
            body[list(sides), 1] -= tall * 0.2 * np.sin(np.array([4.0, 7.0, 4.0, 7.0]) * k / FPS)
    people = find_people(seen([real, mirrored]), SIZE)
    assert [one.mirrors for one in people] == [0, 1]
    assert any(code == "person_mirrored" for code, _ in chosen(people, "2")[1])


def test_only_what_was_asked_for_counts():
    """Who is there before the range is not the main person of the range."""
    early = [*walk(300, 320, 60), *[None] * 20]
    late = [None] * 50 + walk(200, 210, 30, tall=150.0)
    people = find_people(seen([early, late]), SIZE, (2.4, 3.2))
    assert len(people) == 1 and people[0].middle[0] < 250


def test_whatever_a_kept_file_holds_people_come_out():
    """Rows, slots and clothes at random, as a damaged file may hold them."""
    rng = np.random.default_rng(11)
    for _ in range(60):
        count = int(rng.integers(1, 40))
        slots = [[noise(rng) if rng.random() < 0.6 else None for _ in range(count)] for _ in range(int(rng.integers(2, 5)))]
        slots[0][int(rng.integers(count))] = noise(rng)
        clothes = [[rng.integers(0, 255, CLOTHES).astype(np.uint8) * int(rng.integers(2)) for _ in range(count)] for _ in slots]
        people = find_people(seen(slots, clothes), SIZE)
        assert people and all(one.detections.detected.any() and np.isfinite(one.size) for one in people)
        for wanted in ("main", "largest", "left", "all"):
            choose_people(people, wanted, "clip.mp4", SIZE, Progress())


def noise(rng):
    kind = int(rng.integers(4))
    if kind == 0:
        return np.zeros((33, 6), np.float32)
    if kind == 1:
        return rng.normal(0, 65000, (33, 6)).astype(np.float32)
    return row(float(rng.uniform(-100, 800)), tall=float(rng.uniform(1, 500)))
