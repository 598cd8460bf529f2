from __future__ import annotations

import numpy as np
import pytest

from contract.options import DEFAULT_FOV
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.focal import USUAL_SPREAD, estimate_fov
from tests.engine.kinematics import people

SIZE = (1280, 720)
FPS = 30.0


def filmed(fov: float, distance: float, seconds: float = 4.0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Poses relative to the pelvis and the pixels of a walk before a camera, as near as the distance (m) says."""
    body = people.walk(seconds).body
    body = body - body[:, :1] * [1, 1, 0]
    camera = (body - [0.0, 0.0, 1.0]) @ people.camera_rotation(-10, 0, 30.0).T + np.array([0, 0, distance])
    rng = np.random.default_rng(0)
    return camera - camera[:, :1] + noise * rng.normal(size=camera.shape), project(people.points_of(camera), camera_matrix(SIZE, fov))


@pytest.mark.parametrize("fov", [45.0, 60.0, 80.0])
def test_exact_poses_near_the_camera_tell_the_field_of_view(fov: float) -> None:
    joints, pixels = filmed(fov, 2.0)
    found = estimate_fov(joints, pixels, np.ones(joints.shape[:2]), SIZE, people.HEIGHT, FPS)
    assert abs(found.degrees - fov) < 0.7 * abs(DEFAULT_FOV - fov) + 3.0
    assert (found.degrees - DEFAULT_FOV) * (fov - DEFAULT_FOV) >= 0 or fov == DEFAULT_FOV


def test_a_person_far_away_says_nothing_and_the_usual_camera_stays() -> None:
    joints, pixels = filmed(40.0, 60.0)
    found = estimate_fov(joints, pixels, np.ones(joints.shape[:2]), SIZE, people.HEIGHT, FPS)
    assert found.degrees == pytest.approx(DEFAULT_FOV, abs=3.0)
    usual = np.degrees(np.sin(np.radians(DEFAULT_FOV)) * USUAL_SPREAD)
    assert found.error == pytest.approx(usual, rel=0.15)


def test_more_to_see_makes_it_surer_and_never_leaves_what_cameras_are() -> None:
    joints, pixels = filmed(75.0, 2.0, noise=0.03)
    errors = []
    for seconds in (0.5, 4.0):
        part = slice(0, round(seconds * FPS))
        found = estimate_fov(joints[part], pixels[part], np.ones((len(joints[part]), 22)), SIZE, people.HEIGHT, FPS)
        assert 30.0 < found.degrees < 100.0
        errors.append(found.error)
    assert errors[1] < errors[0]
    unseen = estimate_fov(joints, pixels, np.zeros((len(joints), 22)), SIZE, people.HEIGHT, FPS)
    assert unseen.degrees == pytest.approx(DEFAULT_FOV, abs=1.0)
