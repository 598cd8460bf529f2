"""Another frame rate: the same movement in the same time, against the movement itself, which is known at every moment."""

from __future__ import annotations

import numpy as np
import pytest
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.resampling import at_rate


@pytest.mark.parametrize("fps", [24.0, 50.0, 60.0, 12.5])
def test_what_is_between_two_frames_is_where_it_was(make_motion, fps):
    finely = make_motion(frames=121, fps=120.0)
    motion = at_rate(finely, fps)
    np.testing.assert_array_equal(motion.frame_numbers, np.arange(int(np.floor(fps)) + 1))
    np.testing.assert_allclose(motion.times, motion.frame_numbers / fps)
    for axis in range(3):
        there = np.interp(motion.times, finely.times, finely.root_translation[:, axis])
        np.testing.assert_allclose(motion.root_translation[:, axis], there, atol=1e-5)
    # the truth at those very moments, by the tests' own formula
    truth = make_motion(frames=len(motion), fps=fps)
    apart = 2 * np.arccos(np.clip(np.abs((motion.rotations * truth.rotations).sum(-1)), 0, 1))
    assert np.degrees(apart).max() < 0.3
    np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1, atol=1e-5)


def test_the_same_rate_is_the_same_motion(make_motion):
    motion = make_motion(numbers=[3, 4, 5, 40, 41])
    again = at_rate(motion, motion.fps)
    np.testing.assert_array_equal(again.frame_numbers, motion.frame_numbers)
    np.testing.assert_allclose(again.positions_world, motion.positions_world, atol=1e-6)


def test_a_stretch_that_was_left_out_stays_out(make_motion):
    motion = make_motion(numbers=[*range(0, 31), *range(90, 121)], fps=30.0)
    at = at_rate(motion, 24.0)
    np.testing.assert_array_equal(at.frame_numbers, [*range(0, 25), *range(72, 97)])


def test_short_stretches_keep_a_frame_and_none_comes_twice(make_motion):
    motion = make_motion(numbers=[0, 2, 4, 6, 31], fps=30.0)
    at = at_rate(motion, 5.0)
    assert (np.diff(at.frame_numbers) > 0).all() and at.frame_numbers[0] == 0 and at.frame_numbers[-1] == 5


def test_flags_and_reports_follow(make_motion):
    contacts = np.zeros((60, 2), bool)
    contacts[30:] = True
    stretch = {"first_frame": 30, "last_frame": 59, "start": 0.5, "end": 1.0, "reason": "hidden"}
    motion = make_motion(frames=60, fps=60.0, contacts=contacts, provenance={"quality": {"unsure": [stretch]}})
    at = at_rate(motion, 24.0)
    assert at.contacts.dtype == bool and not at.contacts[:12].any() and at.contacts[12:].all()
    (told,) = at.provenance["quality"]["unsure"]
    assert (told["first_frame"], told["last_frame"]) == (12, 24) and stretch["first_frame"] == 30


def test_a_camera_that_moves_turns_between_its_places(make_motion):
    motion = make_motion(frames=31, fps=30.0)
    places = np.tile(motion.camera_to_world, (31, 1, 1))
    angles = np.linspace(0, 1.0, 31)
    for k, a in enumerate(angles):
        places[k, :3, :3] = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    places[:, 0, 3] = angles
    motion.camera_path, motion.camera_lenses = places, np.tile(motion.camera_matrix, (31, 1, 1))
    at = at_rate(motion, 24.0)
    turned = 2 * np.arccos(np.clip(q.of_matrices(at.camera_path[:, :3, :3])[:, 0], -1, 1))
    np.testing.assert_allclose(turned, at.times, atol=1e-6)
    np.testing.assert_allclose(at.camera_path[:, 0, 3], at.times, atol=1e-6)
    assert at.camera_lenses.shape == (len(at), 3, 3)
