"""What pieces give is what the whole take at once gives: the one place where seams are tested."""

from __future__ import annotations

import mmap
import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from engine.long_takes import Timeline, each, gathered, joined, made, mapped, mapped_on, mapped_over_time, scan, scratch, thinned, windows

FPS = 10.0
RUNS = [slice(0, 33), slice(33, 36), slice(36, 75)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 20 frames, and every column in a file where the system can."""
    monkeypatch.setattr(windows, "PIECE", 20)
    monkeypatch.setattr(scratch, "SMALL", 0)


def walk(frames: int = 75) -> np.ndarray:
    return np.cumsum(np.random.default_rng(3).normal(size=(frames, 4, 3)), 0)


def lies_in_a_file(column: np.ndarray) -> bool:
    memory = column
    while isinstance(memory, np.ndarray | memoryview):
        memory = memory.base if isinstance(memory, np.ndarray) else memory.obj
    return isinstance(memory, mmap.mmap)


def test_frames_are_mapped_as_at_once_and_kept_in_files() -> None:
    points, sure = walk(), np.linspace(0, 1, 75)
    sizes: list[int] = []

    def stage(some: np.ndarray, seen: np.ndarray, nothing: None) -> tuple[np.ndarray, np.ndarray]:
        assert nothing is None
        sizes.append(len(some))
        return some * seen[:, None, None], seen > 0.5

    one, flags = mapped(stage, points, sure, None)
    np.testing.assert_array_equal(one, (points * sure[:, None, None]).astype(np.float32))
    np.testing.assert_array_equal(flags, sure > 0.5)
    assert one.dtype == np.float32 and flags.dtype == bool and max(sizes) == 20
    assert mapped(lambda some: some, points, dtype=np.float64).dtype == np.float64
    assert not scratch._CAN or lies_in_a_file(one)


def test_no_frames_give_no_frames() -> None:
    assert mapped(lambda some: some.sum((1, 2)), walk(0)).shape == (0,)


@pytest.mark.parametrize("runs", [RUNS, [slice(0, 75)]])
def test_what_depends_on_frames_around_is_the_same_across_a_seam_as_at_once(runs: list[slice]) -> None:
    """A mean over 0.9 s of each run by itself: a reach of 0.4 s is what it needs."""

    def calm(near: Timeline, some: np.ndarray) -> np.ndarray:
        return np.concatenate([uniform_filter1d(some[run], 9, axis=0, mode="nearest") for run in near.runs])

    points, timeline = walk(), Timeline(runs, FPS)
    at_once = calm(timeline, points)
    in_pieces = mapped_over_time(calm, timeline, points, reach=0.4, dtype=np.float64)
    np.testing.assert_allclose(in_pieces, at_once, atol=1e-12)
    too_near = mapped_over_time(calm, timeline, points, reach=0.1, dtype=np.float64)
    assert np.abs(too_near - at_once).max() > 0.1  # and the test sees a seam


def test_several_columns_over_time_come_with_their_own_types() -> None:
    steps, first = mapped_over_time(
        lambda near, some: (np.gradient(some, 1 / near.fps, axis=0), np.arange(len(some)) == 0), Timeline.of(75, FPS), walk(), reach=1 / FPS
    )
    np.testing.assert_allclose(steps, np.gradient(walk(), 1 / FPS, axis=0), rtol=1e-5, atol=1e-5)
    assert first.dtype == bool and first.sum() == 1


def test_what_a_stage_looks_up_itself_is_made_with_what_lies_around() -> None:
    """A stage that knows nothing of pieces: a running mean over nine frames, which needs four on either side."""
    points, counted, asked = walk(), list[int](), list[slice]()

    def calm(seen: slice) -> tuple[np.ndarray, np.ndarray]:
        asked.append(seen)
        return uniform_filter1d(points[seen], 9, axis=0, mode="nearest"), np.arange(seen.start, seen.stop)

    at_once = uniform_filter1d(points, 9, axis=0, mode="nearest")
    found, numbers = made(calm, 75, 4, dtype=np.float64, done=counted.append)
    np.testing.assert_allclose(found, at_once, atol=1e-12)
    np.testing.assert_array_equal(numbers, np.arange(75))
    assert sum(counted) == 75 and len(counted) > 2 and [seen.start for seen in asked] == sorted(seen.start for seen in asked)
    too_near, _ = made(calm, 75, 1, dtype=np.float64)
    assert np.abs(too_near - at_once).max() > 0.1  # and the test sees a seam
    asked.clear()
    made(calm, 75, size=30)
    assert asked == [slice(0, 30), slice(30, 60), slice(60, 75)]


def test_stretches_are_mapped_whole_however_long_they_are() -> None:
    points = walk()
    stretches = [slice(2, 9), slice(15, 71)]
    away, on = mapped_on(
        stretches, lambda some: (some - np.median(some, axis=0), np.ones(len(some), bool)), points, like=[((4, 3), float), ((), bool)]
    )
    inside = np.zeros(75, bool)
    for stretch in stretches:
        np.testing.assert_allclose(away[stretch], points[stretch] - np.median(points[stretch], axis=0))
        inside[stretch] = True
    np.testing.assert_array_equal(on, inside)
    assert not away[~inside].any()


def test_a_scan_carries_from_piece_to_piece() -> None:
    steps = np.random.default_rng(0).normal(size=75)

    def add(before: float, some: np.ndarray) -> tuple[float, np.ndarray]:
        out = before + np.cumsum(some)
        return float(out[-1]), out

    last, path = scan(add, 1.0, steps, dtype=np.float64)
    np.testing.assert_allclose(path, 1.0 + np.cumsum(steps))
    assert last == pytest.approx(1.0 + steps.sum())


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_differences_within_runs_are_those_at_once(order: int) -> None:
    points = walk()
    found = gathered(lambda some: np.diff(some, order, axis=0), points, runs=RUNS, ahead=order)
    expected = np.concatenate([np.diff(points[run], order, axis=0) for run in RUNS])
    np.testing.assert_array_equal(found, expected)
    assert sum(each(len, points, runs=RUNS)) == 75


def test_nothing_to_look_at_is_nothing_found() -> None:
    assert list(each(len, walk(2), ahead=2)) == [] and not len(gathered(lambda some: some, walk(2), ahead=2))


def test_columns_are_joined_in_order() -> None:
    points = walk().astype(np.float32)
    np.testing.assert_array_equal(joined([points[run] for run in RUNS]), points)
    assert joined([points]) is points


@pytest.mark.parametrize("every", [1, 3, 7, 50])
def test_thinned_takes_every_so_manyth_frame_of_the_whole_take(every: int) -> None:
    frames = np.arange(43)
    first, second = thinned(every, frames, 2 * frames)
    np.testing.assert_array_equal(first, frames[::every])
    np.testing.assert_array_equal(second, 2 * frames[::every])
    assert not np.shares_memory(first, frames)


@pytest.mark.skipif(not scratch._CAN, reason="elsewhere all is in memory")
def test_a_column_takes_no_memory_that_stays() -> None:
    tracemalloc.start()
    try:
        column = np.zeros(1, np.float32)
        for _ in range(3):
            column = mapped(lambda at: np.ones((len(at), 100), np.float32), np.zeros(2000))
        assert tracemalloc.get_traced_memory()[0] < column.nbytes / 10
    finally:
        tracemalloc.stop()
