"""A terminal gets a bar, a pipe gets lines."""

from __future__ import annotations

import io

import pytest
from kinolift_extension.addon.capture import Progress
from kinolift_extension.addon.terminal import Bar, Lines, Silence, display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_choice(monkeypatch):
    assert isinstance(display(True, Terminal()), Silence)
    assert isinstance(display(False, io.StringIO()), Lines)
    import builtins

    real = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *rest: (_ for _ in ()).throw(ImportError(name)) if name.startswith("rich") else real(name, *rest),
    )
    assert isinstance(display(False, Terminal()), Lines)


def test_lines_change_with_the_stage_and_every_tenth():
    stream = io.StringIO()
    lines = Lines(stream)
    for done in range(0, 101):
        lines.show(Progress("detect", done, 100, 40.0))
    lines.show(Progress("lift"))
    lines.close()
    text = stream.getvalue().splitlines()
    assert (
        len(text) == 12
        and text[0].startswith("0%")
        and text[10].startswith("100%  Finding the person, 100 of 100")
        and text[11] == "Lifting to 3D"
    )


def test_the_bar_shows_stage_and_rate():
    pytest.importorskip("rich")
    stream = Terminal()
    bar = Bar(stream)
    bar.show(Progress("detect", 30, 100, 41.2))
    bar._bar.refresh()
    bar.close()
    assert "Finding the person" in stream.getvalue() and "41.2 frames/s" in stream.getvalue() and "30%" in stream.getvalue()
