"""Frame rates as Blender stores them, and where keys fall."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import scene as module
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.contract.failure import Failure


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (24, (24, 1.0)), (25.0, (25, 1.0)), (30, (30, 1.0)), (60, (60, 1.0)),
        (24000 / 1001, (24, 1.001)), (23.976, (24, 1.001)), (30000 / 1001, (30, 1.001)), (29.97, (30, 1.001)),
        (60000 / 1001, (60, 1.001)), (59.94, (60, 1.001)), (12.5, (25, 2.0)), (6.25, (25, 4.0)), (5.0, (5, 1.0)), (0.5, (1, 2.0)),
    ],
)  # fmt: skip
def test_usual_rates_are_exact(fps, expected):
    assert module.rate_as_fraction(fps) == expected


@pytest.mark.parametrize("fps", [29.8461, 17.3, 0.31, 119.88, 239.76, 1000.0])
def test_any_rate_survives_blender(fps):
    module.match_rate(bpy.context.scene, fps)
    assert module.rate_of(bpy.context.scene) == pytest.approx(fps, rel=1e-5)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_no_such_rate(fps):
    with pytest.raises(ValueError, match="does not exist"):
        module.rate_as_fraction(fps)


def test_keys_stand_on_whole_frames_in_real_time(make_motion):
    motion = make_motion(numbers=[*range(31), 60, 61, 62, 63], fps=30.0)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    assert module.at_scene_rate(motion, scene) is motion
    np.testing.assert_array_equal(module.key_frames(motion, 1), motion.frame_numbers + 1)
    scene.render.fps = 24
    slower = module.at_scene_rate(motion, scene)
    frames = module.key_frames(slower, 1)
    np.testing.assert_array_equal(frames, [*range(1, 26), 49, 50, 51])
    np.testing.assert_allclose((frames - 1) / 24, slower.times, atol=1e-12)


def test_rates_that_are_written_differently_are_the_same(make_motion):
    motion = make_motion(frames=1000, fps=29.97)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    np.testing.assert_array_equal(module.key_frames(module.at_scene_rate(motion, scene), 0), np.arange(1000))
    assert module.rate_note(29.97, 30 / 1.001) == "" and module.rate_note(30, 29.97) != ""


def test_what_counts_as_animation():
    scene = bpy.context.scene
    assert not module.has_animation(scene) and module.resolved(scene, "auto") == "match"
    bpy.ops.object.camera_add()
    assert not module.has_animation(scene)
    bpy.context.object.data.keyframe_insert("lens")
    assert module.has_animation(scene) and module.resolved(scene, "auto") == "keep" and module.resolved(scene, "match") == "match"
    bpy.context.object.data.animation_data_clear()
    assert not module.has_animation(scene)
    scene.sequence_editor_create()
    strips = getattr(scene.sequence_editor, "strips", None)
    strips = scene.sequence_editor.sequences if strips is None else strips
    length = {"frame_end": 9} if bpy.app.version < (5, 0, 0) else {"length": 8}
    strips.new_effect(name="Title", type="TEXT", channel=1, frame_start=1, **length)
    assert module.has_animation(scene)


def test_an_unknown_rate_is_refused():
    with pytest.raises(Failure, match="cannot be 'maybe'; choose keep or match"):
        module.resolved(bpy.context.scene, "maybe")


@pytest.mark.parametrize(("system", "scale", "units"), [("METRIC", 0.01, 100.0), ("IMPERIAL", 1.0, 1.0), ("NONE", 0.01, 1.0)])
def test_a_persons_size_in_the_scenes_unit(make_motion, system, scale, units):
    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.scale_length = system, scale
    assert module.units_per_metre(scene) == pytest.approx(units)
    motion = make_motion(frames=4)
    take = place_motion(motion, scene, "Walk", Placement(scene_fps="auto", add_camera=True))
    assert take.armature.data.bones["thigh.L"].length == pytest.approx(
        units * np.linalg.norm(motion.rest_offsets[motion.joint("knee.L")]), rel=1e-5
    )
    scene.frame_set(3)
    hips = take.armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["hips"].head
    np.testing.assert_allclose(hips, units * motion.positions_world[2, 0], rtol=1e-4)
    np.testing.assert_allclose(take.camera.matrix_world.translation, units * motion.camera_to_world[:3, 3], rtol=1e-5)
