"""Mixed motions: bones keep their lengths, joints the angles that somebody had."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.datasets.mixed_motion import Mixing, draw_mixed, with_arm, with_trunk
from tests.engine.datasets.pairs import standing

LOWER = [BODY_22.index(j) for j in BODY_22.joints if j == "pelvis" or j.split(".")[0] in ("hip", "knee", "ankle", "toe")]


def moving(seed, frames=40):
    """(T,22,3) somebody whose joints swing about at random, smoothly, turned about the vertical."""
    random = np.random.default_rng(seed)
    body = standing()[0] if standing().ndim == 3 else standing()
    swing = np.sin(np.linspace(0, 3, frames)[:, None, None] + random.uniform(0, 6, (1, 22, 3))) * random.normal(0, 0.08, (1, 22, 3))
    return (body[None] + swing) @ Rotation.from_euler("z", random.uniform(0, 6)).as_matrix()


def bones(motion):
    return np.stack([motion[:, i] - motion[:, p] for p, i in BODY_22.edges], 1)


def angle(motion, a, b):
    """(T,) between the bones that end in the joints a and b."""
    pick = [i for _, i in BODY_22.edges]
    u, v = (bones(motion)[:, pick.index(BODY_22.index(j))] for j in (a, b))
    return np.degrees(np.arccos((u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)))


def test_a_trunk_bends_as_the_other_did_and_has_the_persons_bones():
    mine, other = moving(1), moving(2)
    mixed = with_trunk(mine, other)
    np.testing.assert_array_equal(mixed[:, LOWER], mine[:, LOWER])
    np.testing.assert_allclose(np.linalg.norm(bones(mixed), axis=-1), np.linalg.norm(bones(mine), axis=-1), atol=1e-9)
    for a, b in (("spine", "chest"), ("chest", "neck"), ("neck", "head"), ("elbow.L", "wrist.L"), ("shoulder.R", "elbow.R")):
        np.testing.assert_allclose(angle(mixed, a, b), angle(other, a, b), atol=1e-6, err_msg=f"{a} {b}")


def test_the_pelvis_carries_the_trunk():
    """By another route: scipy's alignment of the pelvis's own vectors brings the other's spine to where ours is now."""
    mine, other = moving(3), moving(4)
    mixed = with_trunk(mine, other)
    spine, left, right = (BODY_22.index(j) for j in ("spine", "hip.L", "hip.R"))
    for t in (0, 20, 39):
        axes = []
        for body in (mine, other):
            up = body[t, spine] - body[t, 0]
            up /= np.linalg.norm(up)
            across = body[t, left] - body[t, right]
            across -= across @ up * up
            axes.append(np.stack([up, across / np.linalg.norm(across)]))
        turn, _ = Rotation.align_vectors(*axes)
        bone = BODY_22.index("chest"), spine
        expected = turn.apply(other[t, bone[0]] - other[t, bone[1]])
        found = mixed[t, bone[0]] - mixed[t, bone[1]]
        np.testing.assert_allclose(found / np.linalg.norm(found), expected / np.linalg.norm(expected), atol=1e-7)


def test_an_arm_alone_changes():
    mine, other = moving(5), moving(6)
    mixed = with_arm(mine, other, "L")
    arm = [BODY_22.index(f"{j}.L") for j in ("elbow", "wrist", "hand")]
    rest = [j for j in range(22) if j not in arm]
    np.testing.assert_array_equal(mixed[:, rest], mine[:, rest])
    np.testing.assert_allclose(angle(mixed, "elbow.L", "wrist.L"), angle(other, "elbow.L", "wrist.L"), atol=1e-6)
    assert np.linalg.norm(mixed[:, arm] - mine[:, arm], axis=-1).max() > 0.02
    np.testing.assert_allclose(with_arm(mine, mine, "R"), mine, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_any_draw_has_the_frames_asked_for_and_one_persons_legs(seed):
    asked = []

    def draw(frames):
        asked.append(frames)
        return moving(seed, 400)[: min(frames, 400)]

    mixed = draw_mixed(draw, 60, Mixing(1.0, 1.0, 1.0, 0.0), np.random.default_rng(seed))
    assert mixed.shape == (60, 22, 3) and len(asked) == 4
    assert all(42 <= frames <= 96 for frames in asked)
    plain = draw_mixed(draw, 60, Mixing(0, 0, 0, 0), np.random.default_rng(seed))
    # at another speed the first and last frames are still frames of the motion
    source = moving(seed, 400)
    np.testing.assert_allclose(plain[0], source[0])
    assert np.abs(source - plain[-1]).max((1, 2)).min() < 0.02


def test_a_clip_that_is_too_short_is_played_slower():
    short = moving(7, 30)
    mixed = draw_mixed(lambda frames: short[:frames], 60, Mixing(0, 0, 0, 0), np.random.default_rng(0))
    assert mixed.shape == (60, 22, 3) and np.isfinite(mixed).all()
    np.testing.assert_allclose(mixed[0], short[0])
