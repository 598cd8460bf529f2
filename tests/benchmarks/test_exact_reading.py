"""Readings without error: what stands on joints is put where they are, and what is beside them moves along."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy import NAMES, Truth
from benchmarks.exact_reading import ALONG, POINTS, READINGS, moved, readings, shoulders_off
from engine.detection.landmarks import LANDMARKS
from engine.person.track import Track


def test_every_landmark_is_put_somewhere():
    assert set(ALONG) | {LANDMARKS[k] for k in POINTS} == set(LANDMARKS) and set(ALONG).isdisjoint(NAMES)


def test_joints_are_exact_and_the_rest_moves_along():
    random = np.random.default_rng(0)
    marks, exact = random.normal(size=(4, 33, 3)), random.normal(size=(4, 12, 3))
    found = moved(marks, exact)
    np.testing.assert_allclose(found[:, POINTS], exact)
    wrist, thumb = LANDMARKS.index("wrist.R"), LANDMARKS.index("thumb.R")
    np.testing.assert_allclose(found[:, thumb] - found[:, wrist], marks[:, thumb] - marks[:, wrist])
    nose, shoulders = LANDMARKS.index("nose"), [LANDMARKS.index(f"shoulder.{side}") for side in "LR"]
    np.testing.assert_allclose(
        found[:, nose] - found[:, shoulders].mean(1), marks[:, nose] - marks[:, shoulders].mean(1), atol=1e-12
    )  # fmt: skip


def test_readings_stand_where_the_truth_is():
    """In space about the middle of the hips, in the picture through the camera."""
    random = np.random.default_rng(2)
    joints = random.normal(scale=0.3, size=(6, 12, 3)) + np.array([0.2, 0.1, 4.0])
    truth = Truth(joints, np.zeros((6, 14, 3)), 30.0, 1.7)
    matrix = np.array([[900.0, 0.0, 320.0], [0.0, 900.0, 240.0], [0.0, 0.0, 1.0]])
    marks = [random.normal(size=(6, 33, d)).astype(np.float32) for d in (2, 3)]
    track = Track(np.arange(6) / 30.0, marks[0], np.ones((6, 33), np.float32), marks[1], np.ones(6, bool), [slice(0, 6)], 30.0, 6, 6)
    plain, space, picture = (readings(track, truth, matrix)[name] for name in READINGS)
    assert plain is track and np.array_equal(space.image, track.image)
    np.testing.assert_allclose(space.world[:, POINTS], joints - joints[:, :2].mean(1, keepdims=True), atol=1e-5)
    x = 900.0 * joints[..., 0] / joints[..., 2] + 320.0
    np.testing.assert_allclose(picture.image[:, POINTS, 0], x, rtol=1e-5)


def test_shoulders_are_too_far_by_what_they_were_moved():
    random = np.random.default_rng(1)
    joints = random.normal(size=(5, 12, 3)) + np.array([0, 0, 4])
    truth = Truth(joints, np.zeros((5, 14, 3)), 30.0, 1.7)
    wrong = joints.copy()
    wrong[:, [NAMES.index("shoulder.L"), NAMES.index("shoulder.R")], 2] -= 0.07
    assert shoulders_off(wrong, np.arange(5) / 30.0, truth) == pytest.approx(-70.0)
