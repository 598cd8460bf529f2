from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import takes


def test_two_checkouts_are_run_in_turn_and_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Path, int]] = []

    def run(root: Path, paths: list[Path], *_: object) -> takes.Seconds:
        asked.append((root, len(paths)))
        slow = 2.0 if root == tmp_path else 1.0
        return takes.Seconds(5.0 + slow * len(paths), 10.0 + 3.0 * len(paths))

    monkeypatch.setattr(takes, "run", run)
    assert takes.main(["--takes", "3", "--frames", "5", "--repeat", "2", "--against", str(tmp_path)]) == 0
    assert asked == [(takes.ROOT, 1), (takes.ROOT, 3), (tmp_path, 1), (tmp_path, 3)] * 2
    told = capsys.readouterr().out
    assert "this: 1.00 s of a core a take, 60.0 takes a minute" in told and "the other: 2.00 s" in told and "2.00 (2.00 to 2.00)" in told


def test_a_batch_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert takes.main(["--takes", "2", "--frames", "3", "--rig", str(tmp_path / "none.fbx")]) == 3
    assert "There is no rig" in capsys.readouterr().err


def test_a_run_counts_what_the_core_worked(tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="a batch of takes needs Blender or its bpy wheel")
    made = takes.make_takes(tmp_path, 1, 5)
    seconds = takes.run(takes.ROOT, made, [], "bvh")
    assert 0.5 < seconds.core < 60 and seconds.clock > 0.5
