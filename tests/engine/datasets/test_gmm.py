import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.benchmark import Source
from engine.datasets.gmm import as_kernels, draw, fit_errors, main
from engine.datasets.human36m import load_human36m
from engine.datasets.restricted_pickle import load_npz
from engine.refiner.schedule import Schedule
from tests.engine.datasets.human36m_files import write_human36m

PLAIN, TRUTH = "data_2d_h36m_cpn_ft_h36m_dbb.npz", "data_2d_h36m_gt.npz"


def known_errors(count=8000):
    """Four of five detections are within 3 pixels, one in five is 30 to the right."""
    rng = np.random.default_rng(0)
    far = rng.random((count, 2)) < 0.2
    lost = np.array([30.0, 0.0]) + rng.normal(0, [8.0, 4.0], (count, 2, 2))
    return np.where(far[..., None], lost, rng.normal(0, [3.0, 2.0], (count, 2, 2)))


def test_em_finds_what_the_errors_were_made_of():
    mixture = fit_errors(known_errors(), 2)
    np.testing.assert_allclose(mixture.weights, [[0.8, 0.2]] * 2, atol=0.02)
    np.testing.assert_allclose(mixture.means, [[[0, 0], [30, 0]]] * 2, atol=0.8)
    np.testing.assert_allclose(mixture.deviations, [[[3, 2], [8, 4]]] * 2, atol=0.5)


def test_the_joint_is_where_the_detection_minus_its_error_is():
    mixture = fit_errors(known_errors(), 2)
    kernels = as_kernels(np.full((5, 2, 2), 500.0), mixture, 1000, start_step=6)
    assert kernels.shape == (5, 2, 2, 5) and kernels.dtype == np.float32
    np.testing.assert_allclose(kernels[0, 0, 1, 1:3], [470, 500], atol=0.8)
    np.testing.assert_allclose(kernels[..., 0].sum(-1), 1.0, atol=1e-6)
    # at the start step the noise of the normalised picture is the detector's: sigma times scale, in pixels
    np.testing.assert_allclose(kernels[0, 0, :, 3:] * Schedule().sigma(6) * 500, mixture.deviations[0], rtol=1e-5)


def test_drawn_kernels_follow_their_weights():
    kernels = as_kernels(np.zeros((20_000, 2, 2)), fit_errors(known_errors(), 2), 1000)
    points, scales = draw(kernels, np.random.default_rng(1))
    second = points[..., 0] < -15
    assert second.mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(scales[second][:, 0], np.broadcast_to(kernels[..., 1, 3], second.shape)[second])
    assert points.shape == (20_000, 2, 2) and scales.shape == (20_000, 2, 5) and (scales[..., 2:] == 1.0).all()


@pytest.mark.parametrize("weights", [(1, 0, 0), (0, 1, 0), (0.5, 0, 0.5), (0, 0, 1)])
def test_a_kernel_of_no_weight_is_never_drawn(weights):
    kernels = np.zeros((4000, 17, 3, 5))
    kernels[..., 0] = weights
    kernels[..., 1] = [10.0, 20.0, 30.0]
    points, _ = draw(kernels, np.random.default_rng(0))
    assert set(np.unique(points[..., 0])) == {10.0 * (i + 1) for i, w in enumerate(weights) if w}


def test_weights_that_are_no_probabilities_are_refused():
    for weights in ((0.2, 0.2), (1.5, -0.5), (np.nan, 1)):
        kernels = np.zeros((2, 3, 2, 5))
        kernels[..., 0] = weights
        with pytest.raises(Failure, match="no file of mixtures"):
            draw(kernels, np.random.default_rng(0))


def test_the_command_makes_what_the_data_set_reads(tmp_path, capsys):
    write_human36m(tmp_path, frames=20)
    output = tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb_gmm.npz"
    assert main([str(tmp_path / PLAIN), str(tmp_path / TRUTH), "-o", str(output), "--components", "2"]) == 0
    assert "2 components a joint" in capsys.readouterr().out and not list(tmp_path.glob("*.part"))
    plain, mixed = (load_human36m(Source("h36m", tmp_path, k), "test") for k in ("cpn", "cpn_gmm"))
    for a, b in zip(plain.clips, mixed.clips, strict=True):
        assert b.kernels is not None and b.kernels.shape == (20, 17, 2, 5)
        mean = (b.kernels[..., :1] * b.kernels[..., 1:3]).sum(-2)
        np.testing.assert_allclose(mean, a.keypoints, atol=2 * 2.0 / 500)  # this detector has no bias to speak of
    # the whole spread is the 4 pixels that were put in, 2 / 1000 of the picture each
    k = mixed.clips[0].kernels[0].astype(float)
    centred = k[..., 1:3] - (k[..., :1] * k[..., 1:3]).sum(-2, keepdims=True)
    variance = (k[..., :1] * ((k[..., 3:] * Schedule().sigma(6)) ** 2 + centred**2)).sum(-2)
    assert np.sqrt(variance.mean()) * 500 == pytest.approx(4.0, rel=0.05)


def test_exact_keypoints_give_one_narrow_kernel(tmp_path):
    write_human36m(tmp_path, frames=20)
    assert main([str(tmp_path / TRUTH), str(tmp_path / TRUTH), "-o", str(tmp_path / "gt_gmm.npz")]) == 0
    kernels = load_npz(tmp_path / "gt_gmm.npz")["positions_2d"]["S9"]["WalkDog"][0]
    np.testing.assert_array_equal(kernels[..., 0], np.broadcast_to([1.0, 0.0, 0.0], kernels.shape[:-1]))


def test_files_that_do_not_match(tmp_path, capsys):
    write_human36m(tmp_path)
    for words, code, said in (
        ((PLAIN, "none.npz", "-o", "x.npz"), 3, "no file"),
        ((PLAIN, "data_3d_h36m.npz", "-o", "x.npz"), 3, "not a file of Human3.6M's positions_2d"),
        ((PLAIN, TRUTH, "-o", "x.txt"), 2, "use .npz"),
        ((PLAIN, TRUTH, "-o", "x.npz", "--components", "1000"), 3, "too few"),
    ):
        assert main([str(tmp_path / w) if "." in w else w for w in words]) == code
        assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("x.*"))
