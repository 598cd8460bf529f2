"""Fewer keys: the error is measured on Blender's own curves, at every frame, by another formula."""

from __future__ import annotations

import math
import time

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import keyframes
from kinolift_extension.addon.armature import key_motion
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.key_reduction import Tolerance
from kinolift_extension.addon.simplify import WRITING, euler_to_quaternion, simplify, simplifying
from mathutils import Euler, Quaternion, Vector


def take(motion, **placement):
    return place_motion(motion, bpy.context.scene, "Take", Placement(**{"scene_fps": "match", "start": 0, **placement})).armature


def curves(armature):
    found = {}
    for curve in keyframes.curves_of(armature):
        found.setdefault(curve.data_path, []).append(curve)
    return found


def evaluated(armature, frames):
    """{data path: [(C,) values at each frame]} by Blender's evaluation."""
    return {path: [[curve.evaluate(float(frame)) for curve in channels] for frame in frames] for path, channels in curves(armature).items()}


def worst(before, after):
    """(degrees, millimetres) between two evaluations."""
    degrees = millimetres = 0.0
    for path, rows in before.items():
        for one, other in zip(rows, after[path], strict=True):
            if path.endswith("location"):
                millimetres = max(millimetres, 1000 * (Vector(one) - Vector(other)).length)
            elif path.endswith("quaternion"):
                angle = Quaternion(one).normalized().rotation_difference(Quaternion(other).normalized()).angle
                degrees = max(degrees, math.degrees(min(angle, 2 * math.pi - angle)))
    return degrees, millimetres


@pytest.mark.parametrize("start", [0, 9900])
@pytest.mark.parametrize("tolerance", [Tolerance(0.2, 0.5), Tolerance(2.0, 10.0)])
def test_every_frame_is_within_the_tolerance(make_motion, tolerance, start):
    armature = take(make_motion(frames=120), start=start)
    frames = np.arange(120) + start
    before = evaluated(armature, frames)
    counted = simplify(armature, tolerance)
    assert counted[0] == 19 * 4 * 120 + 3 * 120
    assert counted[1] == sum(len(curve.keyframe_points) for curve in keyframes.curves_of(armature)) < 0.6 * counted[0]
    degrees, millimetres = worst(before, evaluated(armature, frames))
    assert 0.3 * tolerance.degrees < degrees <= tolerance.degrees and 0 < millimetres <= tolerance.millimetres
    for channels in curves(armature).values():
        at = [[point.co[0] for point in curve.keyframe_points] for curve in channels]
        assert all(each == at[0] for each in at) and at[0][0] == start and at[0][-1] == start + 119
        assert {point.interpolation for point in channels[0].keyframe_points} == {"BEZIER"}
        assert {point.type for point in channels[0].keyframe_points} == {"GENERATED"}


def test_keys_between_frames_hold_on_whole_frames_too(make_motion):
    scene = bpy.context.scene
    motion = make_motion(frames=90, fps=30.0)
    armature = take(motion)
    scene.render.fps = 24
    key_motion(armature, motion, np.arange(90) * 24 / 30)  # as in actions that others have made
    keyed = np.array([point.co[0] for point in keyframes.curves_of(armature)[0].keyframe_points])
    assert len(np.unique(keyed % 1)) > 2
    frames = np.union1d(keyed, np.arange(72))
    before = evaluated(armature, frames)
    counted = simplify(armature, Tolerance(0.5, 2.0))
    assert counted[1] < 0.7 * counted[0]
    degrees, millimetres = worst(before, evaluated(armature, frames))
    assert degrees <= 0.5 and millimetres <= 2.0


def test_a_stretch_that_is_held_stays_held(make_motion):
    armature = take(make_motion(numbers=np.r_[0:40, 60:100]))
    frames = np.arange(100)
    before = evaluated(armature, frames)
    simplify(armature, Tolerance(1.0, 4.0))
    after = evaluated(armature, frames)
    degrees, millimetres = worst(before, after)
    assert degrees <= 1.0 and millimetres <= 4.0
    for rows in after.values():
        np.testing.assert_array_equal(np.array(rows)[39:60], np.tile(rows[39], (21, 1)))


def test_what_stands_still_needs_two_keys(make_motion):
    motion = make_motion(frames=50)
    armature = take(make_motion(frames=50, rotations=np.tile(motion.rotations[:1], (50, 1, 1))))
    simplify(armature, Tolerance(0.1))
    assert {len(c.keyframe_points) for c in keyframes.curves_of(armature) if "quaternion" in c.data_path} == {2}


@pytest.mark.parametrize("order", ["XYZ", "ZXY", "YXZ"])
def test_euler_angles_are_bounded_as_rotations(order):
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    thing.rotation_mode = order
    frames = np.arange(200.0)
    angles = np.stack([1.2 * np.sin(frames * 0.05), 0.8 * np.cos(frames * 0.09), 2.0 * np.sin(frames * 0.03 + 1)], axis=1)
    keyframes.new_action(thing, "Take").write("rotation_euler", "Rotation", frames, angles, np.zeros(200, bool))
    simplify(thing, Tolerance(0.5))
    assert len(keyframes.curves_of(thing)[0].keyframe_points) < 60
    for frame in range(200):
        now = Euler([curve.evaluate(frame) for curve in keyframes.curves_of(thing)], order).to_quaternion()
        assert math.degrees(now.rotation_difference(Euler(angles[frame], order).to_quaternion()).angle) <= 0.5
    for row in angles[::20]:
        expected = np.array(Euler(row, order).to_quaternion())
        found = euler_to_quaternion(row[None], order)[0]
        np.testing.assert_allclose(found * np.sign(found @ expected), expected, atol=1e-6)


def test_other_curves_and_uneven_keys():
    """A user's own Bézier keys, each channel on frames of its own, are sampled; a scale and a curve with a modifier are left alone."""
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    made = keyframes.new_action(thing, "Mine")
    made.write("scale", "Scale", np.arange(5.0), np.ones((5, 3)), np.zeros(5, bool))
    made.write("location", "Location", np.arange(60.0), np.stack([np.sin(np.arange(60) / 9)] * 3, axis=1), np.zeros(60, bool))
    made.write("rotation_euler", "Rotation", np.arange(30.0), np.ones((30, 3)), np.zeros(30, bool))
    found = {(c.data_path, c.array_index): c for c in keyframes.curves_of(thing)}
    found["rotation_euler", 1].modifiers.new("NOISE")
    for frame in range(1, 40, 2):
        found["location", 1].keyframe_points.remove(found["location", 1].keyframe_points[frame // 2 + 1])
    before = np.array([[found["location", c].evaluate(f) for c in range(3)] for f in range(60)])
    simplify(thing, Tolerance(1.0, 3.0))
    found = {(c.data_path, c.array_index): c for c in keyframes.curves_of(thing)}
    after = np.array([[found["location", c].evaluate(f) for c in range(3)] for f in range(60)])
    assert 1000 * np.linalg.norm(after - before, axis=1).max() <= 3.0
    assert len(found["location", 0].keyframe_points) < 40
    assert len(found["scale", 0].keyframe_points) == 5 and len(found["rotation_euler", 1].keyframe_points) == 30


def test_millimetres_are_the_worlds(make_motion):
    """A rig in centimetres under an object scaled to a hundredth has the same tolerance."""
    counts = []
    for scale in (1.0, 0.01):
        armature = take(make_motion(frames=100))
        armature.scale = (scale,) * 3
        for path, channels in curves(armature).items():
            if path.endswith("location"):
                for curve in channels:
                    keys = keyframes.read_keys(curve)
                    keyframes.replace_keys(curve, keyframes.Keys(keys.frames, keys.values / scale, keys.held, keys.linear, keys.kinds))
        bpy.context.view_layer.update()
        simplify(armature, Tolerance(0.5, 1.0))
        counts.append(len(next(channels for path, channels in curves(armature).items() if path.endswith("location"))[0].keyframe_points))
    assert counts[0] == counts[1] < 100


def test_ten_thousand_frames_in_a_few_seconds():
    """Measured 1.5 to 3 s; the bound leaves room for a busy machine."""
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    frames, generator = np.arange(10_000.0), np.random.default_rng(0)
    made = keyframes.new_action(thing, "Long")
    for bone in range(24):
        angle = generator.uniform(0.2, 1) * np.sin(frames * generator.uniform(0.05, 0.3)) + generator.normal(scale=0.002, size=10_000)
        axis = generator.normal(size=3)
        axis /= np.linalg.norm(axis)
        rows = np.concatenate([np.cos(angle)[:, None], np.sin(angle)[:, None] * axis], axis=1)
        made.write(f'pose.bones["{bone}"].rotation_quaternion', str(bone), frames, rows, np.zeros(10_000, bool))
    began = time.process_time()
    before, after = simplify(thing, Tolerance(0.5))
    took = time.process_time() - began
    print(f"simplified {before} keys to {after} in {took:.2f} s")
    assert after < before and took < 8


def test_the_steps_make_what_is_made_at_once_and_change_nothing_until_they_write(make_motion):
    armature, other = take(make_motion(frames=80)), take(make_motion(frames=80))
    frames, tolerance = np.arange(80), Tolerance(1.0, 4.0)
    before, shares = evaluated(armature, frames), [0.0]
    given_up = simplifying(armature, tolerance, shares.append)
    while shares[-1] < WRITING:
        next(given_up)
    given_up.close()
    assert evaluated(armature, frames) == before and len(shares) > 10 and shares == sorted(shares)
    steps, count = simplifying(armature, tolerance), 0
    with pytest.raises(StopIteration) as end:
        while True:
            next(steps)
            count += 1
    assert end.value.value == simplify(other, tolerance) and count > 79, "a curve is a step at least"
    assert evaluated(armature, frames) == evaluated(other, frames)


def test_many_curves_make_several_batches_with_the_same_keys(make_motion, monkeypatch):
    armature, other = take(make_motion(frames=60)), take(make_motion(frames=60))
    simplify(other, Tolerance(1.0))
    monkeypatch.setattr("kinolift_extension.addon.simplify.BATCH", 100)
    simplify(armature, Tolerance(1.0))
    assert evaluated(armature, np.arange(60)) == evaluated(other, np.arange(60))
