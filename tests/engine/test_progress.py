from __future__ import annotations

import io
from typing import Any

import pytest

from contract.events import decode
from engine.progress import Progress, lines_to


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _recorder() -> tuple[list[tuple[str, dict[str, Any]]], Any]:
    events: list[tuple[str, dict[str, Any]]] = []
    return events, lambda name, fields: events.append((name, fields))


def test_events_are_rate_limited_and_the_last_is_sent(clock: Clock) -> None:
    events, sink = _recorder()
    progress = Progress(sink, clock)
    progress.stage("detect", 1000)
    for done in range(1, 1001):  # 1000 frames in 2 seconds
        clock.now += 0.002
        progress.advance(done)
    assert 18 <= len(events) <= 23
    assert events[0][1]["done"] == 0
    assert events[-1] == ("progress", {"stage": "detect", "done": 1000, "total": 1000, "fps": 500.0})


def test_speed_is_that_of_the_last_seconds(clock: Clock) -> None:
    progress = Progress(None, clock)
    progress.stage("detect")
    assert progress.fps == 0.0
    done = 0
    for seconds, rate in ((10, 100), (5, 20)):
        for _ in range(seconds * rate):
            clock.now += 1 / rate
            done += 1
            progress.advance(done)
    assert progress.fps == pytest.approx(20.0, rel=0.05)


def test_timings_of_the_stages_in_their_order(clock: Clock) -> None:
    progress = Progress(None, clock)
    progress.stage("detect", 3)
    clock.now += 4.0
    progress.stage("lift", 3)
    clock.now += 1.5
    progress.stage("detect")  # a stage that comes again adds up
    clock.now += 1.0
    progress.finish()
    clock.now += 9.0
    progress.finish()
    assert progress.timings == {"detect": 5.0, "lift": 1.5}
    assert list(progress.timings) == ["detect", "lift"]


def test_each_stage_starts_its_speed_anew(clock: Clock) -> None:
    events, sink = _recorder()
    progress = Progress(sink, clock)
    progress.stage("detect", 10)
    clock.now += 1.0
    progress.advance(10)
    progress.stage("lift", 5)
    assert events[-1][1] == {"stage": "lift", "done": 0, "total": 5, "fps": 0.0}


def test_warnings_are_kept_and_told_once() -> None:
    events, sink = _recorder()
    progress = Progress(sink)
    progress.warning("truncated", "cut")
    progress.warning("truncated", "cut")
    progress.warning("frames_missing", "some")
    assert progress.warnings == [("truncated", "cut"), ("frames_missing", "some")]
    assert events == [("warning", {"code": c, "message": m}) for c, m in progress.warnings]


def test_lines_are_the_contracts_events() -> None:
    stream = io.StringIO()
    progress = Progress(lines_to(stream))
    progress.stage("detect", 1)
    progress.advance(1)
    progress.warning("truncated", "Prüfung")
    events = [decode(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events if event] == ["progress", "progress", "warning"]
    assert events[2] == {"event": "warning", "code": "truncated", "message": "Prüfung"}
