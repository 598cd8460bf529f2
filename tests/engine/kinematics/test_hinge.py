from __future__ import annotations

import numpy as np
import pytest

from benchmarks.turns import between, tremble
from engine.kinematics.hinge import Habit, steady_hinge

from .people import about

X, Y, Z = np.eye(3)
LEG = Habit(0.0, 0.0, 2.0, 4.0, 75.0)
FPS = 30.0


def leg(turn: np.ndarray, out: np.ndarray, along: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle joint (T,3) m, direction of the leg (T,3), its hinge (T,3): a leg of 0.8 m turned about itself by degrees (T,), whose knee
    stands out by metres (T,). `along` (T,3,3): what brings a hanging leg where it is."""
    place = np.tile(np.eye(3), (len(turn), 1, 1)) if along is None else along
    place = place @ about("z", -turn)  # a hanging leg points along -Z
    return place @ np.array([0, 0, -0.4]) + (place @ -Y) * out[:, None], place @ -Z, place @ X


def solve(middle: np.ndarray, along: np.ndarray, habit: Habit = LEG, end: np.ndarray | None = None, fps: float = FPS) -> np.ndarray:
    count = len(middle)
    return steady_hinge(middle, along, end, np.tile(np.eye(3), (count, 1, 1)), -Z, X, habit, [slice(0, count)], fps)


def off(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between unit vectors (T,3)."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def test_a_bent_limb_shows_its_hinge() -> None:
    turn = 40 * np.sin(np.arange(120) / 20)
    middle, along, hinge = leg(turn, np.full(120, 0.15))
    found = solve(middle, along)
    assert off(found, hinge).max() < 4
    assert np.abs((found * along).sum(-1)).max() < 1e-9 and np.allclose(np.linalg.norm(found, axis=-1), 1)


def test_a_limb_that_goes_straight_keeps_its_turn_although_its_middle_trembles() -> None:
    t = np.arange(180) / FPS
    out = 0.15 * np.clip(np.abs(t - 3) - 1, 0, 1)  # bent, straight for two seconds, bent
    middle, along, hinge = leg(np.full(180, 30.0), out)
    middle += tremble(middle.shape, 0.006, 4.0, FPS, 1)
    found = solve(middle, along)
    read = np.cross(middle - (middle * along).sum(-1)[:, None] * along, along)
    assert between(read / np.linalg.norm(read, axis=-1)[:, None]).max() > 60  # what a frame by frame reading does
    assert between(found).max() < 6 and off(found, hinge).max() < 40


def test_a_middle_joint_that_passes_through_the_line_and_back_does_not_turn_the_limb_round() -> None:
    """A knee that is bent backwards by 2 cm for a moment: its reading is opposite, and passes through nothing to get there."""
    t = np.arange(120) / FPS
    out = 0.10 - 0.12 * np.exp(-(((t - 2) / 0.15) ** 2))
    middle, along, hinge = leg(np.full(120, 10.0), out)
    found = solve(middle, along)
    assert off(found, hinge).max() < 20 and between(found).max() < 4


def test_where_nothing_else_speaks_habit_does() -> None:
    habit = Habit(-25.0, -15.0, 0.5, 0.0, 130.0)
    along = np.array([[0, 0, -1.0], [0, 0, -1.0]])
    hinge = solve(along * 0.4, along, habit)
    assert np.allclose(np.degrees(np.arctan2(hinge @ np.cross(-Z, X), hinge @ X)), -10)  # level - rise: it points straight down
    assert habit.mirrored().mirrored() == habit and habit.mirrored().level == 25


def test_the_foot_shows_how_a_straight_leg_is_turned() -> None:
    turn = np.full(60, 50.0)
    middle, along, hinge = leg(turn, np.zeros(60))
    foot = np.cross(along, hinge) * 0.15
    assert off(solve(middle, along, end=foot), hinge).max() < 25 < off(solve(middle, along), hinge).min()


def test_past_the_opposite_of_the_t_pose_nothing_spins() -> None:
    """A straight leg swings over the top, a little aside of the point where the shortest swing from the T pose is any one."""
    over = about("x", np.linspace(-90, -270, 90))
    middle, along, _ = leg(np.full(90, 0.0), np.full(90, 0.002), about("y", np.full(90, 4.0)) @ over)
    rest = np.cross(np.cross(-Z, along), along)
    assert between(rest / np.linalg.norm(rest, axis=-1)[:, None]).max() > 20  # so fast the plane of that swing turns
    assert between(solve(middle, along)).max() < 8


@pytest.mark.parametrize("fps", [15.0, 60.0, 120.0])
def test_the_frame_rate_does_not_matter(fps: float) -> None:
    def at(rate: float) -> np.ndarray:
        t = np.arange(round(4 * rate)) / rate
        out = 0.02 + 0.08 * np.sin(2 * np.pi * 0.7 * t) ** 2
        middle, along, _ = leg(30 * np.sin(2 * np.pi * 0.4 * t), out)
        middle += 0.005 * np.sin(2 * np.pi * np.outer(t, [1.9, 2.3, 1.4]) + [0, 1, 2])
        return solve(middle, along, fps=rate)[:: round(rate / 15)]

    assert off(at(fps), at(30.0)).mean() < 1.5 and off(at(fps), at(30.0)).max() < 6


def test_one_frame_is_enough_and_nonsense_is_finite() -> None:
    middle, along, hinge = leg(np.array([20.0]), np.array([0.2]))
    assert off(solve(middle, along), hinge)[0] < 2
    assert np.isfinite(solve(np.zeros((5, 3)), np.tile(-Z, (5, 1)))).all()
