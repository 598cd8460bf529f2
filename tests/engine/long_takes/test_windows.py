from __future__ import annotations

import numpy as np
import pytest

from engine.long_takes import windows as module
from engine.long_takes.windows import pieces, windows


@pytest.mark.parametrize(("frames", "size"), [(1, 7), (7, 7), (50, 7), (49, 7)])
def test_pieces_hold_every_frame_once(monkeypatch: pytest.MonkeyPatch, frames: int, size: int) -> None:
    monkeypatch.setattr(module, "PIECE", size)
    assert [k for piece in pieces(frames) for k in range(frames)[piece]] == list(range(frames))
    assert all(piece.stop - piece.start <= size for piece in pieces(frames))


def test_windows_look_beyond_their_ends_and_know_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 20)
    runs = [slice(0, 33), slice(33, 36), slice(36, 75)]
    of_run = np.repeat([0, 1, 2], [33, 3, 39])
    kept: list[int] = []
    for window in windows(runs, 10.0, reach=0.5):
        seen = np.arange(75)[window.reach]
        kept += list(seen[window.inner])
        assert list(seen[window.inner]) == list(np.arange(75)[window.kept])
        assert seen[0] == max(window.kept.start - 5, 0) and seen[-1] == min(window.kept.stop + 5, 75) - 1
        # each run of the window holds frames of one run, all there are, and together they hold every frame
        assert [list(set(of_run[seen[run]])) for run in window.runs] == [[k] for k in sorted(set(of_run[seen]))]
        assert [k for run in window.runs for k in range(run.start, run.stop)] == list(range(len(seen)))
    assert kept == list(range(75))
