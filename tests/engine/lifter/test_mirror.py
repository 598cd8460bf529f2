"""The mirrored encoding against encoding what a mirrored picture gives."""

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.detection.landmarks import LANDMARK_MIRROR
from engine.lifter.codec import camera_up, encode
from engine.lifter.mirror import POINT_SIGNS, POSE_SIGNS, STATE_SIGNS, mirrored, mirrored_directions, mirrored_joints, mirrored_marks

FIELDS = ("features", "base", "points", "rotation")


@pytest.fixture(params=[0.0, 90.0], ids=["upright", "on its side"])
def readings(request):
    """rays, visibility, world, detected of a person beside the picture's middle, the camera rolled by so many degrees."""
    rng = np.random.default_rng(1)
    pose = rng.normal(size=(33, 3)) * 0.2
    angle = np.radians(request.param)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    world = (pose + 0.02 * rng.normal(size=(1, 9, 33, 3))) @ turn.T
    absolute = world + np.array([0.8, -0.4, 4.0])
    return absolute[..., :2] / absolute[..., 2:], rng.uniform(size=(1, 9, 33)), world, (rng.uniform(size=(1, 9)) > 0.3).astype(float)


def in_the_mirror(rays, visibility, world, detected):
    marks = list(LANDMARK_MIRROR)
    return rays[:, :, marks] * [-1, 1], visibility[:, :, marks], world[:, :, marks] * [-1, 1, 1], detected


def test_it_is_the_encoding_of_the_mirrored_picture(readings):
    found, wanted = mirrored(encode(*readings)), encode(*in_the_mirror(*readings))
    for name in FIELDS:
        assert np.allclose(getattr(found, name), getattr(wanted, name), atol=1e-12), name
    assert np.allclose(mirrored_marks(readings[1]), in_the_mirror(*readings)[1])


def test_twice_mirrored_is_as_before_in_numpy_and_in_torch(readings):
    encoded = encode(*(torch.from_numpy(a) for a in readings))
    again = mirrored(mirrored(encoded))
    for name in FIELDS:
        assert torch.allclose(getattr(again, name), getattr(encoded, name)), name
    numpy_way = mirrored(encode(*readings))
    assert all(np.allclose(getattr(numpy_way, n), getattr(mirrored(encoded), n).numpy()) for n in FIELDS)


def test_a_level_camera_stays_level(readings):
    encoded = encode(*readings)
    assert np.allclose(camera_up(mirrored(encoded).rotation), mirrored_directions(camera_up(encoded.rotation)))


@pytest.mark.parametrize("signs", [POINT_SIGNS, POSE_SIGNS, STATE_SIGNS])
def test_joints_change_sides(signs):
    width = len(signs)
    values = np.random.default_rng(2).normal(size=(4, len(BODY_22), width))
    found = mirrored_joints(values, BODY_22, signs)
    left, right = BODY_22.index("wrist.L"), BODY_22.index("wrist.R")
    across = [0] if width < 5 else [0, 2]  # of a state: x in the picture, and in space
    kept = [c for c in range(width) if c not in across]
    assert np.allclose(found[:, left][:, across], -values[:, right][:, across])
    assert np.allclose(found[:, left][:, kept], values[:, right][:, kept])
