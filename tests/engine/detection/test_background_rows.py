import numpy as np

from contract.detection_file import CORNERS
from engine.detection.background_rows import Background, BackgroundRows


def seen(value: float, lines: int | None = None) -> tuple[int, np.ndarray, np.ndarray | None]:
    return 0, np.full((CORNERS, 4), value, np.float32), None if lines is None else np.full((lines, 4), value, np.float32)


def rows_of(values: list[tuple[int, float, int | None]]) -> Background:
    rows = BackgroundRows(2)
    for index, value, lines in values:
        rows.append(index, index / 30, seen(value, lines))
    return rows.background


def test_more_frames_than_expected_are_kept_in_order_and_none_twice():
    rows = BackgroundRows(4)
    for index in (*range(40), 39, 3):
        rows.append(index, index / 30, seen(index))
    rows.append(50, 50 / 30, None)  # not looked at
    found = rows.background
    assert found.index.tolist() == list(range(40)) and len(found) == 40
    assert np.array_equal(found.corners[:, 0, 0], np.arange(40)) and np.allclose(found.times, np.arange(40) / 30)


def test_what_is_kept_is_on_the_grid_of_a_detection_file():
    found = rows_of([(0, 10.003, 1), (1, 10.013, None)])
    assert np.array_equal(found.corners * 64, np.round(found.corners * 64)) and np.abs(found.corners[1] - 10.013).max() <= 1 / 128


def test_a_part_has_its_own_lines_and_no_others():
    whole = rows_of([(0, 1.0, 2), (1, 2.0, None), (5, 3.0, 3), (9, 4.0, 1)])
    assert len(whole.lines) == 6
    part = whole.of((whole.index >= 1) & (whole.index < 9))
    assert part.index.tolist() == [1, 5] and part.line_frame.tolist() == [5, 5, 5] and np.all(part.lines == 3.0)
    assert np.array_equal(part.corners[:, 0, 0], [2.0, 3.0])
    none = whole.of(np.zeros(4, bool))
    assert len(none) == 0 and none.lines.shape == (0, 4)
