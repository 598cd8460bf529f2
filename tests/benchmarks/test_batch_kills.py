from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import batch_kills


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("calm", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bvh").write_text("MOTION")
    return tmp_path / "calm", tmp_path / "out"


def test_what_is_different_or_damaged_is_told(outputs: tuple[Path, Path]) -> None:
    calm, out = outputs
    assert batch_kills.different(calm, out) == [] and batch_kills.damaged(out) == []
    (out / "a.bvh").write_text("MOTIO")
    assert batch_kills.different(calm, out) == ["a.bvh"]
    (out / "b.npz").write_bytes(b"half")
    assert batch_kills.different(calm, out) == ["the files are ['a.bvh', 'b.npz']"]
    assert "b.npz is not a motion file" in batch_kills.damaged(out)[0]
    (out / ".kinolift" / "motions" / ".kinolift-x").mkdir(parents=True)
    assert batch_kills.different(calm, out) == ["unfinished files were left: ['.kinolift-x']"]


def test_what_is_at_work_is_killed_after_its_first_event_and_what_is_done_is_not() -> None:
    says = """import time; time.sleep(1); print('{"event": "progress", "stage": "detect"}', flush=True)"""
    began = time.monotonic()
    assert batch_kills.killed([sys.executable, "-c", f"{says}; time.sleep(60)"], 0.2) == "detect"
    assert 1.2 < time.monotonic() - began < 30
    assert batch_kills.killed([sys.executable, "-c", says], 30.0) == ""
    assert batch_kills.killed([sys.executable, "-c", "pass"], 30.0) == ""
