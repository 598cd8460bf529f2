import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import NAMES, Truth, errors, read_truth, side_errors, videos_with_truth, world_errors
from contract.failure import Failure

ROOT = Path(__file__).resolve().parents[2]


def test_errors_of_a_known_difference():
    rng = np.random.default_rng(0)
    truth = Truth(rng.normal(size=(20, 12, 3)), np.zeros((20, 14, 3)), 25.0, 1.7)
    times = np.arange(20) / 25
    assert np.allclose(errors(truth.joints + np.array([5.0, 1.0, 2.0]), times, truth), 0, atol=1e-9)
    shifted = truth.joints.copy()
    shifted[:, 2:] += [0.0, 0.03, 0.0]  # all but the hips
    assert errors(shifted, times, truth)[0] == pytest.approx(30 * 10 / 12)
    assert errors(1.2 * truth.joints, times, truth)[1] == pytest.approx(0, abs=1e-6)


def test_who_crouches_is_told_by_the_sign():
    straight = np.zeros((5, 12, 3))
    for side, x in ((0, 0.1), (1, -0.1)):
        for row, y in ((0, 0.0), (2, 0.4), (4, 0.8), (6, -0.5), (8, -0.2), (10, 0.1)):
            straight[:, row + side, :2] = x, y
    bent = straight.copy()
    bent[:, [2, 3], 2] -= 0.4 * np.tan(np.radians(10))  # both knees forward: bent by 20 degrees
    times = np.arange(5) / 25.0
    crouched = side_errors(bent, times, Truth(straight, np.zeros((5, 14, 3)), 25.0, 1.7))
    assert crouched == pytest.approx((10, 20, 0), abs=1e-6)
    assert side_errors(straight, times, Truth(bent, np.zeros((5, 14, 3)), 25.0, 1.7)) == pytest.approx((10, -20, 0), abs=1e-6)


def test_missing_frames_count_as_their_nearest():
    truth = Truth(np.cumsum(np.random.default_rng(0).normal(size=(10, 12, 3)), axis=0), np.zeros((10, 14, 3)), 10.0, 1.7)
    kept = [0, 1, 2, 8, 9]
    held = truth.joints[[0, 1, 2, 2, 2, 2, 8, 8, 8, 9]]
    a, b = errors(truth.joints[kept], np.array(kept) / 10, truth), errors(held, np.arange(10) / 10, truth)
    assert a[0] == pytest.approx(b[0])


def test_the_errors_in_the_world_of_a_known_difference():
    rng = np.random.default_rng(0)
    world = rng.uniform(0.1, 1.5, size=(20, 14, 3))
    world[:, -1] = rng.normal(size=(20, 3)) + np.array([0, 0, 9.0])  # and this one never
    world[:, -2] = [0.3, 0.2, 0.04]  # this toe stands
    truth = Truth(world[:, :12], world, 25.0, 1.7)
    times = np.arange(20) / 25
    c, s = np.cos(0.7), np.sin(0.7)
    turned = world @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + np.array([3.0, -2.0, 0.0])
    assert np.allclose(world_errors(turned, times, truth), 0, atol=1e-9)
    assert world_errors(turned + np.array([0, 0, 0.05]), times, truth)[0] == pytest.approx(50)  # the ground is the ground
    sunk = turned.copy()
    sunk[:, -2, 2] = -0.08  # one of four
    assert world_errors(sunk, times, truth)[2] == pytest.approx(20)
    trembling = turned.copy()
    trembling[:, -2, 0] += 0.01 * (np.arange(20) % 2)
    assert world_errors(trembling, times, truth)[1] == pytest.approx(25, rel=0.02)


def test_only_videos_with_a_truth_are_judged(tmp_path):
    for name in ("a.mp4", "a.truth.npz", "b.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert [p.name for p in videos_with_truth([tmp_path])] == ["a.mp4"]
    with pytest.raises(Failure, match=r"truth\.npz"):
        videos_with_truth([tmp_path / "b.mp4"])
    with pytest.raises(Failure, match="documented layout"):
        read_truth(tmp_path / "a.truth.npz")


def test_the_samples_truth_is_read():
    truth = read_truth(ROOT / "examples" / "sample.truth.npz")
    assert truth.joints.shape[1:] == (len(NAMES), 3) and truth.height == pytest.approx(1.7)


def test_it_says_what_to_name():
    result = subprocess.run([sys.executable, "benchmarks/accuracy.py", "README.md"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 3 and "examples/sample.mp4" in result.stderr
