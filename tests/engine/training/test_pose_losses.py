"""What trainings ask of poses: closed forms, and gradients that stay finite where limbs are straight."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.training import metrics
from engine.training.pose_losses import HINGES, bone_errors, flexion


def straight() -> torch.Tensor:
    """(22,3) every bone a quarter long and down from its parent."""
    pose = torch.zeros(len(BODY_22), 3, dtype=torch.float64)
    for joint, parent in enumerate(BODY_22.parents):
        if joint:
            pose[joint] = pose[parent] + torch.tensor([0.0, 0.25, 0.0], dtype=torch.float64)
    return pose


def bent(degrees: float) -> torch.Tensor:
    """The left shin turned at the knee, with all that hangs on it."""
    pose = straight()
    angle = math.radians(degrees)
    shin = 0.25 * torch.tensor([0.0, math.cos(angle), math.sin(angle)], dtype=torch.float64)
    moved = pose[BODY_22.index("knee.L")] + shin - pose[BODY_22.index("ankle.L")]
    for name in ("ankle.L", "toe.L"):
        pose[BODY_22.index(name)] += moved
    return pose


@pytest.mark.parametrize("degrees", [0.0, 5.0, 40.0, 90.0, 150.0])
def test_flexion_is_the_angle_that_a_knee_was_turned_by(degrees: float) -> None:
    assert np.allclose(np.degrees(flexion(bent(degrees)).numpy()), [degrees, 0.0, 0.0, 0.0], atol=0.02)


def test_flexion_is_the_one_that_poses_are_judged_by() -> None:
    poses = torch.from_numpy(np.random.default_rng(3).normal(size=(20, len(BODY_22), 3)))
    assert np.allclose(np.degrees(flexion(poses).numpy()), metrics.flexion(poses[:, list(metrics.LIMBS)].numpy()), atol=5e-4)


@pytest.mark.parametrize("degrees", [5.0, 60.0])
def test_a_turned_bone_errs_by_the_chord_of_its_angle_and_a_longer_one_by_its_length(degrees: float) -> None:
    length, way = bone_errors(bent(degrees)[None], straight()[None])
    assert float(length) == pytest.approx(0.0, abs=1e-12)
    assert float(way) == pytest.approx(2 * math.sin(math.radians(degrees) / 2) / len(BODY_22.edges))
    length, way = bone_errors(1.2 * straight()[None], straight()[None])
    assert float(length) == pytest.approx(0.05) and float(way) == pytest.approx(0.0, abs=1e-7)


def test_gradients_are_finite_where_limbs_are_straight_and_straighten_what_is_bent() -> None:
    pose = straight().requires_grad_()
    (flexion(pose).sum() + bone_errors(pose, bent(30.0))[1]).backward()
    assert pose.grad is not None and bool(torch.isfinite(pose.grad).all())
    hip, knee, ankle = HINGES[0]
    pose = bent(30.0).requires_grad_()
    flexion(pose).sum().backward()
    assert pose.grad is not None
    moved = pose.detach() - 0.01 * pose.grad
    assert float(flexion(moved)[0]) < math.radians(30.0)
    # by the third law: what the knee is pushed by, hip and ankle together are pushed back by
    assert torch.allclose(pose.grad[knee], -(pose.grad[hip] + pose.grad[ankle]))
