import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.detection.landmarks import BODY_FROM_LANDMARKS, LANDMARK_MIRROR, LANDMARKS
from engine.lifter.codec import (
    FEATURES,
    WORLD_TO_STATURE,
    decode,
    encode,
    encode_truth,
    roll_matrix,
    upright_roll,
    view_rotation,
)


@pytest.fixture
def person():
    """A run of a person far from the picture's middle: rays, visibility, world, detected."""
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(33, 3)) * 0.2
    for name, y in {"hip": 0.0, "shoulder": -0.5, "ankle": 0.8, "ear": -0.7}.items():
        for side, x in (("L", 0.12), ("R", -0.12)):
            pose[LANDMARKS.index(f"{name}.{side}")] = (x, y, 0.0)
    world = pose + 0.02 * rng.normal(size=(1, 20, 33, 3))
    absolute = world + np.array([1.0, -0.3, 4.0])
    rays = absolute[..., :2] / absolute[..., 2:]
    return tuple(torch.from_numpy(np.asarray(a, np.float64)) for a in (rays, rng.uniform(size=(1, 20, 33)), world, np.ones((1, 20))))


def test_the_virtual_camera_looks_at_the_point_and_stands_upright():
    rotation = view_rotation(torch.tensor([0.4, -0.3], dtype=torch.float64)).numpy()
    assert np.allclose(rotation @ rotation.T, np.eye(3)) and math.isclose(np.linalg.det(rotation), 1.0)
    assert np.allclose(rotation[:, 2], np.array([0.4, -0.3, 1.0]) / np.linalg.norm([0.4, -0.3, 1.0]))
    assert math.isclose(rotation[1, 0], 0.0, abs_tol=1e-12)  # its x axis stays level with the picture's


def test_rotations_agree_with_scipys():
    angle = 0.7
    assert np.allclose(roll_matrix(torch.tensor(angle, dtype=torch.float64)), Rotation.from_euler("z", angle).as_matrix())
    rolled = view_rotation(torch.tensor([0.2, 0.1], dtype=torch.float64), angle).numpy()
    plain = view_rotation(torch.tensor([0.2, 0.1], dtype=torch.float64)).numpy()
    assert np.allclose(rolled, plain @ Rotation.from_euler("z", angle).as_matrix())


def test_decode_undoes_encode_truth(person):
    rotation = encode(*person).rotation
    truth = torch.randn(1, 20, len(BODY_22), 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 4.0])
    pose = encode_truth(truth, rotation, torch.tensor([1.8], dtype=torch.float64))
    assert torch.allclose(decode(pose, rotation, 1.8), truth - truth[..., :1, :])


def test_the_base_is_the_detectors_own_pose_in_statures(person):
    encoded = encode(*person)
    assert encoded.features.shape == (1, 20, FEATURES)
    world = person[2].numpy()
    joints = BODY_FROM_LANDMARKS @ world
    assert np.allclose(encoded.base.numpy(), WORLD_TO_STATURE * (joints - joints[..., :1, :]))


@pytest.mark.parametrize("turns", [0, 1, 2, -1])
def test_a_picture_on_its_side_is_seen_upright(person, turns):
    rays, visibility, world, detected = person
    turn = torch.from_numpy(Rotation.from_euler("z", turns * math.pi / 2).as_matrix()).round()
    on_side = (rays @ turn[:2, :2].T, visibility, world @ turn.T, detected)
    roll = upright_roll(on_side[0])
    assert math.isclose(math.remainder(float(roll) - turns * math.pi / 2, 2 * math.pi), 0.0, abs_tol=1e-6)
    a, b = encode(*person), encode(*on_side)
    assert torch.allclose(a.base, b.base, atol=1e-9)
    assert torch.allclose(a.points, b.points, atol=0.05)  # the virtual cameras differ by a little roll off the axis
    upright, side = decode(a.base, a.rotation, 1.7), decode(b.base, b.rotation, 1.7)
    assert torch.allclose(upright @ turn.T, side, atol=0.1)


def test_size_in_the_picture_does_not_matter(person):
    rays, visibility, world, detected = person
    centre = rays.mean((1, 2), keepdim=True)
    half = (centre + (rays - centre) / 2, visibility, world, detected)
    assert torch.allclose(encode(*person).points, encode(*half).points, atol=0.02)


def test_a_mirrored_person_is_a_mirrored_encoding(person):
    rays, visibility, world, detected = person
    order, joints = list(LANDMARK_MIRROR), list(BODY_22.mirror)
    x = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    mirrored = encode(
        rays[:, :, order] * x[:2], visibility[:, :, order], world[:, :, order] * x, detected, torch.zeros(1, dtype=torch.float64)
    )
    plain = encode(*person, torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(mirrored.base, plain.base[:, :, joints] * x)
    assert torch.allclose(mirrored.points, plain.points[:, :, joints] * x[:2])


def test_numpy_is_encoded_and_decoded_as_torch_is() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=shape).astype(np.float32) for shape in ((2, 9, 33, 2), (2, 9, 33), (2, 9, 33, 3))]
    parts.append(rng.random((2, 9)) > 0.2)
    mine, theirs = encode(*parts), encode(*(torch.from_numpy(part) for part in parts))
    for name in ("features", "base", "points", "rotation"):
        assert getattr(mine, name).dtype == np.float32
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name).numpy(), atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(decode(mine.base, mine.rotation, 1.8), decode(theirs.base, theirs.rotation, 1.8).numpy(), atol=1e-4)
