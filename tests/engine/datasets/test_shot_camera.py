"""Cameras: right-handed, in the shares asked for, above the ground, and the person in the picture as large as it should be."""

from __future__ import annotations

import numpy as np
import pytest

from engine.datasets.shot_camera import IN_HAND, MOST_TURN, NEAR, STILL, TURNING, draw_camera
from tests.engine.datasets import figures

STANDING, WALKING = figures.standing(70), figures.walking(70)


@pytest.fixture(scope="module")
def cameras():
    random = np.random.default_rng(0)
    return [(truth, draw_camera(truth, random)) for truth in [STANDING, WALKING] * 250]


def test_cameras_keep_a_right_handed_frame(cameras):
    for truth, camera in cameras[:60]:
        turned = camera.rotation @ camera.rotation.swapaxes(1, 2)
        np.testing.assert_allclose(turned, np.broadcast_to(np.eye(3), turned.shape), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(camera.rotation), 1.0)
        assert camera.axes(truth)[..., 2].min() > NEAR
        # what OpenGL gets puts a point where `pixels` puts it, and `to_world` takes camera axes back
        for frame in (0, 69):
            x, y, _, w = camera.clip()[frame].astype(float) @ np.append(truth[frame, 0], 1.0)
            screen = np.array([(x / w + 1) / 2, (1 - y / w) / 2]) * camera.size
            np.testing.assert_allclose(screen, camera.pixels(truth)[frame, 0], atol=2e-3)
            back = camera.to_world()[frame] @ np.append(camera.axes(truth)[frame, 5], 1.0)
            np.testing.assert_allclose(back[:3], truth[frame, 5], atol=1e-4)


def test_cameras_are_as_footage_has_them(cameras):
    movements = [camera.movement for _, camera in cameras]
    assert movements.count(STILL) / 500 == pytest.approx(0.75, abs=0.07)
    assert movements.count(TURNING) / 500 == pytest.approx(0.15, abs=0.06) and movements.count(IN_HAND) > 25
    tilt = np.degrees([camera.elevation for _, camera in cameras])
    assert ((tilt > -14) & (tilt < 28)).mean() > 0.8 and (tilt > 30).mean() > 0.03
    roll = np.abs(np.degrees([camera.roll for _, camera in cameras]))
    assert (roll < 2).mean() > 0.68 and 0.01 < (roll > 60).mean() < 0.06 and ((roll > 15.1) & (roll < 60)).mean() == 0
    assert min(camera.position[:, 2].min() for _, camera in cameras) > 0.2
    fov = np.degrees([2 * np.arctan(max(camera.size) / 2 / camera.focal) for _, camera in cameras])
    assert fov.min() >= 30 and fov.max() <= 85 and ((fov > 55) & (fov < 75)).mean() > 0.55
    sides = [np.sign(camera.size[0] - camera.size[1]) for _, camera in cameras]
    assert sides.count(1) > 150 and sides.count(-1) > 150


def test_people_are_in_the_picture_whole_but_for_some(cameras):
    inside = np.array([
        ((camera.pixels(truth) > 0) & (camera.pixels(truth) < camera.size)).all(-1).mean() for truth, camera in cameras
    ])  # fmt: skip
    assert (inside > 0.97).mean() > 0.75 and 0.05 < (inside < 0.9).mean() < 0.22 and inside.mean() > 0.9
    tall = np.array([np.median(np.ptp(camera.pixels(truth)[..., 1], axis=1)) / camera.size[1] for truth, camera in cameras])
    assert np.percentile(tall, 3) > 0.15 and np.percentile(tall, 90) < 1.0 and 0.35 < np.median(tall) < 0.75


def test_people_are_seen_from_everywhere(cameras):
    """The person faces -Y."""
    away = np.array([camera.position.mean(0) - truth.mean((0, 1)) for truth, camera in cameras])
    quarter = np.round(np.arctan2(away[:, 0], -away[:, 1]) / (np.pi / 2)).astype(int) % 4
    assert (np.bincount(quarter, minlength=4) > 80).all()


def test_still_cameras_stand_turning_ones_turn_and_hands_shake(cameras):
    seen = {STILL: [], TURNING: [], IN_HAND: []}
    for truth, camera in cameras:
        turned = np.degrees(np.arccos(np.clip(camera.rotation[:, 2] @ camera.rotation[:, 2].T, -1, 1))).max()
        seen[camera.movement].append((turned, np.ptp(camera.position, axis=0).max(), truth is WALKING))
    assert np.array(seen[STILL])[:, :2].max() < 1e-5
    turning = np.array(seen[TURNING])
    assert turning[:, 1].max() == 0 and turning[:, 0].max() < MOST_TURN + 15 and np.median(turning[turning[:, 2] == 1, 0]) > 3
    shaken = np.array(seen[IN_HAND])
    assert 0.3 < np.median(shaken[:, 0]) < 6 and 0 < shaken[:, 1].max() < 0.15
