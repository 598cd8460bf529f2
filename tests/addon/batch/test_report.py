"""The report of many clips: the worst first, a page that a browser can show, and little time spent on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kinolift_extension.addon.batch import report
from kinolift_extension.addon.batch.picture import HEIGHT, WIDTH, picture
from kinolift_extension.addon.batch.work import Result


def results(count: int) -> list[Result]:
    return [Result(f"clip{k}", f"/where/clip{k}.mp4", quality={"unsure_percent": float(k)}, picture="<svg></svg>") for k in range(count)]


def test_the_worst_come_first_and_the_page_ends_where_a_browser_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "ROWS", 3)
    failed = Result("bad<b>", "/where/bad.mp4", "failed", "no_person", "Nobody <i>.")
    report.write_report([*results(5), failed], tmp_path, "out & more")
    rows = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows] == ["bad<b>", "clip4", "clip3", "clip2", "clip1", "clip0"] and "picture" not in rows[1]
    page = (tmp_path / "report.html").read_text()
    assert page.count("<tr class=") == 3 and page.count("<svg") == 2 and "worst 3; all are in report.jsonl" in page
    assert "bad&lt;b&gt;" in page and "Nobody &lt;i&gt;." in page and "out &amp; more" in page and "/where" not in page


def test_while_it_works_the_report_takes_little_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [0.0], []

    def write(found: list[Result], *_: object) -> None:
        written.append((now[0], len(found)))
        now[0] += 2.0 * len(found)

    monkeypatch.setattr(report, "write_report", write)
    monkeypatch.setattr(report.time, "monotonic", lambda: now[0])
    told = report.Reporter(tmp_path)
    for seconds in range(0, 1000, 10):
        now[0] = max(now[0], float(seconds))
        told.write_now_and_then(results(1 if seconds < 40 else 5))
    assert written == [(30.0, 1), (140.0, 5), (650.0, 5)]  # thirty seconds, then fifty times the two and the ten that it took


def test_a_picture_shows_every_bone_twice_and_stays_in_its_frame(make_motion) -> None:
    motion = make_motion(frames=5)
    drawn = picture(motion)
    assert drawn.count("<path") == 2 * int((np.asarray(motion.parents) >= 0).sum())
    assert drawn.startswith(f'<svg width="{WIDTH}" height="{HEIGHT}"') and "nan" not in drawn
