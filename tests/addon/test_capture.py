"""A capture between worker and scene: progress, cancelling, and what is told at the end."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import worker
from kinolift_extension.addon.capture import Capture, Placement, Progress, place_motion, quality_sentence, rate_words
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.options import CaptureOptions


@pytest.fixture
def video(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = tmp_path / "clip.mp4"
    path.touch()
    return path


def left_behind(video):
    return list((video.parent / "temporary").iterdir())


def finish(capture):
    while not capture.finished:
        capture.poll(0.05)
    return capture.motion()


def test_progress_and_motion(fake_python, video):
    fake_python("warns", frames=12)
    capture = Capture(video, CaptureOptions())
    motion = finish(capture)
    assert len(motion) == 12 and capture.progress.stage == "refine" and capture.progress.fraction == 1
    assert capture.progress.text == "Refining, 12 of 12, 41.2 frames/s" and len(capture.progress.warnings) == 1
    capture.close()
    assert left_behind(video) == []


def test_a_kept_motion_stays(fake_python, video, tmp_path):
    fake_python()
    capture = Capture(video, CaptureOptions(), motion_path=tmp_path / "kept.npz")
    finish(capture)
    capture.close()
    assert (tmp_path / "kept.npz").is_file() and left_behind(video) == []


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_ended_in_the_middle_nothing_is_left(fake_python, video, how, tmp_path):
    fake_python("killed")
    capture = Capture(video, CaptureOptions(), motion_path=tmp_path / "kept.npz")
    while capture.progress.stage != "detect":
        capture.poll(0.05)
    if how == "cancel":
        capture.cancel()
    else:
        os.kill(capture._worker.process_id, signal.SIGKILL)
        while not capture.finished:
            time.sleep(0.02)
    with pytest.raises(Failure) as raised:
        capture.motion()
    assert raised.value.code == ("cancelled" if how == "cancel" else "worker_died")
    capture.close()
    assert left_behind(video) == [] and not worker._alive
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["clip.mp4", "fake_python", "temporary"]


def test_bad_beginnings_leave_nothing(video, monkeypatch):
    monkeypatch.setenv("KINOLIFT_PYTHON", "/no/such/python")
    for path, options, code in [
        (video.parent / "no.mp4", CaptureOptions(), "no_such_file"),
        (video.parent, CaptureOptions(), "bad_input"),
        (video, CaptureOptions(height=9.0), "bad_arguments"),
        (video, CaptureOptions(), "bad_installation"),
    ]:
        with pytest.raises(Failure) as raised:
            Capture(path, options)
        assert raised.value.code == code
    assert left_behind(video) == []


def test_a_stretch_that_was_left_out_holds_its_last_pose(make_motion):
    motion = make_motion(numbers=[0, 1, 2, 50, 51])
    take = place_motion(motion, bpy.context.scene, "Take", Placement(scene_fps="match", start=0))
    for curve in curves_of(take.armature):
        assert [point.co[0] for point in curve.keyframe_points] == [0, 1, 2, 50, 51]
        assert [point.interpolation for point in curve.keyframe_points] == ["LINEAR", "LINEAR", "CONSTANT", "LINEAR", "LINEAR"]
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (0, 51)
    scene.frame_set(49)
    evaluated = take.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    np.testing.assert_allclose(evaluated.pose.bones["hips"].head, motion.positions_world[2, 0], atol=1e-4)


def test_trimmed_motions_start_where_they_are_told(make_motion):
    motion = make_motion(numbers=[75, 76, 77])
    scene = bpy.context.scene
    assert place_motion(motion, scene, "A", Placement(scene_fps="match", start=0, trim=True)).first_frame == 0
    assert place_motion(motion, scene, "B", Placement(scene_fps="match", start=1)).first_frame == 76


def test_the_last_sentence(make_motion):
    detected = np.array([True] * 8 + [False] * 2)
    take = place_motion(make_motion(frames=10, detected=detected), bpy.context.scene, "Take", Placement(scene_fps="match", start=0))
    assert take.summary(2.04) == "10 frames (the person found in 8) at 30 fps: 790 keys on 19 bones, frames 0 to 9, in 2.0 s."


def test_progress_copes_with_what_is_missing():
    progress = Progress()
    assert (progress.text, progress.fraction) == ("Starting", 0)
    progress.take({"event": "progress", "stage": "polish", "done": 3})
    assert (progress.text, progress.fraction) == ("Polish", 0)


def test_an_unknown_scene_fps(make_motion):
    with pytest.raises(Failure, match="cannot be 'maybe'; choose keep or match"):
        place_motion(make_motion(frames=2), bpy.context.scene, "Take", Placement(scene_fps="maybe"))
    assert Path(tempfile.gettempdir()).is_dir() and not bpy.data.armatures


def test_the_quality_report_in_a_sentence(make_motion):
    motion = make_motion(3)
    motion.provenance = {}
    assert quality_sentence(motion) == ""
    figures = {"reprojection_px": 4.25, "reprojection_percent": 1.5, "foot_slide_cm_s": 0.04, "under_ground_mm": 0, "acceleration": 3.21}
    motion.provenance = {"quality": figures}
    said = quality_sentence(motion)
    assert all(words in said for words in ("4.2 px", "1.5 %", "slide 0.0 cm/s", "0.0 mm under", "3.2 m/s2"))
    figures |= {"contact_percent": 0.0, "camera_roll_degrees": -88.6}
    assert " A foot stands in 0 % of the frames, the picture was turned by 89 degrees." in quality_sentence(motion)
    figures |= {"camera": "turning", "camera_turns_degrees": 24.7, "level_from": "lines"}
    assert " by 89 degrees, the camera turned by 25 degrees, up is known by the scene's lines." in quality_sentence(motion)
    figures |= {"camera": "sliding", "camera_turns_degrees": 0.0, "picture_slides_percent": 32}
    assert " by 89 degrees, the picture slid by 32 % of its size, up is known" in quality_sentence(motion)
    figures |= {"camera": "still", "picture_slides_percent": [], "zoom": 1.246}
    assert " by 89 degrees, the lens zoomed by 25 %, up is known" in quality_sentence(motion)
    figures |= {"contact_percent": "many", "camera_roll_degrees": 0.2, "camera": "still", "level_from": [], "zoom": []}
    assert quality_sentence(motion) == said


@pytest.mark.parametrize(
    ("told", "words"),
    [({}, "30 fps"), ({"file_fps": 30.0, "variable_rate": False}, "30 fps"),
     ({"file_fps": 29.8713, "variable_rate": False}, "30 fps (resampled from the video's 29.8713)"),
     ({"file_fps": 29.8713, "variable_rate": True}, "30 fps (the video's rate varies about 29.8713)"), ("nonsense", "30 fps")],
)  # fmt: skip
def test_the_summary_says_where_the_rate_is_not_the_videos(make_motion, told, words):
    motion = make_motion()
    motion.provenance["summary"] = told
    assert rate_words(motion) == words
