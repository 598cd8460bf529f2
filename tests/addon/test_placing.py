"""A motion put into a scene in steps, and in place of another."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.camera import camera_of
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import DETECTION, motion_of
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.placing import Target, placing
from kinolift_extension.addon.steps import drained


def counts():
    return {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "armatures", "actions", "cameras", "collections", "scenes")}


def test_each_bone_is_a_step_and_the_steps_make_the_take(make_motion):
    motion, scene = make_motion(frames=10), bpy.context.scene
    placement = Placement(scene_fps="match", add_camera=True)
    steps = placing(motion, scene, "Walk", placement, ready=Target.of(scene, placement).ready(motion))
    count = 0
    with pytest.raises(StopIteration) as end:
        while True:
            next(steps)
            count += 1
    assert count > 19 and end.value.value.keys == 790
    at_once = place_motion(motion, scene, "Walk", placement)
    for one, other in zip(curves_of(end.value.value.armature), curves_of(at_once.armature), strict=True):
        assert [tuple(p.co) for p in one.keyframe_points] == [tuple(p.co) for p in other.keyframe_points]


def test_given_up_in_the_middle_nothing_stays(make_motion):
    before = counts()
    steps = placing(make_motion(frames=10), bpy.context.scene, "Walk", Placement(add_camera=True))
    for _ in range(6):
        next(steps)
    assert counts() != before
    steps.close()
    after = counts()
    del after["actions"], before["actions"]  # an action without a user is not saved
    assert after == before


def test_what_was_made_ready_for_another_rate_is_made_anew(make_motion):
    motion, scene = make_motion(frames=31, fps=30.0), bpy.context.scene
    scene.render.fps = 30
    ready = Target.of(scene, Placement()).ready(motion)
    scene.render.fps = 24
    take = drained(placing(motion, scene, "Walk", Placement(start=0), ready=ready))
    assert [point.co[0] for point in curves_of(take.armature)[0].keyframe_points] == list(range(25))


def test_a_take_is_replaced_in_its_place(make_motion):
    scene = bpy.context.scene
    first = place_motion(make_motion(frames=20), scene, "Walk", Placement(scene_fps="auto", start=5, add_camera=True))
    armature, camera, camera_name = first.armature, first.camera, first.camera.name
    armature.location = (1, 2, 3)
    armature.data[DETECTION] = b"seen"
    armature.pose.bones["hand.L"].constraints.new("LIMIT_ROTATION").name = "Mine"
    before = counts()
    other = make_motion(frames=12, seed=9)
    other.rest_offsets = other.rest_offsets * 1.1
    take = drained(placing(other, scene, "Walk", Placement(start=5, add_camera=True), replaced=armature))
    assert take.armature == armature and armature.name == "Walk" and armature.data.name == "Walk" and tuple(armature.location) == (1, 2, 3)
    assert armature.pose.bones["hand.L"].constraints[0].name == "Mine" and armature.pose.bones["hand.L"].lock_location[0]
    assert armature.pose.bones["hand.L"].rotation_mode == "QUATERNION" and armature.data[DETECTION] == b"seen"
    assert counts() == before and camera_of(armature) == scene.camera == take.camera == camera and camera.name == camera_name
    assert camera.data.name == camera_name
    assert armature.animation_data.action.frame_range[:] == (5, 16)
    np.testing.assert_allclose(motion_of(armature).rest_offsets, other.rest_offsets)
    assert armature.data.bones["shin.L"].length == pytest.approx(np.linalg.norm(other.rest_offsets[other.joint("ankle.L")]), rel=1e-5)
