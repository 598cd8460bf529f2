"""Limbs taken another way in depth: keys, record and motion of a take, against the motion's own arrays."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import motion_of
from kinolift_extension.addon.key_reduction import Tolerance
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.other_depths import (
    PROPERTY,
    limbs_at,
    shown_motion,
    stretches_of,
    take_next,
    taken_of,
    with_alternatives,
)
from kinolift_extension.addon.packed_motion import pack, unpack
from kinolift_extension.addon.resampling import at_rate
from kinolift_extension.addon.scene import key_frames
from kinolift_extension.addon.simplify import simplify
from kinolift_extension.contract.alternatives import LIMBS, Alternative, alternatives_of, columns_of
from kinolift_extension.contract.failure import Failure

UPPER_ARM = 'pose.bones["upper_arm.L"].rotation_quaternion'


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def turned(motion, limb, frames, degrees):
    """An alternative whose first joint is turned by so many degrees in the middle of its frames, and not at all at their ends."""
    joints = [motion.joint(joint) for joint in LIMBS[limb]]
    rotations = motion.rotations[frames][:, joints].astype(float)
    half = np.radians(degrees) / 2 * np.sin(np.linspace(0, np.pi, len(rotations)))
    by = np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], -1)
    rotations[:, 0] = q.multiply(rotations[:, 0], by)
    return Alternative(limb, frames, rotations.astype(np.float32))


@pytest.fixture
def motion(make_motion):
    """With two other readings of the left arm around frame 20, of which the second begins earlier, and one later; and one of a leg."""
    made = make_motion(60, fps=30.0)
    others = [
        turned(made, "arm.L", slice(15, 30), 80), turned(made, "arm.L", slice(10, 25), 130), turned(made, "arm.L", slice(28, 50), 60),
        turned(made, "leg.R", slice(5, 58), 40),
    ]  # fmt: skip
    return replace(made, **columns_of(others))


@pytest.fixture
def take(motion):
    take = place_motion(motion, bpy.context.scene, "Walk", Placement("match", start=101)).armature
    bpy.context.view_layer.objects.active = take
    return take


def posed(take, frame):
    """(J,3) metres: where the armature's bones begin in that scene frame, by Blender."""
    bpy.context.scene.frame_set(frame)
    evaluated = take.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone.name: np.array(evaluated.matrix_world @ bone.head) for bone in evaluated.pose.bones}


def assert_shows(take, motion, taken, frames, start=101, off=2e-3):
    """The armature stands as the motion with those alternatives does; positions by that motion's own."""
    wanted = with_alternatives(motion, taken)
    for frame in frames:
        bones = posed(take, start + frame)
        for bone, joint in (("upper_arm.L", "shoulder.L"), ("forearm.L", "elbow.L"), ("hand.L", "wrist.L"), ("foot.R", "ankle.R")):
            np.testing.assert_allclose(bones[bone], wanted.positions_world[frame, motion.joint(joint)], atol=off)


def test_the_panel_knows_where_a_limb_has_other_ways(take, motion):
    assert stretches_of(take) == 4
    assert limbs_at(take, 101 + 20) == ["arm.L", "leg.R"] and limbs_at(take, 101 + 52) == ["leg.R"]
    assert limbs_at(take, 101 + 2) == [] and limbs_at(take, 101 + 59) == []
    del take[PROPERTY]
    assert stretches_of(take) == 0 and limbs_at(take, 121) == []


def test_again_and_again_is_the_next_way_and_then_as_captured(take, motion):
    before = [np.array([p.co[1] for p in curve.keyframe_points]) for curve in curves_of(take)]
    look = (3, 12, 16, 20, 24, 28, 40)
    assert take_next(take, "arm.L", 121).number == 1 and taken_of(take) == [0]
    assert_shows(take, motion, [0], look)
    choice = take_next(take, "arm.L", 121)
    assert (choice.number, choice.count, choice.first, choice.last) == (2, 2, 111, 130) and taken_of(take) == [1]
    assert_shows(take, motion, [1], look)
    assert take_next(take, "arm.L", 121).number == 0 and taken_of(take) == []
    for curve, values in zip(curves_of(take), before, strict=True):
        now = np.array([p.co[1] for p in curve.keyframe_points])
        assert np.abs(now - values).max() < 2e-4 or np.abs(now + values).min() < 2e-4, curve.data_path


def test_one_that_reaches_into_another_s_frames_takes_its_place(take, motion):
    take_next(take, "arm.L", 101 + 20)
    take_next(take, "leg.R", 101 + 20)
    assert taken_of(take) == [0, 3]
    take_next(take, "arm.L", 101 + 40)
    assert taken_of(take) == [3, 2]
    assert_shows(take, motion, [2, 3], (8, 16, 20, 29, 40, 55))


def test_what_is_retargeted_shows_it_and_the_motion_that_was_captured_stays(take, motion):
    take_next(take, "arm.L", 121)
    shown, kept = shown_motion(take)(), motion_of(take)
    off = np.abs(shown.positions_world - kept.positions_world).max(axis=(0, 2))
    moved = {str(name) for name, far in zip(motion.joint_names, off, strict=True) if far > 0.01}
    assert moved == {"elbow.L", "wrist.L", "hand.L"}
    np.testing.assert_allclose(kept.positions_world, motion.positions_world, atol=1e-3)
    inside = alternatives_of(kept)[0].frames
    away = np.einsum("ij,tkj->tki", shown.camera_to_world[:3, :3].T, shown.positions_world - shown.camera_to_world[:3, 3])
    np.testing.assert_allclose(shown.positions_camera, away, atol=1e-5)
    np.testing.assert_array_equal(np.delete(shown.rotations, np.arange(60)[inside], 0), np.delete(kept.rotations, np.arange(60)[inside], 0))


def test_keys_between_the_frames_stay_on_the_shorter_way(take, motion):
    """No bone spins within a frame, whatever the signs of the quaternions on either side."""
    for _ in range(3):
        take_next(take, "arm.L", 121)
        four = sorted((c for c in curves_of(take) if c.data_path == UPPER_ARM), key=lambda c: c.array_index)
        assert len(four) == 4
        values = np.array([[p.co[1] for p in curve.keyframe_points] for curve in four]).T
        assert (np.einsum("ti,ti->t", values[1:], values[:-1]) > 0).all()


def test_fewer_keys_and_another_rate(motion):
    scene = bpy.context.scene
    scene.render.fps = 24
    take = place_motion(motion, scene, "Walk", Placement("keep", start=1)).armature
    resampled = at_rate(motion, 24.0)
    assert [one.limb for one in alternatives_of(resampled)] == [one.limb for one in alternatives_of(motion)]
    simplify(take, Tolerance(0.2, 1.0))
    take_next(take, "arm.L", 1 + 16)
    assert_shows(take, resampled, [0], (2, 12, 13, 16, 20, 23, 30), start=1, off=4e-3)  # the trunk's keys are fewer


def test_keys_that_were_moved_as_one_are_found_and_others_are_told(take, motion):
    for curve in curves_of(take):
        for point in curve.keyframe_points:
            point.co[0] += 10
        curve.update()
    take_next(take, "arm.L", 121)
    assert_shows(take, motion, [0], (16, 20, 24, 28, 40), start=111)
    take_next(take, "arm.L", 121)
    take_next(take, "arm.L", 121)
    for curve in curves_of(take):
        for point in curve.keyframe_points:
            point.co[0] *= 2
        curve.update()
    with pytest.raises(Failure, match="The keys of Walk are not where they were made"):
        take_next(take, "arm.L", 121)
    assert taken_of(take) == []


def test_what_cannot_be_is_told_and_changes_nothing(take):
    before = [[p.co[1] for p in curve.keyframe_points] for curve in curves_of(take)]
    for limb, frame, said in (("tail", 121, "no limb 'tail'"), ("arm.R", 121, "no other reading of that limb in frame 121")):
        with pytest.raises(Failure, match=said) as raised:
            take_next(take, limb, frame)
        assert raised.value.code == "bad_arguments"
    for bone in take.pose.bones:
        bone.rotation_mode = "XYZ"
    with pytest.raises(Failure, match="not moved by the take's own keys"):
        take_next(take, "arm.L", 121)
    assert [[p.co[1] for p in curve.keyframe_points] for curve in curves_of(take)] == before and taken_of(take) == []


def test_the_operator_and_matching_the_rate_afterwards(motion):
    scene = bpy.context.scene
    scene.render.fps = 24
    take = place_motion(motion, scene, "Walk", Placement("keep", start=10)).armature
    bpy.context.view_layer.objects.active = take
    scene.frame_set(10 + 16)
    assert bpy.ops.kinolift.other_depth(limb="arm.L") == {"FINISHED"} and taken_of(take) == [0]
    assert bpy.ops.kinolift.match_rate() == {"FINISHED"} and scene.render.fps == 30
    assert taken_of(take) == [0]
    assert_shows(take, motion, [0], (12, 20, 28, 40), start=10)
    scene.frame_set(11)
    with pytest.raises(RuntimeError, match="no other reading"):
        bpy.ops.kinolift.other_depth(limb="arm.L")


def test_packed_they_come_back(motion):
    again = unpack(pack(motion), "Walk")
    for one, other in zip(alternatives_of(again), alternatives_of(motion), strict=True):
        assert (one.limb, one.frames) == (other.limb, other.frames)
        dots = np.abs((one.rotations.astype(float) * q.unit(other.rotations.astype(float))).sum(-1))
        assert np.degrees(2 * np.arccos(np.clip(dots, 0, 1))).max() < 0.05


@pytest.mark.parametrize("fps", [2.0, 12.5, 24.0, 60.0])
def test_at_another_rate_each_keeps_its_number_and_its_moments(motion, fps):
    resampled = at_rate(motion, fps)
    ours, theirs = alternatives_of(resampled), alternatives_of(motion)
    assert [one.limb for one in ours] == [one.limb for one in theirs]
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        times, own = resampled.times[one.frames], motion.times[other.frames]
        assert len(times) == 1 or (times[0] > own[0] - 1e-6 and times[-1] < own[-1] + 1e-6)
        if fps == 60.0:  # every other frame is one of its own
            wanted = with_alternatives(motion, [number]).positions_world
            found = with_alternatives(resampled, [number]).positions_world
            np.testing.assert_allclose(found[::2], wanted, atol=2e-3)
    assert len(key_frames(resampled, 1)) == len(resampled)
