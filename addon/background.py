"""A capture behind the window: the worker runs by itself, and what comes after it is done in slices that nobody feels."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .capture import Capture, Take
from .steps import drained

if TYPE_CHECKING:
    import bpy

    from ..contract.motion_file import Motion
    from .capture import Placement
    from .placing import Ready

SLICE: Final = 0.015  # seconds that building may keep the window from drawing; one step may take as long again
POLL: Final = 0.1  # seconds between two looks at the worker where nobody draws

Build = Callable[["Motion", "Ready | None"], Generator[None, None, Take]]


class Run:
    """One capture from its start to the take. Call `step` until it returns the take, or `whole`; `close` in the end, whatever happened."""

    def __init__(self, capture: Capture, scene: bpy.types.Scene, placement: Placement, build: Build, folder: Path) -> None:
        """build: makes the steps that put the motion into the scene. folder: a temporary one of the capture's, removed in the end."""
        from .placing import Target

        self.capture = capture
        self._folder = folder
        self._build = build
        self._target = Target.of(scene, placement)
        self._thread: ThreadPoolExecutor | None = None
        self._loading: Future[tuple[Motion, Ready]] | None = None
        self._steps: Generator[None, None, Take] | None = None

    @property
    def captured(self) -> bool:
        """Whether the motion is there, so that a failure from now on must not lose it."""
        return self._steps is not None

    def step(self) -> Take | None:
        """Goes on by a slice; the take when it is there. Raises the Failure of the worker or of what comes after it."""
        if self._steps is None:
            if self._loading is None:
                self.capture.poll()
                if self.capture.finished:
                    self._stage("armature")
                    self._thread = ThreadPoolExecutor(1, "kinolift-ready")
                    self._loading = self._thread.submit(self._load)
                return None
            if not self._loading.done():
                return None
            self._steps = self._build(*self._loading.result())
        ends = time.perf_counter() + SLICE
        while True:  # at least one
            try:
                next(self._steps)
            except StopIteration as end:
                take: Take = end.value
                return take
            if time.perf_counter() >= ends:
                return None

    def whole(self) -> Take:
        """For scripts: returns when the take is there."""
        while not self.capture.finished:
            self.capture.poll(POLL)
        motion = self.capture.motion()
        self._steps = self._build(motion, None)
        return drained(self._steps)

    def close(self) -> None:
        """Ends what still runs and takes back what was half built."""
        if self._steps is not None:
            self._steps.close()
        if self._thread is not None:
            self._thread.shutdown()
        self.capture.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _load(self) -> tuple[Motion, Ready]:
        motion = self.capture.motion()
        return motion, self._target.ready(motion)

    def _stage(self, name: str) -> None:
        self.capture.progress.stage = name
        self.capture.progress.done = self.capture.progress.total = 0
        self.capture.progress.fps = 0.0
