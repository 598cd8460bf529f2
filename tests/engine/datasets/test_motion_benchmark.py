import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.benchmark import SPLITS, Source
from engine.datasets.motion_benchmark import ERRORS, LIMBS, detector_errors
from engine.datasets.registry import load_poses
from engine.datasets.rendered import SCREEN
from tests.engine.datasets.pairs import standing, write_pairs

UP = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])  # camera axes (y down) to Z up


def write_motions(path, subjects=10, frames=40):
    still = standing() @ UP + [0, 0, 0.9]
    walk = np.stack([still + np.array([0.02 * t, 0, 0]) for t in range(frames)])
    delta = np.concatenate([np.concatenate([walk[:1], np.diff(walk, axis=0)]) for _ in range(subjects)])
    np.savez(
        path, joint_names=np.array(BODY_22.joints), parents=np.array(BODY_22.parents), delta=np.rint(1000 * delta).astype(np.int16),
        clip_start=np.arange(subjects + 1) * frames, clip_name=np.array([f"walk {i}" for i in range(subjects)]),
        subject=np.array([f"p{i}" for i in range(subjects)]), floor_ok=np.ones(subjects, bool), source_fps=np.full(subjects, 30.0),
        fps=np.array(30.0),
    )  # fmt: skip


def test_nobody_is_in_two_splits_and_nobody_is_lost(tmp_path):
    write_motions(tmp_path / "set.npz")
    people = {split: {c.subject for c in load_poses(Source("mocap", tmp_path), split).clips} for split in SPLITS}
    assert people["test"] == {"p0", "p5"} and sum(map(len, people.values())) == 10
    assert set.union(*people.values()) == {f"p{i}" for i in range(10)}
    everyone_trains = load_poses(Source("mocap", tmp_path, held_out=()), "train")
    assert {c.subject for c in everyone_trains.clips} == {f"p{i}" for i in range(10)} - people["test"]


def test_the_true_keypoints_are_the_projection_and_the_spoilt_ones_lie_near(tmp_path):
    write_motions(tmp_path / "set.npz")
    exact, spoilt = (load_poses(Source("mocap", tmp_path, keypoints), "train") for keypoints in ("gt", "detected"))
    again = load_poses(Source("mocap", tmp_path, "detected"), "train")
    for a, b, c in zip(exact.clips, spoilt.clips, again.clips, strict=True):
        joints = a.poses + a.root[:, None]
        assert joints[..., 2].min() > 0.8
        np.testing.assert_allclose(a.keypoints, SCREEN * joints[..., :2] / joints[..., 2:], atol=1e-5)
        np.testing.assert_array_equal(b.keypoints, c.keypoints)
        np.testing.assert_array_equal(a.poses, b.poses)
        error = np.abs(b.keypoints - a.keypoints)[..., 0] * a.root[:, None, 2] / SCREEN
        assert 0.001 < np.median(error) < 0.03
    bones = np.linalg.norm(exact.clips[0].poses[:, BODY_22.index("knee.L")] - exact.clips[0].poses[:, BODY_22.index("ankle.L")], axis=-1)
    assert bones.std() < 2e-3  # millimetres of rounding in the file


def test_errors_are_as_large_and_as_lasting_as_measured():
    errors = detector_errors(60_000, 30.0, np.random.default_rng(0))
    wrist, pelvis = errors[:, BODY_22.index("wrist.L"), 0], errors[:, 0, 0]
    assert pelvis.std() == pytest.approx(ERRORS["pelvis"][0], rel=0.1)
    assert np.corrcoef(pelvis[1:], pelvis[:-1])[0, 1] == pytest.approx(ERRORS["pelvis"][1], abs=0.01)
    assert np.median(np.abs(wrist)) * 1.4826 == pytest.approx(ERRORS["wrist"][0], rel=0.15) and "wrist" in LIMBS
    assert wrist.std() == pytest.approx(0.028, rel=0.25)  # measured on the pairs


def test_rendered_pairs_are_a_benchmark_too(tmp_path):
    write_pairs(tmp_path / "p.npz")
    test = load_poses(Source("detections", tmp_path, "detected"), "test")
    exact = load_poses(Source("detections", tmp_path, "gt"), "test")
    assert {c.subject for c in test.clips} == {"cmu_mocap6"} and len(test.clips) == 2
    wrist = BODY_22.index("wrist.R")  # the made-up detector is exactly right there
    np.testing.assert_allclose(test.clips[0].keypoints[:, wrist], exact.clips[0].keypoints[:, wrist], atol=2e-3)
    assert {c.subject for c in load_poses(Source("detections", tmp_path, "detected"), "train").clips} == {"snu_tiling"}
    with pytest.raises(Failure, match="validation"):
        load_poses(Source("detections", tmp_path, "detected"), "validation")


def test_unknown_keypoints(tmp_path):
    for data in ("mocap", "detections"):
        with pytest.raises(Failure, match="not cpn"):
            load_poses(Source(data, tmp_path, "cpn"), "test")
