from __future__ import annotations

import numpy as np
import pytest

from engine.kinematics.ground import believed_roll, camera_rotation, ground_height, level_by_feet, tilt_and_roll, world_up

from . import people


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


@pytest.mark.parametrize(("tilt", "roll"), [(0, 0), (-25, 0), (20, 10), (0, 90), (-10, -90), (5, 180), (-80, 0)])
def test_up_is_found_for_any_camera(tilt: float, roll: float) -> None:
    turn = people.camera_rotation(tilt, roll, 40.0)
    body = people.walk().body @ turn.T
    up = world_up(body - body[:, :1], np.ones(body.shape[:2]))
    assert degrees_between(up, turn[:, 2]) < 6.0


def test_bending_down_for_a_while_does_not_tip_the_world() -> None:
    body = people.walk().body
    bent = body.copy()
    pelvis = body[30:50, :1]
    upper = [1, 2, 3, 4, 5, *range(6, 14)]
    bent[30:50, upper] = (body[30:50, upper] - pelvis) @ people.about("x", 80.0).T + pelvis
    assert degrees_between(world_up(bent, np.ones(bent.shape[:2])), np.array([0, 0, 1.0])) < 8.0


def test_unseen_legs_do_not_tip_the_world() -> None:
    body, confidence = people.walk().body.copy(), np.ones((90, 22))
    legs = [15, 16, 17, 19, 20, 21]
    body[:, legs] = body[:, :1] + np.array([0.0, 0.9, 0.1])
    confidence[:, legs] = 0.0
    assert degrees_between(world_up(body, confidence), np.array([0, 0, 1.0])) < 8.0


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


@pytest.mark.parametrize("quarter", [0, 90, -90, 180])
def test_a_small_roll_is_believed_level_and_a_large_one_is_kept(quarter: float) -> None:
    for off, low, high in ((2.0, 0.0, 0.8), (5.0, 0.0, 3.5), (25.0, 22.0, 25.0)):
        up = people.camera_rotation(-10, quarter + off)[:, 2]
        matrix = np.eye(4)
        matrix[:3, :3] = camera_rotation(believed_roll(up))
        tilt, roll = tilt_and_roll(matrix)
        assert tilt == pytest.approx(-10, abs=0.5)
        assert low <= (roll - quarter + 180) % 360 - 180 <= high
    down = np.array([0.05, -0.05, -0.99])
    assert np.allclose(believed_roll(down), down)


def test_feet_far_apart_level_the_ground_and_feet_on_the_spot_do_not() -> None:
    rng = np.random.default_rng(0)
    slope = people.about("x", 4.0) @ people.about("y", -3.0)
    spots = np.column_stack([rng.uniform(-2, 2, (300, 2)), np.zeros(300)]).reshape(150, 2, 3)
    sure = np.ones((150, 2))
    up = level_by_feet(spots @ slope.T, sure) @ slope[:, 2]
    assert degrees_between(up, np.array([0, 0, 1.0])) < 1.0
    # feet that are in the air now and then, or a staircase, are no slope of the ground
    raised = spots @ slope.T
    raised[::3, 0, 2] += 0.3
    assert degrees_between(level_by_feet(raised, sure) @ slope[:, 2], np.array([0, 0, 1.0])) < 1.5
    still = spots * 0.03 + rng.normal(size=spots.shape) * 0.01
    assert degrees_between(level_by_feet(still, sure)[:, 2], np.array([0, 0, 1.0])) < 1.5
    assert np.allclose(level_by_feet(spots, 0 * sure), np.eye(3))
