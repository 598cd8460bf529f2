"""What a cluster brings, on this machine: `python benchmarks/cluster.py --workers 1 2 --clips 6`.

For each number of workers a scheduler and the workers are started on the loopback, and one batch is run as a user runs it: so many copies
of a short clip. Then, on the last cluster, the same batch again, of which all is done already, and many clips that are not there: what is
left is the looking after clips, and the handing out. Last, what is kept of a clip on the storage.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import kinolift
from benchmarks.batch_kills import START
from benchmarks.wide import print_wide
from contract.events import decode
from contract.failure import ExitCode, Failure
from contract.options import whole

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 120.0  # seconds for the parts of a cluster to come up


@dataclass(frozen=True)
class Run:
    """One batch: its clips, how many of them went well, and the seconds from its begin to its end, without the start of the program."""

    clips: int
    well: int
    seconds: float


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """The address of a scheduler with so many workers. Raises Failure where it does not come up."""
    kinolift.load_extension()
    from kinolift_extension.addon.batch.cluster import scheduler_words, worker_words  # type: ignore[import-not-found, unused-ignore]

    told = folder / f"scheduler{workers}.json"
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        log = (folder / "cluster.log").open("ab")
        processes.append(subprocess.Popen([sys.executable, "-m", *words], stdout=log, stderr=log, start_new_session=True))

    try:
        start(*scheduler_words("127.0.0.1", 0), "--scheduler-file", str(told))
        address = _wait_for(lambda: json.loads(told.read_text())["address"] if told.is_file() and told.read_text() else "")
        start(*worker_words(address, workers))
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)
        yield address
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            process.wait()


def _wait_for(there: Callable[[], str]) -> str:
    until = time.monotonic() + PATIENCE
    while not (found := there()):
        if time.monotonic() > until:
            raise Failure("bad_installation", "The scheduler did not start; see its log.")
        time.sleep(0.2)
    return found


def run(source: Path, out: Path, address: str, more: Sequence[str]) -> Run:
    """One batch on that cluster. Raises Failure where it has no end."""
    words = [sys.executable, "-c", START, "batch", str(source), "-o", str(out), "--scheduler", address, "--log-json", *more]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    events = [event for event in map(decode, done.stdout.splitlines()) if event is not None]
    at = {event["event"]: float(event["time"]) for event in events if event["event"] in ("batch_begin", "batch_end")}
    if len(at) < 2:
        raise Failure("bad_input", f"The batch ended with code {done.returncode} and without a result.")
    ends = [event for event in events if event["event"] == "clip_end"]
    return Run(len(ends), sum(not event["code"] for event in ends), at["batch_end"] - at["batch_begin"])


def stored(out: Path, clips: int) -> dict[str, float]:
    """Bytes a clip, by what they are."""
    found: dict[str, float] = {}
    for path in out.rglob("*"):
        if path.is_file() and not path.name.startswith("report."):
            inside = path.relative_to(out).parts
            kind = inside[1] if inside[0] == ".kinolift" and len(inside) > 2 else path.suffix
            found[kind] = found.get(kind, 0.0) + path.stat().st_size / clips
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=whole(1, 256), nargs="+", default=[1, 2], help="(default 1 2)")
    parser.add_argument("--clips", type=whole(1, 100_000), default=6, help="in a batch (default %(default)s)")
    parser.add_argument("--clip", type=Path, default=ROOT / "examples" / "sample.mp4", help="(default: the sample)")
    parser.add_argument("--end", default="30f", help="where to stop in it (default %(default)s)")
    parser.add_argument("--missing", type=whole(1, 1_000_000), default=300, help="clips that are not there (default %(default)s)")
    read = parser.parse_args(arguments)
    rows: list[tuple[int, Run]] = []
    with tempfile.TemporaryDirectory(prefix="kinolift-cluster-") as name:
        folder = Path(name)
        videos = folder / "videos"
        videos.mkdir()
        for number in range(read.clips):
            shutil.copy(read.clip, videos / f"clip{number:05}{read.clip.suffix}")
        missing = folder / "missing.csv"
        missing.write_text("video\n" + "".join(f"none{number:06}.mp4\n" for number in range(read.missing)))
        words = ["--end", read.end, "--export", "npz"]
        try:
            for workers in read.workers:
                out = folder / f"out{workers}"
                with cluster(folder, workers) as address:
                    rows.append((workers, run(videos, out, address, words)))
                    if workers == read.workers[-1]:
                        again = run(videos, out, address, words)
                        empty = run(missing, folder / "nothing", address, words)
            kept = stored(out, read.clips)
        except Failure as failure:
            print(failure.message, file=sys.stderr)
            return int(failure.exit_code)
    from rich.table import Table

    table = Table("workers", "clips", "went well", "seconds", "clips a minute", "times the first")
    for workers, each in rows:
        ratio = rows[0][1].seconds / rows[0][1].clips / (each.seconds / each.clips)
        table.add_row(
            str(workers), str(each.clips), str(each.well), f"{each.seconds:.1f}", f"{60 * each.clips / each.seconds:.2f}", f"{ratio:.2f}"
        )
    print_wide(table)
    print(f"a clip that is done already: {1000 * again.seconds / again.clips:.0f} ms; one that is not there: "
          f"{1000 * empty.seconds / empty.clips:.1f} ms ({empty.clips} of them)")  # fmt: skip
    print("kept of a clip, bytes: " + ", ".join(f"{kind} {size:,.0f}" for kind, size in sorted(kept.items())))
    return int(ExitCode.DONE if all(each.well == each.clips for _, each in rows) else ExitCode.INTERNAL)


if __name__ == "__main__":
    sys.exit(main())
