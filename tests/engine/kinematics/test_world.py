from __future__ import annotations

import math

import numpy as np
import pytest

from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.world import ANKLES, TOES, UPRIGHT_WITHIN, Up, World, agreed_up, find_lean, find_stand, find_up, find_world

from . import people

FPS = 30.0


def scene(tilt: float, roll: float, seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, Proportions]:
    """Joints relative to the pelvis and the pelvis's path in camera axes, the truth in the world, and proportions."""
    truth = people.walk(seconds, planted=True).body
    camera = (truth - [0.0, -2.0, 1.4]) @ people.camera_rotation(tilt, roll).T + np.array([0.0, 0.0, 6.0])
    relative = camera - camera[:, :1]
    return relative, camera[:, 0], truth, fit_proportions(relative, np.ones(relative.shape[:2]), people.HEIGHT, FPS)


def found_world(relative: np.ndarray, path: np.ndarray, body: Proportions) -> World:
    """The world, with up as it is found in it."""
    known = relative, path, np.ones(relative.shape[:2]), body, [slice(0, len(path))], FPS
    return find_world(*known, up=find_up(*known).believed)


@pytest.mark.parametrize(("tilt", "roll"), [(0, 0), (-30, 0), (10, 90), (-10, -90)])
def test_soles_stand_on_the_ground_of_an_upright_world(tilt: float, roll: float) -> None:
    relative, path, truth, body = scene(tilt, roll)
    world = found_world(relative, path, body)
    joints = (relative + path[:, None]) @ world.camera_to_world[:3, :3].T + world.camera_to_world[:3, 3]
    assert np.abs(joints[..., 2] - truth[..., 2]).mean() < 0.05
    assert np.abs(joints[0, 0, :2]).max() < 1e-9
    level = np.linalg.norm(np.diff(truth[:, TOES], axis=0), axis=-1) * FPS < 0.1
    assert world.contacts[1:][level].mean() > 0.8


def test_a_step_up_is_a_contact_but_no_ground() -> None:
    relative, path, _, body = scene(0, 0)
    up = people.camera_rotation(0, 0)[:, 2]
    # the same stand, first on the ground and then half a metre higher
    still = np.repeat(relative[:1], 120, 0)
    t = np.arange(120)
    height = 0.5 / (1 + np.exp(-(t - 60) / 3.0))
    feet = still[:, [*ANKLES, *TOES]] @ up
    still[:, [*ANKLES, *TOES]] += (feet.min() - feet)[..., None] * up
    route = np.repeat(path[:1], 120, 0) + height[:, None] * up
    world = found_world(still, route, body)
    joints = (still + route[:, None]) @ world.camera_to_world[:3, :3].T + world.camera_to_world[:3, 3]
    soles = joints[:, ANKLES, 2].min(1) - body.ankle_height
    assert abs(np.median(soles[:40])) < 0.06 and np.median(soles[80:]) > 0.4
    assert world.contacts[:40].mean() > 0.9 and world.contacts[90:].mean() > 0.9
    stand = find_stand(still, route, world, body, FPS)
    assert stand.grounded[:40].mean() > 0.7 and stand.grounded[90:].max() < 0.15


def test_a_foot_that_the_picture_cuts_off_never_stands_and_one_in_a_gap_does() -> None:
    relative, path, _, body = scene(0, 0)
    confidence = np.ones(relative.shape[:2])
    known = [slice(0, len(path))], FPS
    up = find_up(relative, path, confidence, body, *known).believed
    before = find_world(relative, path, confidence, body, *known, up=up).contacts
    assert before[40:80].any(0).all()
    confidence[40:80, [ANKLES[0], TOES[0]]] = 0.0
    cut = find_world(relative, path, confidence, body, *known, up=up).contacts
    assert not cut[40:80, 0].any() and (cut[:, 1] == before[:, 1]).mean() > 0.9
    confidence[40:80] = 0.0  # nobody was found at all: as before
    assert find_world(relative, path, confidence, body, *known, up=up).contacts[40:80, 0].any()


def test_the_stand_says_where_the_pelvis_is() -> None:
    relative, path, _, body = scene(-20, 0)
    world = found_world(relative, path, body)
    stand = find_stand(relative, path, world, body, FPS)
    sure = world.contacts
    along = path @ stand.up
    assert np.abs(stand.heights - along[:, None])[sure].mean() < 0.05
    # against a standing foot the pelvis moves by minus its step
    both = sure[1:] & sure[:-1]
    moved = np.diff(path, axis=0)[:, None] + stand.steps[:-1]
    assert np.linalg.norm(moved, axis=-1)[both].mean() * FPS < 0.25


def test_where_up_is_known_a_lean_in_depth_is_told_from_it() -> None:
    relative, path, _, body = scene(-15, 0)
    ones, runs, up = np.ones(relative.shape[:2]), [slice(0, len(path))], people.camera_rotation(-15, 0)[:, 2]
    wrong = relative.copy()
    wrong[..., 2] += 0.1 * relative[..., 1]
    assert np.array_equal(find_up(wrong, path, ones, body, runs, FPS, known=up).believed, up)
    straight, leaning = (find_lean(joints, path, ones, up, runs, FPS).lean.mean(0) for joints in (relative, wrong))
    # up is -Y: what is 0.1 further off per metre down leans 0.1 towards the camera
    assert (leaning - straight)[2] == pytest.approx(-0.1, abs=0.05)
    sideways = np.array([1.0, 0.0, 0.0])
    assert np.abs(find_lean(wrong, path, ones, up, runs, FPS, sight=sideways).lean @ sideways).max() < 0.02


def test_the_lean_is_that_of_the_seconds_around_whatever_else_is_seen():
    """Depths are wrong in the second half only: there it is told, in the first it is not, and a part has what the whole has there."""
    relative, path, _, _ = scene(-15, 0, 8.0)
    up, half = people.camera_rotation(-15, 0)[:, 2], len(path) // 2
    wrong, ones = relative.copy(), np.ones(relative.shape[:2])
    wrong[half:, :, 2] += 0.1 * relative[half:, :, 1]
    lean = find_lean(wrong, path, ones, up, [slice(0, len(path))], FPS)
    before, after = (lean.lean[rows].mean(0) for rows in (slice(half - 60), slice(half + 60, None)))
    assert -0.1 < (after - before)[2] < -0.04, "half of it is told, the other may be hers"
    rows = slice(0, half - 30)
    part = find_lean(wrong[rows], path[rows], ones[rows], up, [rows], FPS)
    assert np.abs(part.lean[: half - 60] - lean.lean[: half - 60]).max() < 0.02 < np.abs(lean.lean[: half - 60] - lean.lean.mean(0)).max()


def test_who_lies_is_not_stood_upright():
    found = Up(np.array([0.0, -1.0, 0.0]), np.array([0.0, -1.0, 0.0]))
    assert agreed_up(found, None) == (found.believed, 0.0)

    def tilted(degrees):
        return np.array([math.sin(math.radians(degrees)), -math.cos(math.radians(degrees)), 0.0])

    up, share = agreed_up(found, tilted(UPRIGHT_WITHIN - 1))  # the feet of somebody who stands know better
    assert up is found.believed and share == 0.0
    up, share = agreed_up(found, tilted(80.0))
    assert np.array_equal(up, tilted(80.0)) and share == 1.0


def test_there_is_no_angle_at_which_somebody_who_leans_begins_to_lie():
    found = Up(np.array([0.0, -1.0, 0.0]), np.array([0.0, -1.0, 0.0]))
    angles = np.arange(0.0, 90.0, 0.5)
    ups, shares = zip(*(agreed_up(found, np.array([math.sin(a), -math.cos(a), 0.0])) for a in np.radians(angles)), strict=True)
    steps = np.degrees(np.arccos(np.clip((np.array(ups)[1:] * np.array(ups)[:-1]).sum(1), -1, 1)))
    assert steps.max() < 2.0 and np.diff(shares).max() < 0.05 and min(np.diff(shares)) >= 0.0
    assert shares[0] == 0.0 and shares[-1] == 1.0 and np.allclose(np.linalg.norm(ups, axis=1), 1.0)
