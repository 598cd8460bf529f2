from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.kinematics.contacts import believed_speed, find_contacts, hysteresis, seen_speed, standing, stretches

SHARED = Path(__file__).parents[4] / "shared"
ANKLE, TOE = 0.085, 0.035


def stepping(fps: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feet that take turns, one second each: ankles, toes (T,2,3) and the truth (T,2)."""
    t = np.arange(round(6 * fps)) / fps
    feet, truth = [], []
    for foot in range(2):
        phase = (t + foot) % 2
        moving = np.clip(phase - 1, 0, 1)  # stands in the first second of its cycle
        y = -(np.floor((t + foot) / 2) + (1 - np.cos(np.pi * moving)) / 2)
        feet.append(np.stack([np.full_like(t, 0.1 - 0.2 * foot), y, 0.15 * np.sin(np.pi * moving) ** 2], 1))
        truth.append(phase < 1)
    base = np.stack(feet, 1)
    rng = np.random.default_rng(0)
    ankles = base + np.array([0, 0, ANKLE]) + rng.normal(size=base.shape) * noise
    toes = base + np.array([0, -0.17, TOE]) + rng.normal(size=base.shape) * noise
    return ankles, toes, np.stack(truth, 1)


@pytest.mark.parametrize("fps", [15.0, 30.0, 120.0])
@pytest.mark.parametrize("noise", [0.0, 0.006])
def test_steps_are_found_at_every_frame_rate(fps: float, noise: float) -> None:
    ankles, toes, truth = stepping(fps, noise)
    found = find_contacts(ankles, toes, ANKLE, TOE, [slice(0, len(ankles))], fps)
    assert (found == truth).mean() > 0.85
    for foot in range(2):
        # jitter does not break a step in two
        long = [s for s in stretches(found[:, foot]) if s.stop - s.start > 0.3 * fps]
        assert len(long) == len(stretches(truth[:, foot]))


def test_feet_in_the_air_or_sliding_do_not_stand() -> None:
    t = np.arange(60) / 30
    still = np.zeros((60, 2, 3))
    high = still + np.array([0, 0, 0.4])
    sliding = still + np.stack([1.5 * t, 0 * t, 0 * t], 1)[:, None]
    for base, expected in ((still, True), (high, False), (sliding, False)):
        found = find_contacts(base + np.array([0, 0, ANKLE]), base + np.array([0, -0.17, TOE]), ANKLE, TOE, [slice(0, 60)], 30.0)
        assert (found == expected).all()


def test_a_foot_on_its_toes_stands() -> None:
    toes = np.zeros((30, 2, 3)) + np.array([0, -0.15, TOE])
    ankles = np.zeros((30, 2, 3)) + np.array([0, 0, 0.16])
    assert find_contacts(ankles, toes, ANKLE, TOE, [slice(0, 30)], 30.0).all()


def test_hysteresis_keeps_stretches_that_begin_somewhere() -> None:
    begins = np.array([0, 0, 1, 0, 0, 0, 0, 0], bool)
    lasts = np.array([0, 1, 1, 1, 0, 1, 1, 0], bool)
    assert hysteresis(begins, lasts).tolist() == [False, True, True, True, False, False, False, False]


@pytest.mark.skipif(not (SHARED / "data" / "mocap").is_dir(), reason="no motion capture here")
def test_agrees_with_capture_by_another_definition() -> None:
    """Against feet whose toe stays within 2.5 cm for a quarter of a second, near the lowest they ever are."""
    data = np.load(SHARED / "data" / "mocap" / "snu_biped_walk.npz")
    names = [str(n) for n in data["joint_names"]]
    stand, swing = [], []
    for clip in np.flatnonzero(data["floor_ok"])[:6]:
        a, b = data["clip_start"][clip : clip + 2]
        joints = np.cumsum(data["delta"][a : min(b, a + 300)].astype(np.int32), axis=0) / 1000
        ankles = joints[:, [names.index("ankle.L"), names.index("ankle.R")]]
        toes = joints[:, [names.index("toe.L"), names.index("toe.R")]]
        found = find_contacts(ankles, toes, ANKLE, TOE, [slice(0, len(joints))], 30.0)
        window = np.stack([toes[k : len(toes) - 8 + k] for k in range(9)])
        reach = np.linalg.norm(window - window.mean(0), axis=-1).max(0)
        truth = (reach < 0.025) & (toes[4:-4, :, 2] < np.percentile(toes[..., 2], 30) + 0.02)
        apart = reach > 0.2  # in the middle of a step
        stand.append(found[4:-4][truth])
        swing.append(~found[4:-4][apart])
    assert np.concatenate(stand).mean() > 0.97 and np.concatenate(swing).mean() > 0.9


def rays_of(points: np.ndarray) -> np.ndarray:
    return points / points[..., 2:]


@pytest.mark.parametrize("fps", [15.0, 30.0, 120.0])
def test_the_speed_that_is_seen_is_that_across_the_line_of_sight(fps: float) -> None:
    t = np.arange(round(2 * fps)) / fps
    points = np.zeros((len(t), 2, 2, 3)) + np.array([0.3, 0.8, 4.0])
    points[:, 0, 0, 0] += 0.5 * t  # the left ankle goes sideways, the left toe too, faster
    points[:, 1, 0, 0] += 0.9 * t
    points[:, :, 1] *= (1 + 0.2 * t)[:, None, None]  # the right foot goes along the line of sight: that is not seen
    speed = seen_speed(rays_of(points), np.full(len(t), 4.0), np.ones((len(t), 2, 2)), np.eye(4), [slice(0, len(t))], fps)
    assert speed.shape == (len(t), 2, 2)
    for end, sideways in ((0, 0.5), (1, 0.9)):
        # what goes along the slanting line of sight is not seen
        sight = points[:, end, 0] / np.linalg.norm(points[:, end, 0], axis=-1, keepdims=True)
        assert speed[:, end, 0] == pytest.approx(sideways * np.sqrt(1 - sight[:, 0] ** 2), rel=0.01)
    assert speed[:, :, 1] == pytest.approx(0.0, abs=1e-6)
    hidden = seen_speed(rays_of(points), np.full(len(t), 4.0), np.zeros((len(t), 2, 2)), np.eye(4), [slice(0, len(t))], fps)
    assert np.isinf(hidden).all()


def test_a_camera_that_moves_and_turns_does_not_move_the_foot() -> None:
    t = np.arange(60) / 30
    cameras = np.tile(np.eye(4), (60, 1, 1))
    c, s = np.cos(0.1 * t), np.sin(0.1 * t)
    cameras[:, 0, 0], cameras[:, 0, 2], cameras[:, 2, 0], cameras[:, 2, 2] = c, s, -s, c
    cameras[:, 0, 3] = 0.5 * t
    point = np.array([0.3, 0.8, 4.0])
    seen = np.einsum("tji,tj->ti", cameras[:, :3, :3], point - cameras[:, :3, 3])
    points = np.broadcast_to(seen[:, None, None], (60, 2, 2, 3))
    assert seen_speed(rays_of(points), seen[:, 2], np.ones((60, 2, 2)), cameras, [slice(0, 60)], 30.0).max() < 0.05
    # a still camera would see it move
    assert seen_speed(rays_of(points), seen[:, 2], np.ones((60, 2, 2)), np.eye(4), [slice(0, 60)], 30.0)[5:-5].min() > 0.3


def test_a_foot_that_lies_still_in_the_picture_stands_even_on_a_step_and_where_the_pose_glides() -> None:
    t = np.arange(60) / 30
    gliding = np.zeros((60, 2, 3)) + np.stack([2.0 * t, 0 * t, 0 * t + 0.3], 1)[:, None]
    feet = gliding + np.array([0, 0, ANKLE]), gliding + np.array([0, -0.17, TOE])
    seen = np.full((60, 2, 2), 1.0)
    seen[20:40, 1, 0] = 0.05
    seen[20:24, 1, 1] = 0.05  # too short to mean anything
    found = find_contacts(*feet, ANKLE, TOE, [slice(0, 60)], 30.0, seen)
    assert found[20:40, 0].all() and found.sum() == 20


def test_pose_and_picture_together_tell_a_slow_foot() -> None:
    lifted, seen = np.array([0.4, 0.4, 0.2, 0.4]), np.array([0.1, 0.4, 5.0, np.inf])
    believed = believed_speed(lifted, seen)
    assert believed[:2] == pytest.approx([0.2, 0.4])
    # a point that jumps about in the picture while the pose rests does not make the foot fast; an unseen one leaves it to the pose
    assert believed[2] < 0.35 and 0.2 < believed[3] < 0.4


def test_a_low_foot_that_the_pose_lets_glide_stands_where_the_picture_has_it_slow() -> None:
    t = np.arange(60) / 30
    gliding = np.zeros((60, 2, 3)) + np.stack([0.6 * t, 0 * t, 0 * t], 1)[:, None]
    feet = gliding + np.array([0, 0, ANKLE]), gliding + np.array([0, -0.17, TOE])
    whole = [slice(0, 60)]
    assert not find_contacts(*feet, ANKLE, TOE, whole, 30.0).any()
    slow = np.full((60, 2, 2), np.inf)
    slow[:, 0, 0] = 0.12
    found = find_contacts(*feet, ANKLE, TOE, whole, 30.0, slow)
    assert found[:, 0].all() and not found[:, 1].any()
    assert standing(*feet, whole, 30.0, slow)[:, 0].all() and not standing(*feet, whole, 30.0).any()
