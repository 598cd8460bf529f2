"""The progress display, on a terminal and in a pipe."""

from __future__ import annotations

import io
import time

import pytest

from wheels import display
from wheels.display import Display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_lines_but_not_too_many() -> None:
    stream = io.StringIO()
    with Display("Setting up", stream) as shown:
        for step in range(100):
            shown.show(step / 100, f"package {step}")
    assert stream.getvalue().splitlines() == ["Setting up:   0% package 0", "Setting up: done in 0:00"]


def test_a_terminal_gets_one_line_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "REDRAW_SECONDS", 0.01)
    stream = Terminal()
    with Display("Setting up", stream) as shown:
        shown.show(0.5, "torch")
        time.sleep(0.2)
        shown.show(0.25, "still torch")  # never back
        time.sleep(0.1)
    text = stream.getvalue()
    assert "[############------------]  50% 0:00 torch" in text
    assert "25%" not in text
    assert text.count("\n") == 1
    assert text.endswith("\r\x1b[KSetting up: done in 0:00\n")


def test_a_failure_is_not_called_done() -> None:
    stream = io.StringIO()
    with pytest.raises(OSError), Display("Setting up", stream):
        raise OSError
    assert "done" not in stream.getvalue()
