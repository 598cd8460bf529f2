"""Times are made here from a rate, pauses and a phone's unrest; the rate must be found again."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from engine.footage.rate import FASTEST, SLOWEST, STANDARD, Rate, looked_at, measure_rate, usual_rate


def even(rate: float) -> Rate:
    return Rate(rate, rate, False)


@pytest.mark.parametrize("rate", [5.0, 10.0, 12.5, 18.0, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 60000 / 1001, 60.0, 120.0, 240.0])
@pytest.mark.parametrize("tick", [0.0, 1e-3])
@pytest.mark.parametrize("count", [10, 3000])
def test_rates_are_found_from_times(rate: float, tick: float, count: int) -> None:
    times = np.arange(count) / rate
    if tick:
        times = np.round(times / tick) * tick
    assert measure_rate(times, rate) == even(rate)
    if count > 100:  # long enough to see through a container that lies
        assert measure_rate(times, 90.0) == even(rate)


def test_a_rate_that_is_near_no_standard_one_stays_as_it_is() -> None:
    assert measure_rate(np.arange(2000) / 29.5, 29.5) == even(29.5)
    assert measure_rate(np.arange(2000) / 14.6, 14.6) == even(14.6)


@pytest.mark.parametrize(
    ("rate", "standard"),
    [(29.8713, 30000 / 1001), (25.0254, 25.0), (29.98877, 30.0), (59.7, 60000 / 1001), (23.9, 24000 / 1001), (119.3, 120000 / 1001)],
)
@pytest.mark.parametrize("said", [0.0, 30.0])  # 0: the file's own rate
def test_a_rate_near_a_standard_one_becomes_that(rate: float, standard: float, said: float) -> None:
    found = measure_rate(np.arange(20000) / rate, said or rate)
    assert found == Rate(standard, pytest.approx(rate, rel=1e-6), False)


def test_a_short_clip_that_keeps_its_frames_is_not_resampled() -> None:
    assert measure_rate(np.arange(15) / 29.97, 29.97) == even(30000 / 1001)  # the container's 29.97 is not the exact one


def test_dropped_frames_are_a_variable_rate() -> None:
    times = np.delete(np.arange(300) / 30.0, [50, 51, 120])
    assert measure_rate(times, 30.0) == Rate(30.0, 30.0, True)
    assert measure_rate(times, 29.7) == Rate(30.0, 30.0, True)  # no help from the container
    half = np.delete(np.arange(300) / 30.0, np.arange(1, 290, 2))  # what a screen recorder leaves
    assert measure_rate(half, 30.0) == Rate(15.0, 15.0, True)


@pytest.mark.parametrize("rate", [20.0, 25.0, 30.0, 60000 / 1001])
@pytest.mark.parametrize("pause", [0.7, 5.0, 20.0, 3000.0])
@pytest.mark.parametrize("said", [0.0, 4.1])  # what a container says that divides the frames by the time
def test_a_pause_is_no_part_of_the_rate(rate: float, pause: float, said: float) -> None:
    times = np.arange(600) / rate
    times[300:] += pause
    assert measure_rate(times, said or rate) == Rate(rate, pytest.approx(rate, rel=1e-9), True)


@pytest.mark.parametrize("seed", range(5))
def test_a_phones_unrest_gets_a_standard_rate(seed: int) -> None:
    steps = np.random.default_rng(seed).normal(1 / 29.87, 0.006, 900).clip(0.01)
    found = measure_rate(np.concatenate([[0.0], np.cumsum(steps)]), 29.87)
    assert found.varies and found.fps in (30000 / 1001, 30.0) and found.file_fps == pytest.approx(29.87, rel=0.02)


def test_the_usual_rate_does_not_feel_pauses_and_doubles() -> None:
    steps = np.full(200, 1 / 25)
    steps[::10], steps[5::40] = 2 / 25, 1e-6
    assert usual_rate(np.concatenate([[0.0], np.cumsum(steps), [1e6]])) == pytest.approx(25.0)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_times_the_take_is_no_longer_than_a_few_times_the_frames(seed: int) -> None:
    """What a file says of its times must not decide how much memory its take needs."""
    random = np.random.default_rng(seed)
    steps = 10.0 ** random.uniform(*np.sort(random.uniform(-9, 6, 2)), 500)
    steps[: random.integers(500)] = 10.0 ** random.uniform(-3, 0)
    times = np.concatenate([[0.0], np.cumsum(random.permutation(steps))])
    if not SLOWEST <= usual_rate(times) <= FASTEST:
        return
    tracemalloc.start()
    found = measure_rate(times, float(random.choice([1.0, 30.0, 1000.0])))
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    assert found.fps in STANDARD or found.fps == found.file_fps
    held = np.diff(times)[np.diff(times) <= 0.5 + 1 / found.fps]
    assert held.sum() * found.fps <= 6 * len(times)


@pytest.mark.parametrize(
    ("fps", "every"), [(5.0, 1), (24.0, 1), (30.0, 1), (33.0, 1), (50.0, 1), (60000 / 1001, 2), (60.0, 2), (120.0, 4), (240.0, 8)]
)
@pytest.mark.parametrize("tick", [1e-9, 1e-3])
def test_of_a_fast_video_thirty_to_sixty_frames_a_second_are_looked_at(fps: float, every: int, tick: float) -> None:
    looked = looked_at(np.round(np.arange(301) / fps / tick) * tick, fps)
    assert list(np.flatnonzero(looked)) == sorted({*range(0, 301, every), 300}), "evenly, and the last one"


def test_frames_around_a_hole_are_looked_at() -> None:
    numbers = np.array([*range(21), *range(54, 81)])  # the hole's first and last have odd and even numbers
    looked = looked_at(numbers / 120.0, 120.0)
    assert looked[20] and looked[21] and looked.mean() < 0.4
