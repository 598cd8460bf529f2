"""The worker's start, and what it costs: by the processor's time, which a busy machine does not move much."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import start
from contract.failure import Failure

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.mp4"
MODEL = Path(__file__).parents[2] / "engine" / "weights" / "pose_heavy.task"


@pytest.mark.skipif(not MODEL.is_file(), reason="the models have not been made: run the set-up")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells a process's time")
def test_life_shows_at_once_and_the_first_frame_does_not_wait_for_the_networks(capsys) -> None:
    """Measured: 0.1 and 0.9 s of a processor; with scipy and the networks loaded before it 1.7."""
    found = [start.start(SAMPLE, "heavy") for _ in range(2)]
    assert 0.0 < min(one.sign_processor for one in found) < 0.2
    assert min(one.frame_processor for one in found) < 1.4
    assert all(one.sign < one.frame and one.sign_processor <= one.frame_processor for one in found)


def test_what_fails_is_said(tmp_path: Path, capsys) -> None:
    with pytest.raises(Failure, match="There is no file"):
        start.start(tmp_path / "none.mp4", "heavy")
    assert start.main([str(tmp_path / "none.mp4")]) == 3 and "There is no file" in capsys.readouterr().err


def test_the_dearest_imports_are_read_from_pythons_own_words() -> None:
    log = "import time: self [us] | cumulative | imported package\nimport time:       124 |        124 |   zipimport\n" \
          "import time:    159233 |     193997 |         cv2\nsomething else\n"  # fmt: skip
    assert start.dearest_imports(log) == [("cv2", 0.159233), ("zipimport", 0.000124)]
