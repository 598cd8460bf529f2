"""Smoothing over time without lag: a penalised least-squares (Whittaker) smoother with a weight for every sample.

The signal y becomes the z that minimises  sum w (z - y)^2 + penalty * sum (second difference of z)^2.  For equal weights
that is a zero-phase low pass whose gain is one half at the cut-off; it needs no padding at the ends, and samples with a
low weight are bridged by their neighbours. Cut-offs are in hertz, so the frame rate does not matter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

Array = npt.NDArray[np.float64]

# `smooth` 0..1 goes from barely anything to a slow drift on a scale of equal ratios; 0 itself is no smoothing at all.
LIGHTEST_HZ = 16.0
STRONGEST_HZ = 0.55

# Accelerations are judged below this frequency, and weigh by this power: what is below the hard ones hardly counts, what is above much.
LIVELY_HZ, LIVELY_POWER = 5.0, 3


def cutoff(smooth: float) -> float:
    """Hertz at which the gain is one half, infinite for smooth = 0."""
    if smooth <= 0:
        return float("inf")
    return LIGHTEST_HZ * (STRONGEST_HZ / LIGHTEST_HZ) ** min(smooth, 1.0)


def penalty(cutoff_hz: float, fps: float) -> float:
    """The weight of the squared second differences that halves the cut-off frequency; 0 where the cut-off is past Nyquist's."""
    if cutoff_hz >= fps / 2:
        return 0.0
    return float((2 * np.sin(np.pi * cutoff_hz / fps)) ** -4)


def second_difference_bands(count: int) -> Array:
    """(3,count) lower bands of D'D, D the second differences of `count` samples, as scipy's solveh_banded takes them."""
    bands = np.zeros((3, count))
    if count < 3:
        return bands
    for shift, values in enumerate(((1.0, 4.0, 1.0), (-2.0, -2.0), (1.0,))):
        for k, value in enumerate(values):
            bands[shift, k : k + count - 2] += value
    return bands


def whittaker(values: Array, weights: Array, strength: float) -> Array:
    """(T,C) smoothed values; weights (T,) not negative, strength as from `penalty`. Short or unpenalised signals come back as they are."""
    values = np.asarray(values, float)
    count = len(values)
    if count < 3 or strength <= 0:
        return values.copy()
    weights = np.maximum(np.asarray(weights, float), 1e-6)
    bands = second_difference_bands(count) * strength
    bands[0] += weights
    return solveh_banded(bands, weights[:, None] * values, lower=True, check_finite=False)


def smooth_runs(values: Array, weights: Array, runs: list[slice], fps: float, cutoff_hz: float) -> Array:
    """(T,J,C) signals smoothed joint by joint within each run, never across a hole; weights (T,J)."""
    strength = penalty(cutoff_hz, fps)
    out = np.array(values, float)
    for run in runs:
        for joint in range(values.shape[1]):
            out[run, joint] = whittaker(values[run, joint], weights[run, joint], strength)
    return out


def liveliness(positions: Array, weights: Array, runs: list[slice], fps: float, hard: Array | float) -> Array:
    """(T,J) factors from 1 up for the weights of joints (T,J,3) metres: a punch or a kick is to keep its peak.

    hard (J,) or one number: the acceleration in m/s^2 that doubles a joint's weight.
    Where a joint really accelerates hard, the error of its position is small beside what smoothing would take from it. A heavier
    weight moves the cut-off up for those frames; noise alone does not accelerate that much once it is held below LIVELY_HZ.
    """
    steady = smooth_runs(positions, weights, runs, fps, LIVELY_HZ)
    acceleration = np.linalg.norm(velocity(velocity(steady, runs, fps), runs, fps), axis=-1)
    return 1.0 + (acceleration / hard) ** LIVELY_POWER


def velocity(positions: Array, runs: list[slice], fps: float) -> Array:
    """(T,...) central differences per second within each run; zero where a run has one frame only."""
    out = np.zeros_like(np.asarray(positions, float))
    for run in runs:
        if run.stop - run.start > 1:
            out[run] = np.gradient(positions[run], 1 / fps, axis=0)
    return out
