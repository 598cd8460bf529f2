from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import pytest

from engine.long_takes import Growing, growing, scratch


@pytest.mark.parametrize("expected", [0, 40, 500])
@pytest.mark.parametrize("small", [0, 10**12])
def test_a_column_holds_what_came_in_its_order(expected: int, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SMALL", small)
    monkeypatch.setattr(growing, "_AT_HAND", 7)
    values = np.random.default_rng(0).normal(size=(100, 3, 2)).astype(np.float32)
    column, flags = Growing((3, 2), expected=expected), Growing((), np.bool_, expected)
    assert len(column) == 0 and column.values.shape == (0, 3, 2) and flags.values.dtype == bool
    for k, value in enumerate(values):
        column.append(value)
        flags.append(k % 3 == 0)
        assert len(column) == k + 1
    np.testing.assert_array_equal(column.values, values)
    assert flags.values.tolist() == [k % 3 == 0 for k in range(100)]
    column.values[5] = 0.0  # what is written is kept
    column.append(values[0])
    assert not column.values[5].any() and (column.values[100] == values[0]).all()


def test_of_a_long_column_little_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    let: list[int] = []
    monkeypatch.setattr(growing, "let_go", lambda *arrays: let.append(len(arrays[0])))
    column: Any = Growing((), np.float64, 5000)
    for k in range(5000):
        column.append(k)
    assert let == [5000] * 4  # at each 1024 frames
    big = Growing((1000,), expected=1000)
    base = big.values.base
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    assert isinstance(base, mmap.mmap) or not scratch._CAN
