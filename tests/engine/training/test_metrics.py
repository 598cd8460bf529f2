import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.training.metrics import acceleration_error, mpjpe, pa_mpjpe, procrustes, rooted_at_hips


@pytest.fixture
def poses():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 12, 3)), rng.normal(size=(6, 12, 3))


def test_mpjpe_of_a_known_shift(poses):
    assert np.allclose(mpjpe(poses[0], poses[0] + [0.003, 0.0, 0.004]), 5.0)


def test_pa_mpjpe_sees_no_similarity_but_a_reflection(poses):
    pose = poses[0]
    moved = 1.3 * Rotation.from_euler("xyz", [0.3, 1.0, -2.0]).apply(pose.reshape(-1, 3)).reshape(pose.shape) + [1, 2, 3]
    assert pa_mpjpe(moved, pose).max() < 1e-9
    assert pa_mpjpe(pose * [-1, 1, 1], pose).min() > 10.0


def test_procrustes_agrees_with_scipys_where_no_reflection_is_better(poses):
    """scipy's alignment may reflect, so near poses are compared: there the best one never does."""
    truth = poses[0]
    near = truth + 0.1 * poses[1]
    for a, b in zip(near, truth, strict=True):
        centred = b - b.mean(0)
        _, _, disparity = scipy_procrustes(b, a)
        ours = ((procrustes(a[None], b[None])[0] - b) ** 2).sum() / (centred**2).sum()
        assert ours == pytest.approx(disparity, rel=1e-9)


def test_acceleration_error_of_a_known_motion():
    time = np.arange(20) / 25.0
    fallen = np.zeros((20, 3, 3))
    fallen[:, :, 1] = (9.81 / 2 * time**2)[:, None]
    assert np.allclose(acceleration_error(fallen, np.zeros_like(fallen), 25.0), 9.81)


def test_rooting_puts_the_middle_of_the_hips_at_the_origin():
    joints = np.random.default_rng(1).normal(size=(4, 22, 3))
    limbs = rooted_at_hips(joints)
    assert limbs.shape == (4, 12, 3)
    assert np.allclose(limbs[:, 0] + limbs[:, 1], 0)
    assert np.allclose(limbs[:, 2] - limbs[:, 0], joints[:, BODY_22.index("knee.L")] - joints[:, BODY_22.index("hip.L")])


def test_the_benchmark_says_the_same(shared, poses):
    import importlib.util

    spec = importlib.util.spec_from_file_location("score", shared / "benchmark" / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    theirs = [np.linalg.norm(score.procrustes(a, b) - b, axis=-1).mean() * 1e3 for a, b in zip(*poses, strict=True)]
    assert np.allclose(pa_mpjpe(*poses), theirs)
