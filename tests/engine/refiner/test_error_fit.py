import numpy as np
import pytest
import torch

from engine.refiner.error_fit import SECONDS, Fit, explain, find_thresholds, fit, fit_errors, time_constants
from engine.refiner.error_model import ErrorModel
from tests.engine.refiner.test_error_model import two_classes
from tests.engine.refiner.test_mixture import example, seeded


def drawn(model: ErrorModel, takes: int, frames: int, fps: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(residuals (N,2,5), confidence (N,2), times (N,)) of takes in which the detector gets sure and unsure for a second at a time."""
    times = torch.arange(frames, dtype=torch.float64) / fps
    sure = 0.2 + 0.6 * ((times % 2.0) >= 1.0).double()[:, None].expand(-1, 2)
    centre, around = model.course(takes, times, model.classes[0].means, seeded(), sure)
    clock = (times + 1000.0 * torch.arange(takes)[:, None]).flatten()
    return (centre + around).flatten(0, 1), sure.repeat(takes, 1), clock


def test_what_was_drawn_is_found_again() -> None:
    truth = two_classes(seconds=0.3)
    residuals, sure, times = drawn(truth, 100, 120, 30.0)
    found = fit_errors(residuals, Fit(components=3, classes=2), sure, times)
    assert len(found.classes) == 2 and bool(((found.thresholds > 0.2) & (found.thresholds <= 0.8)).all())
    for known, mixture in zip(truth.classes, found.classes, strict=True):
        np.testing.assert_allclose(mixture.covariance.numpy(), known.covariance.numpy(), atol=0.15 * float(known.covariance.abs().max()))
        np.testing.assert_allclose(np.sort(mixture.weights.numpy()), np.sort(known.weights.numpy()), atol=0.06)
    np.testing.assert_allclose(found.deviate_seconds.numpy(), 0.3, rtol=0.35)
    np.testing.assert_allclose(found.component_seconds.numpy(), 0.3, rtol=0.35)


def test_independent_frames_last_for_nothing() -> None:
    residuals, sure, times = drawn(two_classes(), 40, 120, 30.0)
    found = fit_errors(residuals, Fit(1, 2), sure, times)
    assert float(found.deviate_seconds.max()) < 0.02  # under a frame
    assert float(fit_errors(residuals, Fit(1, 2), sure).deviate_seconds.max()) == 0.0


def test_without_confidence_it_is_the_plain_mixture() -> None:
    residuals = drawn(two_classes(), 10, 100, 30.0)[0]
    found = fit_errors(residuals, Fit(2, 5, seed=3))
    order = np.random.default_rng(3).permutation(len(residuals))
    plain = fit(residuals.numpy()[order], 2, 3)
    assert len(found.classes) == 1 and torch.equal(found.classes[0].means, plain.means)


def test_thresholds_part_what_varies_and_leave_what_does_not() -> None:
    rng = np.random.default_rng(0)
    confidence = np.stack([rng.random(3000), np.ones(3000), np.where(rng.random(3000) < 0.9, 1.0, 0.1)], axis=1)
    thresholds = find_thresholds(confidence, 3)
    np.testing.assert_allclose(thresholds[0], [1 / 3, 2 / 3], atol=0.03)
    assert np.isinf(thresholds[1]).all()
    assert thresholds[2].tolist() == [1.0, np.inf]  # a tenth is unsure; the rest cannot be parted
    assert find_thresholds(np.ones((1000, 2)), 3).shape == (2, 0)


def test_the_likeliest_component_explains_a_residual() -> None:
    """Against the density of scipy's normal distribution."""
    from scipy.stats import multivariate_normal

    mixture = example()
    centre, around = ErrorModel.of(mixture).draw((50,), mixture.means, seeded())
    residuals = (centre + around).numpy()
    deviates, components = explain(ErrorModel.of(mixture), residuals, np.ones((50, 2)))
    for n in range(50):
        for j in range(2):
            of = [
                np.log(w) + multivariate_normal(m, s).logpdf(residuals[n, j])
                for w, m, s in zip(mixture.weights[j], mixture.means[j].numpy(), mixture.covariances[j].numpy(), strict=True)
            ]
            assert components[n, j] == np.argmax(of)
            back = mixture.means[j, components[n, j]] + mixture.factors[j, components[n, j]] @ torch.from_numpy(deviates[n, j])
            np.testing.assert_allclose(back, residuals[n, j], atol=1e-9)


def test_a_time_constant_is_read_off_a_decay() -> None:
    gaps = np.repeat(np.arange(1, 40) / 30.0, 20)
    known = np.array([0.05, 0.5, 3.0])
    found = time_constants(np.exp(-gaps[:, None] / known), gaps)
    assert np.abs(np.log(found / known)).max() <= np.log(SECONDS[1] / SECONDS[0]) / 2 + 1e-9
    assert time_constants(-np.ones((len(gaps), 1)), gaps)[0] == 0.0
    assert time_constants(np.ones((5, 1)), gaps[:5])[0] == 0.0  # too few to say


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        fit_errors(np.zeros((10, 3, 4)), Fit())
    with pytest.raises(ValueError, match="not numbers"):
        fit_errors(np.full((1000, 3, 5), np.nan), Fit())
