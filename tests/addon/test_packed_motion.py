"""A motion as bytes: what comes back is the motion, as near as anybody can see, in few bytes, and damaged bytes are told."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from kinolift_extension.addon.packed_motion import pack, unpack
from kinolift_extension.contract.failure import Failure


def test_the_motion_comes_back(make_motion):
    generator = np.random.default_rng(3)
    confidence = generator.random((50, 24)).astype(np.float32)
    contacts = generator.random((50, 2)) < 0.5
    motion = make_motion(numbers=[*range(30), *range(40, 60)], confidence=confidence, contacts=contacts, provenance={"a": ["ü", 1.5]})
    again = unpack(pack(motion), "Walk")
    apart = 2 * np.arcsin(np.minimum(1, np.linalg.norm(_signed(again.rotations, motion.rotations) - motion.rotations, axis=-1) / 2))
    assert np.degrees(apart).max() < 0.01
    np.testing.assert_allclose(again.positions_world, motion.positions_world, atol=3e-4)
    np.testing.assert_allclose(again.positions_camera, motion.positions_camera, atol=3e-4)
    np.testing.assert_allclose(again.root_translation, motion.root_translation, atol=1e-5)
    np.testing.assert_allclose(again.image_points, motion.image_points, atol=0.02)
    np.testing.assert_allclose(again.confidence, confidence, atol=0.005)
    np.testing.assert_array_equal(again.contacts, contacts)
    np.testing.assert_array_equal(again.frame_numbers, motion.frame_numbers)
    np.testing.assert_array_equal(again.joint_names, motion.joint_names)
    assert again.provenance == motion.provenance and again.fps == motion.fps and again.camera_path is None


def _signed(quaternions, like):
    return quaternions * np.sign((quaternions * like).sum(-1, keepdims=True))


def test_a_camera_that_moves_comes_back(make_motion):
    motion = make_motion(frames=20)
    motion.camera_path = np.tile(motion.camera_to_world, (20, 1, 1))
    motion.camera_path[:, 0, 3] = np.linspace(0, 2, 20)
    again = unpack(pack(motion), "Walk")
    np.testing.assert_array_equal(again.camera_path, motion.camera_path)
    away = np.einsum("tji,tkj->tki", again.camera_path[:, :3, :3], again.positions_world - again.camera_path[:, None, :3, 3])
    np.testing.assert_allclose(again.positions_camera, away, atol=1e-4)


def test_a_minute_is_some_hundred_kilobytes(make_motion):
    motion = make_motion(frames=600, fps=30.0)  # which turns more, at every joint, than any person
    generator = np.random.default_rng(1)
    motion.image_points += generator.normal(0, 0.3, motion.image_points.shape).astype(np.float32)
    assert len(pack(motion)) * 3 < 1_000_000


def test_damage_is_told(make_motion):
    data = pack(make_motion(frames=5))
    for broken in (b"", b"nonsense", data[: len(data) // 2], data[:100] + bytes(50) + data[150:], zlib.compress(data)):
        with pytest.raises(Failure, match="Walk is not a take with a motion that can be read") as raised:
            unpack(broken, "Walk")
        assert raised.value.code == "bad_motion"
