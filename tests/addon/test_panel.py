"""The panel's folds, drawn by a stand-in for Blender's layout that knows Blender's own functions, icons and properties."""

from __future__ import annotations

from dataclasses import replace

import bpy
import kinolift_drawing as drawing
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import DETECTION
from kinolift_extension.addon.other_depths import limbs_at
from kinolift_extension.addon.panel import FOLDS, KINOLIFT_PT_main, capture, draw_running, export, review, video
from kinolift_extension.addon.properties import STEPS, follow
from kinolift_extension.contract.alternatives import Alternative, columns_of


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def take(make_motion):
    stretch = {"first_frame": 5, "last_frame": 9, "start": 0.16, "end": 0.33, "reason": "hidden"}
    motion = make_motion(frames=30, provenance={"quality": {"unsure": [stretch], "unsure_percent": 17.0}})
    take = place_motion(motion, bpy.context.scene, "Walk", Placement(scene_fps="match")).armature
    bpy.context.view_layer.objects.active = take
    return take


def test_of_five_folds_one_is_open():
    status = bpy.context.window_manager.kinolift
    assert tuple(name for name, *_ in FOLDS) == STEPS

    def opened():
        return [name for name in STEPS if getattr(status, f"open_{name}")]

    assert opened() == ["video"]
    for name in reversed(STEPS):
        follow(bpy.context, name)
        assert opened() == [name]
    status.open_video = False
    assert opened() == []


def test_every_fold_draws_with_and_without_a_take(take):
    for shown in (None, take):
        for _, _, icon, draw in FOLDS:
            assert icon in drawing.ICONS
            assert drawing.draw(draw, shown)


def test_the_video_s_fold_offers_a_range_once_there_is_a_video(tmp_path):
    assert drawing.operators(drawing.draw(video.draw, None)) == ["kinolift.choose_video"]
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    bpy.context.scene.kinolift.video = str(tmp_path / "clip.mp4")
    calls = drawing.draw(video.draw, None)
    assert "kinolift.capture_video" in drawing.operators(calls) and "Blender cannot read clip.mp4" in drawing.texts(calls)


def test_presets_say_what_they_cost():
    settings = bpy.context.scene.kinolift
    assert settings.quality == "good" and "About a minute" in drawing.texts(drawing.draw(capture.draw, None))
    settings.quality = "draft"
    assert (settings.detector, settings.refiner) == ("full", "none") and "20 s" in drawing.texts(drawing.draw(capture.draw, None))
    settings.refiner = "window"
    assert settings.quality == "own"
    settings.quality = "good"
    assert (settings.detector, settings.refiner) == ("heavy", "none")


def test_what_is_of_a_refiner_is_kept_while_there_is_none_and_not_asked_for():
    settings = bpy.context.scene.kinolift
    settings.refiner, settings.hypotheses, settings.steps = "frame", 4, 2
    assert (settings.options()["hypotheses"], settings.options()["steps"]) == (4, 2)
    settings.refiner = "none"
    assert (settings.options()["hypotheses"], settings.options()["steps"], settings.hypotheses) == (1, 1, 4)


def test_refiners_are_numbered_as_files_of_before_have_them():
    """Blender keeps the number: what was chosen then is what is chosen now."""
    items = bpy.types.Scene.bl_rna.properties["kinolift"].fixed_type.properties["refiner"].enum_items
    assert {item.identifier: item.value for item in items} == {"window": 0, "frame": 1, "none": 2}


def test_the_height_is_in_the_scene_s_unit():
    scene = bpy.context.scene
    scene.unit_settings.scale_length = 0.01
    assert scene.kinolift.height_shown == pytest.approx(170)
    scene.kinolift.height_shown = 184.0
    assert scene.kinolift.height == pytest.approx(1.84)


def test_progress_says_stage_speed_and_what_is_left():
    from kinolift_extension.addon.capture import Progress

    progress = Progress()
    progress.take({"event": "progress", "stage": "detect", "done": 120, "total": 900, "fps": 40.0})
    status = bpy.context.window_manager.kinolift
    status.show(progress, 2)
    calls = drawing.draw(draw_running, None)
    (bar,) = (given for name, given in calls if name == "progress")
    assert bar["text"] == "Finding the person  13%" and bar["factor"] == pytest.approx(120 / 900)
    assert "40.0 frames/s, 0:20 left" in drawing.texts(calls) and "2 more in the queue" in drawing.texts(calls)
    assert "kinolift.cancel" in drawing.operators(calls)
    bpy.context.scene.kinolift.video = "clip.mp4"
    assert "Capture Next" in drawing.texts(drawing.draw(video.draw, None)), "it waits for its turn"
    status.idle()
    status.running, status.stage = True, "Starting"
    assert [name for name, _ in drawing.draw(draw_running, None)].count("row") == 0, "no empty line before anything is counted"


def test_review_says_good_or_where_to_look(take, make_motion):
    calls = drawing.draw(review.draw, take)
    assert "Look at 1 place, 17 % of the frames: mostly hidden." in " ".join(drawing.texts(calls).split())
    assert {"kinolift.next_unsure", "kinolift.mark_unsure"} <= set(drawing.operators(calls))
    assert "kinolift.match_rate" not in drawing.operators(calls)
    bpy.context.scene.render.fps = 24
    assert "kinolift.match_rate" in drawing.operators(drawing.draw(review.draw, take))
    sure = place_motion(make_motion(3, provenance={"quality": {"unsure": []}}), bpy.context.scene, "Sure", Placement()).armature
    calls = drawing.draw(review.draw, sure)
    assert "Good: sure of every frame." in drawing.texts(calls) and "kinolift.next_unsure" not in drawing.operators(calls)


def test_refining_is_offered_where_it_can_work(take):
    assert not bpy.ops.kinolift.refine_with_settings.poll()
    take.data[DETECTION] = b"seen"
    assert bpy.ops.kinolift.refine_with_settings.poll()


def test_export_names_the_file(take):
    settings = bpy.context.scene.kinolift
    for program, kind in (("unreal", "fbx"), ("gltf", "glb"), ("bvh", "bvh"), ("usd", "usd"), ("blender", "blend")):
        settings.export_program = program
        assert f"Walk.{kind}" in drawing.texts(drawing.draw(export.draw, take))
    settings.export_what = "character"
    assert "Walk" not in drawing.texts(drawing.draw(export.draw, take)) and not bpy.ops.kinolift.export_for.poll()
    rig = bpy.data.objects.new("Hero", bpy.data.armatures.new("Hero"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.scene.kinolift_retarget.target = rig
    assert "Hero.blend" in drawing.texts(drawing.draw(export.draw, take))


def test_no_option_is_spelt_as_on_a_command_line():
    capture, scene = bpy.ops.kinolift.capture.get_rna_type(), bpy.context.scene.kinolift.bl_rna
    for name, member in [*capture.properties.items(), *scene.properties.items()]:
        assert "--" not in member.name + member.description, name
    assert KINOLIFT_PT_main.bl_label == "Kinolift"


def test_limbs_that_can_point_another_way_are_offered_where_they_can(make_motion):
    rotations = np.tile(np.float32([1, 0, 0, 0]), (10, 3, 1))
    motion = replace(make_motion(frames=30), **columns_of([Alternative("arm.L", slice(10, 20), rotations)]))
    take = place_motion(motion, bpy.context.scene, "Walk", Placement(scene_fps="match", start=1)).armature
    bpy.context.view_layer.objects.active = take
    for frame, able in ((5, []), (15, ["Left Arm"])):
        bpy.context.scene.frame_set(frame)
        calls = drawing.draw(review.draw, take)
        assert drawing.operators(calls).count("kinolift.other_depth") == 4 and "Other Depth" in drawing.texts(calls)
        assert limbs_at(take, frame) == ["arm.L"] * len(able)
    plain = place_motion(make_motion(frames=5), bpy.context.scene, "Plain", Placement()).armature
    assert "kinolift.other_depth" not in drawing.operators(drawing.draw(review.draw, plain))
