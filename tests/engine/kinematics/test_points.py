from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.kinematics.points import OFFSETS, point_offsets

from . import people

HEIGHT = people.HEIGHT


def standing() -> np.ndarray:
    """(1,22,3) Z up, facing -Y: the rest pose, arms level, legs straight down."""
    still = people.rest_offsets()
    return people.naive_forward(still, {}, np.zeros((1, 3)))[0][:, people.OF_BODY]


def test_the_ankle_is_seen_over_the_joint_and_the_hips_before_it() -> None:
    body = standing()
    seen = point_offsets(body, HEIGHT)[0] / HEIGHT * 1000
    along, _, _ = OFFSETS["ankle"]
    assert along < 0  # the shin points down
    assert seen[BODY_22.index("ankle.L")] == pytest.approx([0, 0, -along], abs=1e-6)
    along, up, front = OFFSETS["hip"]
    for side, sign in (("L", 1), ("R", -1)):
        assert seen[BODY_22.index(f"hip.{side}")] == pytest.approx([sign * along, -front, up], abs=1e-6)
    along, up, front = OFFSETS["wrist"]
    assert seen[BODY_22.index("wrist.R")] == pytest.approx([-along, -front, up], abs=1e-6)
    # the pelvis ends no bone
    assert seen[0] == pytest.approx([0, -OFFSETS["pelvis"][2], OFFSETS["pelvis"][1]], abs=1e-6)


def test_the_points_turn_with_the_body() -> None:
    body = people.walk(1.0).body
    turn = people.camera_rotation(-20, 30, 70.0)
    assert np.allclose(point_offsets(body @ turn.T + [1.0, 2.0, 3.0], HEIGHT), point_offsets(body, HEIGHT) @ turn.T, atol=1e-9)


def test_joints_that_lie_on_each_other_have_no_direction() -> None:
    assert np.isfinite(point_offsets(np.zeros((2, 22, 3)), HEIGHT)).all()
