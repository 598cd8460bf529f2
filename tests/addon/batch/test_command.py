"""Batches with a stand-in for the worker, and the real Blender of a slot where one is asked for."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinolift_extension.addon.batch import command, work
from kinolift_extension.addon.batch import records as recording
from kinolift_extension.addon.command_line import main
from kinolift_extension.contract.motion_file import load_motion, save_motion
from kinolift_extension.contract.unfinished import make_unfinished

ROOT = Path(__file__).resolve().parents[3]
START = (
    "import sys, kinolift; kinolift.load_extension(); from kinolift_extension.addon.command_line import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.mp4").write_bytes(name.encode())
    return folder


def batch(*words: object) -> int:
    return main(["batch", *(str(word) for word in words)])


def report(out: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in map(json.loads, (out / "report.jsonl").read_text().splitlines())}


def visible(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def test_every_clip_is_captured_and_the_same_command_again_does_nothing(fake_python, videos, tmp_path, capsys, monkeypatch):
    fake_python("warns")
    out = tmp_path / "out"
    assert batch(videos, "-o", out, "--jobs", 2) == 0
    assert "3 clips: 3 done, 0 as they were, 0 failed." in capsys.readouterr().out
    assert visible(out) == ["a.npz", "b.npz", "c.npz", "report.html", "report.jsonl"]
    rows = report(out)
    assert rows["a"]["frames"] == 30 and rows["a"]["status"] == "done" and "left out" in rows["a"]["warnings"][0]
    page = (out / "report.html").read_text()
    assert "<svg" in page and "http" not in page.replace("http-equiv", "") and str(tmp_path) not in page

    monkeypatch.setattr(work, "capture_command", lambda *_: pytest.fail("it was captured again"))
    assert batch(videos, "-o", out) == 0
    assert "0 done, 3 as they were" in capsys.readouterr().out
    assert batch(videos, "-o", out, "--plan") == 0
    assert "3 clips, 3 done already." in capsys.readouterr().out


def test_what_is_damaged_or_other_is_done_again_and_nothing_else(fake_python, videos, tmp_path, capsys):
    fake_python("fine")
    out = tmp_path / "out"
    assert batch(videos, "-o", out) == 0
    whole = load_motion(out / "a.npz").positions_world
    (out / "a.npz").write_bytes((out / "a.npz").read_bytes()[:-100])
    (videos / "b.mp4").write_bytes(b"another")
    (out / recording.OURS / "records" / "c.json").write_text('{"schema": 3')
    (videos / "d.mp4").write_bytes(b"new")
    assert batch(videos, "-o", out, "--plan") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("take")] == ["a", "b", "c", "d"]
    assert batch(videos, "-o", out) == 0
    assert {name: row["status"] for name, row in report(out).items()} == dict.fromkeys("abcd", "done")
    np.testing.assert_array_equal(load_motion(out / "a.npz").positions_world, whole)
    assert batch(videos, "-o", out, "--height", "1.5") == 0
    assert {row["status"] for row in report(out).values()} == {"done"}


def test_a_clip_that_fails_leaves_the_others_and_is_known_the_next_time(fake_python, videos, tmp_path, capsys, monkeypatch):
    fake_python("fine")
    out = tmp_path / "out"
    (videos / "b.mp4").unlink()
    (videos / "b.mp4").symlink_to("nowhere.mp4")
    assert batch(videos, "-o", out) == 3
    rows = report(out)
    assert rows["b"]["status"] == "failed" and rows["b"]["code"] == "no_such_file" and "There is no file b.mp4" in rows["b"]["message"]
    assert str(tmp_path) not in (out / "report.html").read_text()
    assert next(iter(rows)) == "b" and visible(out)[:2] == ["a.npz", "c.npz"]

    fake_python("nobody")
    out = tmp_path / "other"
    assert batch(videos / "a.mp4", "-o", out) == 4
    assert batch(videos / "a.mp4", "-o", out, "--plan") == 0
    assert "a  fails: Nobody was found" in capsys.readouterr().out
    fake_python("fine")
    assert batch(videos / "a.mp4", "-o", out) == 4  # it is known to have nobody in it
    assert batch(videos / "a.mp4", "-o", out, "--retry") == 0


def test_a_clip_with_cuts_becomes_a_take_a_shot_each_kept_on_its_own(fake_python, videos, tmp_path, capsys):
    fake_python("shots")
    out, words = tmp_path / "out", ["--shot", "all", "--export", "npz,bvh", "--jobs", 1]
    assert batch(videos / "a.mp4", "-o", out, *words, "--plan") == 0
    assert "a  all takes in it" in capsys.readouterr().out
    assert batch(videos / "a.mp4", "-o", out, *words) == 0
    made = ["a.shot1.bvh", "a.shot1.npz", "a.shot3.bvh", "a.shot3.npz"]
    row = report(out)["a"]
    assert visible(out) == [*made, "report.html", "report.jsonl"] and sorted(row["outputs"]) == made and row["frames"] == 60
    whole = {name: (out / name).read_bytes() for name in made}
    (out / "a.shot3.bvh").unlink()
    (out / "a.shot1.npz").write_bytes(b"damaged")
    fake_python("dies")  # nobody asks for another capture
    assert batch(videos / "a.mp4", "-o", out, *words) == 0
    assert sorted(report(out)["a"]["made"]) == ["a.shot1.npz", "a.shot3.bvh"]
    assert whole == {name: (out / name).read_bytes() for name in made}
    assert batch(videos / "a.mp4", "-o", out, *words) == 0 and report(out)["a"]["status"] == "kept"
    fake_python("fine")  # a shot fewer than before: other options, as it were
    assert batch(videos / "a.mp4", "-o", out, *words, "--height", "1.5") == 0
    assert sorted(report(out)["a"]["outputs"]) == ["a.bvh", "a.npz"]


def test_a_strangers_file_is_left_by_a_clip_of_several_takes_too(fake_python, videos, tmp_path):
    fake_python("shots")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.shot3.npz").write_text("mine")
    assert batch(videos / "a.mp4", "-o", out, "--shot", "all") == 2
    assert (out / "a.shot3.npz").read_text() == "mine" and report(out)["a"]["made"] == ["take", "a.shot1.npz"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_no_clip_and_nobody_waits_for_it(videos, tmp_path):
    os.mkfifo(videos / "pipe.mp4")
    assert batch(videos / "pipe.mp4", "-o", tmp_path / "out") == 3
    assert "is no ordinary file" in report(tmp_path / "out")["pipe"]["message"]


def test_a_worker_that_dies_is_tried_again_and_given_up(fake_python, videos, tmp_path, capsys):
    fake_python("dies")
    assert batch(videos, "-o", tmp_path / "out", "--stop-at-failure", "--jobs", 1) == 5
    told = capsys.readouterr().err
    assert told.count("Trying again.") == 1 and "Segmentation fault somewhere" in told
    assert list(report(tmp_path / "out")) == ["a"]


def test_what_fails_for_every_clip_ends_the_batch(fake_python, videos, tmp_path, capsys):
    fake_python("no_torch")
    assert batch(videos, "-o", tmp_path / "out", "--jobs", 1) == 5
    assert "lacks a part that the capture needs" in capsys.readouterr().err and list(report(tmp_path / "out")) == ["a"]
    fake_python("fine")
    assert batch(videos, "-o", tmp_path / "out") == 0


def test_a_clip_has_a_time_limit(fake_python, videos, tmp_path, monkeypatch, capsys):
    fake_python("killed")
    monkeypatch.setattr(work, "START", 0.0)
    assert batch(videos / "a.mp4", "-o", tmp_path / "out", "--time-per-frame", "0.01") == 5
    assert "was not captured within the time" in report(tmp_path / "out")["a"]["message"]


def events_of(capsys) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_events_are_json_lines_and_the_last_says_the_code(fake_python, videos, tmp_path, capsys):
    fake_python("fine")
    assert batch(videos, "-o", tmp_path / "out", "--plan", "--log-json") == 0
    told = events_of(capsys)
    assert [event["steps"] for event in told if event["event"] == "clip_plan"] == [["take"]] * 3 and not (tmp_path / "out").exists()
    assert batch(videos, "-o", tmp_path / "out", "--log-json") == 0
    events = events_of(capsys)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "batch_begin" and kinds[-2:] == ["batch_end", "end"] and kinds.count("clip_begin") == kinds.count("clip_end") == 3
    assert all(event["time"] > 1e9 for event in events) and "progress" in kinds and events[-1]["exit_code"] == 0


def test_its_own_failures_are_events_too(fake_python, videos, tmp_path, capsys, monkeypatch):
    fake_python("nobody")
    assert batch("-o", tmp_path / "out", "--log-json") == 2
    error, end = events_of(capsys)
    assert (error["event"], error["code"], end["exit_code"]) == ("error", "bad_arguments", 2) and "needs a SOURCE" in error["message"]
    with recording.only_one(tmp_path / "out"):
        assert batch(videos, "-o", tmp_path / "out", "--log-json") == 2
    assert "Another batch is at work" in events_of(capsys)[0]["message"]
    assert batch(videos / "a.mp4", "-o", tmp_path / "out", "--log-json") == 4
    told = {event["event"]: event for event in events_of(capsys)}
    assert told["clip_end"]["code"] == "no_person" and told["end"]["exit_code"] == 4
    assert batch(videos / "a.mp4", "-o", tmp_path / "out", "--plan", "--log-json") == 0
    assert events_of(capsys)[0]["code"] == "no_person"
    monkeypatch.setattr(command, "read_words", lambda _: 1 / 0)
    assert batch(videos / "a.mp4", "-o", tmp_path / "out", "--log-json") == 1
    assert [event.get("code", event.get("exit_code")) for event in events_of(capsys)] == ["internal", 1]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["x.mp4"], "needs a SOURCE"), (["-o", "out"], "needs a SOURCE"), (["x.csv", "-o", "out"], "no list of clips"),
     (["x.mp4", "-o", "out", "--export", "gif"], "'.gif'"), (["x.mp4", "-o", "out", "--rig", "y.blend"], "There is no rig"),
     (["x.mp4", "-o", "out", "--camera", "z.npz"], "is of one clip"), (["x.mp4", "-o", "out", "--height", "9"], "--height is 9")],
)  # fmt: skip
def test_bad_words_are_told_before_any_work(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert batch(*words) in (2, 3)
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_no_output_is_an_input_and_a_strangers_file_is_left(fake_python, videos, tmp_path, capsys):
    fake_python("fine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.npz").write_text("mine")
    assert batch(videos, "-o", out) == 2
    assert (out / "a.npz").read_text() == "mine" and "not recognised as made by Kinolift" in report(out)["a"]["message"]
    assert batch(videos, "-o", out, "--overwrite") == 0


def test_two_batches_do_not_work_in_one_folder(fake_python, videos, tmp_path, capsys):
    fake_python("fine")
    with recording.only_one(tmp_path / "out"):
        assert batch(videos, "-o", tmp_path / "out") == 2
    assert "Another batch is at work" in capsys.readouterr().err
    assert batch(videos, "-o", tmp_path / "out") == 0


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[[int], Path]]:
    """Gives a disk of so many pages; given again, it is as large as then asked for."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(pages: int) -> Path:
        words = ["mount", "-t", "tmpfs", "-o", f"{'remount,' if place.is_mount() else ''}size={4 * pages}k", "none", str(place)]
        if not sys.platform.startswith("linux") or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("to mount a small disk takes Linux and the right to do so")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("part", [0.15, 0.35, 0.6, 0.8, 0.95])
def test_a_full_disk_ends_it_and_with_room_again_it_goes_on(fake_python, videos, tmp_path, small_disk, capsys, part):
    fake_python("fine")
    assert batch(videos, "-o", tmp_path / "calm", "--jobs", 1) == 0
    pages = sum(-(-path.stat().st_size // 4096) for path in (tmp_path / "calm").rglob("*") if path.is_file())
    out = small_disk(max(2, int(part * pages))) / "out"
    assert batch(videos, "-o", out, "--jobs", 1) == 5
    told = capsys.readouterr()
    assert "disk is full" in told.err and "Traceback" not in told.err
    for path in out.glob("*.npz"):
        load_motion(path)
    assert not list(out.rglob(".kinolift-*"))
    small_disk(4 * pages)
    assert batch(videos, "-o", out, "--jobs", 1) == 0 and visible(out) == visible(tmp_path / "calm")
    for name in ("a", "b", "c"):
        one, other = load_motion(out / f"{name}.npz"), load_motion(tmp_path / "calm" / f"{name}.npz")
        np.testing.assert_array_equal(one.positions_world, other.positions_world)


def test_takes_are_put_on_rigs_by_a_blender_that_stays(make_motion, tmp_path, capsys, monkeypatch):
    """BVH of the plain armature and of a rig made of one: the same whatever was exported before. It leaves no temporary files, nor does one
    that was killed."""
    takes, out, temporary = tmp_path / "takes", tmp_path / "out", tmp_path / "temporary"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (temporary / f"kinolift-{ended.pid}-x" / "blender_a").mkdir(parents=True)
    takes.mkdir()
    for seed, name in enumerate(("walk", "run")):
        save_motion(make_motion(12, 30.0, seed), takes / f"{name}.npz")
    assert batch(takes, "-o", out, "--export", "bvh,blend", "--jobs", 1) == 0
    assert visible(out) == ["report.html", "report.jsonl", "run.blend", "run.bvh", "walk.blend", "walk.bvh"]
    assert list(temporary.iterdir()) == []
    first = (out / "walk.bvh").read_bytes()
    assert batch(takes / "walk.npz", "-o", tmp_path / "alone", "--export", "bvh") == 0
    assert (tmp_path / "alone" / "walk.bvh").read_bytes() == first
    capsys.readouterr()
    (takes / "bad.npz").write_bytes(b"no motion")
    shutil.copy(out / "walk.blend", tmp_path / "hero.blend")
    assert batch(takes, "-o", out, "--rig", tmp_path / "hero.blend", "--export", "bvh", "--jobs", 1) == 3
    rows = report(out)
    assert rows["run"]["outputs"] == ["hero_run.bvh"] and rows["walk"]["outputs"] == ["hero_walk.bvh"]
    assert rows["bad"]["code"] == "bad_motion" and b"MOTION" in (out / "hero_walk.bvh").read_bytes()


def test_killed_at_any_moment_it_goes_on_to_the_same_outputs(fake_python, videos, tmp_path, monkeypatch):
    """SIGKILL of the whole group at random moments, then undisturbed; beside a run that was never disturbed."""
    monkeypatch.setenv("KINOLIFT_TEST_PAUSE", "0.02")
    fake_python("slow")
    rng, out = random.Random(3), tmp_path / "out"
    words = [sys.executable, "-c", START, "batch", str(videos), "-o", str(out), "--jobs", "2"]
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.5, 6.0))
        killed += process.poll() is None
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in out.glob("*.npz"):
            load_motion(path)  # whole, if it is there
    assert killed
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for folder in (out, out / recording.OURS / "motions"):  # as if it was killed while it wrote
        folder.mkdir(parents=True, exist_ok=True)
        half = make_unfinished(folder)
        half.rename(half.with_name(half.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")))
    fake_python("fine")
    assert batch(videos, "-o", out) == 0 and batch(videos, "-o", tmp_path / "calm") == 0
    assert visible(out) == visible(tmp_path / "calm") and not list(out.rglob(".kinolift-*"))
    for name in ("a", "b", "c"):
        one, other = load_motion(out / f"{name}.npz"), load_motion(tmp_path / "calm" / f"{name}.npz")
        np.testing.assert_array_equal(one.positions_world, other.positions_world)
        np.testing.assert_array_equal(one.rotations, other.rotations)
