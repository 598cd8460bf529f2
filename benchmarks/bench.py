"""How long every stage of a capture takes, in one run: median and spread of several repetitions, and ratios to the detector's own time.

    python3 kinolift.py bench [VIDEO] [--device cpu|cuda] [--repeat 3] [--json FILE] [--compare FILE]

Every repetition goes through all stages in turn, so that a machine that slows down slows all of them. `reading + detector` is what nothing
can be faster than with one process; `plain loop` is a capture as one would write it down, see plain_loop.py, without its start and its
imports, and `plain detector loop` its first part; `whole capture` is the worker as the add-on starts it, with its own start, and writes
the motion file. Beside the time by the clock stands the processors' time, of all processes and threads together: other programs on the
machine hardly change it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from contract.events import decode  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CHOICES, DEFAULT_DETECTOR, DEFAULT_FOV, CaptureOptions, whole  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402

if TYPE_CHECKING:
    from engine.person.track import Track
    from engine.poses import PoseModel

SAMPLE: Final = ROOT / "examples" / "sample.mp4"
SCHEMA: Final = "kinolift.bench/1"
KEPT: Final = 60  # pictures kept in memory for the detector alone: 400 MB of 1080p
FORWARD_BATCH: Final = 64
REFERENCE: Final = "reading + detector"
# (evaluations, hypotheses, mirrored too) of the refiner of single frames; the first is what `--refiner frame` does by itself.
REFINEMENTS: Final = ((1, 1, False), (2, 1, False), (1, 5, False), (2, 5, True))


@dataclass
class Row:
    """One stage: `count` things (frames, poses) a repetition, the `seconds` of each repetition, and what it is."""

    name: str
    count: int
    unit: str = "frame"
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)  # seconds of all cores together, where they are known

    @property
    def median(self) -> float:
        """Milliseconds a thing."""
        return 1e3 * statistics.median(self.seconds) / self.count

    @property
    def processor_median(self) -> float | None:
        """Milliseconds of all cores together a thing, where they are known."""
        return 1e3 * statistics.median(self.processor) / self.count if self.processor else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Milliseconds a thing of the fastest and the slowest repetition."""
        return 1e3 * min(self.seconds) / self.count, 1e3 * max(self.seconds) / self.count


class Table:
    """The rows by name, in the order in which they were first measured."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def add(self, name: str, count: int, seconds: float, unit: str = "frame", processor: float | None = None) -> None:
        """One repetition's time of a stage."""
        row = self.rows.setdefault(name, Row(name, count, unit))
        row.seconds.append(seconds)
        row.processor += [] if processor is None else [processor]

    def time(self, name: str, count: int, action: Callable[[], Any], unit: str = "frame") -> Any:
        """Runs `action` as one repetition of a stage; returns what it returns."""
        began, used = time.perf_counter(), processor_seconds()
        result = action()
        self.add(name, count, time.perf_counter() - began, unit, processor_seconds() - used)
        return result


def processor_seconds() -> float:
    """Seconds that all cores have spent on this process and on those it has started and seen end."""
    return sum(os.times()[:4])


def measure(
    path: Path, options: CaptureOptions, repeat: int, with_blender: bool = True, say: Callable[[str], None] = lambda _: None
) -> Table:
    """All stages of `path`, `repeat` times. Raises Failure as a capture does."""
    from benchmarks.plain_loop import plain_detections, plain_loop, plain_model
    from engine.cameras.pinhole import camera_matrix
    from engine.detection.detector import Detector
    from engine.footage.video import open_video
    from engine.person.swaps import undo_swaps
    from engine.person.track import make_track
    from engine.poses import PoseModel
    from engine.progress import Progress

    table, quiet, device = Table(), Progress(), options.device
    video = open_video(path, quiet)
    frames = video.count()
    model, plain = PoseModel(device), plain_model(device)
    detector, whole_detector = Detector(options.detector), Detector(options.detector, whole=True)
    kept = [frame for frame, _ in zip(video.frames(), range(KEPT), strict=False)]
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        motion_file = Path(folder) / "take.npz"
        for k in range(repeat):
            say(f"repetition {k + 1} of {repeat}")
            table.time("decode", frames, lambda: sum(1 for _ in video.frames()))
            table.time("detect", len(kept), lambda: sum(1 for _ in detector.rows(iter(kept))))
            table.time("plain loop", frames, lambda: plain_loop(video, whole_detector, plain, CaptureOptions()))
            table.time("plain detector loop", frames, lambda: plain_detections(video, whole_detector))
            detections = table.time(REFERENCE, frames, lambda: detector.detect(video.frames(), video.info, Progress(), frames))
            whole_capture(table, path, motion_file, options, frames)
            track, _ = undo_swaps(make_track(detections, video.info, quiet))
            matrix = camera_matrix((video.info.width, video.info.height), video.info.fov_degrees or DEFAULT_FOV)
            time_model(table, model, track, matrix)
            time_forward(table, model)
        if with_blender:
            time_blender(table, motion_file, repeat, frames)
    return table


def time_model(table: Table, model: PoseModel, track: Track, matrix: Any) -> None:
    """Lifting, refining in several ways, and building the motion."""
    import numpy as np

    from contract.skeleton import BODY_22
    from engine.kinematics.assemble import build_motion
    from engine.kinematics.take import Camera, Performer
    from engine.lifter.codec import NETWORK_FPS
    from engine.person.face import face_direction
    from engine.person.track import body_points
    from engine.progress import Progress
    from engine.refiner.noise import Frames
    from engine.refiner.sampler import Ddim, refine
    from engine.refiner.state import GUIDE_SIGNS, confidence_of

    options, frames, progress = CaptureOptions(), len(track), Progress()
    poses = model.run(
        track, matrix, options.height, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress,
        refiner=options.refiner,
    )  # fmt: skip
    progress.finish()
    table.add("lift", frames, progress.timings["lift"])
    schedule = model.noise.schedule
    rng = np.random.default_rng(0)
    guess, guide = (0.3 * rng.normal(size=(frames, len(BODY_22), c)).astype(np.float32) for c in (5, len(GUIDE_SIGNS)))
    known = Frames(confidence_of(guide).clip(0.0, 1.0), np.arange(frames) / NETWORK_FPS)
    for steps, hypotheses, flip in REFINEMENTS:
        states, first = model.noise.start(guess, hypotheses, 0.5 if hypotheses > 1 else 0.0, rng, known)
        times = schedule.times(first, steps)

        def run() -> None:
            network = model.networks.refiner
            refine(network, BODY_22, Ddim(schedule), states, guide, times, flip=flip, guide_signs=GUIDE_SIGNS)  # noqa: B023

        words = f"refine, {steps} step{'s' * (steps > 1)}, {hypotheses} hypothes{'e' if hypotheses > 1 else 'i'}s"
        table.time(words + (", mirrored" if flip else ""), frames, run)
    points, confidence = (a.astype(np.float64) for a in body_points(track.image, track.visibility, track.detector))
    size = (round(2 * float(matrix[0, 2])), round(2 * float(matrix[1, 2])))

    def build() -> None:
        build_motion(Performer.of(poses, track, points, confidence, face_direction(track, matrix)), Camera(matrix, size), options)

    table.time("motion", frames, build)


def time_forward(table: Table, model: PoseModel) -> None:
    """The released layout's forward pass as the paper describes it, and as it is run here, both on the model's device."""
    import torch

    from benchmarks.plain_refiner import PlainRefiner
    from contract.skeleton import H36M_17
    from engine.refiner.fast import backend
    from engine.refiner.network import Refiner, RefinerConfig

    torch.manual_seed(0)
    device = torch.device(model.device)
    network = Refiner(H36M_17, RefinerConfig(released=True)).to(device).eval()
    x, p = (0.3 * torch.randn(FORWARD_BATCH, 17, c, device=device) for c in (5, 2))
    t = torch.full((FORWARD_BATCH,), 6, device=device)
    fast = backend.choose_exact(network, device) if device.type == "cpu" else backend.choose(network, device, lambda *_: None)
    runs: list[tuple[str, Callable[..., Any]]] = [("forward, fast", fast)]
    if device.type == "cpu":
        runs.insert(0, ("forward, as written", PlainRefiner(network)))
    else:
        runs.insert(0, ("forward, as written", network))
    with torch.inference_mode():
        for _, run in runs:
            run(x, t, p)
        for name, run in runs:

            def once() -> None:
                run(x, t, p)  # noqa: B023
                synchronise(device)

            synchronise(device)
            table.time(f"{name}, batch {FORWARD_BATCH}", FORWARD_BATCH, once, "pose")


def synchronise(device: Any) -> None:
    """Waits for a GPU."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def whole_capture(table: Table, path: Path, output: Path, options: CaptureOptions, frames: int) -> None:
    """The worker, started as the add-on starts it: to its first sign of life, to the first frame, and to the end."""
    began, used = time.perf_counter(), processor_seconds()
    command = [sys.executable, "-m", "engine", "capture", str(path), "-o", str(output), *options.arguments()]
    first = frame = 0.0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        for line in worker.stdout or ():
            event = decode(line) or {"event": ""}
            first = first or time.perf_counter() - began
            if event["event"] == "error":
                raise Failure(event["code"], event["message"])
            if not frame and event.get("stage") == "detect" and event.get("done", 0):
                frame = time.perf_counter() - began
    if worker.returncode or not frame:
        raise Failure("worker_died", f"The worker ended with code {worker.returncode} and no result; capture the video to see why.")
    table.add("whole capture", frames, time.perf_counter() - began, processor=processor_seconds() - used)
    table.add("start to first progress", 1, first, "capture")
    table.add("start to first frame", 1, frame, "capture")


def time_blender(table: Table, motion_file: Path, repeat: int, frames: int) -> None:
    """The add-on's share, in a process of its own; left out where this Python has no Blender."""
    command = [sys.executable, str(ROOT / "benchmarks" / "armature.py"), str(motion_file), str(repeat)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        print(f"Armature and export are left out: {reason[0]}", file=sys.stderr)
        return
    for name, seconds in json.loads(lines[-1]).items():
        for value in seconds:
            table.add(name, frames, value)


def report(table: Table, path: Path, device: str, repeat: int, detector: str = DEFAULT_DETECTOR) -> dict[str, Any]:
    """Plain values for --json and --compare."""
    import torch

    where = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return {
        "schema": SCHEMA, "video": path.name, "device": device, "detector": detector, "machine": where, "cores": os.cpu_count(),
        "repeat": repeat,
        "threads": torch.get_num_threads(), "torch": torch.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
        "rows": {
            r.name: {"count": r.count, "unit": r.unit, "seconds": [round(s, 6) for s in r.seconds], "median_ms": round(r.median, 6),
                     "processor": [round(s, 6) for s in r.processor]}
            for r in table.rows.values()
        },
    }  # fmt: skip


def read_report(path: Path) -> dict[str, Any]:
    """An earlier --json. Raises Failure `no_such_file` or `bad_input`."""
    if not path.is_file():
        raise Failure("no_such_file", f"There is no {path} to compare with; check the path.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] == SCHEMA and all(float(row["median_ms"]) > 0 for row in found["rows"].values()):
            return dict(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise Failure("bad_input", f"{path} is not what `bench --json` writes; name such a file.")


def show(table: Table, before: dict[str, Any] | None, title: str) -> None:
    """The table on standard output; `before`: an earlier report."""
    from rich.console import Console
    from rich.table import Table as RichTable

    reference = table.rows[REFERENCE].median
    shown = RichTable(title=title, title_justify="left")
    for name in ("stage", "ms", "fastest to slowest", "processor, ms", "a", "a second", f"of {REFERENCE}"):
        shown.add_column(name, justify="left" if name in ("stage", "a") else "right")
    if before:
        shown.add_column("before, ms", justify="right")
        shown.add_column("before / now", justify="right")
    for row in table.rows.values():
        low, high = row.bounds
        used = row.processor_median
        cells = [row.name, f"{row.median:.3g}", f"{low:.3g} to {high:.3g}", "" if used is None else f"{used:.3g}", row.unit]
        cells.append(f"{1e3 / row.median:.4g}")
        cells.append(f"{row.median / reference:.3f}" if row.unit == "frame" else "")
        if before:
            old = before["rows"].get(row.name)
            cells += [f"{old['median_ms']:.3g}", f"{old['median_ms'] / row.median:.2f}"] if old else ["", ""]
        shown.add_row(*cells)
    Console(width=None if sys.stdout.isatty() else 160).print(shown)
    for a, b, words in RATIOS:
        quick, slow = (next((r for name, r in table.rows.items() if name.startswith(part)), None) for part in (a, b))
        if quick and slow:
            mine, other = quick.processor_median, slow.processor_median
            by_processor = f" (by the processors' time {other / mine:.2f})" if mine and other else ""
            print(f"{words}: {slow.median / quick.median:.2f}{by_processor}")


# (this row, in relation to that row, what the quotient is called)
RATIOS: Final = (
    (REFERENCE, "whole capture", "whole capture / reading + detector"),
    ("whole capture", "plain loop", "whole capture's frames a second / plain loop's"),
    ("whole capture", "plain detector loop", "whole capture's frames a second / plain detector loop's"),
    ("forward, fast", "forward, as written", "forward pass, fast against as written"),
    ("forward, bfloat16", "forward, as written", "forward pass, bfloat16 against as written"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="kinolift.py bench", description="Measures every stage of a capture and prints one table.")
    parser.add_argument("video", nargs="?", type=Path, default=SAMPLE, help="the clip (default: the example)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where lifter and refiner run (default %(default)s)")
    parser.add_argument("--detector", choices=CHOICES["detector"], default=DEFAULT_DETECTOR, help="default %(default)s")
    parser.add_argument("--repeat", type=whole(None, 10_000), default=3, metavar="N", help="repetitions (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    add_overwrite_argument(parser)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="put an earlier --json beside these figures")
    parser.add_argument("--no-blender", action="store_true", help="leave out armature, keys and export")
    read = parser.parse_args(arguments)
    try:
        if read.repeat < 1:
            raise Failure("bad_arguments", f"--repeat is {read.repeat}; it takes 1 or more.")
        if read.json:
            (read.json,) = check_outputs([read.json], [read.video, *([read.compare] if read.compare else [])], (".json",), read.overwrite)
        before = read_report(read.compare) if read.compare else None
        options = CaptureOptions(device=read.device, detector=read.detector).check()
        table = measure(read.video, options, read.repeat, not read.no_blender, lambda text: print(text, file=sys.stderr, flush=True))
        found = report(table, read.video, read.device, read.repeat, read.detector)
        if read.json:
            write_text(json.dumps(found, indent=1) + "\n", read.json)
        place = f"{found['machine']}, {found['cores']} cores, torch on {read.device}"
        title = f"{read.video.name} on {place}, {read.detector} detector, {read.repeat} repetitions"
        show(table, before, title)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
