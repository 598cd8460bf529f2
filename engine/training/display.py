"""What a training shows while it runs: a bar in a terminal, lines in a pipe, and a log that TensorBoard reads."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from engine.training.loop import Line

LINE_SECONDS = 30.0  # between two lines of progress where there is no terminal
# Dense bf16 multiplications and additions a second that the maker states, by a part of the device's name.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "RTX 4090": 165e12, "L40S": 362e12, "A10G": 70e12}


def peak_of(name: str) -> float | None:
    """Of a CUDA device by its name; None where it is not known here."""
    return next((peak for part, peak in PEAKS.items() if part in name), None)


class Display:
    """Tells of steps and validations on `stream`. peak: floating-point operations a second that the device can do at best."""

    def __init__(self, steps: int, stream: TextIO | None = None, peak: float | None = None) -> None:
        self.steps, self.stream, self.peak = steps, stream or sys.stderr, peak
        self._console = Console(file=self.stream)
        self._bar: Progress | None = None
        self._told = time.monotonic()

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[speed]}"))
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task("training", total=self.steps, speed="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def speed(self, poses_per_second: float, flops: float = 0.0) -> str:
        """In words. flops: operations a second."""
        words = f"{poses_per_second:,.0f} poses/s"
        if flops:
            words += f", {flops / 1e9:,.1f} GFLOP/s"
            if self.peak:
                words += f" ({100 * flops / self.peak:.1f} % of peak)"
        return words

    def step(self, done: int, poses_per_second: float) -> None:
        """A `Ticker`."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, speed=self.speed(poses_per_second))
        elif time.monotonic() - self._told > LINE_SECONDS:
            self._told = time.monotonic()
            print(f"step {done} of {self.steps}, {self.speed(poses_per_second)}", file=self.stream, flush=True)

    def line(self, line: Line) -> None:
        """A `Listener`."""
        figures = ", ".join(f"{name} {value:.2f}" for name, value in line.figures.items())
        words = f"step {line.step} of {self.steps}: loss {line.loss:.5g}, {figures}; {self.speed(line.poses_per_second, line.flops)}"
        if self._bar is not None:
            self._console.print(words, soft_wrap=True, highlight=False)
        else:
            print(words, file=self.stream, flush=True)


class TensorBoardLog:
    """A folder that `tensorboard --logdir` shows. Going on from step `after` hides what an ended run logged beyond it."""

    def __init__(self, folder: Path, after: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # an extra that only training needs

        self._writer = SummaryWriter(str(folder), purge_step=after)

    def line(self, line: Line) -> None:
        """A `Listener`."""
        for name, value in line.to_dict().items():
            if name != "step":
                home = "validation" if name in line.figures else "training"
                self._writer.add_scalar(f"{home}/{name}", value, line.step)
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()
