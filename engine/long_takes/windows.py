"""A long take piece by piece, so that what works on all frames at once needs memory for one piece and not for the take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.long_takes.scratch import let_go

PIECE: Final = 2048  # frames: a piece's arrays are 30 MB at most, and numpy is as fast as on longer ones
# Seconds on either side that a window looks at beside its own frames. What is smoothed over time here reaches some tenths of a second, so
# that nothing of a window's ends is left in what it keeps.
MARGIN: Final = 10.0


@dataclass(frozen=True)
class Window:
    """`kept`: the frames that it gives; `reach`: the frames that it looks at; `inner`: the kept ones counted from the beginning of
    `reach`; `runs`: the take's runs as far as they lie in `reach`, counted likewise."""

    kept: slice
    reach: slice
    inner: slice
    runs: list[slice]


def pieces(frames: int, *held: npt.NDArray[Any] | None) -> Iterator[slice]:
    """The frames in pieces that have nothing to do with each other. After each piece the memory of the arrays `held` is let go, as far
    as they can be without it."""
    for start in range(0, frames, PIECE):
        yield slice(start, min(start + PIECE, frames))
        let_go(*held)


def windows(runs: list[slice], fps: float, *held: npt.NDArray[Any] | None, margins: float = 1.0) -> Iterator[Window]:
    """The frames of the take's runs, which follow each other without a hole, in pieces that look MARGIN seconds beyond their ends, or as
    many times that; `held` as for `pieces`."""
    frames, around = runs[-1].stop, round(margins * MARGIN * fps)
    for kept in pieces(frames, *held):
        reach = slice(max(kept.start - around, 0), min(kept.stop + around, frames))
        inside = [slice(max(run.start, reach.start) - reach.start, min(run.stop, reach.stop) - reach.start) for run in runs]
        inner = slice(kept.start - reach.start, kept.stop - reach.start)
        yield Window(kept, reach, inner, [run for run in inside if run.start < run.stop])


def thinned(every: int, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Copies of each `every`-th frame of the arrays, of equal length: to look at them straight would bring the whole take into memory."""
    kept: list[list[npt.NDArray[Any]]] = [[] for _ in arrays]
    for part in pieces(len(arrays[0]), *arrays):
        for copies, array in zip(kept, arrays, strict=True):
            copies.append(array[part][-part.start % every :: every].copy())
    return [np.concatenate(copies) for copies in kept]
