"""How many takes of ten seconds a batch puts on a character in a minute of one core: `python benchmarks/takes.py --rig hero.fbx`.

`batch TAKES -o OUT --rig RIG --jobs 1` is run as a user runs it, once with a single take and once with all: the difference is what the
takes after the first cost, without the start of Blender and the reading of the rig, which a thousand takes share. Both are told: what the
core worked, and what the clock said, which counts what else the machine does. `--against FOLDER` runs another checkout of Kinolift in turn
with this one and prints the ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import kinolift
from benchmarks.batch_kills import START
from contract.failure import ExitCode, Failure
from contract.options import whole

ROOT: Final = Path(__file__).resolve().parents[1]
FRAMES: Final = 300  # ten seconds


@dataclass(frozen=True)
class Seconds:
    """Of the core, and of the clock."""

    core: float
    clock: float


def make_takes(folder: Path, count: int, frames: int = FRAMES) -> list[Path]:
    """Motion files, all the same."""
    kinolift.load_extension()
    from kinolift_extension.contract.motion_file import save_motion  # type: ignore[import-not-found, unused-ignore]

    from benchmarks.retarget import _motion

    motion = _motion(frames)
    paths = [folder / f"take{number:04}.npz" for number in range(count)]
    for path in paths:
        save_motion(motion, path)
    return paths


def run(root: Path, takes: Sequence[Path], rigs: Sequence[Path], export: str) -> Seconds:
    """One batch of that checkout. Raises Failure where it does not end well."""
    with tempfile.TemporaryDirectory(prefix="kinolift-takes-") as folder:
        words = [sys.executable, "-c", START, "batch", *map(str, takes), "-o", folder, "--export", export, "--jobs", "1", "--quiet"]
        for rig in rigs:
            words += ["--rig", str(rig.absolute())]
        before, began = os.times(), time.monotonic()
        done = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        after, clock = os.times(), time.monotonic() - began
    if done.returncode:
        raise Failure("bad_input", f"The batch ended with code {done.returncode}: {done.stdout.strip()[-300:]}")
    core = after.children_user + after.children_system - before.children_user - before.children_system
    return Seconds(core, clock)


def a_take(root: Path, takes: Sequence[Path], rigs: Sequence[Path], export: str) -> Seconds:
    """Each take after the first, all rigs together."""
    one, all_ = run(root, takes[:1], rigs, export), run(root, takes, rigs, export)
    more = len(takes) - 1
    return Seconds((all_.core - one.core) / more, (all_.clock - one.clock) / more)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rig", dest="rigs", type=Path, action="append", default=[], metavar="FILE", help="(default: the plain armature)")
    parser.add_argument("--export", default="fbx", help="(default %(default)s)")
    parser.add_argument("--takes", type=whole(2, 10_000), default=12, help="(default %(default)s)")
    parser.add_argument("--frames", type=whole(2, 1_000_000), default=FRAMES, help="of each take (default %(default)s)")
    parser.add_argument("--repeat", type=whole(1, 100), default=3, help="the median of so many is told (default %(default)s)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout of Kinolift")
    read = parser.parse_args(arguments)
    roots = [ROOT, *([read.against.absolute()] if read.against else [])]
    found: dict[Path, list[Seconds]] = {root: [] for root in roots}
    try:
        with tempfile.TemporaryDirectory(prefix="kinolift-takes-") as folder:
            takes = make_takes(Path(folder), read.takes, read.frames)
            for _ in range(read.repeat):
                for root in roots:
                    found[root].append(a_take(root, takes, read.rigs, read.export))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    core = {root: statistics.median(each.core for each in found[root]) for root in roots}
    for root, name in zip(roots, ("this", "the other"), strict=False):
        clock = statistics.median(each.clock for each in found[root])
        print(f"{name}: {core[root]:.2f} s of a core a take, {60 / core[root]:.1f} takes a minute a core; {clock:.2f} s by the clock")
    if len(roots) > 1:
        ratios = [b.core / a.core for a, b in zip(found[roots[0]], found[roots[1]], strict=True)]
        print(f"ratio of the core's seconds, other to this: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module can hang while Python ends
