import numpy as np
import pytest

from benchmarks.accuracy import NAMES, Truth
from benchmarks.curves import _curves, draw, upright, worst_second, wrist_speeds
from tests.engine.kinematics.people import about

FPS = 25.0


def waver(count: int = 100) -> np.ndarray:
    """(T,14,3) limb joints and toes; the left wrist circles with 0.2 m once a second, all else stands."""
    joints = np.repeat(np.random.default_rng(0).normal(size=(1, 14, 3)), count, 0)
    t = np.arange(count) / FPS
    joints[:, NAMES.index("wrist.L"), :2] += 0.2 * np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)], 1)
    return joints


def test_hands_are_as_fast_as_they_are_and_walking_does_not_count():
    joints = waver() + np.arange(100)[:, None, None] / FPS * np.array([3.0, 0, 0])
    speeds = wrist_speeds(joints[:, :12], FPS)
    assert speeds[5:-5, 0] == pytest.approx(2 * np.pi * 0.2, rel=0.02) and np.abs(speeds[:, 1]).max() < 1e-9


def test_upright_is_the_turn_between_the_two():
    world = waver()
    turn = about("x", 100.0) @ about("z", 30.0)
    assert np.allclose(upright((world - [0, 3, 1]) @ turn, world), turn, atol=1e-9)


def test_the_worst_second_is_found_with_what_is_worst_in_it(tmp_path):
    world = waver()
    truth = Truth(world[:, :12], world, FPS, 1.8)
    joints = world[:, :12].copy()
    joints[50:75, NAMES.index("knee.R"), 2] += 0.3
    curves = _curves(joints, world[:, -2:, 2], truth)
    worst = worst_second(curves.error, np.full((100, 12), 0.8), FPS)
    assert (worst.start, worst.end) == (2.0, 3.0)
    assert worst.joints[0] == ("knee.R", pytest.approx(300, abs=1)) and worst.depth == pytest.approx(1.0)
    assert worst.error == pytest.approx(25, abs=0.1) and worst.usual == pytest.approx(25 / 4, abs=0.1)
    draw(
        {"detector": curves, "motion": curves, "truth": _curves(world[:, :12], world[:, -2:, 2], truth)},
        worst,
        FPS,
        "w",
        tmp_path / "w.png",
    )
    assert (tmp_path / "w.png").read_bytes()[:4] == b"\x89PNG"
