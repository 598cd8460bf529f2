"""Real errors among drawn ones against the diffusion's own definition, and the loss against plain sums."""

import numpy as np
import torch

from engine.refiner.noise import FixedNoise
from engine.refiner.schedule import Schedule
from engine.training.diffusion import noise_loss, with_real_errors


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
