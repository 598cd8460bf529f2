import numpy as np
import pytest
import torch

from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.mixture import Mixture
from tests.engine.refiner.test_mixture import DRAWS, assert_moments, example, moments, seeded


def two_classes(seconds: float = 0.0) -> ErrorModel:
    """The unsure err three times as far, in other components; what is drawn lasts for `seconds`."""
    sure = example()
    unsure = Mixture(sure.weights.flip(1), 3.0 * sure.means, 9.0 * sure.covariances)
    lasting = torch.full((2, 5), seconds, dtype=torch.float64)
    return ErrorModel((unsure, sure), torch.full((2, 1), 0.5, dtype=torch.float64), lasting, lasting[:, 0].clone())


def test_every_confidence_draws_from_its_own_mixture() -> None:
    model = two_classes()
    confidence = torch.tensor([[0.1, 0.9]])  # one joint unsure, the other sure
    centre, around = model.draw((DRAWS,), model.classes[0].means, seeded(), confidence)
    parts = [moments(mixture) for mixture in model.classes]
    expected = [np.stack([parts[0][i][0], parts[1][i][1]]) for i in range(2)]
    assert_moments(centre + around, *expected)
    np.testing.assert_allclose(model.mean(centre, confidence)[0].numpy(), expected[0], atol=1e-12)
    assert model.classify(torch.tensor([0.5, 0.4999])).tolist() == [1, 0]


def test_each_frame_of_a_course_is_the_mixture_whatever_was_before() -> None:
    """Also where the class changes from frame to frame."""
    model = two_classes(seconds=0.3)
    sure = torch.tensor([[0.0], [1.0], [0.0], [1.0]]).expand(4, 2)
    centre, around = model.course(DRAWS // 4, torch.arange(4) / 25.0, model.classes[0].means, seeded(), sure)
    for frame in (2, 3):
        mean, cov = moments(model.classes[frame % 2])
        values = (centre + around)[:, frame].numpy()
        np.testing.assert_allclose(values.mean(0), mean, atol=0.02)
        np.testing.assert_allclose([np.cov(values[:, j].T) for j in range(2)], cov, atol=0.05 * np.abs(cov).max())


def test_deviates_and_components_last_as_long_as_told() -> None:
    """Correlation exp(-dt / seconds) at uneven times; the same component with probability p + (1 - p) exp(-dt / seconds)."""
    seconds = (torch.tensor([[0.2] * 5, [0.0] * 5], dtype=torch.float64), torch.tensor([0.4, 0.0], dtype=torch.float64))
    mixture = example()
    model = ErrorModel((mixture,), torch.zeros(2, 0), *seconds)
    times = torch.tensor([0.0, 0.05, 0.25], dtype=torch.float64)
    centre, around = model.course(DRAWS // 4, times, mixture.means, seeded())
    component = (centre[..., None, :] - mixture.means).abs().sum(-1).argmin(-1)
    unit = torch.linalg.solve_triangular(
        mixture.factors[torch.arange(2), component], around[..., None], upper=False
    )[..., 0].numpy()  # fmt: skip
    for a, b in ((0, 1), (1, 2), (0, 2)):
        gap = float(times[b] - times[a])
        related = (unit[:, a] * unit[:, b]).mean(0)
        np.testing.assert_allclose(related[0], np.exp(-gap / 0.2), atol=0.02)
        np.testing.assert_allclose(related[1], 0.0, atol=0.02)
        chance = 0.6**2 + 0.3**2 + 0.1**2
        same = (component[:, a] == component[:, b]).double().mean(0)
        np.testing.assert_allclose(same, [chance + (1 - chance) * np.exp(-gap / 0.4), chance], atol=0.01)


def test_a_rate_twice_as_high_is_the_same_course() -> None:
    model = two_classes(seconds=0.3)
    like, sure = model.classes[0].means, torch.ones(1, 2)
    once = model.course(20_000, torch.arange(2) / 15.0, like, seeded(), sure.expand(2, 2))
    twice = model.course(20_000, torch.arange(3) / 30.0, like, seeded(1), sure.expand(3, 2))
    (a, b), (c, _, d) = ((centre + around).unbind(1) for centre, around in (once, twice))
    np.testing.assert_allclose((a * b).mean(0), (c * d).mean(0), atol=0.03 * float((a * a).mean(0).max()))


def test_where_nothing_lasts_a_course_is_independent_draws() -> None:
    model = ErrorModel.of(example())
    last = LastFrame()
    course = model.course(3, torch.arange(4) / 30.0, example().means, seeded(), last=last)
    assert all(torch.equal(a, b) for a, b in zip(course, model.draw((3, 4), example().means, seeded()), strict=True))
    assert last.time is None


@pytest.mark.parametrize("model", [two_classes(0.3), ErrorModel.of(example())], ids=["classes", "plain"])
def test_stored_and_read_back(model: ErrorModel) -> None:
    tensors = model.to_tensors()
    again = ErrorModel.from_tensors({**tensors, "refiner.weight": torch.zeros(1)})
    assert len(again.classes) == len(model.classes)
    times, sure = torch.arange(4) / 30.0, torch.full((4, 2), 0.3)
    for one, other in zip(*(m.course(3, times, m.classes[0].means, seeded(), sure) for m in (model, again)), strict=True):
        assert torch.equal(one, other)


def test_a_file_of_a_plain_mixture_is_read_as_before() -> None:
    """The layout of weights that know nothing of classes."""
    mixture = example()
    assert set(ErrorModel.of(mixture).to_tensors()) - {"mixture.deviate_seconds", "mixture.component_seconds"} == set(mixture.to_tensors())
    read = ErrorModel.from_tensors(mixture.to_tensors())
    assert len(read.classes) == 1 and not read.lasts and torch.equal(read.classes[0].means, mixture.means)


def test_a_model_that_makes_no_sense_is_refused() -> None:
    good = two_classes(0.3)
    parts = (good.thresholds, good.deviate_seconds, good.component_seconds)
    with pytest.raises(ValueError, match="thresholds of shape"):
        ErrorModel(good.classes[:1], *parts)
    with pytest.raises(ValueError, match="at least 0 seconds"):
        ErrorModel(good.classes, parts[0], -parts[1], parts[2])
    with pytest.raises(ValueError, match="must rise"):
        ErrorModel((*good.classes, good.classes[0]), torch.tensor([[0.5, 0.4]] * 2), *parts[1:])
    with pytest.raises(ValueError, match="different numbers"):
        ErrorModel((good.classes[0], example(3)), *parts)
    with pytest.raises(ValueError, match="means missing"):
        ErrorModel.from_tensors({name: value for name, value in good.to_tensors().items() if "means" not in name})
