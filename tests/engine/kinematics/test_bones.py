from __future__ import annotations

import numpy as np

from contract.skeleton import BODY_22
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.bones import Floor, settle, size_of, towards_sight
from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.upright import straighten

from .people import HEIGHT, camera_rotation, points_of, walk

MATRIX = camera_matrix((1280, 720), 60.0)
ARM = [BODY_22.index(f"{part}.L") for part in ("elbow", "wrist", "hand")]


def person() -> tuple[np.ndarray, Proportions]:
    body = walk(1.0).body @ camera_rotation(0, 0).T
    relative = body - body[:, :1]
    return relative, fit_proportions(relative, np.ones(relative.shape[:2]), HEIGHT, 30.0)


def test_bones_get_their_lengths_and_joints_get_nearer_to_the_truth() -> None:
    truth, body = person()
    noisy = truth + np.random.default_rng(0).normal(size=truth.shape) * 0.03
    out = settle(noisy, np.ones(truth.shape[:2]), body)
    for parent, child in BODY_22.edges:
        lengths = np.linalg.norm(out[:, child] - out[:, parent], axis=-1)
        assert np.abs(lengths - body.lengths[BODY_22.joints[child]]).mean() < 0.006
    centred = out - out.mean(1, keepdims=True) + truth.mean(1, keepdims=True)
    noisy = noisy - noisy.mean(1, keepdims=True) + truth.mean(1, keepdims=True)
    assert np.linalg.norm(centred - truth, axis=-1).mean() < 0.85 * np.linalg.norm(noisy - truth, axis=-1).mean()


def test_the_right_pose_stays() -> None:
    truth, body = person()
    assert np.abs(settle(truth, np.ones(truth.shape[:2]), body) - truth).max() < 0.006


def test_joints_of_little_weight_give_way() -> None:
    truth, body = person()
    wrong, weights = truth.copy(), np.ones(truth.shape[:2])
    wrist = BODY_22.index("wrist.L")
    wrong[:, wrist] += [0.0, 0.2, 0.0]
    weights[:, wrist] = 0.02
    out = settle(wrong, weights, body)
    others = [i for i in range(22) if BODY_22.joints[i] not in ("wrist.L", "hand.L")]
    assert np.abs(out[:, others] - truth[:, others]).mean() < 0.01


def test_a_bone_that_is_too_short_is_turned_in_depth() -> None:
    """Seen from the front a forearm cannot be longer than it looks; it must point towards the camera or away."""
    truth, body = person()
    path = np.array([0.0, 0.0, 4.0]) + np.zeros((len(truth), 3))
    elbow, wrist, hand = (BODY_22.index(f"{part}.L") for part in ("elbow", "wrist", "hand"))
    flat = truth.copy()
    flat[:, wrist] = flat[:, elbow] + np.array([0.0, 0.12, 0.12])
    flat[:, hand] = flat[:, wrist] + np.array([0.0, 0.04, 0.04])
    plain, seen = settle(flat, np.ones(flat.shape[:2]), body), settle(flat, np.ones(flat.shape[:2]), body, path)
    moved = [np.abs(out[:, wrist, :2] - flat[:, wrist, :2]).mean() for out in (plain, seen)]
    assert moved[1] < 0.8 * moved[0]


def test_the_size_is_that_of_trunk_and_legs() -> None:
    truth, body = person()
    sure = np.random.default_rng(3).uniform(0.2, 1.0, truth.shape[:2])
    assert np.allclose(size_of(truth, sure, body), 1.0, atol=0.005)
    assert np.allclose(size_of(0.9 * truth, sure, body), size_of(truth, sure, body) / 0.9)
    long_arms = truth.copy()
    long_arms[:, ARM] += [0.3, 0.0, 0.0]
    assert np.allclose(size_of(long_arms, sure, body), size_of(truth, sure, body))


def test_who_was_read_leaning_in_depth_stands_straight_at_the_size_of_her_picture() -> None:
    """Someone upright whom the networks read leaning back by 20 degrees is read nearer by the cosine. Without her lean she is too short,
    and bones that get their lengths where she was read have to lean again."""
    truth, body = person()
    lean = np.radians(20.0)
    back = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    up, sight = np.array([0.0, -1.0, 0.0]), np.broadcast_to([0.0, 0.0, 1.0], (len(truth), 3))
    read = truth @ back.T
    upright = straighten(read, up, np.array([0.0, 0.0, -np.tan(lean)]), sight)
    sure, path = np.ones(truth.shape[:2]), np.broadcast_to([0.0, 0.0, 4.0], (len(truth), 3))
    size = float(np.median(size_of(upright, sure, body)))
    assert abs(size - 1 / np.cos(lean)) < 0.015
    without, sized = settle(upright, sure, body, path), settle(size * upright, sure, body, size * path)
    off = [float(np.linalg.norm(joints - joints[:, :1] - truth, axis=-1).mean()) for joints in (without, sized)]
    assert off[1] < 0.9 * off[0]


def test_limbs_follow_the_detector_and_wild_points_do_not_count() -> None:
    truth, _ = person()
    path = np.array([0.3, 0.1, 5.0]) + np.zeros((len(truth), 3))
    points = project(points_of(truth) + path[:, None], MATRIX)
    sure = np.ones(truth.shape[:2])
    assert np.abs(towards_sight(truth, path, points, sure, MATRIX, HEIGHT)).max() < 1e-9
    wrist = BODY_22.index("wrist.R")
    off = truth.copy()
    off[:, wrist] += [0.03, -0.02, 0.0]
    pull = towards_sight(off, path, points, sure, MATRIX, HEIGHT)
    assert np.linalg.norm(off[:, wrist] + pull[:, wrist] - truth[:, wrist], axis=-1).mean() < 0.6 * np.hypot(0.03, 0.02)
    others = [i for i, name in enumerate(BODY_22.joints) if name not in ("wrist.R", "hand.R")]
    assert np.abs(pull[:, others]).max() < 1e-9
    assert np.abs(towards_sight(off, path, points, 0 * sure, MATRIX, HEIGHT)).max() == 0
    far = points.copy()
    far[:, wrist] += 150.0
    assert np.linalg.norm(towards_sight(truth, path, far, sure, MATRIX, HEIGHT)[:, wrist], axis=-1).max() < 0.005


def test_a_fast_joint_is_followed_further_than_one_at_rest() -> None:
    """20 cm behind a point: for a joint at rest a wrong point, for one at 4 m/s the lag of the networks."""
    truth, _ = person()
    path = np.tile([0.2, 0.1, 5.0], (len(truth), 1))
    points, sure = project(points_of(truth) + path[:, None], MATRIX), np.ones(truth.shape[:2])
    wrist = BODY_22.index("wrist.L")
    behind = truth.copy()
    behind[:, wrist, 0] -= 0.2
    speed = np.zeros(truth.shape[:2])
    resting = towards_sight(behind, path, points, sure, MATRIX, HEIGHT, speed)[:, wrist]
    speed[:, wrist] = 4.0
    moving = towards_sight(behind, path, points, sure, MATRIX, HEIGHT, speed)[:, wrist]
    assert np.linalg.norm(resting, axis=-1).max() < 0.02 and np.linalg.norm(moving, axis=-1).min() > 0.045
    assert np.allclose(np.cross(resting, moving), 0, atol=1e-9)


def lying() -> tuple[np.ndarray, Proportions, np.ndarray, Floor]:
    """Somebody who lies 4 m away over a floor 1.4 m below a level camera, each joint of her left arm 1 cm over where it is at least."""
    standing, body = person()
    truth = standing @ np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]).T  # tipped about the camera's x: the head goes away from it
    path = np.array([0.0, 0.0, 4.0]) + np.zeros((len(truth), 3))
    path[:, 1] = 1.4 - truth[:, ARM, 1].max() - 0.05
    up = np.array([0.0, -1.0, 0.0]) + np.zeros((len(truth), 3))
    least = np.full(22, -1.0)
    least[ARM] = 1.4 - (truth[:, ARM, 1] + path[:, None, 1]).max(0) - 0.01
    return truth, body, path, Floor(up, np.full(len(truth), 1.4), least, 1.0)


def test_a_right_pose_over_the_floor_stays() -> None:
    truth, body, path, floor = lying()
    weights = np.ones(truth.shape[:2])
    np.testing.assert_array_equal(settle(truth, weights, body, path, floor), settle(truth, weights, body, path))


def test_what_is_below_the_floor_comes_back_along_its_line_of_sight() -> None:
    """An arm that is read too far away, on its own lines of sight, is below the floor; the floor says how far away it is."""
    truth, body, path, floor = lying()
    arm, wrong = ARM, truth.copy()
    wrong[:, arm] = (truth[:, arm] + path[:, None]) * 1.06 - path[:, None]
    weights = np.ones(truth.shape[:2])
    weights[:, arm] = 0.3
    missing = [floor.missing(wrong[:, j] + path, j).max() for j in arm]
    assert min(missing) > 0.05
    plain, held = settle(wrong, weights, body, path), settle(wrong, weights, body, path, floor)
    error = {name: np.linalg.norm(out[:, arm] - truth[:, arm], axis=-1).mean() for name, out in (("plain", plain), ("held", held))}
    assert error["held"] < 0.6 * error["plain"]
    assert max(floor.missing(held[:, j] + path, j).max() for j in arm) < 0.02
    rays = [(out + path[:, None])[:, arm] / (out + path[:, None])[:, arm, 2:] for out in (held, truth)]
    assert np.abs(rays[0] - rays[1]).mean() < 0.01  # of the focal length


def test_of_who_half_lies_half_of_what_is_missing_is_raised() -> None:
    _, _, path, floor = lying()
    place = np.tile([0.0, 1.4, 4.0], (len(path), 1))  # on the floor itself
    half = Floor(floor.up, floor.height, floor.least, 0.5)
    np.testing.assert_allclose(floor.missing(place, ARM[0]), floor.least[ARM[0]])
    np.testing.assert_allclose(half.missing(place, ARM[0]), floor.least[ARM[0]] / 2)
