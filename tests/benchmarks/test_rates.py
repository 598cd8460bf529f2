"""The clips that are made, and the arithmetic; a capture of them is left to the command."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import rates
from engine.footage.video import open_video

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.mp4"


def test_a_faster_clip_shows_the_same_motion_in_more_pictures(tmp_path: Path) -> None:
    ramp = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(5)]
    greys = [float(picture.mean()) for picture in rates.at_rate(ramp, 60, 0.3)]
    assert greys[:9] == [0, 10, 20, 30, 40, 50, 60, 70, 80] and greys[9:17] == greys[7::-1]  # to and fro
    assert [float(p.mean()) for p in rates.at_rate(ramp, 30, 0.3)] == greys[::2]
    info = open_video(rates.write(tmp_path / "a.mp4", rates.pictures(SAMPLE, 120), 120, 0.5)).info
    assert (info.fps, info.frame_count, info.height) == (120.0, 60, 120)


def test_a_second_costs_what_the_longer_clip_takes_more(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """A start of 5 s, 2 s a second at 30 frames a second and 2.2 at 60: the start is not part of it."""
    def made_up(clip: Path) -> float:
        rate, seconds = map(int, clip.stem.split("_"))
        assert cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FRAME_COUNT) == rate * seconds
        return 5.0 + {30: 2.0, 60: 2.2}[rate] * seconds

    monkeypatch.setattr(rates, "cost", made_up)
    assert rates.main([str(SAMPLE), "--rates", "60", "--height", "64", "--repeat", "1"]) == 0
    assert "1.10 of 30's" in capsys.readouterr().out
