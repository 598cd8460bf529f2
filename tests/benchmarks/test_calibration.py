import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from benchmarks.calibration import calibrate, fitted_noises, log_likelihood, plot, sample, shipped
from contract.failure import Failure
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.training.refiner import validation_poses
from tests.engine.datasets.pairs import write_pairs
from tests.engine.refiner.test_error_model import two_classes


def test_errors_drawn_as_large_as_the_spread_says_are_found_calibrated(tmp_path):
    """|N(0, s)| has the mean s sqrt(2 / pi): the closed form that every bin must show."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(5.0, 80.0, 40_000)
    found = calibrate(spread, np.abs(rng.normal(0.0, spread)))
    assert found.error == pytest.approx(found.spread * np.sqrt(2 / np.pi), rel=0.05)
    assert found.pearson > 0.4 and found.spearman > 0.4
    plot(found, tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


def test_a_spread_that_says_nothing_is_found_so():
    rng = np.random.default_rng(1)
    found = calibrate(rng.uniform(5.0, 80.0, 20_000), rng.uniform(0.0, 50.0, 20_000))
    assert abs(found.pearson) < 0.03 and abs(found.spearman) < 0.03


def test_equal_hypotheses_are_refused():
    with pytest.raises(Failure, match="no spread"):
        calibrate(np.zeros(50), np.ones(50))


def test_the_likelihood_of_a_known_mixture():
    """Against scipy's normal distribution; the mixture of the unsure describes them better than that of the sure."""
    errors, rng = two_classes(), np.random.default_rng(0)
    residuals, sure = torch.from_numpy(rng.normal(size=(40, 2, 5)) * 0.1), torch.full((40, 2), 0.1)
    unsure = errors.classes[0]
    log = np.mean([
        np.log(sum(
            float(w) * multivariate_normal(m, s).pdf(r)
            for w, m, s in zip(unsure.weights[1], unsure.means[1].numpy(), unsure.covariances[1].numpy(), strict=True)
        )) for r in residuals[:, 1].numpy()
    ])  # fmt: skip
    assert log_likelihood(errors, residuals, sure) == pytest.approx(log, abs=1e-6)
    assert log_likelihood(errors, residuals, 1.0 - sure) < log


def test_a_noise_that_lasts_shakes_less(tmp_path):
    """The shipped refiner on rendered pairs in miniature: all three noises are fitted, and the lasting one's spread is calmer."""
    write_pairs(tmp_path / "p.npz", segments=4)
    split, model = split_segments(load_detections(tmp_path)), shipped()
    poses = validation_poses(model.lifter, split, 1)[:40]
    noises = fitted_noises(model, split, pool=1)
    assert set(noises) == {"a mixture a joint", "by confidence", "by confidence, lasting"}
    still, lasting = (sample(model, noises[name], poses, 2) for name in ("by confidence", "by confidence, lasting"))
    assert still.spread.shape == still.error.shape == (40 * 21,)
    assert still.mpjpe < still.alone  # a mean is never farther from the truth than those it is the mean of, on average
    assert lasting.unrest < 0.7 * still.unrest and sample(model, noises["by confidence"], poses, 1).unrest == 0.0
