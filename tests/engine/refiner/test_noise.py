import numpy as np
import pytest
import torch

from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.noise import RELEASED_SCALES, FixedNoise, Frames, MixtureNoise, widened_step
from engine.refiner.schedule import Schedule
from tests.engine.refiner.test_error_model import two_classes
from tests.engine.refiner.test_mixture import DRAWS, assert_moments, example, moments, seeded

SCHEDULE = Schedule()


@pytest.mark.parametrize("process", [FixedNoise(SCHEDULE, 6), MixtureNoise(SCHEDULE, 6, example())], ids=["fixed", "mixture"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_and_state_belong_together(process: FixedNoise | MixtureNoise, dtype: torch.dtype) -> None:
    h0, t = torch.randn(51, 2, 5, generator=seeded(), dtype=dtype), torch.arange(51)
    state, eps = process.forward(h0, t, seeded(1))
    assert state.dtype == eps.dtype == dtype
    torch.testing.assert_close(state, SCHEDULE.q_sample(h0, t, eps))
    again, _ = process.forward(h0, t, seeded(1))
    other, _ = process.forward(h0, t, seeded(2))
    assert torch.equal(state, again) and not torch.equal(state, other)


def test_at_the_start_step_the_state_is_the_guess() -> None:
    """h_K is distributed as h_0 plus a residual: what the process was scaled for."""
    mixture = example()
    mean, cov = moments(mixture)
    h0 = torch.randn(2, 5, generator=seeded(), dtype=torch.float64)
    for start in (6, 12):
        state, _ = MixtureNoise(SCHEDULE, start, mixture).forward(h0.expand(DRAWS, 2, 5), torch.full((DRAWS,), start), seeded(1))
        assert_moments(state, h0.numpy() + mean, cov)


@pytest.mark.parametrize("t", [0, 3, 25, 50])
def test_the_papers_process_in_closed_form(t: int) -> None:
    """h_k = mu_G + sqrt(abar)(h_0 - mu_G) + sqrt(1 - abar) eps_G, mu_G and eps_G scaled as the module says, by its moments."""
    mixture, start = example(), 6
    h0 = torch.randn(2, 5, generator=seeded(), dtype=torch.float64)
    state, _ = MixtureNoise(SCHEDULE, start, mixture).forward(h0.expand(DRAWS, 2, 5), torch.full((DRAWS,), t), seeded(1))
    alpha_bar = np.cumprod(1.0 - np.linspace(1e-4, 1e-3, 51))
    weights, means, covariances = (part.numpy() for part in (mixture.weights, mixture.means, mixture.covariances))
    mu = h0.numpy()[:, None] + means / (1.0 - np.sqrt(alpha_bar[start]))
    centres = mu + np.sqrt(alpha_bar[t]) * (h0.numpy()[:, None] - mu)
    each = covariances * (1.0 - alpha_bar[t]) / (1.0 - alpha_bar[start])
    mean = np.einsum("jm,jmc->jc", weights, centres)
    around = centres - mean[:, None]
    assert_moments(state, mean, np.einsum("jm,jmcd->jcd", weights, each + around[..., :, None] * around[..., None, :]))


def test_fixed_noise_has_the_published_scales() -> None:
    _, eps = FixedNoise(SCHEDULE, 6).forward(torch.zeros(20_000, 4, 5), torch.zeros(20_000), seeded())
    np.testing.assert_allclose(eps.std(dim=(0, 1)), RELEASED_SCALES, rtol=0.02)
    assert RELEASED_SCALES == (0.1, 0.1, 1.0, 1.0, 1.0)


def test_released_hypotheses_are_the_guess_itself() -> None:
    guess = torch.randn(3, 2, 5, generator=seeded())
    for process in (FixedNoise(SCHEDULE, 6), MixtureNoise(SCHEDULE, 6, example())):
        states, step = process.start(guess, hypotheses=4, amplitude=0.0)
        assert step == 6 and states.shape == (4, 3, 2, 5)
        assert torch.equal(states, guess.expand(4, 3, 2, 5))


def test_hypotheses_lie_around_the_guess() -> None:
    mixture = example()
    guess = torch.randn(1, 2, 5, generator=seeded(), dtype=torch.float64)
    states, step = MixtureNoise(SCHEDULE, 6, mixture).start(guess, DRAWS, amplitude=0.5, generator=seeded(1))
    _, cov = moments(mixture)
    assert_moments(states[:, 0], guess[0].numpy(), 0.25 * cov)
    assert step == widened_step(SCHEDULE, 6, 0.5)
    assert torch.allclose((states[0::2] + states[1::2]) / 2.0, guess.expand(DRAWS // 2, *guess.shape), atol=1e-6)  # in pairs
    odd, _ = MixtureNoise(SCHEDULE, 6, mixture).start(guess, 5, amplitude=0.5, generator=seeded(1))
    assert odd.shape == (5, 1, 2, 5)
    assert torch.allclose((odd[0::2][:2] + odd[1::2]) / 2.0, guess.expand(2, 1, 2, 5), atol=1e-6)
    fixed, _ = FixedNoise(SCHEDULE, 6).start(guess, DRAWS, amplitude=1.0, generator=seeded(1))
    np.testing.assert_allclose((fixed - guess)[:, 0].std(dim=(0, 1)), SCHEDULE.sigma(6) * np.array(RELEASED_SCALES), rtol=0.02)


def test_the_step_of_a_widened_guess() -> None:
    """Guess and draw err independently: the variance is that of both."""
    assert widened_step(SCHEDULE, 6, 0.0) == 6
    sigmas = np.sqrt(1.0 - np.cumprod(1.0 - np.linspace(1e-4, 1e-3, 51)))
    assert widened_step(SCHEDULE, 6, 1.0) == int(np.abs(sigmas - np.sqrt(2.0) * sigmas[6]).argmin()) == 10
    assert widened_step(SCHEDULE, 40, 5.0) == 50


def test_the_fixed_noise_can_be_told_its_scales() -> None:
    scales = torch.rand(20_000, 2, 5, generator=seeded()) + 0.5
    _, eps = FixedNoise(SCHEDULE, 6).forward(torch.zeros(20_000, 2, 5), torch.zeros(20_000), seeded(1), scales=scales)
    np.testing.assert_allclose((eps / scales).std(dim=(0, 1)), np.ones(5), rtol=0.02)


def test_the_noise_of_a_pose_is_that_of_its_confidence() -> None:
    """At the start step, rows the detector is sure of err as their class does, the others as theirs."""
    errors = two_classes()
    h0 = torch.zeros(DRAWS, 2, 5, dtype=torch.float64)
    sure = (torch.arange(DRAWS) % 2).double()[:, None].expand(-1, 2)
    state, _ = MixtureNoise(SCHEDULE, 6, errors).forward(h0, torch.full((DRAWS,), 6), seeded(1), sure)
    for row, mixture in enumerate(errors.classes):
        assert_moments(state[row::2], *moments(mixture))


def test_hypotheses_are_centred_in_their_class_and_last() -> None:
    errors = two_classes(seconds=0.5)
    frames = 40
    guess = torch.zeros(frames, 2, 5, dtype=torch.float64)
    sure = (torch.arange(frames) >= 20).double()[:, None].expand(-1, 2)
    known = Frames(sure, torch.arange(frames) / 30.0)
    states, _ = MixtureNoise(SCHEDULE, 6, errors).start(guess, 8000, 1.0, seeded(1), known)
    for frame, mixture in ((0, errors.classes[0]), (39, errors.classes[1])):
        values, covariance = states[:, frame].numpy(), moments(mixture)[1]
        np.testing.assert_allclose(values.mean(0), 0.0, atol=1e-6)
        np.testing.assert_allclose([np.cov(values[:, j].T) for j in range(2)], covariance, atol=0.1 * np.abs(covariance).max())
    drawn = states[::2, :20].numpy()
    related = (drawn[:, 5] * drawn[:, 6]).mean(0) / (drawn[:, 5] ** 2).mean(0)
    np.testing.assert_allclose(related, np.exp(-1 / 15), atol=0.05)
    alone, _ = MixtureNoise(SCHEDULE, 6, errors).start(guess, 8000, 1.0, seeded(1), Frames(sure))
    unrelated = (alone[::2, 5] * alone[::2, 6]).mean(0) / (alone[::2, 5] ** 2).mean(0)
    assert float(unrelated.abs().max()) < 0.08


def test_pieces_of_a_sequence_go_on_from_one_another() -> None:
    errors, last = two_classes(seconds=0.5), LastFrame()
    noise, guess, times = MixtureNoise(SCHEDULE, 6, errors), torch.zeros(1, 2, 5, dtype=torch.float64), torch.arange(3) / 30.0
    sure = torch.ones(1, 2)
    first, second = (noise.start(guess, 8000, 1.0, seeded(i), Frames(sure, times[i : i + 1], last))[0][::2, 0] for i in (0, 1))
    np.testing.assert_allclose((first * second).mean(0) / (first**2).mean(0), np.exp(-1 / 15), atol=0.08)
    anew, _ = noise.start(guess, 8000, 1.0, seeded(2), Frames(sure, times[2:] + 1000.0, last))
    assert float(((second * anew[::2, 0]).mean(0) / (second**2).mean(0)).abs().max()) < 0.08


def test_a_mixture_by_confidence_asks_for_one() -> None:
    with pytest.raises(ValueError, match="none is given"):
        MixtureNoise(SCHEDULE, 6, two_classes()).forward(torch.zeros(1, 2, 5), torch.zeros(1), seeded())
    plain = MixtureNoise(SCHEDULE, 6, example())
    assert isinstance(plain.errors, ErrorModel) and not plain.errors.lasts
