"""The command, called in this process and as a process of its own that is interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import worker
from kinolift_extension.addon.capture import Capture
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.scene import rate_of
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import load_motion
from kinolift_extension.contract.options import CaptureOptions


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    path.touch()
    return path


def test_several_outputs_at_once(fake_python, video, tmp_path, capsys):
    fake_python("warns", frames=30, fps=30000 / 1001)
    outputs = [tmp_path / f"take{kind}" for kind in (".fbx", ".npz", ".bvh", ".glb", ".blend", ".usd")]
    scenes = set(bpy.data.scenes)
    code = main(["capture", str(video), *(word for path in outputs for word in ("-o", str(path))), "--smooth", "0.25"])
    out, err = capsys.readouterr()
    assert code == 0
    assert out.splitlines()[:-1] == [f"Wrote {path}" for path in outputs]
    assert out.splitlines()[-1].startswith("30 frames (the person found in all) at 29.97 fps: 2370 keys on 19 bones, frames 0 to 29. Took ")
    assert "Warning: Nobody was found between 1.0 s and 2.0 s; that stretch was left out." in err
    assert all(path.stat().st_size > 1000 for path in outputs)
    assert "--smooth" in load_motion(tmp_path / "take.npz").provenance["words"]
    assert set(bpy.data.scenes) == scenes and not bpy.data.armatures and not bpy.data.actions
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["clip.mp4", "fake_python", *(path.name for path in outputs)])
    bpy.ops.wm.fbx_import(filepath=str(outputs[0]))
    assert rate_of(bpy.context.scene) == pytest.approx(30000 / 1001, rel=1e-6)
    (action,) = bpy.data.actions
    assert np.diff(action.frame_range) == pytest.approx(29) and ".001" not in action.name


def test_fewer_keys_and_a_file_for_unreal(fake_python, video, tmp_path, capsys):
    fake_python("fine", frames=30, fps=30.0)
    outputs = [tmp_path / "take.blend", tmp_path / "take.fbx"]
    words = ["-o", str(outputs[0]), "-o", str(outputs[1]), "--simplify", "1,5", "--fbx-preset", "unreal"]
    assert main(["capture", str(video), *words]) == 0
    keys = int(re.search(r"(\d+) keys on 19 bones, frames 0 to 29", capsys.readouterr().out)[1])
    assert keys < 0.7 * 2370
    bpy.ops.wm.open_mainfile(filepath=str(outputs[0]))
    assert sum(len(curve.keyframe_points) for curve in curves_of(bpy.data.objects["clip"])) == keys
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(outputs[1]))
    assert bpy.data.objects["Armature"].data.bones[0].name == "root"


def test_a_pipe_gets_lines(fake_python, video, tmp_path, capsys):
    fake_python(frames=100)
    assert main(["capture", str(video), "-o", str(tmp_path / "take.npz")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert (
        lines[0] == "Starting"
        and "50%  Finding the person, 50 of 100, 41.2 frames/s" in lines
        and "100%  Refining, 100 of 100, 41.2 frames/s" in lines
    )
    assert len(lines) <= 1 + 3 * 11 and not any("\x1b" in line or "\r" in line for line in lines)
    assert main(["capture", str(video), "-o", str(tmp_path / "take.npz"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["clip.mp4", "-o", "a.obj"],
            2,
            "Error: a.obj: '.obj' is not a kind of file that can be written; use one of .fbx, .bvh, .glb, .usd, .blend, .npz.",
        ),
        (["clip.mp4", "-o", "take"], 2, "Error: take: the name has no extension; use one of .fbx, .bvh, .glb, .usd, .blend, .npz."),
        (["clip.mp4", "-o", "no/a.fbx"], 2, "Error: The folder {tmp}/no for a.fbx does not exist; make it or choose another."),
        (["clip.mp4", "-o", "a.fbx", "-o", "a.fbx"], 2, "Error: a.fbx is named twice as an output; give every file a name of its own."),
        (["clip.mp4", "-o", "folder.fbx"], 2, "Error: {tmp}/folder.fbx is a folder; choose a file name for the output."),
        (["no.mp4", "-o", "a.fbx"], 3, "Error: There is no video {tmp}/no.mp4; check the path."),
        ([".", "-o", "a.fbx"], 3, "Error: {tmp} is a folder; choose a video file in it."),
        (["clip.mp4", "-o", "a.fbx", "--height", "17"], 2, "Error: --height is 17; it goes from 0.3 to 3 metres."),
        (["clip.mp4", "-o", "a.fbx", "--start", "soon"], 2, "Error: --start is 'soon'; give seconds as in 2.5 or frames as in 75f."),
        (["clip.mp4", "-o", "a.fbx", "--simplify", "0"], 2, "Error: --simplify is 0 degrees; it goes from more than 0 to 45 degrees."),
    ],
)
def test_bad_arguments_before_any_work(words, code, sentence, video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.fbx").mkdir()
    monkeypatch.setenv("KINOLIFT_PYTHON", "/must/not/be/started")
    assert main(["capture", *words]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.strip() == sentence.format(tmp=tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["clip.mp4", "folder.fbx"]


def test_a_folder_that_may_not_be_written(video, tmp_path, monkeypatch, capsys):
    """The super-user may write anywhere, so the refusal is played."""

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    path = tmp_path / "take.fbx"
    assert main(["capture", str(video), "-o", str(path)]) == 2
    assert capsys.readouterr().err.strip() == (
        f"Error: {path} cannot be written (Permission denied); choose another folder for the output."
    )


@pytest.mark.parametrize("how", ["the same", "relative", "link", "hard link", "output", "camera"])
def test_an_input_is_never_written_over(video, tmp_path, monkeypatch, capsys, how):
    """The source video is the preview; the file of the camera is the motion; links to them; with --overwrite, too."""
    monkeypatch.setenv("KINOLIFT_PYTHON", "/must/not/be/started")
    monkeypatch.chdir(tmp_path)
    video.write_bytes(b"the only copy")
    camera = tmp_path / "camera.npz"
    camera.write_bytes(b"measured")
    other = tmp_path / "other.mp4"
    if how == "link":
        other.symlink_to(video)
    elif how == "hard link":
        os.link(video, other)
    words = {
        "the same": ["-o", "a.npz", "--preview", str(video)],
        "relative": ["-o", "a.npz", "--preview", "clip.mp4"],
        "link": ["-o", "a.npz", "--preview", "other.mp4"],
        "hard link": ["-o", "a.npz", "--preview", "other.mp4"],
        "output": ["-o", str(camera), "--camera", "camera.npz"],
        "camera": ["-o", "a.fbx", "-o", "camera.npz", "--camera", str(camera)],
    }[how]
    for more in ([], ["--overwrite"]):
        assert main(["capture", str(video), *words, *more]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "is an input" in err and err.count("\n") == 1
    assert video.read_bytes() == b"the only copy" and camera.read_bytes() == b"measured"


def test_a_script_cannot_write_over_the_video_either(video, tmp_path):
    for arguments in ({"preview": video}, {"preview": tmp_path / "no" / "a.mp4"}, {"preview": tmp_path / "a.gif"}):
        with pytest.raises(Failure) as raised:
            Capture(video, CaptureOptions(), **arguments)
        assert raised.value.exit_code == 2


def test_other_peoples_files_stay_unless_told(fake_python, video, tmp_path, capsys):
    fake_python("fine")
    words = ["capture", str(video), "-o", str(tmp_path / "take.npz"), "-o", str(tmp_path / "take.bvh"), "--quiet"]
    (tmp_path / "take.bvh").write_text("made by hand")
    assert main(words) == 2
    assert "take.bvh exists and is not recognised as made by Kinolift" in capsys.readouterr().err
    assert (tmp_path / "take.bvh").read_text() == "made by hand" and not (tmp_path / "take.npz").exists()
    assert main([*words, "--overwrite"]) == 0
    assert main(words[:4]) == 0  # a motion file of ours is replaced by the next capture
    assert (tmp_path / "take.bvh").read_text().startswith("HIERARCHY")
    assert main([*words[:2], "-o", str(tmp_path / "b.npz"), "--preview", str(tmp_path / "no" / "b.mp4")]) == 2


def test_every_shot_is_a_take_of_its_own(fake_python, video, tmp_path, capsys):
    """Their names are known only when the work is done: what stands there is not lost even then, nor the work."""
    fake_python("shots", frames=12)
    words = ["capture", str(video), "--shot", "all", "-o", str(tmp_path / "take.npz"), "-o", str(tmp_path / "take.bvh"), "--quiet"]
    (tmp_path / "take.shot3.bvh").write_text("made by hand")
    assert main([*words, "--preview", str(tmp_path / "look.mp4")]) == 2
    out, err = capsys.readouterr()
    made = ["take.shot1.npz", "look.shot1.mp4", "take.shot1.bvh", "take.shot3.npz", "look.shot3.mp4"]
    assert [line for line in out.splitlines() if line.startswith("Wrote")] == [f"Wrote {tmp_path / name}" for name in made]
    assert "shot1: 12 frames" in out and "shot3: 12 frames" in out
    assert "take.shot3.bvh exists" in err and (tmp_path / "take.shot3.bvh").read_text() == "made by hand"
    assert (tmp_path / "look.shot3.mp4").read_bytes() == b"shot3" and len(load_motion(tmp_path / "take.shot3.npz")) == 12
    assert not (tmp_path / "take.npz").exists() and not (tmp_path / "look.mp4").exists() and not bpy.data.actions
    assert main([*words, "--overwrite"]) == 0
    assert (tmp_path / "take.shot3.bvh").read_text().startswith("HIERARCHY")


def test_what_is_ready_is_written_and_what_failed_is_told(fake_python, video, tmp_path, monkeypatch, capsys):
    """One exporter fails, one raises what nobody expected: the motion and the others are there, and the code is the failure's."""
    fake_python("fine")

    def fails(*_):
        raise Failure("disk_full", "The disk is full: take.glb was not written; free some space and try again.")

    def breaks(*_):
        raise KeyError("a fault of an exporter")

    monkeypatch.setattr("kinolift_extension.addon.export.gltf.write", fails, raising=True)
    monkeypatch.setattr("kinolift_extension.addon.export.usd.write", breaks, raising=True)
    outputs = [tmp_path / f"take{kind}" for kind in (".glb", ".usd", ".npz", ".bvh")]
    assert main(["capture", str(video), *(word for path in outputs for word in ("-o", str(path)))]) == 5
    out, err = capsys.readouterr()
    written = [line.removeprefix("Wrote ") for line in out.splitlines() if line.startswith("Wrote ")]
    assert written == [str(tmp_path / "take.npz"), str(tmp_path / "take.bvh")]
    assert "Error: take.glb: The disk is full" in err and "Error: take.usd could not be written (KeyError: 'a fault of an exporter')" in err
    assert len(load_motion(tmp_path / "take.npz")) == 30
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["clip.mp4", "fake_python", "take.bvh", "take.npz"]


@pytest.mark.parametrize("place", ["beside", "taken", "temporary"])
def test_a_capture_is_kept_where_everything_after_it_fails(fake_python, video, tmp_path, monkeypatch, capsys, place):
    fake_python("fine")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "out").mkdir()
    if place == "taken":
        (tmp_path / "out" / "take.npz").write_text("the user's")

    def fails(*_, **__):
        if place == "temporary":
            (tmp_path / "out").rename(tmp_path / "unplugged")
        raise Failure("bad_rig", "It does not work today; try tomorrow.")

    monkeypatch.setattr("kinolift_extension.addon.command_line.place_motion", fails)
    assert main(["capture", str(video), "-o", str(tmp_path / "out" / "take.fbx")]) == 3
    err = capsys.readouterr().err
    kept = Path(re.search(r"The capture is kept in (.*)\.\n", err)[1])
    assert len(load_motion(kept)) == 30 and "It does not work today" in err
    wanted = {"beside": tmp_path / "out" / "take.npz", "taken": tmp_path / "out" / "take_2.npz"}
    assert kept == wanted.get(place, kept) and (place != "temporary" or tmp_path / "temporary" in kept.parents)


def test_what_was_detected_is_kept_and_captured_from(fake_python, video, tmp_path, capsys):
    fake_python("fine")
    kept = tmp_path / "clip.detection.npz"
    assert main([str(word) for word in ("capture", video, "-o", tmp_path / "a.npz", "--keep-detection", kept)]) == 0
    assert f"Wrote {kept}" in capsys.readouterr().out and kept.read_bytes() == b"detected"
    assert main([str(word) for word in ("capture", kept, "-o", tmp_path / "b.bvh", "--smooth", "0.9")]) == 0
    assert (tmp_path / "b.bvh").is_file()
    for more, said in ((["--keep-detection", tmp_path / "c.txt"], "use .npz"), (["--keep-detection", tmp_path / "c.npz"], "named twice")):
        assert main([str(word) for word in ("capture", video, "-o", tmp_path / "c.npz", *more)]) == 2
        assert said in capsys.readouterr().err


def test_a_preview_that_fails_takes_nothing_with_it(fake_python, video, tmp_path, capsys):
    fake_python("no_preview")
    words = ["-o", str(tmp_path / "take.npz"), "-o", str(tmp_path / "take.bvh"), "--preview", str(tmp_path / "look.mp4")]
    assert main(["capture", str(video), *words]) == 5
    out, err = capsys.readouterr()
    assert "Error: The preview does not fit on the disk; free some space." in err
    assert f"Wrote {tmp_path / 'take.npz'}" in out and f"Wrote {tmp_path / 'take.bvh'}" in out and "look.mp4" not in out


@pytest.mark.parametrize(
    ("part", "code", "sentence"),
    [
        ("nobody", 4, "Error: Nobody was found in {video}; choose a clip that shows one person."),
        ("dies", 5, "Error: The worker stopped with code 7 before it was done: Segmentation fault somewhere; "
         "nothing was written, see the log."),
        ("no_torch", 5, "Error: The worker's Python {python} lacks a part that the capture needs "
         "(ModuleNotFoundError: No module named 'torch'); install Kinolift again, or choose another Python in its preferences."),
    ],
)  # fmt: skip
def test_the_workers_failures(fake_python, video, tmp_path, capsys, part, code, sentence):
    python = fake_python(part)
    assert main(["capture", str(video), "-o", str(tmp_path / "take.fbx")]) == code
    err = capsys.readouterr().err
    assert sentence.format(video=video, python=python) in err.splitlines() and "Traceback" not in err
    assert not (tmp_path / "take.fbx").exists() and not worker._alive


def test_usage_errors_have_the_exit_code_of_bad_arguments(capsys):
    assert main([]) == 2 and main(["capture", "clip.mp4"]) == 2 and main(["fly"]) == 2
    assert main(["capture", "--help"]) == 0
    assert "--scene-fps" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(fake_python, video, tmp_path, number):
    fake_python("killed")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = f"""
        import importlib.util, os, sys
        root = {str(worker.ROOT)!r}
        spec = importlib.util.spec_from_file_location("ext", root + "/__init__.py", submodule_search_locations=[root])
        sys.modules["ext"] = package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        from ext.addon.command_line import main
        code = main(["capture", {str(video)!r}, "-o", {str(tmp_path / "take.fbx")!r}])
        sys.stdout.flush()
        os._exit(code)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Finding the person" in line:
            break
    else:
        pytest.fail("it never began")
    time.sleep(0.2)
    process.send_signal(number)
    rest = process.stderr.read()
    assert process.wait(20) == 130 and rest.splitlines()[-1] == "Cancelled." and "Traceback" not in rest
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["clip.mp4", "fake_python", "temporary"]
    assert [entry.name for entry in temporary.iterdir() if entry.name.startswith("kinolift")] == []


def test_an_open_files_rate_is_kept_if_asked(fake_python, video, tmp_path):
    fake_python(frames=31, fps=30.0)
    bpy.context.scene.render.fps = 24
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
    for mode, fps, frames in (("keep", 24, 25), ("match", 30, 31)):
        path = tmp_path / f"{mode}.fbx"
        assert main(["capture", str(video), "-o", str(path), "--scene-fps", mode, "--quiet"]) == 0
        bpy.ops.wm.fbx_import(filepath=str(path))
        assert rate_of(bpy.context.scene) == pytest.approx(fps)
        action = bpy.data.actions[-1]
        assert np.diff(action.frame_range) == pytest.approx(frames - 1, abs=1e-3)
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "mine.blend"))
