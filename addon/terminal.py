"""A capture's progress on a terminal or in a pipe: one bar that lives, or plain lines; never both."""

from __future__ import annotations

import sys
from typing import Any, Protocol, TextIO

from ..contract.events import STAGES
from .capture import Progress

STEP = 0.1  # in a pipe, a line for every tenth of a stage


class Display(Protocol):
    """What the command tells about a capture while it runs."""

    def show(self, progress: Progress) -> None: ...

    def close(self) -> None: ...


def display(quiet: bool, stream: TextIO | None = None) -> Display:
    """A bar where `stream` (standard error) is a terminal and rich is at hand, lines elsewhere, nothing if quiet."""
    stream = stream if stream is not None else sys.stderr
    if quiet:
        return Silence()
    if stream.isatty():
        try:
            return Bar(stream)
        except ImportError:
            pass  # Blender's own Python has no rich unless the extension's wheels bring it
    return Lines(stream)


class Silence:
    def show(self, progress: Progress) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """A line where a stage begins and for every tenth of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage = ""
        self._tenths = 0

    def show(self, progress: Progress) -> None:
        tenths = int(progress.fraction / STEP + 1e-9)
        if progress.stage == self._stage and tenths <= self._tenths:
            return
        self._stage, self._tenths = progress.stage, tenths
        percent = f"{progress.fraction:.0%}  " if progress.total else ""
        print(f"{percent}{progress.text}", file=self._stream, flush=True)

    def close(self) -> None:
        pass


class Bar:
    """One bar for the present stage. Raises ImportError where rich is missing."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns: tuple[Any, ...] = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._bar = RichProgress(*columns, console=Console(file=stream), transient=True)
        self._task = self._bar.add_task(STAGES["start"], total=None, rate="")
        self._stage = "start"
        self._bar.start()

    def show(self, progress: Progress) -> None:
        rate = f"{progress.fps:.1f} frames/s" if progress.fps > 0 else ""
        total = progress.total or None
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._bar.reset(self._task, total=total, description=STAGES.get(self._stage, self._stage))
        self._bar.update(self._task, completed=progress.done, total=total, rate=rate)

    def close(self) -> None:
        self._bar.stop()
