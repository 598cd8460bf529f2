from __future__ import annotations

import sys
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


def test_what_is_at_work_is_killed_and_what_is_done_is_not() -> None:
    assert batch_kills.killed([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert not batch_kills.killed([sys.executable, "-c", "pass"], 30.0)
