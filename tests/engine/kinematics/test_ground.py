from __future__ import annotations

import numpy as np
import pytest

from engine.kinematics.ground import camera_rotation, ground_height, level_by_feet, tilt_and_roll

from . import people


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


@pytest.mark.parametrize(("tilt", "roll"), [(0, 0), (-20, 0), (15, 90), (-5, -90), (10, 170), (0, -30)])
def test_the_camera_looks_along_plus_y(tilt: float, roll: float) -> None:
    turn = people.camera_rotation(tilt, roll)
    rotation = camera_rotation(turn[:, 2])
    assert np.allclose(rotation, turn.T, atol=1e-9)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    assert tilt_and_roll(matrix) == pytest.approx((tilt, roll))


def test_a_camera_that_looks_straight_down_has_a_world_too() -> None:
    for up in (np.array([0, 0, -1.0]), np.array([0, 0, 1.0])):
        rotation = camera_rotation(up)
        assert np.allclose(rotation @ rotation.T, np.eye(3)) and np.linalg.det(rotation) == pytest.approx(1)
        assert np.allclose(rotation @ up, [0, 0, 1])


def test_the_ground_lies_under_the_standing_feet() -> None:
    rng = np.random.default_rng(0)
    soles = np.abs(rng.normal(size=(100, 2))) * 0.3 - 0.4
    contacts = np.zeros((100, 2), bool)
    contacts[::3, 0] = True
    soles[contacts] = -0.9 + rng.normal(size=contacts.sum()) * 0.01
    sure = np.ones((100, 2))
    assert ground_height(soles, contacts, sure) == pytest.approx(-0.9, abs=0.01)
    assert ground_height(soles, None, sure) == pytest.approx(-0.9, abs=0.02)
    # a foot that is not seen does not decide
    soles[:, 1], sure[:, 1] = -3.0, 0.0
    assert ground_height(soles, None, sure) == pytest.approx(-0.9, abs=0.05)


def test_feet_far_apart_level_the_ground_and_feet_on_the_spot_do_not() -> None:
    before = np.radians(4.0) ** 2 * np.eye(2)
    rng = np.random.default_rng(0)
    slope = people.about("x", 4.0) @ people.about("y", -3.0)
    spots = np.column_stack([rng.uniform(-2, 2, (300, 2)), np.zeros(300)]).reshape(150, 2, 3)
    sure = np.ones((150, 2))
    turn, after = level_by_feet(spots @ slope.T, sure, before)
    assert degrees_between(turn @ slope[:, 2], np.array([0, 0, 1.0])) < 1.0
    assert np.degrees(np.sqrt(np.diag(after))).max() < 1.0
    # feet that are in the air now and then, or a staircase, are no slope of the ground
    raised = spots @ slope.T
    raised[::3, 0, 2] += 0.3
    assert degrees_between(level_by_feet(raised, sure, before)[0] @ slope[:, 2], np.array([0, 0, 1.0])) < 1.5
    still = spots * 0.03 + rng.normal(size=spots.shape) * 0.01
    turn, after = level_by_feet(still, sure, before)
    assert degrees_between(turn[:, 2], np.array([0, 0, 1.0])) < 1.5
    assert np.degrees(np.sqrt(np.diag(after))).min() > 3.5
    turn, after = level_by_feet(spots, 0 * sure, before)
    assert np.allclose(turn, np.eye(3)) and np.allclose(after, before)


def test_a_reading_that_is_less_sure_gives_way_further_to_the_ground() -> None:
    rng = np.random.default_rng(1)
    slope = people.about("x", 6.0)
    spots = np.column_stack([rng.uniform(-0.6, 0.6, (200, 2)), np.zeros(200)]).reshape(100, 2, 3) @ slope.T
    left = [
        degrees_between(level_by_feet(spots, np.ones((100, 2)), np.radians(error) ** 2 * np.eye(2))[0] @ slope[:, 2], np.array([0, 0, 1.0]))
        for error in (1.0, 3.0, 9.0)
    ]
    assert left[0] > left[1] > left[2] and left[2] < 1.5
