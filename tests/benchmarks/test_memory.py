from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import memory
from contract.camera_path import CameraPath
from contract.failure import ExitCode
from contract.options import CaptureOptions
from engine import poses
from engine.detection.detector import Detections, gather
from engine.detection.rows import Rows
from engine.finish import finish
from engine.footage.video import VideoInfo
from engine.kinematics import feet
from engine.long_takes import scratch, windows
from engine.poses import PoseModel
from engine.progress import Progress


def a_person(k: int) -> np.ndarray:
    """(33,6) somebody who sways, upright in a picture of 640x480."""
    rng = np.random.default_rng(5)
    world = rng.uniform([-0.25, -0.8, -0.2], [0.25, 0.8, 0.2], (33, 3))
    world[11:13, 1], world[23:25, 1], world[27:33, 1] = -0.5, 0.0, 0.85
    world[:, 0] += 0.05 * np.sin(2 * np.pi * k / 40) * world[:, 1]
    image = 320 + 200 * world[:, :1], 240 + 200 * world[:, 1:2]
    return np.concatenate([*image, np.full((33, 1), 0.9), world], 1).astype(np.float32)


def info(frames: int) -> VideoInfo:
    return VideoInfo(Path("made.mp4"), 640, 480, 30.0, frames, frames / 30.0, 0, False, None)


def seen(frames: int) -> Detections:
    rows = Rows(frames)
    for k in range(frames):
        rows.append(k / 30.0, a_person(k % 40))
    return gather(rows, "heavy")


def a_frame_more(root: str, known: CameraPath | None) -> float:
    """Bytes at the peak, by Python's own account of what is allocated."""
    model, peaks = PoseModel("cpu"), []
    lengths = 300, 900
    options = CaptureOptions(steps=0, root=root)
    finish(seen(50), info(50), lambda: model, options, known, Progress())  # what is imported and made once
    for frames in lengths:
        tracemalloc.start()
        try:
            finish(seen(frames), info(frames), lambda: model, options, known, Progress())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return (peaks[1] - peaks[0]) / (lengths[1] - lengths[0])


def a_camera() -> CameraPath:
    """One that moves and zooms, and looks along the ground."""
    level = np.array([[1.0, 0, 0, 0], [0, 0, 1, -3], [0, -1, 0, 1], [0, 0, 0, 1]])
    return CameraPath("seconds", np.array([0.0, 30.0]), np.stack([level, level]), np.array([[0.8, 0.5, 0.5], [0.9, 0.5, 0.5]]))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PIECE", 128)
    monkeypatch.setattr(windows, "REACH", 1.0)
    monkeypatch.setattr(feet, "BODY_REACH", 3.0)
    monkeypatch.setattr(poses, "CHUNK", 128)


@pytest.mark.usefixtures("small_pieces")
def test_a_frame_more_takes_little_more_than_the_motion_keeps_of_it() -> None:
    """The motion keeps 1.4 KB of a frame, and the whole take in float64 was 16 KB."""
    assert a_frame_more("motion", None) < 3500


@pytest.mark.skipif(not scratch._CAN, reason="elsewhere all is in memory")
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("root", ["motion", "in-place"])
@pytest.mark.parametrize("camera", [None, a_camera()], ids=["unknown", "known"])
def test_a_long_take_lies_in_files_and_its_length_takes_next_to_no_memory(
    monkeypatch: pytest.MonkeyPatch, root: str, camera: CameraPath | None
) -> None:
    """What is left are some 100 bytes a frame: times, contacts, how surely a foot stands. Path, feet and up whole took 500."""
    monkeypatch.setattr(scratch, "SMALL", 0)
    assert a_frame_more(root, camera) < 300


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets the peak of a process")
def test_each_stage_has_its_own_peak() -> None:
    meter = memory.Meter()
    meter.enter("before")
    meter.enter("large")
    held = np.ones(30_000_000)
    meter.enter("after")
    del held
    meter.enter("later")
    meter.enter("end")
    assert meter.peaks["large"] - meter.peaks["before"] == pytest.approx(240e6, rel=0.1)
    assert meter.peaks["later"] < meter.peaks["large"] - 200e6


def test_the_table_says_what_a_frame_more_takes(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        {"minutes": m, "frames": round(1800 * m), "motion": 1000 * 1800 * m, "seconds": m,
         "peaks": {stage: 1e8 + 2500 * 1800 * m for stage in memory.STAGES}} for m in (1.0, 10.0)
    ]  # fmt: skip
    assert memory.a_frame_more(found, "motion") == pytest.approx(2500)
    memory.show(found)
    assert capsys.readouterr().out.count("2,500") == len(memory.STAGES) + 1


def test_one_length_is_measured_stage_by_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.npy"
    np.save(file, np.stack([a_person(k) for k in range(5)]))
    assert memory.main(["--rows", str(file), "--minutes", "0.02"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["frames"] == 36 and set(found["peaks"]) == set(memory.STAGES) - {"refine"}
    assert all(peak > 5e7 for peak in found["peaks"].values())
    assert 36 * 1300 < found["motion"] < 36 * 1300 + 10_000


def test_a_length_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory.main(["--minutes", "0"]) == ExitCode.BAD_ARGUMENTS
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(not (Path(memory.ROOT) / "engine" / "weights" / "pose_heavy.task").is_file(), reason="the set-up was not run")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells the memory of processes")
def test_a_capture_needs_less_than_it_did(tmp_path: Path) -> None:
    """Half a second of the sample, in one process, the networks that look for other people in it."""
    opened = cv2.VideoCapture(str(memory.SAMPLE))
    clip = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (640, 480))
    for _ in range(15):
        clip.write(opened.read()[1])
    clip.release()
    found = memory.measure_capture(tmp_path / "a.mp4", 1)
    assert 100 < found.largest / memory.MEGABYTE < 500
    assert found.together <= found.largest * 1.1 and found.processes == 1


def test_a_capture_that_fails_is_said(tmp_path: Path, capsys) -> None:
    assert memory.main(["--capture", str(tmp_path / "none.mp4")]) != 0
    assert "none.mp4 ended with code 3" in capsys.readouterr().err
