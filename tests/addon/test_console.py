"""Events for programs: only they are on the standard output, and nothing of what a person is told is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest
from kinolift_extension.addon import console as consoles
from kinolift_extension.addon.armature import build_armature
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.console import JsonLog, console
from kinolift_extension.contract.motion_file import save_motion

ROOT = Path(__file__).parents[2]


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    path.touch()
    return path


def events(text):
    """Every line is one, with its time, and the last one is the end."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all(abs(event["time"] - time.time()) < 600 for event in found)
    assert [event["event"] for event in found].count("end") == 1 and found[-1]["event"] == "end"
    return found


def of_kind(found, kind):
    return [event for event in found if event["event"] == kind]


def test_a_capture_in_events(fake_python, video, tmp_path, capfd):
    fake_python("warns", frames=30)
    outputs = [tmp_path / f"take{kind}" for kind in (".npz", ".blend", ".fbx", ".glb")]
    assert main(["capture", str(video), *(word for path in outputs for word in ("-o", str(path))), "--log-json"]) == 0
    found = events(capfd.readouterr().out)
    assert [event["path"] for event in of_kind(found, "written")] == [str(path) for path in outputs]
    assert [event["message"][:16] for event in of_kind(found, "warning")] == ["Nobody was found"]
    stages = [event["stage"] for event in of_kind(found, "progress")]
    assert [stage for stage in dict.fromkeys(stages) if stage != "start"] == ["detect", "lift", "refine", "armature", "export"]
    assert set(of_kind(found, "progress")[0]) == {"time", "event", "stage", "done", "total", "fps"}
    assert of_kind(found, "info")[0]["message"].startswith("30 frames") and found[-1]["exit_code"] == 0
    assert not of_kind(found, "error")
    assert main(["capture", str(video), "-o", str(outputs[0]), "--log-json", "--quiet"]) == 0
    assert not of_kind(events(capfd.readouterr().out), "progress")
    assert main(["capture", str(video), "-o", str(outputs[0])]) == 0  # afterwards the standard output is everybody's again
    assert capfd.readouterr().out.startswith(f"Wrote {outputs[0]}\n")


@pytest.mark.parametrize(
    ("part", "words", "code", "name"),
    [("nobody", [], 4, "no_person"), ("dies", [], 5, "worker_died"), ("fine", ["--height", "17"], 2, "bad_arguments")],
)
def test_a_failure_in_events(fake_python, video, tmp_path, capfd, part, words, code, name):
    fake_python(part)
    assert main(["capture", str(video), "-o", str(tmp_path / "take.npz"), "--log-json", *words]) == code
    out, err = capfd.readouterr()
    found = events(out)
    (error,) = of_kind(found, "error")
    assert error["code"] == name and error["message"].endswith(".") and found[-1]["exit_code"] == code
    assert "Error:" not in err
    assert ("Segmentation fault somewhere" in [event["message"] for event in of_kind(found, "log")]) == (part == "dies")


@pytest.mark.parametrize(("raised", "code", "name"), [(KeyboardInterrupt(), 130, "cancelled"), (KeyError("x"), 1, "internal")])
def test_cancelled_and_a_fault_of_ours(video, tmp_path, monkeypatch, capfd, raised, code, name):
    def stop(*_, **__):
        raise raised

    monkeypatch.setattr("kinolift_extension.addon.command_line.Capture", stop)
    assert main(["capture", str(video), "-o", str(tmp_path / "take.npz"), "--log-json"]) == code
    found = events(capfd.readouterr().out)
    assert [event["code"] for event in of_kind(found, "error")] == [name] and found[-1]["exit_code"] == code


def test_a_retarget_in_events(make_motion, tmp_path, capfd):
    motion = make_motion(12)
    save_motion(motion, tmp_path / "walk.npz")
    (tmp_path / "bad.npz").write_bytes(b"no motion")
    build_armature(motion, "Hero", bpy.context.scene.collection)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hero.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    capfd.readouterr()
    words = ["retarget", str(tmp_path), "--rig", str(tmp_path / "hero.blend"), "-o", str(tmp_path / "out"), "--format", "fbx", "--log-json"]
    assert main(words) == 3
    found = events(capfd.readouterr().out)
    assert [event["path"] for event in of_kind(found, "written")] == [str(tmp_path / "out" / "hero_walk.fbx")]
    (error,) = of_kind(found, "error")
    assert error["code"] == "bad_motion" and error["message"].startswith("bad.npz on hero.blend: ")
    said = [event["message"] for event in of_kind(found, "info")]
    assert any(message.startswith("walk on Hero: 12 frames, ") for message in said) and said[-1] == "1 of 2 written."
    assert found[-1]["exit_code"] == 3
    assert main(["retarget", "--rig", str(tmp_path / "hero.blend"), "--show-mapping", "--log-json"]) == 0
    assert len(of_kind(events(capfd.readouterr().out), "info")) > 15


def test_what_others_print_goes_to_the_standard_error():
    """In a process of its own, below Python too; afterwards the standard output is what it was."""
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import kinolift
kinolift.load_extension()
from kinolift_extension.addon.console import console
print("before")
with console(True) as told:
    print("python")
    os.write(1, b"beside python\\n")
    told.info("ours \\u00e4")
print("after")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    before, ours, after = done.stdout.splitlines()
    assert (before, after) == ("before", "after") and json.loads(ours)["message"] == "ours \u00e4"
    assert "python\n" in done.stderr and "beside python\n" in done.stderr


def test_a_stream_without_a_file_is_kept_for_events_too(capsys):
    with console(True) as told:
        print("python")
        told.info("ours")
    out, err = capsys.readouterr()
    assert json.loads(out)["message"] == "ours" and err == "python\n"


def test_progress_is_told_once_a_second_for_each_clip_and_stage(monkeypatch, capsys):
    now = 1e9
    monkeypatch.setattr(consoles.time, "time", lambda: now)
    log = JsonLog(sys.stdout)
    for tick in range(25):
        now = 1e9 + tick / 10
        for name in ("a", "b"):
            log({"event": "progress", "name": name, "stage": "detect", "done": tick})
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["done"] for event in told if event["name"] == "a"] == [0, 10, 20] and len(told) == 6
