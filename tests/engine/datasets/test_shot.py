"""Shots: people who do what was drawn, on the floor, and where the motion came from."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets.human import joints
from engine.datasets.mixed_motion import Mixing
from engine.datasets.motion_draw import MotionDraw
from engine.datasets.motion_kind import KINDS
from engine.datasets.shot import lowest_point, make_shot
from engine.datasets.shot_camera import STILL
from tests.engine.datasets import figures


@pytest.fixture(scope="module")
def motions(steps_clip):
    return MotionDraw([steps_clip(170), *figures.clips()])


def shots(human, motions, count=6, mixing=None):
    random = np.random.default_rng(0)
    return [make_shot([human], motions, random, mixing) for _ in range(count)]


def test_the_truth_is_the_driven_body(human, motions):
    for shot in shots(human, motions):
        np.testing.assert_allclose(shot.truth, joints(shot.human, shot.pose))
        assert 60 <= len(shot.truth) <= 100 and np.isfinite(shot.truth).all() and shot.kind in KINDS
        assert any(shot.clip is clip for clip in motions.clips) and 0 <= shot.first <= len(shot.clip.positions) - 42
        assert shot.moving_camera == (shot.camera.movement != STILL) and len(shot.camera.position) == len(shot.truth)


def test_mixed_motions_are_other_motions(human, motions):
    plain = [s.truth[:, BODY_22.index("wrist.L")] - s.truth[:, 0] for s in shots(human, motions, 8, Mixing(0, 0, 0))]
    mixed = [s.truth[:, BODY_22.index("wrist.L")] - s.truth[:, 0] for s in shots(human, motions, 8, Mixing(1, 1, 1))]
    assert all(len(a) for a in plain) and any(len(a) != len(b) or np.abs(a - b).max() > 0.05 for a, b in zip(plain, mixed, strict=True))


def test_who_lies_lies_on_the_floor(human):
    lying = MotionDraw([figures.clip(figures.lying(120) + np.array([0, 0, 0.3]), "lies above the floor")], ["floor"])
    for shot in shots(human, lying, 3, Mixing(0, 0, 0, 0)):
        assert np.median(lowest_point(shot.human, shot.pose)) == pytest.approx(-0.015, abs=0.03)
