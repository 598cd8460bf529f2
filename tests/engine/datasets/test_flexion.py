"""Knees and elbows bent anew: by the factor asked for, with feet that stay and bones that keep their lengths."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets.flexion import angle_between, limb_flexion, raise_to, reach, scale_flexion
from tests.engine.datasets import figures


def degrees(positions, limb):
    return np.degrees(np.stack([limb_flexion(positions, limb, side) for side in "LR"], axis=1))


def test_flexion_of_a_known_figure():
    places = figures.standing(4, knee=30.0, elbow=40.0)
    assert degrees(places, "knee") == pytest.approx(30.0, abs=0.3) and degrees(places, "elbow") == pytest.approx(40.0)
    assert angle_between(np.array([1.0, 0, 0]), np.array([0.0, 2, 0])) == pytest.approx(np.pi / 2)


def test_reach_is_the_distance_from_hip_to_ankle():
    knee, ankle = np.array([0.0, -0.4]), np.array([0.3 * np.sin(0.5), -0.4 - 0.3 * np.cos(0.5)])
    assert np.linalg.norm(knee) == pytest.approx(0.4) and reach(0.4, 0.3, 0.5) == pytest.approx(np.linalg.norm(ankle))


@pytest.mark.parametrize("factor", [0.2, 0.6, 1.0, 1.3])
def test_standing_people_are_bent_by_the_factor_and_their_feet_stay(factor):
    places = figures.standing(60, knee=24.0, elbow=30.0)
    scaled = scale_flexion(places, np.full((60, 2), factor), np.full((60, 2), factor))
    assert degrees(scaled, "elbow") == pytest.approx(30.0 * factor, abs=1e-6)
    assert degrees(scaled, "knee") == pytest.approx(24.0 * factor, abs=1.0)
    feet = [BODY_22.index(f"{name}.{side}") for name in ("ankle", "toe") for side in "LR"]
    assert np.abs(scaled[:, feet] - places[:, feet]).max() < 1e-3
    # the pelvis is as high as the cosines say
    leg = figures.THIGH + figures.SHIN
    risen = leg * (np.cos(np.radians(12 * factor)) - np.cos(np.radians(12)))
    assert (scaled - places)[:, 0, 2] == pytest.approx(risen, abs=0.002)


def test_bones_keep_their_lengths_and_factor_one_changes_nothing():
    places = figures.walking(90)
    for factor in (1.0, 0.3):
        scaled = scale_flexion(places, np.full((90, 2), factor), np.full((90, 2), factor))
        for joint, parent in enumerate(BODY_22.parents):
            if parent >= 0 and BODY_22.joints[joint].split(".")[0] in ("knee", "ankle", "elbow", "wrist", "hand"):
                before, after = (np.linalg.norm(p[:, joint] - p[:, parent], axis=-1) for p in (places, scaled))
                assert after == pytest.approx(before, abs=1e-3), BODY_22.joints[joint]
        if factor == 1.0:
            assert np.abs(scaled - places).max() < 0.02
        else:
            assert degrees(scaled, "knee").min(1).mean() < degrees(places, "knee").min(1).mean() - 3


def test_nobody_in_the_air_is_raised():
    hips, ankles = np.zeros((20, 2, 3)), np.tile([0.0, 0.0, -0.7], (20, 2, 1))
    raised = raise_to(hips, ankles, np.full((20, 2), 0.8), np.full((20, 2), 0.3), np.full((20, 2), 0.5))
    assert np.abs(raised).max() < 1e-6
    standing = raise_to(hips, ankles, np.full((20, 2), 0.8), np.full((20, 2), 0.3), np.zeros((20, 2)))
    assert standing == pytest.approx(0.1, abs=0.005)


def test_straight_limbs_keep_what_is_asked_for():
    places = figures.standing(30, knee=20.0, elbow=20.0)
    none = np.zeros((30, 2))
    scaled = scale_flexion(places, none, none, (np.radians(6.0), np.radians(4.0)))
    assert degrees(scaled, "knee") == pytest.approx(6.0, abs=0.5) and degrees(scaled, "elbow") == pytest.approx(4.0, abs=1e-6)
