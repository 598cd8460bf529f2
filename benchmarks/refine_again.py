"""How long Refine Again takes in Blender's window: from the click until the take has its new motion, by the clock and of the processors.

    blender --python benchmarks/refine_again.py -- VIDEO [--repeat 3] [--end SECONDS]

Run it in a Blender that has Kinolift enabled. VIDEO is captured once. Then each setting of the panel is changed and the button pressed:
first without a worker that stands by, as in a file that was opened later, then with the one that stayed. `start`: what passes until the
worker is at work, `worker`: until its motion is there, `window`: until the take has it. Processor seconds, where the system tells (Linux):
`its own` of the worker, `ours` of Blender's main thread, and `drawing`, Blender's other threads, which draw where no graphics card does.
Without a screen: `xvfb-run -s "-screen 0 1600x1000x24"` before it and LIBGL_ALWAYS_SOFTWARE=1 in the environment.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import bpy

WAIT = 0.005  # seconds between two looks
# what is changed, from its first value to its second and back
CHANGES: dict[str, tuple[Any, Any]] = {
    "smooth": (0.8, 0.3), "feet": ("never", "auto"), "level": ("body", "auto"), "root": ("in-place", "motion"), "height": (1.9, 1.7),
    "fov": (50.0, 60.0),
}  # fmt: skip


@dataclass(frozen=True)
class Refined:
    """Seconds of one click."""

    start: float
    worker: float
    window: float
    its_own: float
    ours: float
    drawing: float


def addon(name: str) -> Any:
    package = next(each.module for each in bpy.context.preferences.addons if each.module.rsplit(".", 1)[-1] == "kinolift")
    return import_module(f"{package}.addon.{name}")


def processors(processes: list[int]) -> float:
    """Seconds that these have used until now, and their children that have ended; 0 where the system does not tell."""
    total = 0.0
    for process in processes:
        try:
            told = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def click(name: str, value: Any, done: list[Refined]) -> Iterator[float]:
    """Refine Again with that setting; what is yielded is the time until the next look."""
    status, settings = bpy.context.window_manager.kinolift, bpy.context.scene.kinolift
    setattr(settings, name, value)
    yield 0.2
    workers, behind = addon("worker"), addon("behind")
    known = [one.process_id for one in workers._alive]
    its_own, ours, all_ours, began = processors(known), time.thread_time(), time.process_time(), time.perf_counter()
    if bpy.ops.kinolift.refine_with_settings() != {"FINISHED"} and not status.running:
        raise RuntimeError(f"not begun: {status.error}")
    capture = behind._queue[0]._run.capture
    start = worker = 0.0
    while status.running:
        known = sorted({*known, *(one.process_id for one in workers._alive)})
        now = time.perf_counter() - began
        start = start or (now if capture.progress.stage != "start" else 0.0)
        worker = worker or (now if capture.progress.stage == "armature" else 0.0)
        yield WAIT
    if status.error:
        raise RuntimeError(status.error)
    window, ours, all_ours = time.perf_counter() - began, time.thread_time() - ours, time.process_time() - all_ours
    done.append(Refined(start, worker, window, processors(known) - its_own, ours, all_ours - ours))


def steps(video: Path, repeat: int, end: str) -> Iterator[float]:
    view = max((area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height)
    view.spaces.active.show_region_ui = True
    yield 1.0
    began = time.perf_counter()
    bpy.context.scene.kinolift.video, bpy.context.scene.kinolift.end = str(video), end
    bpy.ops.kinolift.capture_video()
    while bpy.context.window_manager.kinolift.running:
        yield 0.05
    if bpy.context.object is None:
        raise RuntimeError(bpy.context.window_manager.kinolift.error)
    frames = round(bpy.context.object.animation_data.action.frame_range[1]) - bpy.context.scene.frame_start + 1
    print(f"{video.name}, {frames} frames; the capture itself took {time.perf_counter() - began:.1f} s", flush=True)
    cold: list[Refined] = []
    for turn in range(repeat):
        addon("standby").end()
        yield from click("smooth", CHANGES["smooth"][turn % 2], cold)
    tell("no worker stands by", cold)
    for name, values in CHANGES.items():
        warm: list[Refined] = []
        for turn in range(repeat):
            yield from click(name, values[turn % 2], warm)
        tell(name, warm)
        settings = bpy.context.scene.kinolift
        settings.property_unset(name)
    for one in addon("worker")._alive:
        print(f"The worker that stands by holds {memory(one.process_id)} MB", flush=True)


def memory(process: int) -> int:
    """MB of a process that are its own, by Linux's account of proportional shares; 0 where the system does not tell."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return round(next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1000)


def tell(name: str, clicks: list[Refined]) -> None:
    cells = []
    for each in fields(Refined):
        values = [getattr(one, each.name) for one in clicks]
        cells.append(f"{each.name.replace('_', ' ')} {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    print(f"{name:20} {'   '.join(cells)}", flush=True)


def closing(todo: Iterator[float]) -> Iterator[float]:
    try:
        yield from todo
    except Exception:
        traceback.print_exc()
    yield 0.5
    bpy.ops.wm.quit_blender()


def main() -> None:
    parser = argparse.ArgumentParser(prog="blender --python benchmarks/refine_again.py --", description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--end", default="", help="capture up to there: seconds, or frames as 75f")
    read = parser.parse_args(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False  # nothing of this may stay in the settings of whoever runs it
    todo = closing(steps(read.video.absolute(), read.repeat, read.end))
    bpy.app.timers.register(lambda: next(todo, None), first_interval=2.0)


main()
