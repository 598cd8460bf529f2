"""Kills a batch at random moments and compares what it leads to with an undisturbed one: `python benchmarks/batch_kills.py --times 100`.

The whole group of processes is killed (SIGKILL) some time after its first event, the same command is started again, until it comes to an
end by itself; then everything is removed and it begins anew, until so many kills are done. Every file must be whole at any moment, and in
the end the outputs identical: the motions' arrays, the other files byte by byte. What it was at when it was killed is counted by stages.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.events import decode
from contract.failure import ExitCode, Failure
from contract.motion_file import Motion, load_motion
from contract.options import real, whole

ROOT = Path(__file__).resolve().parents[1]
START = "import sys, kinolift; kinolift.load_extension(); import kinolift_extension.addon.command_line as c; sys.exit(c.main(sys.argv[1:]))"
WORDS = ("--end", "6f", "--detector", "full", "--jobs", "2", "--log-json")


@dataclass
class Count:
    """`kills` that met a batch at work, `rounds` that came to their end, what was wrong, a line each, and how many met which stage."""

    kills: int = 0
    rounds: int = 0
    wrong: list[str] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=whole(1, 100_000), default=100, help="kills (default %(default)s)")
    parser.add_argument("--clips", type=whole(1, 100), default=2, help="clips in the batch, of six frames each (default %(default)s)")
    parser.add_argument("--longest", type=real(0.1, 3600.0), default=0.0, help="seconds to a kill at most (default: as an undisturbed run)")
    parser.add_argument("--export", default="npz,bvh", help="what the batch writes (default %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0)
    read = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kinolift-kills-") as folder:
        count = run(Path(folder), read.times, read.clips, read.longest, read.export, random.Random(read.seed))
    met = ", ".join(f"{number} {stage}" for stage, number in count.stages.most_common())
    print(f"{count.kills} kills ({met}) in {count.rounds} rounds: {len(count.wrong)} wrong.")
    for line in count.wrong:
        print(f"  {line}")
    return int(ExitCode.INTERNAL if count.wrong else ExitCode.DONE)


def run(folder: Path, times: int, clips: int, longest: float, export: str, rng: random.Random) -> Count:
    """Does it in an empty folder."""
    videos = folder / "videos"
    videos.mkdir()
    for number in range(clips):
        shutil.copy(ROOT / "examples" / "sample.mp4", videos / f"clip{number}.mp4")
    calm, out = folder / "calm", folder / "out"
    began = time.monotonic()
    subprocess.run(command(videos, calm, export), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    longest = longest or time.monotonic() - began
    count = Count()
    while count.kills < times:
        if stage := killed(command(videos, out, export), rng.uniform(0.0, longest)):
            count.kills += 1
            count.stages[stage] += 1
            count.wrong += [f"after kill {count.kills}: {why}" for why in damaged(out)]
            continue
        count.rounds += 1
        count.wrong += [f"round {count.rounds}: {why}" for why in different(calm, out)]
        shutil.rmtree(out, ignore_errors=True)
        print(f"{count.kills} kills, {count.rounds} rounds, {len(count.wrong)} wrong", flush=True)
    subprocess.run(command(videos, out, export), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    count.rounds += 1
    count.wrong += [f"round {count.rounds}: {why}" for why in different(calm, out)]
    return count


def command(videos: Path, out: Path, export: str) -> list[str]:
    return [sys.executable, "-c", START, "batch", str(videos), "-o", str(out), "--export", export, *WORDS]


def killed(words: Sequence[str], after: float) -> str:
    """Kills the command so many seconds after its first event. Returns what it was at then, the stage of the last event or the event
    itself; "" where it had come to its end."""
    process = subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    last: deque[str] = deque(maxlen=1)
    begun = threading.Event()

    def listen(lines: Iterable[str]) -> None:
        for line in lines:
            event = decode(line)
            if event is not None:
                last.append(str(event.get("stage") or event["event"]))
                begun.set()
        begun.set()

    listener = threading.Thread(target=listen, args=(process.stdout,), daemon=True)
    listener.start()
    begun.wait()
    try:
        process.wait(after)
        return ""
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return last[0] if last else "begin"
    finally:
        listener.join(5.0)


def damaged(out: Path) -> list[str]:
    """What of the outputs is there and not whole."""
    found = []
    for path in out.glob("*.npz"):
        try:
            load_motion(path)
        except Failure as failure:
            found.append(failure.message)
    return found


def different(calm: Path, out: Path) -> list[str]:
    """What of the outputs is not as in the undisturbed run."""
    unfinished = [path.name for path in (*out.glob(".kinolift-*"), *(out / ".kinolift").glob("*/.kinolift-*"))]
    if unfinished:
        return [f"unfinished files were left: {unfinished}"]
    there, here = ({path.name: path for path in folder.iterdir() if path.suffix in (".npz", ".bvh")} for folder in (calm, out))
    if set(there) != set(here):
        return [f"the files are {sorted(here)}"]
    return [name for name in there if not same(there[name], here[name])]


def same(a: Path, b: Path) -> bool:
    """Motions by their arrays, for their provenance says how long they took; others byte by byte."""
    if a.suffix != ".npz":
        return a.read_bytes() == b.read_bytes()
    one, other = load_motion(a), load_motion(b)
    names = [each.name for each in fields(Motion) if each.name != "provenance"]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


if __name__ == "__main__":
    sys.exit(main())
