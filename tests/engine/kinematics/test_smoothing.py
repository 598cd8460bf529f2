from __future__ import annotations

import numpy as np
import pytest

from engine.kinematics.smoothing import cutoff, liveliness, penalty, smooth_runs, velocity, whittaker


def gain(frequency: float, cutoff_hz: float, fps: float) -> float:
    t = np.arange(round(8 * fps)) / fps
    wave = np.sin(2 * np.pi * frequency * t)[:, None]
    out = whittaker(wave, np.ones(len(t)), penalty(cutoff_hz, fps))
    middle = slice(len(t) // 4, 3 * len(t) // 4)
    return float((out[middle] * wave[middle]).sum() / (wave[middle] ** 2).sum())


@pytest.mark.parametrize("fps", [15.0, 25.0, 60.0, 120.0])
def test_the_cut_off_is_the_same_at_every_frame_rate(fps: float) -> None:
    assert gain(3.0, 3.0, fps) == pytest.approx(0.5, abs=0.02)
    assert gain(0.6, 3.0, fps) > 0.98
    assert gain(7.0, 3.0, fps) < 0.12


def test_equals_the_dense_least_squares() -> None:
    rng = np.random.default_rng(0)
    y, w, strength = rng.normal(size=(12, 2)), rng.uniform(0.1, 2, 12), 3.7
    d = np.diff(np.eye(12), 2, axis=0)
    dense = np.linalg.solve(np.diag(w) + strength * d.T @ d, w[:, None] * y)
    assert np.allclose(whittaker(y, w, strength), dense)


def test_has_no_lag_and_keeps_straight_lines() -> None:
    line = np.linspace(0, 5, 50)[:, None]
    assert np.allclose(whittaker(line, np.ones(50), 1e4), line, atol=1e-6)
    bump = np.exp(-(((np.arange(61) - 30) / 4.0) ** 2))[:, None]
    out = whittaker(bump, np.ones(61), penalty(3.0, 30.0))[:, 0]
    assert out.argmax() == 30 and np.allclose(out, out[::-1])


def test_samples_of_little_weight_are_bridged() -> None:
    line = np.linspace(0, 1, 31)[:, None]
    spoilt, weights = line.copy(), np.ones(31)
    spoilt[12:18] += 5
    weights[12:18] = 1e-4
    assert np.abs(whittaker(spoilt, weights, 1.0) - line).max() < 0.05


def test_nothing_crosses_a_hole() -> None:
    values = np.concatenate([np.zeros((10, 1, 3)), np.ones((10, 1, 3))])
    runs = [slice(0, 10), slice(10, 20)]
    assert np.allclose(smooth_runs(values, np.ones((20, 1)), runs, 30.0, 2.0), values)
    assert np.allclose(velocity(values, runs, 30.0), 0)


def test_zero_is_no_smoothing_and_more_is_more() -> None:
    assert cutoff(0.0) == float("inf") and penalty(cutoff(0.0), 30.0) == 0.0
    assert cutoff(0.2) > cutoff(0.5) > cutoff(1.0)


def test_short_signals_come_back() -> None:
    for count in (1, 2):
        assert np.allclose(whittaker(np.ones((count, 1)), np.ones(count), 5.0), 1)


def test_a_strike_keeps_its_peak_and_a_tremble_does_not_pass() -> None:
    fps, rng = 30.0, np.random.default_rng(0)
    t = np.arange(120) / fps
    strike = 0.6 / (1 + np.exp(-(t - 2.0) / 0.04))  # an arm shoots out in about a fifth of a second
    hand = np.stack([strike, 0 * t, 0 * t], 1)[:, None]
    runs, ones = [slice(0, 120)], np.ones((120, 1))
    factor = liveliness(hand, ones, runs, fps, 20.0)
    plain, lively = (smooth_runs(hand, w, runs, fps, cutoff(0.5)) for w in (ones, ones * factor))
    peak, plain_peak, lively_peak = (np.diff(h[:, 0, 0]).max() for h in (hand, plain, lively))
    assert plain_peak < 0.78 * peak and lively_peak > 1.08 * plain_peak
    tremble = rng.normal(size=(120, 1, 3)) * 0.004
    assert np.median(liveliness(tremble, ones, runs, fps, 20.0)) < 1.5
