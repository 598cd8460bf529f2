"""How far the work has come: events for whoever watches, and the timings and warnings that the result keeps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TextIO

from contract.events import encode

EVENTS_PER_SECOND: Final = 10.0  # smooth to the eye, and nothing that a pipe or Blender's timer would feel
WINDOW: Final = 2.0  # seconds over which the speed is measured: long enough to be steady, short enough to follow a change

Sink = Callable[[str, dict[str, Any]], None]  # takes the event's name and its fields


def lines_to(stream: TextIO) -> Sink:
    """A sink that writes the worker's events, one JSON line each, and pushes each out at once."""

    def write(event: str, fields: dict[str, Any]) -> None:
        stream.write(encode(event, **fields) + "\n")
        stream.flush()

    return write


class Progress:
    """Reports the stages of one capture to `sink`; without one it only keeps the timings and warnings.

    One thread writes. `timings`: seconds of each stage that has begun, in their order; a stage ends when the next
    begins or with `finish`. `warnings`: (code, message) in the order they came.
    """

    def __init__(self, sink: Sink | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.timings: dict[str, float] = {}
        self.warnings: list[tuple[str, str]] = []
        self._sink = sink
        self._clock = clock
        self._stage = ""
        self._total = 0
        self._done = 0
        self._began = self._last_event = 0.0
        self._history: deque[tuple[float, int]] = deque()

    def stage(self, name: str, total: int = 0) -> None:
        """Begins a stage of `total` steps, 0 where that is not known; ends the one before. An event is always sent."""
        self.finish()
        self._stage, self._total, self._done = name, total, 0
        self._began = self._clock()
        self.timings.setdefault(name, 0.0)
        self._history = deque([(self._began, 0)])
        self._send(self._began)

    def advance(self, done: int) -> None:
        """Tells how many steps of the stage are done; sent at most EVENTS_PER_SECOND times a second, the last one always."""
        self._done = done
        now = self._clock()
        if now - self._last_event >= 1.0 / EVENTS_PER_SECOND or (self._total and done >= self._total):
            self._history.append((now, done))
            self._send(now)

    def warning(self, code: str, message: str) -> None:
        """Something a person should know though the work goes on; the same warning is told once."""
        if (code, message) not in self.warnings:
            self.warnings.append((code, message))
            if self._sink:
                self._sink("warning", {"code": code, "message": message})

    def finish(self) -> None:
        """Ends the stage that runs, if any: its time is added to `timings`."""
        if self._stage:
            self.timings[self._stage] += self._clock() - self._began
            self._stage = ""

    @property
    def fps(self) -> float:
        """Steps a second over the last WINDOW seconds, 0 before anything was done."""
        (start, before), (now, done) = self._history[0], self._history[-1]
        return (done - before) / (now - start) if now > start else 0.0

    def _send(self, now: float) -> None:
        while len(self._history) > 2 and now - self._history[1][0] >= WINDOW:
            self._history.popleft()
        self._last_event = now
        if self._sink:
            self._sink("progress", {"stage": self._stage, "done": self._done, "total": self._total, "fps": round(self.fps, 1)})
