from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from benchmarks import soak

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"


def test_the_pieces_are_short_videos_one_of_twenty_black_and_one_broken(tmp_path: Path) -> None:
    made = soak.pieces([SAMPLE], 3, tmp_path, 20)
    videos = [cv2.VideoCapture(str(path)) for path in made]
    assert [video.get(cv2.CAP_PROP_FRAME_COUNT) for video in videos if video.isOpened()] == [3] * 19
    pictures = [video.read()[1] for video in videos]
    assert pictures[0].shape[1] == soak.WIDTH and pictures[0].max() > 100 and pictures[7].max() < 10 and not videos[13].isOpened()
    assert made[0].read_bytes() != made[1].read_bytes()
    with pytest.raises(ValueError, match="no video"):
        soak.pieces([tmp_path / "none.mp4"], 3, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the figures come from /proc")
def test_a_look_sees_children_that_nobody_waits_for_and_what_lies_about(tmp_path: Path) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    for folder in (out / ".kinolift" / "records", out / ".kinolift-x", temporary):
        folder.mkdir(parents=True)
    (out / ".kinolift" / "records" / "a.json").write_text("{}")
    (temporary / "left").write_bytes(bytes(2**20))
    begun = tmp_path / "begun"
    waits = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    orphan = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {waits!r}]).pid, flush=True)"
    parent = subprocess.Popen([sys.executable, "-c", orphan], env=os.environ | {soak.WORD: "this"}, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.wait()
    try:
        until = time.monotonic() + 20
        while not begun.exists():  # before it runs, its memory and files are those of whoever starts it
            assert time.monotonic() < until
            time.sleep(0.1)
        found = soak.look("this", child, temporary, out)
    finally:
        os.kill(child, 9)
    assert found["processes"] == 1 and found["memory_mb"] == found["own_memory_mb"] > 2 and found["handles"] == found["own_handles"] >= 3
    assert found["temporary"] == 1 and found["temporary_mb"] == 1.0 and found["beside"] == 1 and found["clips"] == 1
    assert soak.look("that", child, temporary, out)["processes"] == 0


def samples(**growing: float) -> list[dict[str, float]]:
    """Thirty of them; what is named grows by so much in each."""
    return [{name: 100.0 + growing.get(name, 0.0) * k for name in soak.MEASURES} | {"seconds": 60.0 * k, "clips": k} for k in range(30)]


def test_what_grows_is_named_and_what_swings_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.growing(samples()) == []
    assert soak.growing(samples(memory_mb=3.0, handles=0.1)) == ["memory_mb"]
    assert soak.growing([s | {"handles": 100.0 + 50.0 * (k % 2)} for k, s in enumerate(samples())]) == []
    file = tmp_path / "soak.jsonl"
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples(temporary=1.0)))
    assert soak.main(["--figures", str(file)]) == 1
    told = capsys.readouterr().out
    assert "29 clips in 29 minutes" in told and "growing: 1" in told


def test_what_came_of_the_clips(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    assert soak.came_of(report) == "there is no report"
    report.write_text("".join(json.dumps({"code": code}) + "\n" for code in ("", "no_person", "", "not_a_video", "")))
    assert soak.came_of(report) == "3 done, 1 no_person, 1 not_a_video"
