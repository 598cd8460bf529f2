import numpy as np
import pytest

from benchmarks.rigs import LIMBS, angles, largest_turn


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
