"""Keys in bulk: values, kinds, gaps, and the time it takes."""

from __future__ import annotations

import time

import bpy
import numpy as np
from kinolift_extension.addon import keyframes


def owner():
    made = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(made)
    return made


def test_keys_move_the_owner_and_are_marked():
    thing = owner()
    frames = np.array([0.0, 1.5, 3.0])
    values = np.array([[0.0, 1, 2], [3, 4, 5], [6, 7, 8]])
    curves = keyframes.new_action(thing, "Take")
    assert curves.write("location", "Group", frames, values, np.zeros(3, bool)) == 9
    scene = bpy.context.scene
    scene.frame_set(1, subframe=0.5)
    np.testing.assert_allclose(thing.location, (3, 4, 5))
    scene.frame_set(0, subframe=0.75)
    np.testing.assert_allclose(thing.location, (1.5, 2.5, 3.5), atol=1e-6)
    points = [point for curve in keyframes.curves_of(thing) for point in curve.keyframe_points]
    assert {point.type for point in points} == {"GENERATED"} and {point.interpolation for point in points} == {"LINEAR"}
    assert {curve.group.name for curve in keyframes.curves_of(thing)} == {"Group"}
    assert keyframes.frame_range(thing) == (0, 3)


def test_a_held_key_stays_until_the_next():
    thing = owner()
    curves = keyframes.new_action(thing, "Take")
    curves.write("location", "Group", np.array([0.0, 10.0]), np.array([[1.0, 1, 1], [2, 2, 2]]), np.array([True, False]))
    bpy.context.scene.frame_set(9)
    np.testing.assert_allclose(thing.location, (1, 1, 1))
    bpy.context.scene.frame_set(10)
    np.testing.assert_allclose(thing.location, (2, 2, 2))


def test_playing_another_action_for_a_while():
    thing = owner()
    keyframes.new_action(thing, "One").write("location", "G", np.array([0.0]), np.array([[1.0, 1, 1]]), np.zeros(1, bool))
    one = thing.animation_data.action
    keyframes.new_action(thing, "Two").write("location", "G", np.array([0.0]), np.array([[2.0, 2, 2]]), np.zeros(1, bool))
    two = thing.animation_data.action
    with keyframes.playing(thing, one):
        bpy.context.scene.frame_set(1)
        np.testing.assert_allclose(thing.location, (1, 1, 1))
        assert keyframes.frame_range(thing) == (0, 0) and len(keyframes.curves_of(thing)) == 3
    bpy.context.scene.frame_set(2)
    np.testing.assert_allclose(thing.location, (2, 2, 2))
    assert thing.animation_data.action == two


def test_nothing_keyed():
    thing = owner()
    assert list(keyframes.curves_of(thing)) == [] and keyframes.frame_range(thing) == (0, 0)


def test_bulk_keys_cost_a_fraction_of_single_ones():
    """A key in bulk beside a key by `keyframe_insert`, in the processor's time, which a busy machine does not stretch."""
    bulk, single = owner(), owner()
    frames, held = np.arange(10_000.0), np.zeros(10_000, bool)
    values = np.random.default_rng(0).normal(size=(10_000, 4))
    began = time.process_time()
    curves = keyframes.new_action(bulk, "Long")
    for bone in range(24):
        curves.write(f'pose.bones["{bone}"].rotation_quaternion', str(bone), frames, values, held)
    a_key = (time.process_time() - began) / (24 * values.size)
    began = time.process_time()
    for frame in range(500):
        single.keyframe_insert("location", frame=frame)
    assert a_key < (time.process_time() - began) / (500 * 3) / 4


def test_the_actions_that_are_for_an_armature():
    made = {}
    for name, bones in (("Hero", ("hips", 'a "b" \\ c')), ("Other", ("hips", "tail"))):
        data = bpy.data.armatures.new(name)
        made[name] = bpy.data.objects.new(name, data)
        bpy.context.scene.collection.objects.link(made[name])
        bpy.context.view_layer.objects.active = made[name]
        bpy.ops.object.mode_set(mode="EDIT")
        for bone in bones:
            data.edit_bones.new(bone).tail = (0, 0, 1)
        bpy.ops.object.mode_set(mode="OBJECT")
    frames, still = np.array([0.0, 1.0]), np.zeros(2, bool)
    for name, bones in (("shared", ["hips"]), ("heroic", ["hips", 'a "b" \\ c']), ("wagging", ["hips", "tail"]), ("moving", [])):
        curves = keyframes.new_action(made["Hero"], name)
        curves.write("location", "Object", frames, np.zeros((2, 3)), still)
        for bone in bones:
            curves.write(f'pose.bones["{bpy.utils.escape_identifier(bone)}"].location', bone, frames, np.zeros((2, 3)), still)
    assert [action.name for action in keyframes.actions_for(made["Hero"])] == ["heroic", "shared"]
    assert [action.name for action in keyframes.actions_for(made["Other"])] == ["shared", "wagging"]


def rotated(frames, degrees):
    """Somebody whose rotation about Z goes by these degrees, a key on each frame; and its four curves."""
    thing = owner()
    thing.rotation_mode = "QUATERNION"
    half = np.radians(np.asarray(degrees, float)) / 2
    values = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], 1)
    keyframes.new_action(thing, "Take").write("rotation_quaternion", "G", np.asarray(frames, float), values, np.zeros(len(frames), bool))
    return thing, sorted(keyframes.curves_of(thing), key=lambda curve: curve.array_index)


def about_z(thing, frame):
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
    return np.degrees(thing.rotation_quaternion.to_euler().z)


def test_a_part_of_a_rotation_is_changed_and_the_rest_stays():
    thing, curves = rotated(range(11), [0.0] * 11)
    curves[0].keyframe_points[2].type = "EXTREME"
    half = np.radians([0.0, 40, 80, 40, 0]) / 2
    turns = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], 1)
    keyframes.change_rotation(curves, np.arange(3.0, 8.0), -turns)  # the same rotations with the other sign
    assert [round(about_z(thing, frame)) for frame in (0, 2, 3, 4, 5, 6, 7, 8, 10)] == [0, 0, 0, 40, 80, 40, 0, 0, 0]
    assert abs(about_z(thing, 4.5) - 60) < 1.5
    assert [len(curve.keyframe_points) for curve in curves] == [11] * 4
    assert curves[0].keyframe_points[2].type == "EXTREME" and all(point.co[1] > 0 for point in curves[0].keyframe_points)


def test_keys_that_are_missing_are_made_and_those_between_the_frames_follow():
    thing, curves = rotated([0, 4.5, 10], [0.0, 0, 0])
    half = np.radians([0.0, 60, 60, 0]) / 2
    turns = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], 1)
    keyframes.change_rotation(curves, np.array([3.0, 4, 5, 6]), turns)
    assert [round(about_z(thing, frame)) for frame in (0, 3, 4, 4.5, 5, 6, 10)] == [0, 0, 60, 60, 60, 0, 0]
    assert [point.co[0] for point in curves[0].keyframe_points] == [0, 3, 4, 4.5, 5, 6, 10]
    assert curves[0].keyframe_points[1].type == "GENERATED"


def test_a_turn_around_leaves_no_bone_spinning_within_a_frame():
    """The new keys go once around: at their end the rotation is the old one, and its quaternion the opposite."""
    thing, curves = rotated(range(9), [0.0] * 9)
    half = np.radians([0.0, 90, 180, 270, 360]) / 2
    turns = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], 1)
    keyframes.change_rotation(curves, np.arange(2.0, 7.0), turns)
    values = np.array([[point.co[1] for point in curve.keyframe_points] for curve in curves]).T
    assert ((values[1:] * values[:-1]).sum(1) > 0).all()
    assert abs(about_z(thing, 6.5)) < 1e-3 and abs(about_z(thing, 8)) < 1e-3 and round(about_z(thing, 3)) == 90
