"""Kills a batch at random moments and compares what it leads to with an undisturbed one: `python benchmarks/batch_kills.py --times 100`.

The whole group of processes is killed (SIGKILL), the same command is started again, until it comes to an end by itself; then everything is
removed and it begins anew, until so many kills are done. Every file must be whole at any moment, and in the end the outputs identical: the
motions' arrays, the other files byte by byte.
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
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.failure import ExitCode, Failure
from contract.motion_file import Motion, load_motion
from contract.options import real, whole

ROOT = Path(__file__).resolve().parents[1]
START = "import sys, kinolift; kinolift.load_extension(); import kinolift_extension.addon.command_line as c; sys.exit(c.main(sys.argv[1:]))"
WORDS = ("--end", "6f", "--detector", "full", "--jobs", "2", "--quiet")


@dataclass
class Count:
    """`kills` that met a batch at work, `rounds` that came to their end, and what was wrong, a line each."""

    kills: int = 0
    rounds: int = 0
    wrong: list[str] | None = None


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
    print(f"{count.kills} kills in {count.rounds} rounds: {len(count.wrong or ())} wrong.")
    for line in count.wrong or ():
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
    count = Count(wrong=[])
    assert count.wrong is not None
    while count.kills < times:
        if killed(command(videos, out, export), rng.uniform(0.0, longest)):
            count.kills += 1
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


def killed(words: Sequence[str], after: float) -> bool:
    """Whether the command was still at work after so many seconds, and was killed then."""
    process = subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


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
    names = [field.name for field in fields(Motion) if field.name != "provenance"]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


if __name__ == "__main__":
    sys.exit(main())
