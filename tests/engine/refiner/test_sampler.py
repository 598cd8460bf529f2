from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from contract.skeleton import BODY_22, H36M_17
from engine.lifter.mirror import mirrored_joints
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim, refine
from engine.refiner.schedule import Schedule, released_times

SCHEDULE = Schedule()
Noise = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def knowing(x0: Tensor) -> Noise:
    """A model that knows the clean pose, and so predicts the noise exactly."""

    def model(x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        kept, sigma = SCHEDULE.coefficients(t, x)
        return (x - kept * x0) / sigma

    return model


@pytest.mark.parametrize("times", [[0], [6, 0], [50], [50, 25, 12, 6, 3, 0], list(range(50, -1, -1))])
def test_ddim_inverts_its_own_forward_process(times: list[int]) -> None:
    x0, noise = rand(4, 17, 5), rand(4, 17, 5, seed=1)
    state = SCHEDULE.q_sample(x0, torch.full((4,), times[0]), noise)
    torch.testing.assert_close(Ddim(SCHEDULE).sample(knowing(x0), state, None, times), x0, atol=1e-11, rtol=0)
    # The noise itself as the answer, whatever the state: the same chain seen from the other side.
    torch.testing.assert_close(Ddim(SCHEDULE).sample(lambda x, t, p: noise, state, None, times), x0, atol=1e-11, rtol=0)


def test_every_step_lies_on_the_forward_process() -> None:
    x0, noise = rand(2, 17, 5), rand(2, 17, 5, seed=1)
    state = SCHEDULE.q_sample(x0, torch.full((2,), 40), noise)
    expected = SCHEDULE.q_sample(x0, torch.full((2,), 13), noise)
    torch.testing.assert_close(Ddim(SCHEDULE).step(state, noise, 40, 13), expected)


@pytest.mark.parametrize(("finer", "tolerance"), [(1, 0.15), (10, 0.015), (100, 0.0015)])
def test_ddim_follows_the_closed_form_of_a_gaussian(finer: int, tolerance: float) -> None:
    """For x0 ~ N(m, s^2) the best noise is linear and the flow keeps the quantile, known in closed form.

    DDIM is a first-order solver of that flow: ten times finer a schedule, a tenth of the error.
    """
    schedule = Schedule(51 * finer, 1e-4 / finer, 1e-3 / finer)
    mean, deviation = 0.3, 0.05

    def marginal(t: int) -> tuple[float, float]:
        kept = schedule.alpha_bar(t)
        return kept**0.5 * mean, (kept * deviation**2 + 1.0 - kept) ** 0.5

    def model(x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        centre, width = marginal(int(t[0]))
        return schedule.sigma(int(t[0])) * (x - centre) / width**2

    quantiles = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None, None]
    centre, width = marginal(schedule.steps - 1)
    got = Ddim(schedule).sample(model, centre + width * quantiles, None, list(range(schedule.steps - 1, -1, -1)))
    error = float((got - mean - deviation * quantiles).abs().max()) / deviation
    assert 0.5 * tolerance < error < tolerance


def test_eta_one_is_the_posterior_of_the_forward_process() -> None:
    """Given x_t and x0, x_(t-1) is Gaussian with the textbook's mean and variance."""
    t = 20
    now, before = SCHEDULE.alpha_bar(t), SCHEDULE.alpha_bar(t - 1)
    beta = 1.0 - now / before
    x0, state = 0.7, 0.9
    mean = (before**0.5 * beta * x0 + (1.0 - beta) ** 0.5 * (1.0 - before) * state) / (1.0 - now)
    variance = beta * (1.0 - before) / (1.0 - now)
    x = torch.full((200_000, 1, 1), state, dtype=torch.float64)
    noise = (x - now**0.5 * x0) / (1.0 - now) ** 0.5
    got = Ddim(SCHEDULE, eta=1.0).step(x, noise, t, t - 1, torch.Generator().manual_seed(0))
    assert float(got.mean()) == pytest.approx(mean, abs=5 * (variance / 200_000) ** 0.5)
    assert float(got.var()) == pytest.approx(variance, rel=0.02)
    # At the last step the posterior has no width: the clean pose.
    assert float((Ddim(SCHEDULE, eta=1.0).step(x, noise, t, -1) - x0).abs().max()) < 1e-12


def test_steps_must_fall() -> None:
    for times in ([0, 6], [6, 6], []):
        with pytest.raises(ValueError, match="fall"):
            Ddim(SCHEDULE).sample(knowing(rand(1, 17, 5)), rand(1, 17, 5), None, times)


def test_mirrored_pose() -> None:
    pose = rand(3, 17, 5)
    other = mirrored_joints(pose, H36M_17)
    left, right = H36M_17.index("wrist.L"), H36M_17.index("wrist.R")
    expected = pose[:, right] * torch.tensor([-1.0, 1.0, -1.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.equal(other[:, left], expected)
    assert torch.equal(other[:, 0, 1], pose[:, 0, 1]) and torch.equal(other[:, 0, 0], -pose[:, 0, 0])
    assert torch.equal(mirrored_joints(other, H36M_17), pose)
    # The field's own lists of left and right joints of Human3.6M.
    sides = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]
    copy = pose.numpy().copy()
    copy[..., [0, 2]] *= -1
    copy[:, sides[0] + sides[1]] = copy[:, sides[1] + sides[0]]
    np.testing.assert_array_equal(other.numpy(), copy)


def test_flip_averaging() -> None:
    """A constant answer that pulls sideways is cancelled; one that pulls up stays."""
    pull = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0], dtype=torch.float64).expand(4, 22, 5).clone()
    pull[:, 0] = 0.0  # the root stays, for poses are given relative to it
    states = rand(1, 4, 22, 5)
    states[:, :, 0, 2:] = 0.0
    once = refine(lambda x, t, p: pull[: len(x)], BODY_22, Ddim(SCHEDULE), states, None, [6], flip=False).pose
    both = refine(lambda x, t, p: pull.repeat(2, 1, 1)[: len(x)], BODY_22, Ddim(SCHEDULE), states, None, [6]).pose
    kept, sigma = SCHEDULE.alpha_bar(6) ** 0.5, SCHEDULE.sigma(6)
    torch.testing.assert_close(once, (states[0] - sigma * pull) / kept)
    upward = pull * torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(both, (states[0] - sigma * upward) / kept)


def test_flip_mirrors_the_guidance() -> None:
    seen: list[Tensor] = []

    def model(x: Tensor, t: Tensor, p: Tensor | None) -> Tensor:
        assert p is not None
        seen.append(p)
        return torch.zeros_like(x)

    guide = rand(2, 22, 3)
    refine(model, BODY_22, Ddim(SCHEDULE), rand(1, 2, 22, 5), guide, [6], guide_signs=(-1.0, 1.0, 1.0))
    assert torch.equal(torch.cat(seen), torch.cat((guide, mirrored_joints(guide, BODY_22, (-1.0, 1.0, 1.0)))))


def test_a_model_that_samples_by_itself_is_asked_to() -> None:
    """It gets the poses and their mirrored twins in one batch of its own size, and only where nothing is drawn at random."""

    class Whole:
        batch = 6

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
            return 0.5 * x.sin()

        def sample(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
            self.sizes.append(len(x))
            return Ddim(schedule).sample(lambda a, t, p: self(a, t, p), x, guide, times)

    whole, states = Whole(), rand(2, 4, 22, 5)
    got = refine(whole, BODY_22, Ddim(SCHEDULE), states, None, [6, 0])
    assert whole.sizes == [6, 6, 4]
    expected = refine(lambda x, t, p: 0.5 * x.sin(), BODY_22, Ddim(SCHEDULE), states, None, [6, 0])
    torch.testing.assert_close(got.hypotheses, expected.hypotheses)
    refine(whole, BODY_22, Ddim(SCHEDULE, eta=1.0), states, None, [6, 0])
    assert len(whole.sizes) == 3


def test_hypotheses_their_mean_and_spread() -> None:
    states, guide = rand(3, 4, 22, 5), rand(4, 22, 2, seed=1)

    def model(x: Tensor, t: Tensor, p: Tensor | None) -> Tensor:
        assert p is not None
        return torch.cat((p, p, p[..., :1]), dim=-1)  # each pose must meet its own context

    result = refine(model, BODY_22, Ddim(SCHEDULE), states, guide, [6], flip=False, batch=5)
    noise = torch.cat((guide, guide, guide[..., :1]), dim=-1)
    expected = ((states - SCHEDULE.sigma(6) * noise) / SCHEDULE.alpha_bar(6) ** 0.5).numpy()
    expected[..., 2:] -= expected[:, :, :1, 2:]
    np.testing.assert_allclose(result.hypotheses.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(result.pose.numpy(), expected.mean(axis=0), atol=1e-12)
    spread = np.sqrt(((expected - expected.mean(axis=0))[..., 2:] ** 2).sum(axis=-1).mean(axis=0))
    np.testing.assert_allclose(result.spread.numpy(), spread, atol=1e-12)
    assert result.spread.shape == (4, 22) and not result.spread[:, 0].any()


def test_released_behaviour_with_a_network() -> None:
    """The guess as it is at step 6, two DDIM steps, flips averaged, hypotheses all equal; written out once more by hand."""
    torch.manual_seed(0)
    network = Refiner(H36M_17, RefinerConfig(hidden=8, layers=2, heads=2, released=True)).double().eval()
    guess, guide = rand(5, 17, 5), rand(5, 17, 2, seed=1)
    got = refine(network, H36M_17, Ddim(SCHEDULE), guess.expand(3, 5, 17, 5), guide, released_times())
    alpha_bar = np.cumprod(1.0 - np.linspace(1e-4, 1e-3, 51))
    left, right = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]

    def flip(values: np.ndarray, channels: list[int]) -> np.ndarray:
        values = values.copy()
        values[..., channels] *= -1
        values[:, left + right] = values[:, right + left]
        return values

    def chain(x: np.ndarray, p: np.ndarray) -> np.ndarray:
        for t, kept in ((6, alpha_bar[0]), (0, 1.0)):
            with torch.no_grad():
                noise = network(torch.from_numpy(x), torch.full((5,), t), torch.from_numpy(p)).numpy()
            clean = (x - noise * np.sqrt(1 - alpha_bar[t])) / np.sqrt(alpha_bar[t])
            x = np.sqrt(kept) * clean + np.sqrt(1 - kept) * noise
        return x[..., 2:] - x[:, :1, 2:]

    straight = chain(guess.numpy(), guide.numpy())
    twin = flip(chain(flip(guess.numpy(), [0, 2]), flip(guide.numpy(), [0])), [0])
    np.testing.assert_allclose(got.pose[..., 2:].numpy(), (straight + twin) / 2, atol=1e-12)
    assert float(got.spread.max()) < 1e-12


def test_one_seed_one_result() -> None:
    torch.manual_seed(0)
    network = Refiner(BODY_22, RefinerConfig(hidden=8, layers=1, heads=2)).double().eval()
    states, guide = rand(2, 7, 22, 5), rand(7, 22, 2, seed=1)

    def run(seed: int, batch: int = 128, eta: float = 0.0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return refine(network, BODY_22, Ddim(SCHEDULE, eta), states, guide, [6, 0], generator=generator, batch=batch).pose

    torch.testing.assert_close(run(0), run(1, batch=3))
    assert torch.equal(run(5, eta=1.0), run(5, eta=1.0))
    assert not torch.equal(run(5, eta=1.0), run(6, eta=1.0))


def test_numpy_is_refined_as_torch_is() -> None:
    rng = np.random.default_rng(3)
    skeleton, schedule = BODY_22, Schedule()
    states, guide = rng.standard_normal((3, 4, len(skeleton), 5)), rng.standard_normal((4, len(skeleton), 2))
    found = []
    for given, context in ((states, guide), (torch.from_numpy(states), torch.from_numpy(guide))):
        done = refine(lambda x, t, p: 0.1 * x + p[..., :1], skeleton, Ddim(schedule), given, context, [9, 4], batch=5)  # type: ignore[index]
        found.append([np.asarray(part) for part in (done.pose, done.hypotheses, done.spread)])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
