"""Stages over a take: pure functions of arrays, frames first, that are run piece by piece and give columns as long as the take.

Whoever writes a stage writes it as if the take were short. Here, and nowhere else, it is cut into pieces, the pieces are put together,
and memory is let go where a piece is done. A column is an array whose first axis is the frames; of a long take it lies in a file
(`scratch`). A stage gets the same frames of each column (None stays None) and gives an array as long, or a tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, overload

import numpy as np
import numpy.typing as npt

from engine.long_takes.scratch import let_go, long_array
from engine.long_takes.timeline import Timeline
from engine.long_takes.windows import pieces

Column = npt.NDArray[Any]
Columns = tuple[Column, ...]
Carried = TypeVar("Carried")
Found = TypeVar("Found")

# Floating-point columns are kept so, in half the memory, unless a stage needs more.
STORED: Final = np.float32


@overload
def mapped(
    stage: Callable[..., Columns], *columns: Column | None, frames: int | None = None, dtype: npt.DTypeLike = STORED,
    beside: Sequence[Column | None] = (),
) -> Columns: ...  # fmt: skip
@overload
def mapped(
    stage: Callable[..., Column], *columns: Column | None, frames: int | None = None, dtype: npt.DTypeLike = STORED,
    beside: Sequence[Column | None] = (),
) -> Column: ...  # fmt: skip
def mapped(
    stage: Callable[..., Any], *columns: Column | None, frames: int | None = None, dtype: npt.DTypeLike = STORED,
    beside: Sequence[Column | None] = (),
) -> Any:  # fmt: skip
    """What a stage makes of single frames: `stage(*parts)`.

    frames: how many, that of the first column where None; dtype: how floating-point numbers are kept; beside: other columns that the stage
    looks at, at frames of its own choice.
    """
    out = _Out(_frames(columns) if frames is None else frames, dtype)
    for part in list(pieces(out.frames)) or [slice(0, 0)]:
        out.put(part, stage(*_cut(columns, part)))
        let_go(*columns, *beside)
    return out.done


@overload
def mapped_over_time(
    stage: Callable[..., Columns], timeline: Timeline, *columns: Column | None, reach: float | None = None, dtype: npt.DTypeLike = STORED
) -> Columns: ...
@overload
def mapped_over_time(
    stage: Callable[..., Column], timeline: Timeline, *columns: Column | None, reach: float | None = None, dtype: npt.DTypeLike = STORED
) -> Column: ...
def mapped_over_time(
    stage: Callable[..., Any], timeline: Timeline, *columns: Column | None, reach: float | None = None, dtype: npt.DTypeLike = STORED
) -> Any:
    """What a stage makes of frames and those around them: `stage(near, *parts)`, where `near` is the timeline of the parts.

    reach: the seconds on either side that a frame depends on (None: windows.REACH, more than any smoothing here).
    """
    out = _Out(timeline.frames, dtype)
    for window in timeline.windows(reach):
        found = stage(Timeline(window.runs, timeline.fps), *_cut(columns, window.reach))
        several = found if isinstance(found, tuple) else (found,)
        kept = tuple(values[window.inner] for values in several)
        out.put(window.kept, kept if isinstance(found, tuple) else kept[0])
        let_go(*columns)
    return out.done


def made(
    stage: Callable[[slice], Columns], frames: int, reach: int = 0, size: int | None = None, beside: Sequence[Column | None] = (),
    dtype: npt.DTypeLike = STORED, done: Callable[[int], None] = lambda frames: None,
) -> Columns:  # fmt: skip
    """What a stage makes of what it looks up itself, such as a take at another rate: `stage(place)` gives those frames of each column.

    frames: how many there will be; reach: so many frames on either side of those that are kept are asked for too; size: frames a piece
    (None: windows.PIECE). The pieces come in order. beside: columns that the stage looks at; done: is told how many frames each piece has.
    """
    out = _Out(frames, dtype)
    for part in pieces(frames, *beside, size=size):
        seen = slice(max(part.start - reach, 0), min(part.stop + reach, frames))
        out.put(part, tuple(values[part.start - seen.start : part.stop - seen.start] for values in stage(seen)))
        done(part.stop - part.start)
    columns: Columns = out.done
    return columns


def mapped_on(
    stretches: Iterable[slice], stage: Callable[..., Columns], *columns: Column, like: Sequence[tuple[tuple[int, ...], npt.DTypeLike]]
) -> Columns:
    """What a stage makes of whole stretches of frames, however long each is, such as contacts: `stage(*parts)`, and zeros elsewhere.

    like: of each column that comes out, the shape of a frame and the type.
    """
    out = tuple(long_array((len(columns[0]), *shape), dtype) for shape, dtype in like)
    for stretch in stretches:
        for column, values in zip(out, stage(*_cut(columns, stretch)), strict=True):
            column[stretch] = values
        let_go(*columns, *out)
    return out


def scan(
    stage: Callable[..., tuple[Carried, Column]], start: Carried, *columns: Column | None, dtype: npt.DTypeLike = STORED
) -> tuple[Carried, Column]:
    """What a stage makes of the frames one piece after the other: `carried, values = stage(carried, *parts)`; the last `carried` too."""
    out, carried = _Out(_frames(columns), dtype), start
    for part in list(pieces(out.frames)) or [slice(0, 0)]:
        carried, values = stage(carried, *_cut(columns, part))
        out.put(part, values)
        let_go(*columns)
    return carried, out.done


def each(stage: Callable[..., Found], *columns: Column | None, runs: Sequence[slice] | None = None, ahead: int = 0) -> Iterator[Found]:
    """What a stage finds in each piece, one piece after the other, for sums and the like: `stage(*parts)`.

    runs: the stretches of frames to look at, all in one where None; ahead: so many frames of the next piece (of the run) are seen too, so
    that differences of that order are those of the run. Where a run has no more frames than that there is nothing to look at.
    """
    for run in [slice(0, _frames(columns))] if runs is None else runs:
        for part in pieces(run.stop - run.start - ahead):
            yield stage(*_cut(columns, slice(run.start + part.start, run.start + part.stop + ahead)))
            let_go(*columns)


def gathered(stage: Callable[..., Column], *columns: Column | None, runs: Sequence[slice] | None = None, ahead: int = 0) -> Column:
    """What a stage finds in each piece, one behind the other, in memory: as `each`, with fewer numbers than the columns have."""
    found = list(each(stage, *columns, runs=runs, ahead=ahead))
    return np.concatenate(found) if found else np.zeros(0)


def joined(columns: Sequence[Column]) -> Column:
    """The columns one behind the other, as one."""
    if len(columns) == 1:
        return columns[0]
    out, begins = long_array((sum(map(len, columns)), *columns[0].shape[1:]), columns[0].dtype), 0
    for column in columns:
        for part in pieces(len(column), column, out):
            out[begins + part.start : begins + part.stop] = column[part]
        begins += len(column)
    return out


def thinned(every: int, *columns: Column) -> list[Column]:
    """Copies of each `every`-th frame of the columns, of equal length: to look at them straight would bring the whole take into memory."""
    kept: list[list[Column]] = [[] for _ in columns]
    for part in pieces(len(columns[0]), *columns):
        for copies, column in zip(kept, columns, strict=True):
            copies.append(column[part][-part.start % every :: every].copy())
    return [np.concatenate(copies) for copies in kept]


class _Out:
    """The columns that a stage fills, made when its first piece says what they look like."""

    def __init__(self, frames: int, dtype: npt.DTypeLike) -> None:
        self.frames, self._dtype = frames, np.dtype(dtype)
        self.done: Any = None

    def put(self, part: slice, values: Column | Columns) -> None:
        several = values if isinstance(values, tuple) else (values,)
        if self.done is None:
            made = tuple(long_array((self.frames, *v.shape[1:]), self._dtype if v.dtype.kind == "f" else v.dtype) for v in several)
            self.done = made if isinstance(values, tuple) else made[0]
        columns = self.done if isinstance(self.done, tuple) else (self.done,)
        for column, some in zip(columns, several, strict=True):
            column[part] = some
        let_go(*columns)


def _frames(columns: Sequence[Column | None]) -> int:
    return len(next(column for column in columns if column is not None))


def _cut(columns: Sequence[Column | None], frames: slice) -> list[Column | None]:
    return [None if column is None else column[frames] for column in columns]
