"""A batch on many machines: one task a clip on a Dask cluster, files on storage that all of them share; and the words that start one.

Dask is imported only here, and only where a cluster is asked for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ...contract.failure import ExitCode, Failure
from ...contract.options import whole
from ..worker import worker_python
from .clips import Clip
from .records import Records, versions
from .report import Reporter, line, write_report
from .steps import Settings
from .work import Result, Slot

PORT: Final = 8786  # Dask's own
PATIENCE: Final = 30.0  # seconds that the scheduler has to answer; then, between two attempts, a tenth of it
ATTEMPTS: Final = 20  # to reach a scheduler again that has gone: ten minutes
LOST: Final = 3  # workers that may be lost over a clip before it is given up
WINDOW: Final = 5000  # clips that the scheduler knows of at a time: each takes memory there and here
GPU: Final = "GPU"  # the tag of workers with one, `cluster worker --gpu`
PRELOAD: Final = Path(__file__).with_name("preload.py")
MEMORY: Final = "4GB"  # of a worker's process: the clips themselves run in processes of their own


def add_cluster_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of `cluster`."""
    parser = commands.add_parser("cluster", help="start a part of a cluster for batch --scheduler",
        description="Starts a scheduler, or the worker of a machine; see docs/cluster.md.")  # fmt: skip
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    scheduler = parts.add_parser("scheduler", help="the one that hands out clips")
    scheduler.add_argument("--host", default="", help="the address to listen at (default: all of this machine's)")
    scheduler.add_argument("--port", type=whole(0, 65535), default=PORT, help="(default %(default)s)")
    worker = parts.add_parser("worker", help="the clips of one machine")
    worker.add_argument("address", metavar="ADDRESS", help="the scheduler's, tcp://HOST:PORT")
    worker.add_argument("--jobs", type=whole(1, 256), default=0, metavar="N", help="clips at once (default: as cores and memory allow)")
    worker.add_argument("--memory", default=MEMORY, help="limit of each of its processes (default %(default)s)")
    worker.add_argument("--gpu", action="store_true", help="this machine takes clips with --device cuda")


def run_cluster(arguments: argparse.Namespace) -> ExitCode:
    """Runs the part until it is ended."""
    _dask()
    if arguments.part == "scheduler":
        words = scheduler_words(arguments.host, arguments.port)
    else:
        words = worker_words(arguments.address, arguments.jobs, arguments.memory, arguments.gpu)
    environment = dict(os.environ)
    environment.setdefault("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", str(LOST))
    try:
        return ExitCode.DONE if subprocess.call([sys.executable, "-m", *words], env=environment) == 0 else ExitCode.NO_RESOURCES
    except KeyboardInterrupt as error:
        raise Failure("cancelled", "Ended.") from error


def scheduler_words(host: str, port: int) -> list[str]:
    """What Dask's scheduler is started with. It reads what clips are handed out, and so knows their kind."""
    words = ["distributed.cli.dask_scheduler", "--port", str(port), "--no-dashboard", "--preload", str(PRELOAD)]
    return words + (["--host", host] if host else [])


def worker_words(address: str, jobs: int = 0, memory: str = MEMORY, gpu: bool = False) -> list[str]:
    """What Dask's worker is started with: a process a clip, each watched by one that starts another in its place."""
    from .command import possible_jobs

    words = ["distributed.cli.dask_worker", address, "--nworkers", str(jobs or possible_jobs()), "--nthreads", "1", "--no-dashboard"]
    words += ["--memory-limit", memory, "--preload", str(PRELOAD)]
    return words + (["--resources", f"{GPU}=1"] if gpu else [])


def run_on_cluster(
    clips: Sequence[Clip], records: Records, settings: Settings, address: str, keep_going: bool, watch: Callable[[dict[str, Any]], None]
) -> tuple[list[Result], str]:
    """As `command.run`, on the cluster whose scheduler is there. Where that goes and comes back, what is not done is handed out again; what
    was done meanwhile is found done. Raises Failure `bad_installation` without Dask, `bad_arguments` where nobody answers."""
    _dask()
    results: dict[str, Result] = {}
    watch({"event": "batch_begin", "clips": len(clips), "jobs": 0})
    ended, attempt = "", 0
    try:
        while left := [clip for clip in clips if clip.name not in results]:
            before = len(results)
            try:
                if _hand_out(left, records, settings, address, keep_going, watch, results):
                    break
            except OSError as error:
                attempt = 1 if len(results) > before else attempt + 1
                if attempt > ATTEMPTS or not (results or attempt > 1):
                    raise Failure("bad_arguments", f"No scheduler answers at {address}; start one, see docs/cluster.md.") from error
                watch({"event": "log", "name": "cluster", "lines": [f"The scheduler is gone ({error}); waiting for it."]})
                time.sleep(PATIENCE / 10)
    except KeyboardInterrupt:
        ended = "cancelled"
    found = [results[clip.name] for clip in clips if clip.name in results]
    if any(result.code == "disk_full" for result in found):
        ended = ended or "disk_full"
    if found:
        write_report(found, records.out, records.out.name)
    return found, ended


def _hand_out(
    clips: Sequence[Clip], records: Records, settings: Settings, address: str, keep_going: bool, watch: Callable[[dict[str, Any]], None],
    results: dict[str, Result],
) -> bool:  # fmt: skip
    """Fills `results`, as far as it comes. Returns whether no other clip is to be begun. Raises OSError where the scheduler is gone."""
    from distributed import Client, as_completed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    told = Reporter(records.out)
    with Client(address, timeout=PATIENCE, set_as_default=False) as client:
        names: dict[Any, Clip] = {}
        waiting = iter(clips)
        running = as_completed(loop=client.loop)

        def hand_out() -> None:
            for clip in islice(waiting, 1 if names else WINDOW):
                needs = {GPU: 1} if clip.options.device == "cuda" else {}
                future = client.submit(do_clip, clip, str(records.out), settings, pure=False, retries=settings.tries, resources=needs)
                names[future] = clip
                running.add(future)

        hand_out()
        for future in running:
            clip = names.pop(future)
            try:
                result: Result = future.result(timeout=PATIENCE)
            except KilledWorker:
                why = f"{LOST} workers were lost over it; it may need more memory than they have."
                result = Result(clip.name, str(clip.source), "failed", "worker_died", why)
            except FutureCancelledError as error:
                raise OSError(str(error)) from error
            except OSError:
                raise
            except Exception as error:  # what a task raised on its worker, a fault of ours or of the installation there
                message = f"The clip failed on its worker ({type(error).__name__}: {error}); please report it."
                result = Result(clip.name, str(clip.source), "failed", "internal", message)
            hand_out()
            results[clip.name] = result
            watch({"event": "clip_end", **line(result)})
            if result.code == "disk_full" or (result.code and not keep_going):
                return True
            told.write_now_and_then(list(results.values()))
    return False


def do_clip(clip: Clip, out: str, settings: Settings) -> Result:
    """The task: one clip on the machine that runs this, with its own Python and Blender."""
    if versions() != dict(settings.versions):
        message = "This worker has another version of Kinolift than the one that asks; bring both to one version."
        return Result(clip.name, str(clip.source), "failed", "bad_installation", message)
    return _slot(out, replace(settings, python=worker_python())).run(clip)


def _slot(out: str, settings: Settings) -> Slot:
    """The slot of this worker's process, which keeps its Blender from clip to clip of one batch."""
    from distributed import get_worker

    worker: Any = get_worker()
    kept = getattr(worker, "kinolift_slot", None)
    if kept is None or kept[:2] != (out, settings):
        if kept is not None:
            kept[2].close()
        kept = (out, settings, Slot(Records(Path(out)), settings, lambda _: None, threading.Event()))
        worker.kinolift_slot = kept
    return kept[2]  # type: ignore[no-any-return]


def _dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise Failure(
            "bad_installation",
            f"A cluster needs Dask, which is not here ({error}); use `python3 kinolift.py batch --scheduler ...`, which fetches it.",
        ) from error
