from __future__ import annotations

import numpy as np

from engine.kinematics.turns import frame, steadily_within, swing, unit, within

from .people import about

X, Y, Z = np.eye(3)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between rotation matrices."""
    trace = np.einsum("...ij,...ij", a, b)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def level(degrees: np.ndarray) -> np.ndarray:
    """(T,3) directions at these angles from X towards Y."""
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0 * degrees], 1)


def test_swing_is_the_smallest_turn() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 50, 3))
    b[0] = -a[0]
    turn = swing(a, b)
    ua, ub = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    assert np.allclose(np.einsum("tij,tj->ti", turn, ua), ub, atol=1e-6)
    assert np.allclose(angle(turn, np.eye(3)), np.degrees(np.arccos(np.clip((ua * ub).sum(-1), -1, 1))), atol=1e-3)


def test_swing_from_one_direction_to_many() -> None:
    ends = np.array([X, Y, -X])
    turn = swing(X, ends)
    assert np.allclose(turn @ X, ends) and np.allclose(turn @ turn.swapaxes(1, 2), np.eye(3))


def test_frames_are_rotations_even_of_nonsense() -> None:
    first, second = np.array([2 * X, Y, 0 * X]), np.array([X + Y, Y, 0 * X])
    out = frame(first, second)
    assert np.allclose(out[0], np.eye(3))
    assert np.allclose(out.swapaxes(1, 2) @ out, np.eye(3)) and np.allclose(np.linalg.det(out), 1)


def test_directions_within_the_limit_are_kept_and_others_brought_back_without_a_jump() -> None:
    degrees = np.linspace(-180, 180, 721)
    middle = np.tile([1.0, 0.0, 0.0], (len(degrees), 1))
    out = within(middle, level(degrees), 80.0)
    angle = np.degrees(np.arctan2(out[:, 1], out[:, 0]))
    assert np.allclose(np.linalg.norm(out, axis=1), 1)
    assert np.allclose(angle[np.abs(degrees) <= 80], degrees[np.abs(degrees) <= 80])
    assert np.abs(angle).max() <= 80 + 1e-9
    assert np.abs(np.diff(angle)).max() < 1.0  # half a degree of the reading never moves the result by more than a degree
    assert np.allclose(out[[0, -1]], middle[0], atol=1e-6)


def test_slow_readings_are_followed_and_a_wrong_one_is_not() -> None:
    fps, count = 30.0, 90
    slow = 40 * np.sin(2 * np.pi * 0.5 * np.arange(count) / fps)
    wrong = slow.copy()
    wrong[45:48] = 170.0  # almost backwards
    middle, axes, runs = np.tile(X, (count, 1)), np.tile(np.eye(3), (count, 1, 1)), [slice(0, count)]
    for read in (slow, wrong):
        out = steadily_within(middle, level(read), 80.0, axes, 3.0, runs, fps)
        assert np.abs(np.degrees(np.arctan2(out[:, 1], out[:, 0])) - slow).max() < 8


def test_what_does_not_move_in_its_own_axes_is_left_alone() -> None:
    """However fast the axes turn: the calm is that of the joint, not of the room."""
    axes = about("z", np.linspace(0, 2000, 60))
    middle, read = axes @ X, axes @ unit(X + Y, X)
    out = steadily_within(middle, read, 80.0, axes, 3.0, [slice(0, 60)], 30.0)
    assert np.allclose(out, read, atol=1e-9)
