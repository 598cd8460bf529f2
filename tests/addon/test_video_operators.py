"""A video chosen, dropped, or found in the file, and its range from the timeline."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon.video_operators import EXTENSIONS, KINOLIFT_FH_video, timeline_range, videos_of


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def video(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="makes the video")
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for _ in range(50):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    return path


def test_what_is_dropped_is_the_video_and_its_facts_are_told(video):
    assert bpy.ops.kinolift.drop_video(filepath=str(video)) == {"FINISHED"}
    settings = bpy.context.scene.kinolift
    assert settings.video == str(video) and settings.video_facts == "clip.avi: 64 x 48, 2.0 s, 25 frames a second."
    assert not bpy.data.movieclips
    assert bpy.ops.kinolift.choose_video(filepath=str(video)) == {"FINISHED"}
    with pytest.raises(RuntimeError, match="There is no video"):
        bpy.ops.kinolift.drop_video(filepath=str(video.with_name("no.mp4")))


def test_blender_calls_us_for_the_files_that_are_videos():
    assert KINOLIFT_FH_video.bl_import_operator == "kinolift.drop_video" and KINOLIFT_FH_video.is_registered
    assert {".mp4", ".mov", ".mkv", ".webm"} <= set(EXTENSIONS)


def test_videos_that_lie_in_the_file(video):
    assert videos_of(bpy.context) == []
    bpy.data.movieclips.load(str(video))
    assert videos_of(bpy.context) == [("clip.avi", str(video))]


def test_the_range_is_the_timelines(video):
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start = 25, 1
    with pytest.raises(RuntimeError, match="no preview range and no two selected markers"):
        bpy.ops.kinolift.range_from_timeline()
    for frame in (51, 26):
        scene.timeline_markers.new("here", frame=frame)
        scene.timeline_markers[-1].select = True
    assert timeline_range(scene) == (1.0, 2.0)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 6, 30
    assert bpy.ops.kinolift.range_from_timeline() == {"FINISHED"}
    assert (scene.kinolift.start, scene.kinolift.end) == ("0.2", "1.2")
    scene.frame_preview_start, scene.frame_preview_end = -20, -10
    assert timeline_range(scene) is None
