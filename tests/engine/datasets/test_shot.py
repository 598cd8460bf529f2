"""Shots: cameras that see the person, bodies and motions that are mixed, and where they came from."""

from __future__ import annotations

import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets import shot as shots_module
from engine.datasets.human import joints
from engine.datasets.mixed_motion import Mixing
from engine.datasets.mocap import MocapClip
from engine.datasets.shot import make_shot


@pytest.fixture(scope="module")
def clip(steps_clip):
    return steps_clip(170)


def shots(human, clip, count=6, mixing=None):
    random = np.random.default_rng(0)
    return [make_shot([human], [clip], random, mixing) for _ in range(count)]


def test_cameras_keep_a_right_handed_frame_and_see_the_person(human, clip):
    for shot in shots(human, clip, 30):
        turn = shot.camera.rotation
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1) and shot.camera.axes(shot.truth)[..., 2].min() > shots_module.NEAR
        places = shot.camera.pixels(shot.truth).reshape(-1, 2)
        assert ((places > 0) & (places < shot.camera.size)).all(axis=1).mean() > 0.6
        # what OpenGL gets puts a point where `pixels` puts it
        point = np.append(shot.truth[0, 0], 1.0)
        x, y, _, w = shot.camera.clip().astype(float) @ point
        screen = np.array([(x / w + 1) / 2, (1 - y / w) / 2]) * shot.camera.size
        np.testing.assert_allclose(screen, shot.camera.pixels(shot.truth[0, 0]), atol=1e-3)


def test_mirroring_exchanges_the_sides():
    assert [BODY_22.joints[j] for j in shots_module.MIRRORED[:1]] == ["pelvis"]
    for joint, other in zip(BODY_22.joints, shots_module.MIRRORED, strict=True):
        assert BODY_22.joints[other] == joint.replace(".L", ".X").replace(".R", ".L").replace(".X", ".R")


def test_the_truth_is_the_driven_body(human, clip):
    for shot in shots(human, clip, 4):
        np.testing.assert_allclose(shot.truth, joints(shot.human, shot.pose))
        assert 60 <= len(shot.truth) <= 100 and np.isfinite(shot.truth).all()
        assert shot.clip is clip and 0 <= shot.first < 170 - 42


def test_mixed_motions_are_other_motions(human, clip):
    plain = [s.truth[:, BODY_22.index("wrist.L")] - s.truth[:, 0] for s in shots(human, clip, 8, Mixing(0, 0, 0))]
    mixed = [s.truth[:, BODY_22.index("wrist.L")] - s.truth[:, 0] for s in shots(human, clip, 8, Mixing(1, 1, 1))]
    assert all(len(a) for a in plain) and any(len(a) != len(b) or np.abs(a - b).max() > 0.05 for a, b in zip(plain, mixed, strict=True))


def test_short_clips_are_refused(human, clip):
    short = MocapClip("made_up", 0, "short", "me", True, 30.0, clip.positions[:50])
    with pytest.raises(Failure, match="No clip of the motion capture has 60 frames"):
        make_shot([human], [short], np.random.default_rng(0))
