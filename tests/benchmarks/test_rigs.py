import numpy as np
import pytest

from benchmarks.rigs import LIMBS, angles, largest_turn, strays


def test_angles_of_known_directions():
    shown = np.array([[1.0, 0, 0], [0, 2.0, 0], [1, 1, 0]])
    true = np.array([[3.0, 0, 0], [0, 0, 1.0], [-1, -1, 0]])
    assert angles(shown, true) == pytest.approx([0.0, 90.0, 180.0])


def test_the_largest_turn_does_not_mind_a_quaternions_sign():
    half = np.radians([0.0, 10.0, 35.0]) / 2  # turns of 10 and 25 degrees
    turning = np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], 1)
    still = np.tile([1.0, 0, 0, 0], (3, 1)) * np.array([[1], [-1], [1]])
    assert largest_turn(np.stack([turning, still], 1)) == pytest.approx(25.0)


def test_every_limb_is_judged_on_both_sides():
    assert len(LIMBS) == 8 and {limb[0].partition(".")[2] for limb in LIMBS} == {"L", "R"}


def test_how_far_a_planted_foot_strays():
    true = np.cumsum(np.full((10, 3), 0.1), axis=0)
    shown = true.copy()
    shown[:4] += [0.02, 0.0, 0.0]  # the first contact's own footprint
    shown[5:] += [0.0, 0.01, 0.0]
    shown[6] += [0.0, 0.005, 0.0]
    standing = np.ones(10, bool)
    standing[4] = False
    assert strays(shown, true, standing) == pytest.approx(0.004)
    assert strays(shown, true, standing, own=True) == pytest.approx(0.02)
    assert strays(shown, true, np.zeros(10, bool)) == 0.0
