from __future__ import annotations

import numpy as np
import pytest

from contract.detection_file import GRID, rounded
from engine.detection.rows import COLUMNS, SKIPPED, Rows, is_skipped


@pytest.mark.parametrize("expected", [0, 5, 100])
def test_rows_come_back_as_they_were_put_in_however_many_were_expected(expected: int) -> None:
    rng = np.random.default_rng(0)
    people = [None if k % 7 == 3 else rounded(rng.normal(size=(33, COLUMNS))) for k in range(60)]
    rows = Rows(expected)
    for k, person in enumerate(people):
        rows.append(k / 30.0, person)
    assert len(rows) == 60 and rows.values.shape == (60, 33, COLUMNS)
    np.testing.assert_array_equal(rows.times, np.arange(60) / 30.0)
    np.testing.assert_array_equal(rows.detected, [person is not None for person in people])
    for (time, row), (k, person) in zip(rows, enumerate(people), strict=True):
        assert time == k / 30.0 and (row is None) == (person is None)
        np.testing.assert_array_equal(rows.values[k], 0.0 if person is None else person)
        if row is not None:
            np.testing.assert_array_equal(row, person)


def test_a_row_can_be_said_again_and_none_is_made_up() -> None:
    rows = Rows(4)
    rows.append(0.0, np.ones((33, COLUMNS), np.float32))
    rows.put(0, None)
    assert rows[0] == (0.0, None) and not rows.values.any()
    rows.put(0, np.full((33, COLUMNS), 2.0, np.float32))
    assert rows[0][1] is not None and (rows.values == 2.0).all()
    for k in (1, -1):
        with pytest.raises(IndexError):
            rows[k]


def test_a_frame_that_was_not_looked_at_is_neither_somebody_nor_nobody() -> None:
    rows = Rows(1)
    for k, row in enumerate([np.ones((33, 6), np.float32), SKIPPED, None] * 20):
        rows.append(k / 60.0, row)
    assert is_skipped(rows[1][1]) and rows[2][1] is None and not is_skipped(rows[0][1])
    assert rows.skipped.tolist() == [False, True, False] * 20 and rows.detected.tolist() == [True, False, False] * 20
    assert not rows.values[1].any()


def test_rows_are_rounded_to_what_a_detection_file_can_hold() -> None:
    row = np.random.default_rng(1).uniform(-900, 1000, (33, COLUMNS)).astype(np.float32)
    rows = Rows(1)
    rows.append(0.0, row)
    np.testing.assert_array_equal(rows.values[0], rounded(row))
    assert (np.abs(rows.values[0] - row) <= 0.5 / GRID + 1e-4).all() and np.abs(rows.values[0] - row).max() > 0
