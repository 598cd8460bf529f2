"""The one progress display of the set-up: a line that is redrawn on a terminal, a line a step in a pipe."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Final, TextIO

WIDTH: Final = 24  # characters of the bar
REDRAW_SECONDS: Final = 0.2
LINE_SECONDS: Final = 5.0  # in a pipe: at most one line in this time


class Display:
    """Shows how far `title` is; use it in a `with` block and call `show`."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._fraction, self._text = 0.0, ""
        self._started = time.monotonic()
        self._last_line = float("-inf")
        self._ended = threading.Event()
        self._redrawing = threading.Thread(target=self._redraw, daemon=True)

    def __enter__(self) -> Display:
        if self._terminal:
            self._redrawing.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        if self._terminal:
            self._redrawing.join()
            self._stream.write("\r\x1b[K")
        if error is None:
            self._stream.write(f"{self._title}: done in {self._clock()}\n")
        self._stream.flush()

    def show(self, fraction: float, text: str) -> None:
        """`fraction` 0..1 of the whole that is done, `text` what goes on now. It never goes back."""
        self._fraction, self._text = max(self._fraction, min(fraction, 1.0)), text
        now = time.monotonic()
        if not self._terminal and now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            self._stream.write(f"{self._title}: {100 * self._fraction:3.0f}% {text}\n")
            self._stream.flush()

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._started)
        return f"{seconds // 60}:{seconds % 60:02d}"

    def _redraw(self) -> None:
        while not self._ended.wait(REDRAW_SECONDS):
            full = round(WIDTH * self._fraction)
            line = f"{self._title} [{'#' * full}{'-' * (WIDTH - full)}] {100 * self._fraction:3.0f}% {self._clock()} {self._text}"
            self._stream.write("\r" + line[: shutil.get_terminal_size().columns - 1] + "\x1b[K")
            self._stream.flush()
