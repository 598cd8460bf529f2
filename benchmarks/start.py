"""How long the worker takes until it shows life and until its first frame, and what of that Python spends on importing.

    python benchmarks/start.py [VIDEO] [--repeat N] [--detector full] [--imports]

The worker is started as the add-on starts it and ended at its first frame. `wall`: by the clock, which other work on the machine moves;
`processor`: what the worker and those that it started have used of all cores until then. `--imports`: the dearest modules, by what each
costs beyond those that it imports itself, in one more start.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from contract.events import decode  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CHOICES, DEFAULT_DETECTOR, whole  # noqa: E402

SAMPLE: Final = ROOT / "examples" / "sample.mp4"
DEAREST: Final = 15  # modules that are listed
_IMPORT: Final = re.compile(r"import time:\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\S+)")


@dataclass(frozen=True)
class Start:
    """Seconds until the first sign of life and until the first frame, by the clock and of the processors."""

    sign: float
    frame: float
    sign_processor: float
    frame_processor: float


def start(video: Path, detector: str, flags: Sequence[str] = (), log: int = subprocess.DEVNULL) -> Start:
    """One start of the worker. Raises Failure where the worker fails before its first frame."""
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        command = [sys.executable, *flags, "-m", "engine", "capture", str(video), "-o", str(Path(folder) / "take.npz")]
        began, sign = time.perf_counter(), (0.0, 0.0)
        with subprocess.Popen([*command, "--detector", detector], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as worker:
            for line in worker.stdout or ():
                event = decode(line) or {"event": ""}
                if event["event"] == "error":
                    raise Failure(event["code"], event["message"])
                now = time.perf_counter() - began, processor_seconds(worker.pid)
                sign = sign if sign[0] else now
                if event.get("stage") == "detect" and event.get("done", 0):
                    worker.terminate()
                    return Start(sign[0], now[0], sign[1], now[1])
    raise Failure("worker_died", "The worker ended before its first frame; capture the video to see why.")


def processor_seconds(pid: int) -> float:
    """What a process and those that it started have used until now; 0 where the system does not tell (Linux does)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(processor_seconds(int(child)) for child in children)


def dearest_imports(log: str) -> list[tuple[str, float]]:
    """(module, seconds beyond those of its own imports) of what `-X importtime` wrote, the dearest first."""
    found = {name: int(own) / 1e6 for own, _, name in _IMPORT.findall(log)}
    return sorted(found.items(), key=lambda item: -item[1])[:DEAREST]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", nargs="?", type=Path, default=SAMPLE, help="the clip (default: the example)")
    parser.add_argument("--repeat", type=whole(1, 1000), default=5, metavar="N", help="starts (default %(default)s)")
    parser.add_argument("--detector", choices=CHOICES["detector"], default=DEFAULT_DETECTOR, help="default %(default)s")
    parser.add_argument("--imports", action="store_true", help="list the dearest modules too")
    read = parser.parse_args(arguments)
    try:
        starts = [start(read.video, read.detector) for _ in range(read.repeat)]
        print(f"{read.video.name}, {read.detector} detector, {read.repeat} starts; median (lowest to highest), seconds")
        for title, wall, used in (("first sign of life", "sign", "sign_processor"), ("first frame", "frame", "frame_processor")):
            cells = [_cell([getattr(one, name) for one in starts]) for name in (wall, used)]
            print(f"{title:20} wall {cells[0]}   processor {cells[1]}")
        if read.imports:
            with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
                start(read.video, read.detector, ["-X", "importtime"], log.fileno())
                log.seek(0)
                for name, seconds in dearest_imports(log.read()):
                    print(f"{seconds * 1e3:7.1f} ms  {name}")
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


def _cell(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
