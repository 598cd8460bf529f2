"""What a second of fast footage costs beside a second at 30 frames a second, whose motion it shows: frames nobody needs are not looked at.

    python benchmarks/rates.py VIDEO [--rates 60 120 240] [--height 960] [--repeat 2]

The video's first frames are written anew at 30 frames a second and at each of the rates, with pictures blended in between, as clips of one
and of four seconds (MPEG-4, to and fro). Each is captured by the worker on one core's worth of processes. A second costs a third of what
the longer clip takes more than the shorter one, in processor seconds of all processes; all rates take turns, and the ratios are of one run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import whole  # noqa: E402
from engine.detection.segments import CORES_VARIABLE  # noqa: E402
from engine.footage.video import open_video  # noqa: E402

USUAL: Final = 30
SHORT, LONG = 1, 4  # seconds of the clips
KEPT: Final = 60  # frames of the video, at most: read to and fro

Picture = npt.NDArray[np.uint8]


def pictures(video: Path, height: int) -> list[Picture]:
    """Its first frames at about 30 a second, BGR, of that height at most."""
    opened = open_video(video)
    every = max(1, round((opened.info.file_fps or opened.info.fps) / USUAL))
    found: list[Picture] = []
    for frame in opened.frames():
        if frame.index % every == 0:
            share = min(1.0, height / frame.image.shape[0])
            size = (2 * round(frame.image.shape[1] * share / 2), 2 * round(frame.image.shape[0] * share / 2))
            found.append(np.asarray(cv2.cvtColor(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR), np.uint8))
        if len(found) == KEPT:
            break
    if len(found) < 2:
        raise Failure("bad_input", f"{video.name} has fewer than two frames; take a longer clip.")
    return found


def at_rate(found: Sequence[Picture], rate: int, seconds: float) -> Iterator[Picture]:
    """So many seconds of the pictures to and fro, blended at `rate` frames a second."""
    turn = 2 * (len(found) - 1)
    for k in range(round(rate * seconds)):
        at = k * USUAL / rate
        before, after = (found[place if place < len(found) else turn - place] for place in (int(at) % turn, (int(at) + 1) % turn))
        share = at - int(at)
        yield before if share == 0.0 else np.asarray(cv2.addWeighted(before, 1.0 - share, after, share, 0.0), np.uint8)


def write(path: Path, found: Sequence[Picture], rate: int, seconds: float) -> Path:
    """The clip as a file."""
    height, width = found[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    for picture in at_rate(found, rate, seconds):
        writer.write(picture)
    writer.release()
    return path


def cost(clip: Path) -> float:
    """Processor seconds of a capture, all of its processes together."""
    before = sum(os.times()[2:4])
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        command = [sys.executable, "-m", "engine", "capture", str(clip), "-o", str(Path(folder) / "take.npz")]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, CORES_VARIABLE: "1"}, capture_output=True, check=False)
    if done.returncode:
        raise Failure("worker_died", f"The capture of {clip.name} ended with code {done.returncode}; capture the video to see why.")
    return sum(os.times()[2:4]) - before


def measure(video: Path, rates: Sequence[int], height: int, repeat: int) -> dict[int, list[float]]:
    """Processor seconds that a second of footage costs, by the rate, `repeat` times each."""
    found = pictures(video, height)
    costs: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        clips = {
            rate: [write(Path(folder) / f"{rate}_{seconds}.mp4", found, rate, seconds) for seconds in (SHORT, LONG)]
            for rate in (USUAL, *rates)
        }  # fmt: skip
        for _ in range(repeat):
            for rate, (short, long) in clips.items():
                costs.setdefault(rate, []).append((cost(long) - cost(short)) / (LONG - SHORT))
    return costs


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", type=Path)
    parser.add_argument("--rates", type=whole(31, 1000), nargs="+", default=[60, 120, 240], help="frames a second (default 60 120 240)")
    parser.add_argument("--height", type=whole(64, 4320), default=960, help="pixels of the clips (default %(default)s)")
    parser.add_argument("--repeat", type=whole(1, 100), default=2, metavar="N", help="default %(default)s")
    read = parser.parse_args(arguments)
    try:
        costs = measure(read.video, read.rates, read.height, read.repeat)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    usual = statistics.median(costs[USUAL])
    for rate, values in costs.items():
        middle = statistics.median(values)
        spread = f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})"
        print(f"{rate:4} frames a second: {spread} processor seconds for a second, {middle / usual:.2f} of {USUAL}'s")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
