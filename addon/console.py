"""What a command tells while it works and at its end: sentences for a person, or one JSON object a line for programs (`--log-json`).

    {"time": 1780000000.123, "event": "progress", "stage": "detect", "done": 120, "total": 900, "fps": 41.2}
    {"time": ..., "event": "warning", "message": "..."}
    {"time": ..., "event": "written", "path": "/clips/take.fbx"}
    {"time": ..., "event": "info", "message": "..."}
    {"time": ..., "event": "error", "code": "no_person", "message": "..."}
    {"time": ..., "event": "end", "exit_code": 4}

`time` is in seconds since 1970, UTC; the last line is the end. Codes as in contract.failure.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from ..contract.failure import Failure
from .capture import Progress
from .terminal import Display, Silence, display

LOG_EVERY: Final = 1.0  # seconds between two events of progress in one stage
OUT: Final = 1  # the descriptor of the standard output
ERRORS: Final = 2  # and of the standard error


def add_log_argument(parser: argparse.ArgumentParser) -> None:
    """`--log-json`."""
    parser.add_argument("--log-json", action="store_true", help="an event a line on standard output, for programs, in place of sentences")


class Console(Protocol):
    """Whom a command tells."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, failure: Failure) -> None: ...

    def cancelled(self) -> None: ...

    def fault(self, error: Exception) -> None:
        """After the traceback of a fault of ours."""

    def written(self, path: Path) -> None: ...

    def log(self, line: str) -> None:
        """A line of the worker's log, after a fault of ours."""

    def display(self, quiet: bool) -> Display: ...

    def end(self, exit_code: int) -> None: ...


class Sentences:
    """For a person: results on standard output, what is wrong on standard error."""

    def info(self, message: str) -> None:
        print(message, flush=True)

    def warning(self, message: str) -> None:
        print(f"Warning: {message}", file=sys.stderr, flush=True)

    def error(self, failure: Failure) -> None:
        print(f"Error: {failure.message}", file=sys.stderr, flush=True)

    def cancelled(self) -> None:
        print("Cancelled.", file=sys.stderr, flush=True)

    def fault(self, error: Exception) -> None:
        pass

    def written(self, path: Path) -> None:
        print(f"Wrote {path}", flush=True)

    def log(self, line: str) -> None:
        print(f"  {line}", file=sys.stderr, flush=True)

    def display(self, quiet: bool) -> Display:
        return display(quiet)

    def end(self, exit_code: int) -> None:
        pass


class JsonLog:
    """Every event a line; of progress one a second for each clip and stage."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[tuple[str, str], float] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        now = time.time()
        if event["event"] == "progress":
            key = (str(event.get("name")), str(event.get("stage")))
            if now - self._last.get(key, 0.0) < LOG_EVERY:
                return
            self._last[key] = now
        print(json.dumps({"time": round(now, 3), **event}), file=self._stream, flush=True)


class Events:
    """For programs."""

    def __init__(self, stream: TextIO) -> None:
        self._say = JsonLog(stream)

    def say(self, event: dict[str, Any]) -> None:
        """An event of a command's own."""
        self._say(event)

    def info(self, message: str) -> None:
        self._say({"event": "info", "message": message})

    def warning(self, message: str) -> None:
        self._say({"event": "warning", "message": message})

    def error(self, failure: Failure) -> None:
        self._say({"event": "error", "code": failure.code, "message": failure.message})

    def cancelled(self) -> None:
        self._say({"event": "error", "code": "cancelled", "message": "Cancelled."})

    def fault(self, error: Exception) -> None:
        message = f"Kinolift failed ({type(error).__name__}: {error}); please report it."
        self._say({"event": "error", "code": "internal", "message": message})

    def written(self, path: Path) -> None:
        self._say({"event": "written", "path": str(path)})

    def log(self, line: str) -> None:
        self._say({"event": "log", "message": line})

    def display(self, quiet: bool) -> Display:
        return Silence() if quiet else _Shown(self._say)

    def end(self, exit_code: int) -> None:
        self._say({"event": "end", "exit_code": exit_code})


class _Shown:
    def __init__(self, say: JsonLog) -> None:
        self._say = say

    def show(self, progress: Progress) -> None:
        self._say({
            "event": "progress", "stage": progress.stage, "done": progress.done, "total": progress.total, "fps": progress.fps,
        })  # fmt: skip

    def close(self) -> None:
        pass


@contextlib.contextmanager
def console(log_json: bool) -> Iterator[Console]:
    """The console that was asked for. While events are told, the standard output is theirs alone: what Blender and its exporters print,
    also beside Python, goes to the standard error."""
    if not log_json:
        yield Sentences()
        return
    with _own_output() as stream:
        yield Events(stream)


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """The standard output for the caller only; everybody else's is the standard error meanwhile."""
    sys.stdout.flush()
    try:
        kept = os.dup(sys.stdout.fileno())
    except (OSError, io.UnsupportedOperation):  # no file behind it: a host's own stream, which only Python reaches
        stream = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield stream
        return
    os.dup2(ERRORS, OUT)
    try:
        with os.fdopen(kept, "w", encoding="utf-8", closefd=False) as stream:
            yield stream
    finally:
        sys.stdout.flush()
        os.dup2(kept, OUT)
        os.close(kept)
