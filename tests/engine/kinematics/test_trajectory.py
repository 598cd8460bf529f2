from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.trajectory import TOP_SPEED, Stand, frame_path, reprojection_errors, smooth_path

from .people import camera_rotation, walk

SIZE = (1280, 720)
MATRIX = camera_matrix(SIZE, 60.0)
LEGS = [i for i, n in enumerate(BODY_22.joints) if n.startswith(("knee", "ankle", "toe"))]


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints relative to the pelvis, the pelvis's true path (camera axes), and exact pixels, of a walk towards the camera."""
    body = walk().body @ camera_rotation(-8, 0).T + np.array([0.3, 1.0, 6.5])
    path = body[:, 0]
    return body - path[:, None], path, project(body, MATRIX)


def test_exact_points_give_the_exact_path(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    found = frame_path(relative, pixels, np.ones(pixels.shape[:2]), MATRIX)
    assert np.abs(found.translation - path).max() < 1e-4
    assert reprojection_errors(relative + path[:, None], pixels, MATRIX).max() < 1e-9


def test_perspective_is_real_close_to_a_wide_lens() -> None:
    """At arm's length a weak-perspective guess of the depth is off by a lot; this is not."""
    body = walk(0.5).body[:, :6] @ camera_rotation(0, 0).T
    relative = body - body[:, :1]
    path = np.array([0.4, 0.1, 0.9]) + np.zeros((len(body), 3))
    wide = camera_matrix(SIZE, 100.0)
    found = frame_path(relative, project(relative + path[:, None], wide), np.ones(relative.shape[:2]), wide)
    assert np.abs(found.translation - path).max() < 1e-3


def test_noise_is_smoothed_mostly_in_depth(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    rng = np.random.default_rng(0)
    noisy = relative + rng.normal(size=relative.shape) * 0.02
    found = frame_path(noisy, pixels + rng.normal(size=pixels.shape) * 3, np.ones(pixels.shape[:2]), MATRIX)
    raw = np.abs(found.translation - path).mean(0)
    calm = np.abs(smooth_path(found, [slice(0, len(path))], 30.0) - path).mean(0)
    assert raw[2] > 2 * raw[0]
    assert calm[2] < 0.6 * raw[2] and calm[2] < 0.05
    assert calm[:2].max() < 0.012


def test_legs_out_of_the_picture_do_not_wreck_it(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    confidence = np.ones(pixels.shape[:2])
    pixels = pixels.copy()
    pixels[:, LEGS] = [640, 719]
    confidence[:, LEGS] = 0.05
    found = frame_path(relative, pixels, confidence, MATRIX)
    assert np.abs(found.translation - path).max() < 0.03


def test_single_wrong_points_do_not_count(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    pixels = pixels.copy()
    pixels[:, BODY_22.index("wrist.L")] += [220, -90]
    found = frame_path(relative, pixels, np.ones(pixels.shape[:2]), MATRIX)
    assert np.abs(found.translation - path).max() < 0.04


def test_frames_without_any_confident_point_are_bridged(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    pixels, confidence = pixels.copy(), np.ones(pixels.shape[:2])
    pixels[40:46] = 100.0
    confidence[40:46] = 0.0
    found = smooth_path(frame_path(relative, pixels, confidence, MATRIX), [slice(0, len(path))], 30.0)
    assert np.isfinite(found).all()
    assert np.abs(found - path).max() < 0.1


def test_standing_feet_hold_the_depth() -> None:
    """A person who sways in place: the depth trembles, the feet do not, and so the pelvis does not either."""
    rng = np.random.default_rng(1)
    count, runs = 90, [slice(0, 90)]
    body = np.repeat(walk(0.1).body[:1], count, 0) @ camera_rotation(0, 0).T
    relative = body - body[:, :1]
    pixels = project(relative + np.array([0, 0, 5.0]), MATRIX)
    noisy = relative * (1 + 0.02 * np.cumsum(rng.normal(size=(count, 1, 1)), 0) / 5)
    found = frame_path(noisy, pixels, np.ones(pixels.shape[:2]), MATRIX)
    toes = relative[:, [BODY_22.index("toe.L"), BODY_22.index("toe.R")]]
    loose = smooth_path(found, runs, 30.0)
    steps = np.concatenate([np.diff(toes, axis=0), np.zeros((1, 2, 3))])
    stand = Stand(steps, np.ones((count, 2), bool), np.array([0.0, -1.0, 0.0]), np.zeros((count, 2)), np.zeros((count, 2)))
    firm = smooth_path(found, runs, 30.0, stand)
    assert np.abs(np.diff(firm[:, 2])).mean() < 0.6 * np.abs(np.diff(loose[:, 2])).mean()


def test_the_ground_holds_the_depth_of_a_camera_that_looks_down() -> None:
    """A person of a wrong size is put too near; known ground under a camera from above says where the feet really are."""
    turn = camera_rotation(-45, 0)
    body = walk(2.0).body @ turn.T + np.array([0.2, 0.5, 6.0])
    path = body[:, 0]
    relative = body - path[:, None]
    small = 0.9 * relative
    found = frame_path(small, project(body, MATRIX), np.ones(body.shape[:2]), MATRIX)
    steps = np.diff(small[:, [BODY_22.index("toe.L"), BODY_22.index("toe.R")]], axis=0, append=0)
    up = turn[:, 2]
    heights = np.repeat((path @ up)[:, None], 2, 1)
    stand = Stand(steps, np.ones((len(body), 2), bool), up, heights, np.ones((len(body), 2)))
    loose = smooth_path(found, [slice(0, len(body))], 30.0)
    held = smooth_path(found, [slice(0, len(body))], 30.0, stand)
    assert np.abs(held - path).mean() < 0.7 * np.abs(loose - path).mean()


def test_speed_is_bounded_and_runs_are_apart(scene: tuple[np.ndarray, ...]) -> None:
    relative, path, pixels = scene
    jump = pixels.copy()
    jump[45:] = project(relative[45:] + path[45:, None] + np.array([3.0, 0, 3.0]), MATRIX)
    found = frame_path(relative, jump, np.ones(pixels.shape[:2]), MATRIX)
    whole = smooth_path(found, [slice(0, 90)], 30.0)
    assert (np.linalg.norm(np.diff(whole, axis=0), axis=-1) * 30).max() < TOP_SPEED + 1e-6
    parts = smooth_path(found, [slice(0, 45), slice(45, 90)], 30.0)
    assert np.abs(parts[45:] - path[45:] - [3.0, 0, 3.0]).max() < 0.02
