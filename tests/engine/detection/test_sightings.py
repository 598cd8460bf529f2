"""What is remembered of others."""

import time

import numpy as np

from engine.detection.sightings import CLOTHES, Followed, Sighting, apart, box_of, confirmed, seen_together, share_within


def at(index: int, x: float, tall: float = 100.0) -> Sighting:
    return Sighting(index, index / 25.0, np.array([x, 50.0, x + 40.0, 50.0 + tall]))


def test_a_sighting_is_confirmed_by_another_of_the_same_person_soon() -> None:
    walks = [at(0, 100), at(10, 120), at(20, 140)]
    assert confirmed(walks) == walks
    for alone in ([at(0, 100)], [at(0, 100), at(10, 500)], [at(0, 100), at(10, 110, 300.0)], [at(0, 100), at(90, 100)]):
        assert confirmed(alone) == []
    # two boxes of one look are two people, or one found in two parts of the picture
    assert confirmed([at(0, 100), at(0, 104)]) == []


def test_what_is_confirmed_is_what_any_other_confirms() -> None:
    """Against the definition, of sightings in any order."""
    random = np.random.default_rng(3)
    for _ in range(20):
        many = [at(int(random.integers(0, 400)), float(random.uniform(0, 600)), float(random.uniform(60, 200))) for _ in range(40)]
        assert confirmed(many) == [one for one in many if any(one.same(other) for other in many)]


def test_an_hour_of_sightings_is_gone_through_in_seconds() -> None:
    hour = [at(5 * k, 100.0 + k % 7) for k in range(18_000)]
    begun = time.process_time()
    assert len(confirmed(hour)) == len(hour) and seen_together(hour) == 1 and len(apart(hour)) == 1
    assert time.process_time() - begun < 30


def test_how_many_were_there_together() -> None:
    """Three who stand apart, seen one after the other; one comes when another has left."""
    three = [at(k, 100.0 + 400 * (k % 3)) for k in range(12)]
    assert seen_together(three) == 3
    assert seen_together([at(0, 100), at(4, 104), at(250, 900), at(254, 904)]) == 1


def test_boxes() -> None:
    row = np.zeros((33, 6), np.float32)
    row[:, 0], row[:, 1] = np.linspace(10, 20, 33), np.linspace(100, 200, 33)
    np.testing.assert_allclose(box_of(row, 0.1), [0, 90, 30, 210])
    assert share_within(np.array([0.0, 0, 10, 10]), np.array([5.0, 0, 50, 50])) == 0.5


def test_a_part_holds_the_rows_of_its_frames() -> None:
    rows = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 33, 6), np.float32)
    frames = np.array([1, 5, 6, 2, 5, 9])
    both = Followed(frames, np.array([1, 1, 1, 2, 2, 2]), rows, np.array([1, 6]), np.array([0, 2]), np.zeros((2, CLOTHES), np.uint8))
    part = both.part(slice(5, 8))
    assert part is not None
    assert part.frame.tolist() == [0, 1, 0] and part.slot.tolist() == [1, 1, 2] and part.rows[:, 0, 0].tolist() == [1, 2, 4]
    assert part.dressed.tolist() == [1] and part.wearer.tolist() == [2]
    assert both.part(slice(3, 5)) is None
