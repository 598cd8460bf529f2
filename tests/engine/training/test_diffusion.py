"""Real errors among drawn ones against the diffusion's own definition, and the loss against plain sums."""

import numpy as np
import torch

from contract.skeleton import H36M_17
from engine.lifter.mirror import POINT_SIGNS
from engine.refiner.error_fit import Fit
from engine.refiner.noise import FixedNoise
from engine.refiner.schedule import Schedule
from engine.training.diffusion import Sampling, draw_steps, matched_step, mixture_of, near_start, noise_loss, refine_guess, with_real_errors


def test_a_real_error_is_the_noise_that_leads_from_the_truth_to_the_guess():
    """At the start step the noisy state has gone all the way to the guess, at others the schedule's share of it; h is what eps makes."""
    noise = FixedNoise(Schedule(), 6)
    generator = torch.Generator().manual_seed(0)
    truth, guess, h, eps = (torch.randn(7, 22, 5, dtype=torch.float64, generator=generator) for _ in range(4))
    t = torch.tensor([0, 3, 6, 6, 9, 20, 50])
    moved, made = with_real_errors((h, eps), truth, guess, t, noise, 1.0, generator)
    assert torch.allclose(moved[2:4], guess[2:4])
    assert torch.allclose(noise.schedule.q_sample(truth, t, made), moved)
    for k, step in enumerate(t.tolist()):
        share = noise.schedule.sigma(step) / noise.schedule.sigma(6)
        np.testing.assert_allclose(moved[k], truth[k] + share * (guess[k] - truth[k]))


def test_the_share_of_real_errors():
    noise, generator = FixedNoise(Schedule(), 6), torch.Generator().manual_seed(1)
    truth, guess, h, eps = (torch.randn(2000, 1, 5, generator=generator) for _ in range(4))
    t = torch.full((2000,), 6)
    found, made = with_real_errors((h, eps), truth, guess, t, noise, 0.3, generator)
    real = (found == h).all(-1).logical_not()[:, 0]
    assert 0.26 < real.float().mean() < 0.34 and torch.equal(made[~real], eps[~real])
    same = with_real_errors((h, eps), truth, guess, t, noise, 0.0, generator)
    assert torch.equal(same[0], h) and torch.equal(same[1], eps)


def test_the_loss_sums_over_a_pose():
    h, guide, eps = np.arange(12.0).reshape(2, 3, 2), None, np.ones((2, 3, 2))
    loss = noise_loss(lambda h, t, guide: 2 * h, (torch.from_numpy(h), torch.tensor([1, 2]), guide, torch.from_numpy(eps)))
    assert float(loss) == sum((2 * value - 1) ** 2 for value in range(12)) / 2


def test_steps_are_antithetic_and_half_lie_where_sampling_begins() -> None:
    noise, generator = FixedNoise(Schedule(), 6), torch.Generator().manual_seed(0)
    for last in (noise.schedule.steps, near_start(noise)):
        t = draw_steps(noise, 400, generator, last)
        assert t.shape == (400,) and torch.equal(t[:100] + t[100:200], torch.full((100,), last - 1))
        assert bool((t[200:] >= noise.start_step).all()) and int(t.min()) >= 0 and int(t[:200].max()) < last
    even = draw_steps(noise, 401, generator, noise.schedule.steps, focus=False)
    assert even.shape == (401,) and abs(float(even.float().mean()) - 25) < 1 and int(even.min()) >= 0 and int(even.max()) <= 50
    assert near_start(noise) == 13 and near_start(FixedNoise(Schedule(), 40)) == noise.schedule.steps


def test_the_start_step_is_where_the_noise_is_as_large_as_the_error() -> None:
    residual = 0.05 * torch.randn(2000, 17, 5, generator=torch.Generator().manual_seed(1))
    step = matched_step(residual)
    assert abs(Schedule().sigma(step) - 0.05) <= abs(Schedule().sigma(step - 1) - 0.05) + 1e-9
    noise = mixture_of(residual, Fit(1, 1))
    assert noise.start_step == step and mixture_of(residual, Fit(1, 1), start_step=9).start_step == 9
    assert refine_guess(still, noise, H36M_17, residual[:4], residual[:4, :, :2], POINT_SIGNS, Sampling(1, 3)).hypotheses.shape[0] == 3


def still(x: torch.Tensor, t: torch.Tensor, p: torch.Tensor | None = None) -> torch.Tensor:
    """A network that sees no noise."""
    return torch.zeros_like(x)
