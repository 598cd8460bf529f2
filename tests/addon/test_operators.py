"""The operators as scripts call them (execute); clicking them in a real window is docs/walk.py's."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import operators, worker
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import load_motion, save_motion
from kinolift_extension.contract.options import CaptureOptions

# a file of the camera's places is the command's; the operator takes the scene's camera itself
OPTIONS = {name: value for name, value in CaptureOptions().as_dict().items() if name != "camera"}


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not looked at by the stand-in")
    return path


def failure_of(operator, **arguments):
    with pytest.raises(RuntimeError) as raised:
        operator(**arguments)
    return str(raised.value).removeprefix("Error: ").strip()


def test_capture_builds_the_armature(fake_python, video, tmp_path):
    fake_python("warns", frames=20, fps=24.0)
    kept = tmp_path / "kept.npz"
    assert bpy.ops.kinolift.capture(filepath=str(video), motion_path=str(kept), height=1.8, seed=5) == {"FINISHED"}
    armature = bpy.context.object
    assert armature.name == "clip" and armature.select_get()
    assert tuple(armature.animation_data.action.frame_range) == (1, 20)
    motion = load_motion(kept)
    words = motion.provenance["words"]
    assert words[words.index("--height") + 1] == "1.8" and words[words.index("--seed") + 1] == "5"
    status = bpy.context.window_manager.kinolift
    assert status.summary.startswith("20 frames (the person found in all) at 24 fps: 1580 keys on 19 bones, frames 1 to 20, in ")
    assert [note.text for note in status.notes] == ["Nobody was found between 1.0 s and 2.0 s; that stretch was left out."]
    assert not status.running and not worker._alive


def test_a_kept_motion_replaces_no_file_of_the_users(fake_python, video, tmp_path):
    fake_python()
    mine = tmp_path / "mine.npz"
    mine.write_bytes(b"the user's")
    sentence = f"{mine} exists and is not recognised as made by Kinolift; choose another name."
    assert failure_of(bpy.ops.kinolift.capture, filepath=str(video), motion_path=str(mine)) == sentence
    assert mine.read_bytes() == b"the user's"
    (tmp_path / "link.npz").symlink_to(video)
    assert "is an input" in failure_of(bpy.ops.kinolift.capture, filepath=str(video), motion_path=str(tmp_path / "link.npz"))
    kept = tmp_path / "kept.npz"
    for _ in range(2):  # the second capture replaces the first one's
        assert bpy.ops.kinolift.capture(filepath=str(video), motion_path=str(kept)) == {"FINISHED"}


@pytest.mark.parametrize("asked", [{"shot": "all"}, {"person": "all"}])
def test_several_takes_of_one_video(fake_python, video, tmp_path, asked):
    """A take each, named after the video and its part; the motions that are kept have such names too."""
    fake_python("shots", frames=12)
    assert bpy.ops.kinolift.capture(filepath=str(video), motion_path=str(tmp_path / "kept.npz"), **asked) == {"FINISHED"}
    names = sorted(thing.name for thing in bpy.context.scene.objects if thing.type == "ARMATURE")
    assert names == [f"{video.stem}.shot1", f"{video.stem}.shot3"] and bpy.context.object.name == names[0]
    assert sorted(path.name for path in tmp_path.glob("kept*")) == ["kept.shot1.npz", "kept.shot3.npz"]


def test_a_capture_is_kept_where_the_armature_cannot_be_built(fake_python, video, tmp_path, monkeypatch):
    fake_python()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def fails(*_, **__):
        raise Failure("bad_rig", "Not today.")
        yield

    monkeypatch.setattr(operators, "placing", fails)
    said = failure_of(bpy.ops.kinolift.capture, filepath=str(video))
    (kept,) = (tmp_path / "temporary").rglob("*.npz")
    assert said == f"Not today. The capture is kept in {kept}; Load Motion builds it." and len(load_motion(kept)) == 30


def test_the_defaults_are_the_contracts():
    properties = bpy.ops.kinolift.capture.get_rna_type().properties
    for name, value in OPTIONS.items():
        assert properties[name].default == pytest.approx(value), name
    settings = bpy.context.scene.kinolift
    chosen = settings.options()
    assert {name: chosen[name] for name in OPTIONS} == pytest.approx(OPTIONS, abs=1e-6)
    settings.fov_known, settings.fov = True, 70
    assert settings.options()["fov"] == 70


def test_another_scene_rate_is_kept_and_told_or_matched(fake_python, video):
    fake_python(frames=31, fps=30.0)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 250
    bpy.ops.kinolift.capture(filepath=str(video))  # nothing moves here yet
    assert scene.render.fps == 30 and (scene.frame_start, scene.frame_end) == (1, 31)
    assert len(bpy.context.window_manager.kinolift.notes) == 0
    scene.render.fps, scene.frame_end = 24, 250
    bpy.ops.kinolift.capture(filepath=str(video))
    keys = [point.co[0] for point in curves_of(bpy.context.object)[0].keyframe_points]
    assert keys == list(range(1, 26)) and scene.render.fps == 24 and scene.frame_end == 250
    note = bpy.context.window_manager.kinolift.notes[0]
    assert "30 frames a second and the scene, which is animated already, 24" in note.text
    bpy.ops.kinolift.capture(filepath=str(video), scene_fps="match")
    assert scene.render.fps == 30 and (scene.frame_start, scene.frame_end) == (1, 31)


def test_one_undo_step_takes_it_back(fake_python, video):
    fake_python()
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.kinolift.capture(filepath=str(video))
    assert len(bpy.data.armatures) == 1
    bpy.ops.ed.undo_push(message="Capture")  # Blender does this itself for calls from the window, not for those from scripts
    bpy.ops.ed.undo()
    assert len(bpy.data.armatures) == 0 and len(bpy.data.scenes) == 1


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("nobody", "Nobody was found in {video}; choose a clip that shows one person."),
        ("dies", "The worker stopped with code 7 before it was done: Segmentation fault somewhere; nothing was written, see the log."),
    ],
)
def test_the_workers_failure_is_one_sentence(fake_python, video, part, sentence):
    fake_python(part)
    expected = sentence.format(video=video)
    if part == "dies":
        expected += f" Its log is {Path(bpy.app.tempdir) / 'kinolift-log.txt'}."
    assert failure_of(bpy.ops.kinolift.capture, filepath=str(video)) == expected
    assert bpy.context.window_manager.kinolift.error == expected
    assert not bpy.data.armatures and not worker._alive


def test_a_motion_of_another_schema(fake_python, video):
    fake_python("old_schema")
    message = failure_of(bpy.ops.kinolift.capture, filepath=str(video))
    assert "its schema is 'kinolift.motion/0', and this version reads 'kinolift.motion/1'); capture the video again." in message
    assert not bpy.data.armatures


def test_no_video_and_no_such_video(tmp_path):
    assert failure_of(bpy.ops.kinolift.capture) == "No video is chosen; choose one first."
    missing = tmp_path / "no.mp4"
    assert failure_of(bpy.ops.kinolift.capture, filepath=str(missing)) == f"There is no video {missing}; check the path."
    assert failure_of(bpy.ops.kinolift.capture, filepath=str(tmp_path)) == f"{tmp_path} is a folder; choose a video file in it."


def test_load_and_export(make_motion, tmp_path):
    path = tmp_path / "walk.npz"
    save_motion(make_motion(frames=12, fps=24.0), path)
    assert bpy.ops.kinolift.load_motion(filepath=str(path)) == {"FINISHED"}
    assert bpy.context.object.name == "walk" and bpy.context.window_manager.kinolift.summary.startswith("12 frames")
    target = tmp_path / "walk.fbx"
    assert bpy.ops.kinolift.export(filepath=str(target)) == {"FINISHED"}
    assert target.stat().st_size > 10_000
    assert failure_of(bpy.ops.kinolift.export, filepath=str(tmp_path / "walk.obj")).startswith(
        f"{tmp_path / 'walk.obj'}: '.obj' is not a kind"
    )
    path.write_bytes(b"rubbish")
    assert "is not a motion file" in failure_of(bpy.ops.kinolift.load_motion, filepath=str(path))


def test_load_with_fewer_keys(make_motion, tmp_path):
    path = tmp_path / "walk.npz"
    save_motion(make_motion(frames=60, fps=24.0), path)
    bpy.ops.kinolift.load_motion(filepath=str(path), simplify=True, simplify_degrees=1.0, simplify_mm=5.0)
    keys = int(bpy.context.window_manager.kinolift.summary.split(" keys ")[0].split()[-1])
    assert keys < 0.7 * 79 * 60
    assert sum(len(curve.keyframe_points) for curve in curves_of(bpy.context.object)) == keys


def test_check_setup_says_what_is_missing(fake_python, monkeypatch):
    monkeypatch.setenv("KINOLIFT_PYTHON", "/no/such/python")
    assert bpy.ops.kinolift.check_setup() == {"CANCELLED"}
    assert bpy.context.window_manager.kinolift.missing == "KINOLIFT_PYTHON does not run"


def test_rounding_keeps_the_numbers_that_a_person_typed():
    bpy.context.scene.kinolift.height = 1.83
    typed = CaptureOptions(height=bpy.context.scene.kinolift.height)
    assert operators._rounded(typed).height == 1.83
    assert float(np.float32(1.83)) != 1.83
