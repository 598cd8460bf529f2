"""Hours of short clips in one batch, watched for what grows: `python benchmarks/soak.py --minutes 120 [--rig hero.fbx] [--keep FOLDER]`.

Short pieces are cut out of videos (--videos; by default the sample), among them some with nobody in them and some that are damaged, and are
captured in one batch until the time is over. Once a minute all processes of the batch are looked at (also such as nobody waits for any
more: they are known by a word in their environment) and the folder that is theirs for temporary files. A line of figures each goes to
KEEP/soak.jsonl; `--figures KEEP/soak.jsonl` prints the table of it at any time. Ctrl-C ends it early, with the table. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.batch_kills import START
from benchmarks.wide import print_wide
from contract.failure import ExitCode
from contract.options import real, whole

ROOT: Final = Path(__file__).resolve().parents[1]
WORD: Final = "KINOLIFT_SOAK"  # in the environment of all that the batch starts
WIDTH: Final = 320  # of the pieces
PIECES: Final = 60  # different ones; the clips are these over and over, each under a name of its own
QUICKEST: Final = 2.0  # seconds a clip takes at least: so many are made that they last
END: Final = 60.0  # seconds that the batch has to end after it was asked to
MEGABYTE: Final = 2.0**20
# What is looked at, in which words, and by how much it may be more in the last third of the time than in the first (beside a tenth).
MEASURES: Final = {
    "memory_mb": ("memory of all processes, MB", 30.0), "own_memory_mb": ("of which the batch itself, MB", 15.0),
    "handles": ("open files of all processes", 8.0), "own_handles": ("of which the batch itself", 2.0), "processes": ("processes", 1.0),
    "threads": ("threads", 4.0), "temporary": ("temporary files and folders", 3.0), "temporary_mb": ("their size, MB", 1.0),
    "beside": ("unfinished files beside the outputs", 1.0),
}  # fmt: skip


def pieces(videos: Sequence[Path], frames: int, folder: Path, count: int = PIECES) -> list[Path]:
    """Pieces of the videos in turn, each of so many frames behind the one before, small; of twenty one is black and one broken."""
    made: list[Path] = []
    with contextlib.ExitStack() as opened:
        readers = []
        for video in videos:
            reader = cv2.VideoCapture(str(video))
            opened.callback(reader.release)
            if reader.read()[0]:
                readers.append(reader)
        if not readers:
            raise ValueError("no video that can be read was given")
        for number in range(count):
            path = folder / f"piece{number:03}.mp4"
            _write(readers[number % len(readers)], frames, path, black=number % 20 == 7)
            if number % 20 == 13:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            made.append(path)
    return made


def _write(reader: cv2.VideoCapture, frames: int, path: Path, black: bool) -> None:
    writer: cv2.VideoWriter | None = None
    for _ in range(frames):
        there, image = reader.read()
        if not there:
            reader.set(cv2.CAP_PROP_POS_FRAMES, 0)
            there, image = reader.read()
        height = max(2, round(image.shape[0] * WIDTH / image.shape[1]))
        image = cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA) * (0 if black else 1)
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS) or 30.0, (WIDTH, height))
        writer.write(image)
    assert writer is not None
    writer.release()


def look(word: str, batch: int, temporary: Path, out: Path) -> dict[str, float]:
    """The figures of this moment: of every process with the word in its environment, of the batch's own, and of the folders."""
    found = dict.fromkeys(MEASURES, 0.0)
    for process in processes(word):
        with contextlib.suppress(OSError, StopIteration, ValueError):  # it has ended meanwhile
            status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
            memory, handles = float(status.get("VmRSS", "0").split()[0]) * 1024 / MEGABYTE, len(list((process / "fd").iterdir()))
            found["processes"] += 1
            found["threads"] += float(status["Threads"])
            found["memory_mb"] += memory
            found["handles"] += handles
            if process.name == str(batch):
                found["own_memory_mb"], found["own_handles"] = memory, float(handles)
    for path in temporary.rglob("*"):
        with contextlib.suppress(OSError):
            found["temporary_mb"] += path.lstat().st_size / MEGABYTE if path.is_file() else 0.0
            found["temporary"] += 1
    for folder in (out, *(out / ".kinolift" / name for name in ("records", "detections", "motions"))):
        found["beside"] += len(list(folder.glob(".kinolift-*")))
    records = out / ".kinolift" / "records"
    found["clips"] = float(sum(path.suffix == ".json" for path in records.iterdir())) if records.is_dir() else 0.0
    return {name: round(value, 2) for name, value in found.items()}


def processes(word: str) -> Iterator[Path]:
    """Their folders in /proc; a zombie, whose environment is gone already, is not among them."""
    wanted = f"{WORD}={word}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    yield entry


def growing(samples: Sequence[dict[str, float]]) -> list[str]:
    """The measures whose median in the last third of the samples is more than a tenth, and more than is said above, above the first's."""
    return [name for name, (_, allowed) in MEASURES.items() if _grown(samples, name) > max(allowed, 0.1 * _thirds(samples, name)[0])]


def _thirds(samples: Sequence[dict[str, float]], name: str) -> tuple[float, float]:
    third = max(1, len(samples) // 3)
    first, last = ([sample[name] for sample in part] for part in (samples[:third], samples[-third:]))
    return statistics.median(first), statistics.median(last)


def _grown(samples: Sequence[dict[str, float]], name: str) -> float:
    first, last = _thirds(samples, name)
    return last - first


def show(samples: Sequence[dict[str, float]]) -> ExitCode:
    """The table on standard output. Returns DONE where nothing grows."""
    from rich.table import Table

    if len(samples) < 3:
        print("There are fewer than three figures; let it run for some minutes.")
        return ExitCode.BAD_INPUT
    table = Table("figure", "least", "first third", "last third", "most", "grows")
    grows = growing(samples)
    for name, (words, _) in MEASURES.items():
        values = [sample[name] for sample in samples]
        first, last = _thirds(samples, name)
        table.add_row(words, f"{min(values):g}", f"{first:g}", f"{last:g}", f"{max(values):g}", "yes" if name in grows else "no")
    print_wide(table)
    clips = samples[-1]["clips"]
    minutes = samples[-1]["seconds"] / 60
    print(f"{clips:.0f} clips in {minutes:.0f} minutes, {len(samples)} looks (medians of each third of them); growing: {len(grows)}.")
    return ExitCode.INTERNAL if grows else ExitCode.DONE


def soak(folder: Path, read: argparse.Namespace) -> list[dict[str, float]]:
    """Runs it in the folder; returns the samples. The last one is of after its end, when nothing shall be left."""
    bases, clips, temporary, out = (folder / name for name in ("pieces", "clips", "temporary", "out"))
    for path in (bases, clips, temporary):
        path.mkdir(parents=True)
    made = pieces(read.videos or [ROOT / "examples" / "sample.mp4"], read.frames, bases)
    for number in range(round(60 * read.minutes / QUICKEST * read.jobs) + 1):
        os.link(made[number % len(made)], clips / f"clip{number:06}.mp4")
    word = uuid.uuid4().hex
    words = ["batch", str(clips), "-o", str(out), "--export", read.export, "--jobs", str(read.jobs), "--detector", "full", "--quiet"]
    words += ["--rig", str(read.rig.absolute())] if read.rig else []
    environment = os.environ | {WORD: word, "TMPDIR": str(temporary)}
    samples: list[dict[str, float]] = []
    with (folder / "batch.log").open("wb") as log, (folder / "soak.jsonl").open("w", encoding="utf-8") as lines:
        began = time.monotonic()
        batch = subprocess.Popen([sys.executable, "-c", START, *words], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                until = began + 60 * read.minutes
                while batch.poll() is None and (left := until - time.monotonic()) > 0:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        batch.wait(min(left, read.every))
                    if batch.poll() is None:
                        samples.append({"seconds": round(time.monotonic() - began, 1), **look(word, batch.pid, temporary, out)})
                        lines.write(json.dumps(samples[-1]) + "\n")
                        lines.flush()
            if batch.poll() is None:
                batch.send_signal(signal.SIGINT)
                batch.wait(END)
        finally:
            if batch.poll() is None:
                batch.kill()
                batch.wait()
    left = look(word, batch.pid, temporary, out)
    rest = f"{left['processes']:.0f} processes, {left['temporary']:.0f} temporary files and folders, {left['beside']:.0f} unfinished files"
    print(f"Ended with code {batch.returncode}; {came_of(out / 'report.jsonl')}; left: {rest}.")
    return samples


def came_of(report: Path) -> str:
    """How many clips went well and why the others did not: without it nobody would see that all failed alike."""
    if not report.is_file():
        return "there is no report"
    rows = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    counts = Counter(row["code"] or "done" for row in rows)
    return ", ".join(f"{number} {what}" for what, number in counts.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=real(0.05, 100_000.0), default=120.0, help="(default %(default)s)")
    parser.add_argument("--every", type=real(0.2, 3600.0), default=60.0, metavar="SECONDS", help="between two looks (default %(default)s)")
    parser.add_argument("--frames", type=whole(2, 100_000), default=12, help="of each clip (default %(default)s)")
    parser.add_argument("--jobs", type=whole(1, 64), default=1, help="clips at once (default %(default)s)")
    parser.add_argument("--videos", type=Path, nargs="+", metavar="VIDEO", help="what the clips are cut out of (default: the sample)")
    parser.add_argument("--rig", type=Path, metavar="FILE", help="a character that all clips are put on")
    parser.add_argument("--export", default="npz,bvh", help="what the batch writes (default %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder for the clips, what comes of them, and the figures")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="only print the table of a soak.jsonl")
    read = parser.parse_args(arguments)
    if read.figures:
        return int(show([json.loads(line) for line in read.figures.read_text(encoding="utf-8").splitlines()]))
    if sys.platform != "linux":
        print("What processes hold is read from /proc, which only Linux has.", file=sys.stderr)
        return int(ExitCode.BAD_ARGUMENTS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell would have it ignored, here and in the batch
    folder = read.keep or Path(tempfile.mkdtemp(prefix="kinolift-soak-"))
    try:
        return int(show(soak(folder, read)))
    finally:
        if read.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
