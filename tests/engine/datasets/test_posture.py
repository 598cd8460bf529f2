"""Hips opened: by the degrees asked for, over feet that stay, and only of who stands or walks upright."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets import posture
from engine.datasets.flexion import limb_flexion
from engine.datasets.motion_kind import STANDING, WALKING
from engine.datasets.posture import draw_opening, held_as_people_do, open_hips
from engine.kinematics.stance import hips_opening
from tests.engine.datasets import figures

# shares of the body's mass and where along each segment its centre lies (Winter, Biomechanics and Motor Control of Human Movement)
MASSES = (
    ("pelvis", "neck", 0.497, 0.5), ("head", "head_top", 0.081, 0.5),
    *((f"hip.{s}", f"knee.{s}", 0.1, 0.433) for s in "LR"), *((f"knee.{s}", f"ankle.{s}", 0.0465, 0.433) for s in "LR"),
    *((f"shoulder.{s}", f"elbow.{s}", 0.028, 0.436) for s in "LR"), *((f"elbow.{s}", f"wrist.{s}", 0.022, 0.43) for s in "LR"),
)  # fmt: skip


def balance(positions):
    """(T,3) the centre of mass."""
    total = sum(share for _, _, share, _ in MASSES)
    at = {name: positions[:, j] for j, name in enumerate(BODY_22.joints)}
    return sum(share * ((1 - way) * at[a] + way * at[b]) for a, b, share, way in MASSES) / total


@pytest.mark.parametrize("degrees", [5.0, 13.0, 26.0])
def test_who_stands_is_opened_by_the_degrees_over_the_feet(degrees):
    places = figures.standing(60, knee=6.0)
    opened = open_hips(places, degrees)
    assert hips_opening(opened) - hips_opening(places) == pytest.approx(degrees, rel=0.12)
    feet = [BODY_22.index(f"{name}.{side}") for name in ("ankle", "toe") for side in "LR"]
    assert np.abs(opened[:, feet] - places[:, feet]).max() < 0.004
    assert (opened[:, 0, 1] < places[:, 0, 1] - 0.003 * degrees).all(), "faces -Y: the pelvis went forwards"
    assert np.abs(balance(opened) - balance(places))[:, :2].max() < 0.015, "and the body stays over its feet"
    for side in "LR":
        before, after = (np.degrees(limb_flexion(each, "knee", side)) for each in (places, opened))
        assert after == pytest.approx(before, abs=1.5)
        hang = opened[:, BODY_22.index(f"wrist.{side}")] - opened[:, BODY_22.index(f"shoulder.{side}")]
        assert hang == pytest.approx(places[:, BODY_22.index(f"wrist.{side}")] - places[:, BODY_22.index(f"shoulder.{side}")])
    eyes = [BODY_22.index(name) for name in ("head", "head_top")]
    assert np.ptp(opened[:, eyes], axis=1) == pytest.approx(np.ptp(places[:, eyes], axis=1))


def test_bones_keep_their_lengths_and_nothing_is_turned_by_nothing():
    for places in (figures.standing(40, knee=6.0), figures.walking(90)):
        assert open_hips(places, 0.0) == pytest.approx(places, abs=0.012)  # straight knees are put into the plane that hips give
        opened = open_hips(places, 20.0)
        for joint, parent in enumerate(BODY_22.parents):
            if parent >= 0:
                before, after = (np.linalg.norm(each[:, joint] - each[:, parent], axis=-1) for each in (places, opened))
                assert after == pytest.approx(before, abs=0.002), BODY_22.joints[joint]


@pytest.mark.parametrize("turned", [0.0, 130.0])
def test_whichever_way_somebody_faces(turned):
    c, s = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    places = figures.standing(30, knee=6.0)
    assert open_hips(places @ turn.T, 15.0) == pytest.approx(open_hips(places, 15.0) @ turn.T, abs=1e-6)


@pytest.mark.parametrize("places", [figures.standing(40, knee=100.0), figures.lying(40)], ids=["squats", "lies"])
def test_who_squats_or_lies_stays(places):
    assert open_hips(places, 20.0) == pytest.approx(places, abs=0.01)


def test_who_walks_is_opened_by_half():
    standing, walking = (np.array([draw_opening(kind, np.random.default_rng(k)) for k in range(200)]) for kind in (STANDING, WALKING))
    assert walking == pytest.approx(standing * posture.ON_THE_WAY) and standing.min() >= 0 and standing.max() <= posture.OPENED[1]
    assert standing.mean() == pytest.approx(np.mean(posture.OPENED), abs=1.5)


def test_a_long_motion_is_held_one_way_and_another():
    places = np.concatenate([figures.standing(900, knee=6.0), figures.walking(300)]).astype(np.float32)
    held = held_as_people_do(places, np.random.default_rng(4))
    assert held.shape == places.shape and np.array_equal(held, held_as_people_do(places, np.random.default_rng(4)))
    opened = (hips_opening(held) - hips_opening(places.astype(float))).mean(1)
    assert np.ptp(opened[:880]) > 8 and opened.min() > -1 and opened.max() < 30
    assert np.median(opened[940:]) < 0.7 * np.mean(posture.OPENED)
