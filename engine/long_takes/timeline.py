"""When the frames of a take are: the runs that hold together, and their rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.long_takes.windows import Window, windows


@dataclass(frozen=True)
class Timeline:
    """`runs`: stretches of frames without a hole in time, each beginning where the one before ends; `fps`: frames a second."""

    runs: list[slice]
    fps: float

    @property
    def frames(self) -> int:
        """How many frames all the runs have."""
        return self.runs[-1].stop

    def cut(self, kept: slice) -> Timeline:
        """That of the frames `kept`, counted from the first of them."""
        first, last, _ = kept.indices(self.frames)
        inside = [slice(max(run.start, first) - first, min(run.stop, last) - first) for run in self.runs]
        return Timeline([run for run in inside if run.start < run.stop], self.fps)

    @classmethod
    def of(cls, frames: int, fps: float) -> Timeline:
        """One run of so many frames."""
        return cls([slice(0, frames)], fps)

    def windows(self, reach: float | None) -> Iterator[Window]:
        """See `windows.windows`."""
        return windows(self.runs, self.fps, reach=reach)
