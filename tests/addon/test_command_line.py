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

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import worker
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.scene import rate_of
from kinolift_extension.contract.motion_file import load_motion


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

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    path = tmp_path / "take.fbx"
    assert main(["capture", str(video), "-o", str(path)]) == 2
    assert capsys.readouterr().err.strip() == (
        f"Error: {path} cannot be written (Permission denied); choose another folder for the output."
    )


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
