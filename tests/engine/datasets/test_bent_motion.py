"""Bent motions: bones keep their lengths, joints turn by the angles asked for, nothing bends as a body cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.datasets import bent_motion
from engine.datasets.bent_motion import PARTS, bend, carrier_axes, draw_angles, rotation_matrices
from tests.engine.datasets.test_mixed_motion import moving

FRAMES = 30


def walking(seed=0):
    return torch.from_numpy(moving(seed, FRAMES))


def only(name, *degrees):
    """The angles that turn one part, constant over the run."""
    angles = torch.zeros(FRAMES, len(PARTS) + 2, 3, dtype=torch.float64)
    names = [part.name for part in PARTS] + ["knee.L", "knee.R"]
    angles[:, names.index(name)] = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return angles


def lengths(motion):
    return np.stack([np.linalg.norm(motion[..., i, :] - motion[..., p, :], axis=-1) for p, i in BODY_22.edges], -1)


def without_lift(bent, motion):
    """The joints from the pelvis, as the lowest foot decides on the height."""
    return bent - bent[..., :1, :], motion - motion[..., :1, :]


@pytest.mark.parametrize("seed", range(8))
def test_bones_keep_their_lengths_and_the_lowest_foot_its_height(seed):
    motion = walking(seed)
    bent = bend(motion, torch.from_numpy(draw_angles(FRAMES, np.random.default_rng(seed))))
    np.testing.assert_allclose(lengths(bent.numpy()), lengths(motion.numpy()), atol=1e-9)
    feet = [BODY_22.index(f"{name}.{side}") for name in ("ankle", "toe") for side in "LR"]
    assert bent[:, feet, 2].min() == pytest.approx(float(motion[:, feet, 2].min()), abs=1e-9)
    torch.testing.assert_close(bend(motion, only("head", 0.0, 0.0, 0.0)), motion, atol=1e-12, rtol=0)


def test_a_trunk_bends_forwards_about_the_hips():
    """By another route: scipy turns the spine about the line through the hips."""
    motion = walking(1)
    bent, plain = (x.numpy() for x in without_lift(bend(motion, only("trunk", 30.0, 0.0, 0.0)), motion))
    axes = carrier_axes(motion, bent_motion.PELVIS).numpy()
    top = BODY_22.index("head_top")
    expected = Rotation.from_rotvec(np.radians(30) * axes[..., 0]).apply(plain[:, top])
    np.testing.assert_allclose(bent[:, top], expected, atol=1e-9)
    forwards = axes[..., 2]
    assert ((bent[:, top] - plain[:, top]) * forwards).sum(-1).min() > 0.1
    legs = [BODY_22.index(f"{name}.{side}") for name in ("hip", "knee", "ankle", "toe") for side in "LR"]
    np.testing.assert_allclose(bent[:, legs], plain[:, legs], atol=1e-12)


@pytest.mark.parametrize("side", "LR")
def test_a_knee_bends_backwards_and_only_so_far(side):
    motion = walking(2)
    hip, knee, ankle = (BODY_22.index(f"{name}.{side}") for name in ("hip", "knee", "ankle"))

    def angle(m):
        thigh, shin = m[:, knee] - m[:, hip], m[:, ankle] - m[:, knee]
        return torch.rad2deg(torch.arccos((thigh * shin).sum(-1) / thigh.norm(dim=-1) / shin.norm(dim=-1)))

    bent = bend(motion, only(f"knee.{side}", 40.0, 0.0, 0.0))
    forwards = carrier_axes(motion, bent_motion.PELVIS)[..., 2]
    assert float((((bent - motion)[:, ankle] - (bent - motion)[:, knee]) * forwards).sum(-1).max()) < -0.05
    assert angle(bend(motion, only(f"knee.{side}", 400.0, 0.0, 0.0))).max() < 151.0
    assert angle(bend(motion, only(f"knee.{side}", -400.0, 0.0, 0.0))).max() < 5.0  # straight, and not through


def test_an_arm_is_not_put_through_the_body():
    motion = walking(3)
    arm = PARTS[[part.name for part in PARTS].index("arm.L")]
    free, stopped = 0, 0
    for degrees in np.random.default_rng(0).normal(0, 50, (60, 3)):
        bent = bend(motion, only("arm.L", *degrees))
        assert not bool(bent_motion._in_the_body(bent, arm.joints)) or bool(bent_motion._in_the_body(motion, arm.joints))
        moved = float((bent - motion)[..., list(arm.joints), :].norm(dim=-1).max())
        free, stopped = free + (moved > 0.05), stopped + (moved < 1e-9)
    assert free > 20 and stopped > 3


def test_runs_are_judged_one_by_one_and_keep_their_type():
    motions = torch.stack([walking(4), walking(5)]).float()
    angles = torch.stack([torch.from_numpy(draw_angles(FRAMES, np.random.default_rng(seed))) for seed in (4, 5)]).float()
    together = bend(motions, angles)
    assert together.dtype == torch.float32
    for k in range(2):
        torch.testing.assert_close(together[k], bend(motions[k], angles[k]), atol=1e-6, rtol=0)


def test_angles_are_those_of_the_parts_and_the_seed():
    angles = np.stack([draw_angles(60, np.random.default_rng(seed)) for seed in range(400)])
    assert angles.shape == (400, 60, len(PARTS) + 2, 3)
    np.testing.assert_array_equal(angles[3], draw_angles(60, np.random.default_rng(3)))
    turned = np.abs(angles).max((1, 3)) > 0
    assert 0.5 < turned.mean() < 0.7
    trunk = np.degrees(angles[:, :, 0, 0].mean(1)[turned[:, 0]])
    assert 5 < trunk.mean() < 15 and 17 < trunk.std() < 28
    knees = angles[..., -2:, 0].mean(1)
    assert (knees > 0).sum() == pytest.approx((knees < 0).sum(), rel=0.2)  # straightened as often as bent


def test_rotation_matrices_against_scipy():
    vectors = np.random.default_rng(0).normal(0, 1, (50, 3))
    vectors[0] = 0.0
    np.testing.assert_allclose(rotation_matrices(torch.from_numpy(vectors)).numpy(), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)
