"""What is remembered of others."""

import numpy as np

from engine.detection.sightings import CLOTHES, Followed, Sighting, box_of, confirmed, share_within


def at(index: int, x: float, tall: float = 100.0) -> Sighting:
    return Sighting(index, index / 25.0, np.array([x, 50.0, x + 40.0, 50.0 + tall]))


def test_a_sighting_is_confirmed_by_another_of_the_same_person_soon() -> None:
    walks = [at(0, 100), at(10, 120), at(20, 140)]
    assert confirmed(walks) == walks
    for alone in ([at(0, 100)], [at(0, 100), at(10, 500)], [at(0, 100), at(10, 110, 300.0)], [at(0, 100), at(90, 100)]):
        assert confirmed(alone) == []
    # two boxes of one look are two people, or one found in two parts of the picture
    assert confirmed([at(0, 100), at(0, 104)]) == []


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
