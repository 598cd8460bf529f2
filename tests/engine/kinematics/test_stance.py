"""Hips of who stands straight, on stick figures whose angles are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.kinematics.stance import OPENED, hips_opening, open_hips, stands_straight

UP = np.array([[0.0, -1.0, 0.0]])
SIGHT = np.array([[0.0, 0.0, 1.0]])
THIGH, SHIN, TRUNK = 0.42, 0.40, 0.50


def figure(hip: float = -5.0, knee: float = 5.0, turned: float = 0.0, size: float = 1.0) -> np.ndarray:
    """(1,22,3) in camera axes: somebody who stands before the camera and looks into it, turned by so many degrees. Hips opened by `hip`
    degrees, knees bent by `knee`; trunk and thighs lean by half of the hips' bend each."""
    at = {name: np.zeros(3) for name in BODY_22.joints}

    def way(length: float, degrees: float) -> np.ndarray:  # down, and by so many degrees forwards, which is -Z
        return length * np.array([0.0, math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))])

    lean = -hip / 2  # of the thighs, forwards; the trunk's share is the other half
    for side, x in (("L", 0.09), ("R", -0.09)):
        at[f"hip.{side}"] = np.array([x, 0.0, 0.0])
        at[f"knee.{side}"] = at[f"hip.{side}"] + way(THIGH, lean)
        at[f"ankle.{side}"] = at[f"knee.{side}"] + way(SHIN, lean - knee)
        at[f"shoulder.{side}"] = np.array([2 * x, 0.0, 0.0]) - way(TRUNK, hip / 2)
    at["neck"] = (at["shoulder.L"] + at["shoulder.R"]) / 2
    at["spine"] = at["neck"] / 2
    angle = math.radians(turned)
    turn = np.array([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]])
    return size * np.array([at[name] for name in BODY_22.joints])[None] @ turn.T


@pytest.mark.parametrize("hip", [-40.0, -5.0, 0.0, 12.0])
def test_how_far_hips_are_open_is_measured(hip: float) -> None:
    assert hips_opening(figure(hip, turned=30.0)) == pytest.approx(hip, abs=1e-6)


@pytest.mark.parametrize("turned", [0.0, 180.0])
@pytest.mark.parametrize("size", [0.6, 1.0])
def test_seen_from_the_front_or_behind_they_open_along_the_line_of_sight(turned: float, size: float) -> None:
    joints = figure(turned=turned, size=size)
    opened = open_hips(joints, UP, SIGHT)
    assert hips_opening(opened) == pytest.approx(-5.0 + OPENED, abs=0.2)
    moved = opened - joints
    assert np.abs(moved[..., :2]).max() == 0.0, "the picture changed"
    still = [name for name in BODY_22.joints if name.startswith(("knee", "ankle", "shoulder", "neck"))]
    assert np.abs(moved[:, [BODY_22.index(name) for name in still]]).max() == 0.0
    assert moved[0, BODY_22.index("spine"), 2] == pytest.approx(moved[0, BODY_22.index("pelvis"), 2] / 2)


@pytest.mark.parametrize("turned", [90.0, -90.0])
def test_seen_from_the_side_nothing_changes(turned: float) -> None:
    joints = figure(turned=turned)
    assert open_hips(joints, UP, SIGHT) == pytest.approx(joints, abs=1e-9)


def test_bones_keep_their_lengths_to_a_hundredth() -> None:
    opened = open_hips(figure(), UP, SIGHT)

    def length(one: str, other: str) -> float:
        return float(np.linalg.norm(opened[0, BODY_22.index(one)] - opened[0, BODY_22.index(other)]))

    assert length("hip.L", "knee.L") == pytest.approx(THIGH, rel=0.01) and length("hip.L", "hip.R") == pytest.approx(0.18)


@pytest.mark.parametrize(
    ("hip", "knee", "why"),
    [(-5.0, 35.0, "knees bent"), (-60.0, 5.0, "bent over"), (-90.0, 90.0, "sits")],
)  # fmt: skip
def test_who_does_not_stand_straight_is_left_alone(hip: float, knee: float, why: str) -> None:
    joints = figure(hip, knee)
    assert (open_hips(joints, UP, SIGHT) == joints).all(), why


def test_who_lies_straight_is_left_alone() -> None:
    joints, up = figure(), np.array([[0.0, 0.0, -1.0]])
    assert stands_straight(joints, up) == 0.0 and (open_hips(joints, up, SIGHT) == joints).all()


def test_going_down_into_a_squat_the_hips_close_without_a_jump() -> None:
    """One degree of knee and hip more a frame."""
    bends = np.arange(0.0, 60.0)
    joints = np.concatenate([figure(hip=-5.0 - bend, knee=bend) for bend in bends])
    moved = (open_hips(joints, UP.repeat(len(bends), 0), SIGHT.repeat(len(bends), 0)) - joints)[:, 0, 2]
    assert moved[0] < -0.02 and moved[-1] == 0.0
    assert np.abs(np.diff(moved)).max() < 0.006, "the hips jump"
