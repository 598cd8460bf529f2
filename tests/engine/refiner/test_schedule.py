from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.refiner.schedule import CLEAN, Schedule, released_times, standard_normal


def test_published_values() -> None:
    schedule = Schedule()
    assert schedule.steps == 51
    published = {0: 0.0100, 3: 0.0225, 6: 0.0328, 12: 0.0520, 25: 0.0917, 50: 0.1663}
    for t, sigma in published.items():
        assert round(schedule.sigma(t), 4) == sigma
    assert round(schedule.alpha_bar(50), 4) == 0.9723
    assert schedule.alpha_bar(CLEAN) == 1.0 and schedule.sigma(CLEAN) == 0.0


def test_against_plain_numpy() -> None:
    betas = np.linspace(1e-4, 1e-3, 51)
    product = 1.0
    schedule = Schedule()
    for t, beta in enumerate(betas):
        product *= 1.0 - beta
        assert schedule.alpha_bar(t) == pytest.approx(product, rel=1e-13)


def test_start_step_matches_the_error_of_the_guess() -> None:
    schedule = Schedule()
    assert schedule.start_step(0.033) == 6  # the published choice for a lifter of 33 mm a axis
    assert schedule.start_step(0.052) == 12
    assert schedule.start_step(0.0) == 0 and schedule.start_step(9.0) == 50


def test_published_times() -> None:
    assert released_times(12, 2) == [6, 0]
    assert released_times(24, 2) == [12, 0]
    assert released_times(6, 1) == [0]


def test_times() -> None:
    schedule = Schedule()
    assert schedule.times(6, 2) == [6, 0]
    assert schedule.times(12, 4) == [12, 8, 4, 0]
    assert schedule.times(6, 1) == [6]
    assert schedule.times(2, 10) == [2, 1, 0]
    assert schedule.times(0, 3) == [0]
    for start, evaluations in ((51, 2), (-1, 2), (6, 0)):
        with pytest.raises(ValueError, match="evaluations"):
            schedule.times(start, evaluations)
    with pytest.raises(ValueError, match="outside"):
        schedule.alpha_bar(51)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_process(dtype: torch.dtype) -> None:
    schedule = Schedule()
    rng = np.random.default_rng(0)
    x0, noise, t = rng.standard_normal((51, 3, 5)), rng.standard_normal((51, 3, 5)), np.arange(51)
    alpha_bar = np.cumprod(1.0 - np.linspace(1e-4, 1e-3, 51))[:, None, None]
    expected = np.sqrt(alpha_bar) * x0 + np.sqrt(1.0 - alpha_bar) * noise
    state = schedule.q_sample(torch.from_numpy(x0).to(dtype), torch.from_numpy(t), torch.from_numpy(noise).to(dtype))
    assert state.dtype == dtype
    tolerance = 1e-14 if dtype == torch.float64 else 1e-6
    np.testing.assert_allclose(state.numpy(), expected, atol=tolerance, rtol=tolerance)
    back = schedule.clean(state, torch.from_numpy(t), torch.from_numpy(noise).to(dtype))
    np.testing.assert_allclose(back.numpy(), x0, atol=10 * tolerance, rtol=10 * tolerance)


def test_noise_follows_the_generator() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    first, again = (standard_normal((4, 2), like, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.dtype == torch.float64 and torch.equal(first, again)
    assert not torch.equal(first, standard_normal((4, 2), like, torch.Generator().manual_seed(4)))
