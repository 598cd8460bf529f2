"""How much memory a take needs behind the detector, by its length: the peak of each stage, and what a frame more takes.

    python benchmarks/memory.py --minutes 1 10 60 [--refine] [--json FILE]
    python benchmarks/memory.py --capture VIDEO [--processes 1 2]

The second tells what whole captures of a video need, detected by so many processes: the peak of the largest one (resident memory), and of
all of them together (what they share, such as libraries, counts once: `Pss`). Linux only.

The detector's own memory is that of its pictures and does not know how long the video is; so here the sample's first frames are detected
once and said over and over, to and fro, for as many minutes. From there on everything is as in a capture: the rows gathered, the track,
lifting, the motion, and the file. Each length is a process of its own. The refiner works in batches of 256 frames and takes by far the
longest; it is left out unless `--refine` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import NO_REFINER, CaptureOptions, whole  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from engine.detection.segments import CORES_VARIABLE  # noqa: E402

SAMPLE: Final = ROOT / "examples" / "sample.mp4"
DETECTED: Final = 100  # frames of the sample that are really detected
FPS: Final = 30.0
START: Final = "libraries and networks"
STAGES: Final = (START, "rows", "track", "lift", "refine", "motion", "file")
MEGABYTE: Final = 2.0**20


class Meter:
    """The largest resident memory of this process in each stage, in bytes."""

    def __init__(self) -> None:
        self.peaks: dict[str, float] = {}
        self._stage = ""

    def enter(self, stage: str) -> None:
        """Ends the stage before."""
        if self._stage:
            self.peaks[self._stage] = peak()
        self._stage = stage
        forget_peak()


def peak() -> float:
    """Bytes: since `forget_peak` where the system can forget (Linux), else since the process began."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024.0 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def forget_peak() -> None:
    """From here on the peak is what comes."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def detect_sample(folder: Path) -> Path:
    """The rows of the sample's first frames as a file."""
    import numpy as np

    from engine.detection.detector import Detector
    from engine.footage.video import open_video

    rows = [row for _, row in Detector().rows(open_video(SAMPLE).frames(None, (float(DETECTED), "f")))]
    if any(row is None for row in rows):
        raise Failure("no_person", "The detector lost the person of the sample; repair the installation.")
    file = folder / "rows.npy"
    np.save(file, np.stack([row for row in rows if row is not None]))
    return file


def measure(rows_file: Path, minutes: float, refine: bool) -> dict[str, Any]:
    """One length, in this process: bytes at the peak of each stage, and the seconds all of it took."""
    import numpy as np

    from contract.motion_file import save_motion
    from engine.detection.detector import gather
    from engine.detection.rows import Rows
    from engine.finish import finish
    from engine.footage.video import open_video
    from engine.long_takes.scratch import let_go
    from engine.poses import PoseModel
    from engine.progress import Progress

    meter = Meter()
    meter.enter(START)
    model, seen = PoseModel("cpu"), np.load(rows_file)
    options = CaptureOptions(refiner="window" if refine else NO_REFINER)
    frames = max(2, round(60 * FPS * minutes))
    info = replace(open_video(SAMPLE).info, fps=FPS, frame_count=frames, duration=frames / FPS)
    began = time.perf_counter()
    meter.enter("rows")

    def said() -> Rows:
        rows, turn = Rows(frames), 2 * len(seen) - 2
        for k in range(frames):
            at = k % turn
            rows.append(k / FPS, seen[at if at < len(seen) else turn - at])
        return rows

    def next_stage(_: str, fields: dict[str, Any]) -> None:
        if fields.get("stage") in ("lift", "refine", "motion") and not fields["done"]:
            meter.enter(fields["stage"])

    def load() -> PoseModel:
        meter.enter("track")
        return model

    motion = finish(gather(said(), options.detector), info, load, options, None, Progress(next_stage)).motion
    meter.enter("file")
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        save_motion(motion, Path(folder) / "take.npz", let_go)
    meter.enter("end")
    held = sum(np.asarray(value).nbytes for name, value in vars(motion).items() if name != "provenance")
    return {"minutes": minutes, "frames": frames, "motion": held, "seconds": time.perf_counter() - began, "peaks": meter.peaks}


def a_frame_more(found: Sequence[dict[str, Any]], stage: str) -> float:
    """Bytes that a frame more takes at the peak of a stage, from the shortest to the longest take."""
    short, long = min(found, key=lambda f: f["frames"]), max(found, key=lambda f: f["frames"])
    return float((long["peaks"][stage] - short["peaks"][stage]) / max(long["frames"] - short["frames"], 1))


def show(found: Sequence[dict[str, Any]]) -> None:
    """The table on standard output."""
    from rich.table import Table

    from benchmarks.wide import print_wide

    table = Table("peak, MB", *(f"{f['minutes']:g} min, {f['frames']:,} frames" for f in found), "bytes a frame more")
    for stage in STAGES:
        if all(stage in f["peaks"] for f in found):
            cells = [f"{f['peaks'][stage] / MEGABYTE:.0f}" for f in found]
            table.add_row(stage, *cells, f"{a_frame_more(found, stage):,.0f}")
    whole = [max(f["peaks"].values()) for f in found]
    table.add_row("whole", *(f"{w / MEGABYTE:.0f}" for w in whole), f"{(max(whole) - min(whole)) / max(frames_between(found), 1):,.0f}")
    table.add_row(
        "the motion itself", *(f"{f['motion'] / MEGABYTE:.0f}" for f in found), f"{found[-1]['motion'] / found[-1]['frames']:,.0f}"
    )
    table.add_row("seconds", *(f"{f['seconds']:.1f}" for f in found), "")
    print_wide(table)


@dataclass(frozen=True)
class Peaks:
    """Of a capture, in bytes: of its largest process, and of all of them at one time, how many these were at most."""

    largest: float
    together: float
    processes: int


def measure_capture(video: Path, processes: int) -> Peaks:
    """Captures the video and looks on, fifty times a second. Raises Failure where the system does not tell, or the capture fails."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise Failure("bad_arguments", "This system does not tell the memory of processes as Linux does; use --minutes.")
    largest, together, most = 0.0, 0.0, 0
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        command = [sys.executable, "-m", "engine", "capture", str(video), "-o", str(Path(folder) / "take.npz")]
        told = {**os.environ, CORES_VARIABLE: str(processes)}
        with subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
            while worker.poll() is None:
                family = [(held, shared) for pid in _family(worker.pid) if (held := _field(pid, "status", "VmHWM:"))
                          and (shared := _field(pid, "smaps_rollup", "Pss:"))]  # fmt: skip
                largest = max([largest, *(held for held, _ in family)])
                together, most = max(together, sum(shared for _, shared in family)), max(most, len(family))
                time.sleep(0.02)
    if worker.returncode:
        raise Failure("worker_died", f"The capture of {video.name} ended with code {worker.returncode}; capture it to see why.")
    return Peaks(largest, together, most)


def _family(pid: int) -> list[int]:
    """A process and those that it has started."""
    try:
        children = [int(child) for place in Path(f"/proc/{pid}/task").glob("*/children") for child in place.read_text("ascii").split()]
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(child))]


def _field(pid: int, file: str, name: str) -> float:
    """Bytes; 0 of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return 1024.0 * next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def frames_between(found: Sequence[dict[str, Any]]) -> int:
    """From the shortest to the longest take."""
    return int(max(f["frames"] for f in found) - min(f["frames"] for f in found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 10.0, 60.0], help=f"of {FPS:g} frames a second (default 1 10 60)")
    parser.add_argument("--capture", type=Path, metavar="VIDEO", help="what whole captures of it need, instead")
    parser.add_argument("--processes", type=whole(1, 64), nargs="+", default=[1, 2], help="that detect it (default 1 2)")
    parser.add_argument("--refine", action="store_true", help="with the refiner over windows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    add_overwrite_argument(parser)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)  # in a process of its own: measure one length with these rows
    read = parser.parse_args(arguments)
    try:
        if any(not 0 < m < float("inf") for m in read.minutes):
            raise Failure("bad_arguments", "--minutes takes lengths above 0.")
        if read.rows:
            print(json.dumps(measure(read.rows, read.minutes[0], read.refine)), flush=True)
            return int(ExitCode.DONE)
        if read.capture:
            for count in read.processes:
                found_peaks = measure_capture(read.capture, count)
                sizes = f"largest {found_peaks.largest / MEGABYTE:.0f} MB, together {found_peaks.together / MEGABYTE:.0f} MB"
                print(f"{read.capture.name}, {count} allowed: {sizes}, {found_peaks.processes} processes at most", flush=True)
            return int(ExitCode.DONE)
        if read.json:
            (read.json,) = check_outputs([read.json], kinds=(".json",), overwrite=read.overwrite)
        with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
            rows = detect_sample(Path(folder))
            found = []
            for minutes in read.minutes:
                command = [sys.executable, str(Path(__file__).resolve()), "--rows", str(rows), "--minutes", str(minutes)]
                done = subprocess.run(command + ["--refine"] * read.refine, stdout=subprocess.PIPE, text=True, check=False)
                if done.returncode:
                    raise Failure("out_of_memory", f"A take of {minutes:g} minutes ended with code {done.returncode}; try a shorter one.")
                found.append(json.loads(done.stdout.splitlines()[-1]))
        if read.json:
            write_text(json.dumps(found, indent=1) + "\n", read.json)
        show(found)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
