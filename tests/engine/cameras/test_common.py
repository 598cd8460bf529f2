"""A second person in the first one's world: how tall she is by the ground, and that the camera stays where it was."""

from __future__ import annotations

import numpy as np
import pytest

from contract.motion_file import Motion
from contract.skeleton import ARMATURE_24
from engine.cameras.common import RAISED, camera_of, raised, stature_of
from engine.cameras.known import cameras_at
from engine.cameras.turning import Turning

COUNT = 30
OVER = 1.6  # metres of the camera over the ground


def standing(at: tuple[float, float], height: float, taken_for: float, up: float = 0.0, contacts: bool = True) -> Motion:
    """Somebody of that height who stands there, as a motion of somebody who is taken for another height: farther away and lower by as much,
    seen from the camera. `up`: metres by which its camera was raised."""
    share = taken_for / height
    toe = np.array([share * at[0], share * at[1], OVER - share * (OVER - 0.02 * height) + up])
    positions = np.zeros((COUNT, len(ARMATURE_24.joints), 3), np.float32) + toe
    camera = np.eye(4)
    camera[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    camera[2, 3] = OVER
    count, joints = COUNT, len(ARMATURE_24.joints)
    return Motion(
        joint_names=np.array(ARMATURE_24.joints), parents=np.array(ARMATURE_24.parents), fps=25.0, times=np.arange(count) / 25.0,
        positions_camera=positions, positions_world=positions, rest_offsets=np.zeros((joints, 3), np.float32),
        rotations=np.zeros((count, joints, 4), np.float32), root_translation=positions[:, 0], image_points=positions[..., :2],
        confidence=positions[..., 0], spread=positions[..., 0], contacts=np.full((count, 2), contacts),
        camera_matrix=np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]]), camera_to_world=camera, image_size=np.array([640, 480]),
        detected=np.ones(count, bool), provenance={},
    )  # fmt: skip


@pytest.mark.parametrize("height", [1.2, 1.55, 1.7, 1.95])
def test_a_person_on_the_same_ground_is_as_tall_as_the_ground_says(height: float) -> None:
    main = standing((0.0, 4.0), 1.8, 1.8)
    found = stature_of(standing((1.0, 4.2), height, 1.8, RAISED), 1.8, main, 1.8)
    assert found.by_ground and abs(found.height - height) < 0.35 * abs(height - 1.8) + 0.01
    assert 0.01 < found.error < 0.09
    # and nearer to it than to what everybody is taken for
    assert abs(found.height - height) <= abs(found.height - 1.8)


def test_somebody_far_behind_is_less_sure() -> None:
    main = standing((0.0, 4.0), 1.8, 1.8)
    near, far = (stature_of(standing((0.0, away), 1.6, 1.8, RAISED), 1.8, main, 1.8) for away in (4.0, 14.0))
    assert near.error < far.error and abs(near.height - 1.6) < abs(far.height - 1.6)


def test_without_feet_on_the_ground_nothing_is_known() -> None:
    main = standing((0.0, 4.0), 1.8, 1.8)
    hanging = stature_of(standing((1.0, 4.0), 1.5, 1.8, RAISED, contacts=False), 1.8, main, 1.8)
    assert hanging.height == 1.8 and not hanging.by_ground and hanging.error > 0.1
    on_a_roof = stature_of(standing((1.0, 4.0), 0.4, 1.8, RAISED), 1.8, main, 1.8)
    assert not on_a_roof.by_ground or 0.5 <= on_a_roof.height <= 2.3


def test_a_still_camera_is_one_place_and_a_turning_one_turns_about_it() -> None:
    motion = standing((0.0, 4.0), 1.8, 1.8)
    still = camera_of(motion, motion.camera_matrix, Turning("still"))
    np.testing.assert_allclose(cameras_at(still, np.array([0.0, 5.0]), 25.0), np.tile(motion.camera_to_world, (2, 1, 1)))
    assert still.lens.tolist() == [[500.0 / 640, 0.5, 0.5]]
    assert raised(still).camera_to_world[0, 2, 3] == OVER + RAISED
    angles = np.linspace(-0.1, 0.3, 50)
    turns = np.tile(np.eye(3), (50, 1, 1))
    turns[:, 0, 0] = turns[:, 2, 2] = np.cos(angles)
    turns[:, 0, 2], turns[:, 2, 0] = np.sin(angles), -np.sin(angles)
    times = np.arange(50) / 25.0 - 0.4
    turning = camera_of(motion, motion.camera_matrix, Turning("turning", times=times, turns=turns))
    at = cameras_at(turning, motion.times, 25.0)
    np.testing.assert_allclose(at[0], motion.camera_to_world, atol=1e-9)
    np.testing.assert_allclose(at[:, :3, 3], np.tile(motion.camera_to_world[:3, 3], (COUNT, 1)))
    way = np.einsum("tji,tjk->tik", at[:1, :3, :3].repeat(COUNT, 0), at[:, :3, :3])
    np.testing.assert_allclose(np.arctan2(way[:, 0, 2], way[:, 2, 2]), angles[10:40] - angles[10], atol=1e-9)


def test_a_camera_that_zooms_or_slides_has_the_lens_of_each_moment() -> None:
    motion = standing((0.0, 4.0), 1.8, 1.8)
    times = np.arange(COUNT) / 25.0
    zoom, slid = np.linspace(0.9, 1.2, COUNT), np.stack([np.linspace(-64.0, 64.0, COUNT), np.zeros(COUNT)], 1)
    zooming = camera_of(motion, motion.camera_matrix, Turning("still", times=times, zoom=zoom))
    np.testing.assert_allclose(zooming.lens[:, 0], zoom * 500.0 / 640)
    np.testing.assert_allclose(zooming.camera_to_world, np.tile(motion.camera_to_world, (COUNT, 1, 1)))
    sliding = camera_of(motion, motion.camera_matrix, Turning("sliding", times=times, slid=slid, side=640))
    np.testing.assert_allclose(sliding.lens[:, 1], 0.5 - slid[:, 0] / 640)
