from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks import bench
from benchmarks.bench import REFERENCE, Row, Table, main, read_report, show
from contract.failure import ExitCode, Failure
from contract.options import CaptureOptions

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
FRAMES = 24


def test_median_and_bounds_are_of_the_repetitions() -> None:
    row = Row("decode", 100, seconds=[0.4, 0.1, 0.2])
    assert row.median == pytest.approx(2.0)
    assert row.bounds == pytest.approx((1.0, 4.0))


def test_a_stage_is_timed_and_its_result_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.5, 20.0, 20.25])
    monkeypatch.setattr("benchmarks.bench.time.perf_counter", lambda: next(clock))
    table = Table()
    assert table.time("stage", 5, lambda: "result") == "result"
    table.time("stage", 5, lambda: None)
    assert table.rows["stage"].seconds == [0.5, 0.25]


def full_table(detect: float) -> Table:
    table = Table()
    for seconds in (detect, 2 * detect, 9 * detect):
        table.add(REFERENCE, 100, seconds)
    table.add("whole capture", 100, 2.2 * detect, processor=4.0)
    table.add("plain loop", 100, 3.3 * detect, processor=6.0)
    return table


def test_the_table_has_ratios_to_the_detector_and_to_an_earlier_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = bench.report(full_table(3.0), SAMPLE, "cpu", 3)
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(earlier))
    show(full_table(1.0), read_report(file), "title")
    out = capsys.readouterr().out
    reference = next(line for line in out.splitlines() if REFERENCE in line and "│" in line)
    cells = [cell.strip() for cell in reference.strip("│").split("│")]
    assert cells == [REFERENCE, "20", "10 to 90", "", "frame", "50", "1.000", "60", "3.00"]
    assert "whole capture / reading + detector: 1.10" in out
    assert "whole capture's frames a second / plain loop's: 1.50 (by the processors' time 1.50)" in out


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other"}', '{"schema": "kinolift.bench/1", "rows": {"decode": {}}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(Failure) as caught:
        read_report(file)
    assert caught.value.code == "bad_input"


def test_bad_arguments_end_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "measure", lambda *_: pytest.fail("the work began"))
    assert main(["--repeat", "0"]) == ExitCode.BAD_ARGUMENTS
    assert main(["--compare", str(tmp_path / "none.json")]) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 2


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample."""
    source, path = cv2.VideoCapture(str(SAMPLE)), tmp_path_factory.mktemp("clip") / "clip.mp4"
    size = int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, size)
    for _ in range(FRAMES):
        writer.write(source.read()[1])
    writer.release()
    source.release()
    return path


def test_one_run_measures_every_stage(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bpy", reason="the armature's rows need Blender or its bpy wheel")
    file = tmp_path / "figures.json"
    assert main([str(clip), "--repeat", "1", "--json", str(file)]) == ExitCode.DONE
    found: dict[str, Any] = read_report(file)
    wanted = ["decode", "detect", "plain loop", "plain detector loop", REFERENCE, "whole capture"]
    wanted += ["start to first progress", "start to first frame", "lift"]
    assert list(found["rows"])[: len(wanted)] == wanted
    assert {"motion", "armature and keys", "export FBX", "forward, fast, batch 64", "forward, as written, batch 64"} <= set(found["rows"])
    assert sum(name.startswith("refine") for name in found["rows"]) == len(bench.REFINEMENTS)
    for name, row in found["rows"].items():
        assert row["count"] == {"frame": FRAMES, "pose": bench.FORWARD_BATCH, "capture": 1}[row["unit"]], name
        assert len(row["seconds"]) == 1 and row["seconds"][0] > 0, name
    for name in ("decode", "detect", "plain loop", "whole capture", "motion"):
        assert 0 < found["rows"][name]["processor"][0] < 60, name
    whole, first = found["rows"]["whole capture"]["seconds"][0], found["rows"]["start to first frame"]["seconds"][0]
    assert found["rows"]["start to first progress"]["seconds"][0] < first < whole
    assert "whole capture / reading + detector" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.part"))


def test_a_failure_of_the_worker_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(Failure) as caught:
        bench.whole_capture(Table(), empty, tmp_path / "out.npz", CaptureOptions(), 1)
    assert caught.value.code == "bad_input"


def test_the_command_is_there() -> None:
    import kinolift

    assert any(command.name == "bench" and command.home == "benchmarks" for command in kinolift.COMMANDS)
    assert sys.modules["benchmarks.bench"] is bench
