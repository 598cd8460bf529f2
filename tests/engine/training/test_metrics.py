import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.training.metrics import acceleration_error, flexion, mpjpe, pa_mpjpe, procrustes, rooted_at_hips, trunk_lean


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


def test_flexion_and_lean_of_known_poses():
    """A man who stands with straight legs and arms; then his left knee and right elbow are bent, and his trunk leans, by known angles."""
    pose = np.zeros((22, 3))
    for side, x in (("L", 0.1), ("R", -0.1)):
        for name, at in (("hip", (x, 0.9)), ("knee", (x, 0.5)), ("ankle", (x, 0.1)), ("shoulder", (2 * x, 1.4)), ("elbow", (2 * x, 1.1)),
                         ("wrist", (2 * x, 0.8))):  # fmt: skip
            pose[BODY_22.index(f"{name}.{side}"), [0, 2]] = at
    straight = rooted_at_hips(pose)
    assert np.allclose(flexion(straight), 0, atol=1e-5)
    bent = pose.copy()
    knee, elbow = (BODY_22.index(name) for name in ("knee.L", "elbow.R"))
    bent[BODY_22.index("ankle.L")] = pose[knee] + Rotation.from_euler("x", 30, degrees=True).apply([0, 0, -0.4])
    bent[BODY_22.index("wrist.R")] = pose[elbow] + Rotation.from_euler("y", 100, degrees=True).apply([0, 0, -0.3])
    assert np.allclose(flexion(rooted_at_hips(bent)), [30, 0, 0, 100], atol=1e-5)
    leaning = Rotation.from_euler("x", 20, degrees=True).apply(pose)
    assert trunk_lean(rooted_at_hips(leaning), straight) == pytest.approx(20)
