from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.forward import forward, rotation_matrices
from engine.kinematics.rotations import fit_pose, soft_reach, swing, within

from .people import OF_BODY, about, naive_forward, rest_offsets, walk

A = {name: i for i, name in enumerate(ARMATURE_24.joints)}


def whole(frames: np.ndarray) -> list[slice]:
    return [slice(0, len(frames))]


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between rotation matrices."""
    trace = np.einsum("...ij,...ij", a, b)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def test_a_walk_of_this_very_skeleton_comes_back() -> None:
    w = walk()
    pose = fit_pose(w.body, w.offsets, whole(w.body), w.fps)
    errors = np.linalg.norm(pose.body - w.body, axis=-1)
    assert errors.mean() < 0.002 and errors.max() < 0.012
    positions, turned = forward(ARMATURE_24.parents, w.offsets, pose.rotations, pose.root)
    assert np.abs(positions - pose.positions).max() < 1e-9
    for name in ("pelvis", "chest", "hip.L", "knee.R", "shoulder.L", "elbow.R", "ankle.L"):
        assert angle(turned[:, A[name]], w.rotations[:, A[name]]).mean() < 3.0, name


def test_any_axes_will_do() -> None:
    """Turning the targets turns the pelvis and nothing else."""
    w = walk(1.0)
    turn = about("x", 100.0) @ about("z", 70.0)
    here = fit_pose(w.body, w.offsets, whole(w.body), w.fps)
    there = fit_pose(w.body @ turn.T, w.offsets, whole(w.body), w.fps)
    assert np.abs(there.positions - here.positions @ turn.T).max() < 1e-9
    a, b = rotation_matrices(here.rotations), rotation_matrices(there.rotations)
    assert angle(a[:, 1:], b[:, 1:]).max() < 1e-4
    assert angle(turn @ a[:, 0], b[:, 0]).max() < 1e-4


def test_wrists_and_ankles_arrive_although_bones_differ() -> None:
    w = walk()
    rng = np.random.default_rng(0)
    longer = w.body[:, :1] + (w.body - w.body[:, :1]) * 0.97
    pose = fit_pose(longer + rng.normal(size=longer.shape) * 0.002, w.offsets, whole(longer), w.fps)
    ends = [BODY_22.index(f"{j}.{s}") for j in ("wrist", "ankle") for s in "LR"]
    assert np.linalg.norm(pose.body[:, ends] - longer[:, ends], axis=-1).mean() < 0.006


def test_knees_and_elbows_bend_the_right_way_only() -> None:
    """Targets bent the wrong way by noise: the fitted joints still bend about the hinge by a positive angle."""
    w = walk()
    rng = np.random.default_rng(1)
    noisy = w.body + rng.normal(size=w.body.shape) * 0.03
    pose = fit_pose(noisy, w.offsets, whole(noisy), w.fps)
    local = rotation_matrices(pose.rotations)
    for name, row, column, sign in (("knee.L", 2, 1, 1), ("knee.R", 2, 1, 1), ("elbow.L", 1, 0, -1), ("elbow.R", 1, 0, 1)):
        bend = np.degrees(np.arctan2(sign * local[:, A[name], row, column], local[:, A[name], column, column]))
        assert bend.min() > -0.1 and bend.max() < 156, name


def straight_legs(count: int = 120) -> np.ndarray:
    """Stands upright with straight limbs while turning slowly once around; noise decides about every plane."""
    offsets = rest_offsets()
    local = {"pelvis": about("z", np.linspace(0, 360, count))}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        local[f"shoulder.{side}"] = about("y", np.full(count, sign * 85.0))
    positions, _ = naive_forward(offsets, local, np.zeros((count, 3)))
    rng = np.random.default_rng(2)
    return positions[:, OF_BODY] + rng.normal(size=(count, 22, 3)) * 0.004


def test_straight_limbs_do_not_flip() -> None:
    body = straight_legs()
    pose = fit_pose(body, rest_offsets(), whole(body), 30.0)
    local = rotation_matrices(pose.rotations)
    for name in ("hip.L", "hip.R", "shoulder.L", "shoulder.R", "knee.L", "elbow.R"):
        assert angle(local[1:, A[name]], local[:-1, A[name]]).max() < 25, name
    # knees look where the pelvis looks
    _, turned = forward(ARMATURE_24.parents, rest_offsets(), pose.rotations, pose.root)
    assert angle(turned[:, A["hip.L"]], turned[:, 0]).mean() < 20


def test_quaternions_are_unit_and_continuous() -> None:
    body = straight_legs()
    pose = fit_pose(body, rest_offsets(), whole(body), 30.0)
    assert np.allclose(np.linalg.norm(pose.rotations, axis=-1), 1)
    assert ((pose.rotations[1:] * pose.rotations[:-1]).sum(-1) > 0).all()


def test_the_face_turns_the_head() -> None:
    w = walk(1.0)
    yaw = np.radians(40.0)
    face = np.tile([-np.sin(yaw), -np.cos(yaw), 0.0], (len(w.body), 1))
    without = fit_pose(w.body, w.offsets, whole(w.body), w.fps)
    with_face = fit_pose(w.body, w.offsets, whole(w.body), w.fps, face)
    for pose, low, high in ((without, 15, 90), (with_face, 0, 14)):
        _, turned = forward(ARMATURE_24.parents, w.offsets, pose.rotations, pose.root)
        looks = -turned[:, A["head"], :, 1]
        off = np.degrees(np.arccos(np.clip((looks * face).sum(-1), -1, 1)))
        assert low <= off.mean() <= high


def test_swing_is_the_smallest_turn() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 50, 3))
    b[0] = -a[0]
    turn = swing(a, b)
    ua, ub = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    assert np.allclose(np.einsum("tij,tj->ti", turn, ua), ub, atol=1e-6)
    assert np.allclose(angle(turn, np.eye(3)), np.degrees(np.arccos(np.clip((ua * ub).sum(-1), -1, 1))), atol=1e-3)


def test_reach_is_soft_and_bends_are_limited() -> None:
    asked = np.linspace(0.0, 1.2, 400)
    given = soft_reach(asked, 0.4, 0.45, 150.0)
    assert (np.diff(given) >= 0).all() and given.max() < 0.85
    middle = (asked > 0.3) & (asked < 0.8)
    assert np.allclose(given[middle], asked[middle])
    assert given[0] == pytest.approx(np.sqrt(0.4**2 + 0.45**2 + 2 * 0.4 * 0.45 * np.cos(np.radians(150))))


def test_nonsense_in_finite_out() -> None:
    pose = fit_pose(np.zeros((3, 22, 3)), rest_offsets(), [slice(0, 3)], 30.0)
    assert np.isfinite(pose.positions).all() and np.isfinite(pose.rotations).all()


def test_directions_within_the_limit_are_kept_and_others_brought_back_without_a_jump() -> None:
    degrees = np.linspace(-180, 180, 721)
    middle = np.tile([1.0, 0.0, 0.0], (len(degrees), 1))
    direction = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0 * degrees], 1)
    out = within(middle, direction, 80.0)
    angle = np.degrees(np.arctan2(out[:, 1], out[:, 0]))
    assert np.allclose(np.linalg.norm(out, axis=1), 1)
    assert np.allclose(angle[np.abs(degrees) <= 80], degrees[np.abs(degrees) <= 80])
    assert np.abs(angle).max() <= 80 + 1e-9
    assert np.abs(np.diff(angle)).max() < 1.0  # half a degree of the reading never moves the result by more than a degree
    assert np.allclose(out[[0, -1]], middle[0], atol=1e-6)
