"""What a motion file says of where it comes from is enough to make it again, bit for bit, on the same device."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from contract.motion_file import Motion, load_motion
from contract.options import CaptureOptions

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"


def capture(video: Path, motion: Path, options: CaptureOptions, cores: int) -> Motion:
    words = [sys.executable, "-m", "engine", "capture", str(video), "-o", str(motion), *options.arguments()]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"KINOLIFT_CORES": str(cores)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    return load_motion(motion)


@pytest.mark.parametrize(
    ("options", "cores"),
    [
        (
            CaptureOptions(
                detector="full", start="3f", end="0.4", height=1.62, smooth=0.8, refiner="window", hypotheses=3, seed=11, feet="always"
            ),
            1,
        ),
        (CaptureOptions(detector="full", end="9f", refiner="frame", fov=55.0, root="in-place", level="body", camera_motion="still"), 2),
    ],
)
def test_captured_again_from_what_the_file_says_it_is_the_same(tmp_path: Path, options: CaptureOptions, cores: int) -> None:
    """The video is found by its hash among others, under another name; nothing of the first call is known but the file."""
    first = capture(SAMPLE, tmp_path / "first.npz", options, cores)
    (tmp_path / "videos").mkdir()
    shutil.copy(SAMPLE, tmp_path / "videos" / "renamed.mp4")
    (tmp_path / "videos" / "another.mp4").write_bytes(SAMPLE.read_bytes()[:-1])

    said = load_motion(tmp_path / "first.npz").provenance
    (video,) = (
        path for path in (tmp_path / "videos").iterdir() if hashlib.sha256(path.read_bytes()).hexdigest() == said["source"]["sha256"]
    )
    again = capture(video, tmp_path / "again.npz", CaptureOptions(**said["options"]), said["cores"])
    for field in fields(Motion):
        if field.name != "provenance":
            one, other = np.asarray(getattr(first, field.name)), np.asarray(getattr(again, field.name))
            assert one.dtype == other.dtype and one.tobytes() == other.tobytes(), field.name
    differing = {"source", "timings"}
    assert {key: value for key, value in first.provenance.items() if key not in differing} == {
        key: value for key, value in again.provenance.items() if key not in differing
    }
