"""A long take piece by piece, so that what works on all frames at once needs memory for one piece and not for the take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from engine.long_takes.scratch import let_go

PIECE: Final = 2048  # frames: a piece's arrays are 30 MB at most, and numpy is as fast as on longer ones
# Seconds on either side that a window looks at beside its own frames, where its stage states no other reach. What is smoothed over time
# here reaches some tenths of a second, so that nothing of a window's ends is left in what it keeps.
REACH: Final = 10.0


@dataclass(frozen=True)
class Window:
    """`kept`: the frames that it gives; `reach`: the frames that it looks at; `inner`: the kept ones counted from the beginning of
    `reach`; `runs`: the take's runs as far as they lie in `reach`, counted likewise."""

    kept: slice
    reach: slice
    inner: slice
    runs: list[slice]


def pieces(frames: int, *held: npt.NDArray[Any] | None, size: int | None = None) -> Iterator[slice]:
    """The frames in pieces that have nothing to do with each other, of PIECE frames or of another `size`. After each the memory of the
    arrays `held` is let go, as far as they can be without it."""
    step = size or PIECE
    for start in range(0, frames, step):
        yield slice(start, min(start + step, frames))
        let_go(*held)


def windows(runs: list[slice], fps: float, reach: float | None = None) -> Iterator[Window]:
    """The frames of the take's runs, which follow each other without a hole, in pieces that look `reach` seconds beyond their ends."""
    frames, around = runs[-1].stop, round((REACH if reach is None else reach) * fps)
    for kept in pieces(frames):
        seen = slice(max(kept.start - around, 0), min(kept.stop + around, frames))
        inside = [slice(max(run.start, seen.start) - seen.start, min(run.stop, seen.stop) - seen.start) for run in runs]
        inner = slice(kept.start - seen.start, kept.stop - seen.start)
        yield Window(kept, seen, inner, [run for run in inside if run.start < run.stop])
