"""`batch` as a command: its words, its processes, and what it tells while it works. Inside Blender and in the bpy wheel alike."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

from ...contract.failure import ExitCode, Failure
from ...contract.options import CaptureOptions, add_arguments, real, whole
from ...contract.outputs import add_overwrite_argument, check_folder
from ...contract.reading import shown
from ..console import Console, Events, add_log_argument
from ..export import EXTENSIONS
from ..export.options import ExportOptions, add_export_arguments
from ..key_reduction import add_simplify_argument, parse_tolerance
from ..worker import worker_python
from .clips import Clip, check_apart, read_clips, read_exports, read_rigs
from .records import Records, only_one, versions
from .report import Reporter, line, summary, write_report
from .steps import A_FRAME, TAKE, TRIES, Settings, known_failure, open_steps
from .work import Result, Slot

MEMORY_A_CLIP: Final = 1.2e9  # bytes: a capture and the Blender beside it
MOST_JOBS: Final = 256
SHOW_EVERY: Final = 0.5
ENDING: Final = ("disk_full", "bad_installation")  # with these every other clip would fail likewise
_CANCELLED: Final = "Ended; what is done is kept, and the same command goes on from here."


def add_batch_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words and options of `batch`."""
    parser = commands.add_parser("batch", help="capture, retarget and export many clips",
        description="Captures every clip, puts it on every rig and writes every kind of file. The same command again does what is not "
        "done yet.")  # fmt: skip
    add = parser.add_argument
    add("sources", type=Path, nargs="*", metavar="SOURCE",
        help="videos, folders of them, lists (.csv, .toml; see docs/batch.md), or takes (.npz) that are only retargeted")  # fmt: skip
    add("-o", "--output", dest="output", type=Path, metavar="FOLDER", help="where everything goes")
    add("--rig", dest="rigs", type=Path, action="append", default=[], metavar="FILE", help="a character; may be given several times")
    add("--export", default="", metavar="KINDS",
        help=f"which files, of {','.join(kind[1:] for kind in EXTENSIONS)} (default: npz, with --rig fbx,npz, of takes fbx)")  # fmt: skip
    add("--jobs", type=whole(1, MOST_JOBS), default=0, metavar="N", help="clips at once (default: as cores and memory allow)")
    add("--scheduler", default="", metavar="tcp://HOST:PORT", help="hand the clips out on a Dask cluster, see docs/cluster.md")
    add("--plan", action="store_true", help="say what would be done and what is done already, and end")
    add("--stop-at-failure", dest="keep_going", action="store_false", help="begin no other clip after one failed (default: keep going)")
    add("--keep-going", dest="keep_going", action="store_true", default=True, help=argparse.SUPPRESS)
    add("--retry", action="store_true", help="try clips again too that are known to fail (damaged, nobody in them)")
    add("--time-per-frame", type=real(0.01, 3600.0), default=A_FRAME, metavar="SECONDS",
        help="a clip is given up after five minutes and so long for each frame (default %(default)s)")  # fmt: skip
    add_log_argument(parser)
    add("--quiet", action="store_true", help="no progress, only what failed and the result")
    add("--serve", action="store_true", help=argparse.SUPPRESS)  # the Blender of a slot
    add("--preset", default="auto", metavar="NAME", help="how the rigs' bones are named (default: found out)")
    add("--armature", default="", metavar="NAME", help="the armature to use where a rig file holds several")
    add("--root-bone", choices=("auto", "hips", "root"), default="auto", help="the bone that carries the travel (default %(default)s)")
    add("--root-heading", action="store_true", help="the root bone also turns with the person about the vertical")
    add("--ik", action="store_true", help="put the keys on the rigs' IK controls")
    add_arguments(parser)
    add_simplify_argument(parser)
    add_export_arguments(parser)
    add_overwrite_argument(parser)


def run_batch(arguments: argparse.Namespace, told: Console) -> ExitCode:
    """The command. Returns DONE if all went well, else the first failure's code in the order of the clips."""
    if arguments.serve:
        from .blender import serve

        return ExitCode(serve())
    if not arguments.sources or arguments.output is None:
        raise Failure("bad_arguments", "A batch needs a SOURCE and -o FOLDER; see batch --help.")
    clips, settings = read_words(arguments)
    if arguments.plan:
        return _plan(clips, Records(arguments.output.expanduser().absolute()), settings, told)
    out = check_folder(arguments.output)
    jobs = min(arguments.jobs or possible_jobs(), len(clips))
    watcher = told.say if isinstance(told, Events) else Told(sys.stderr, arguments.quiet)
    with only_one(out) as records:
        if arguments.scheduler:
            from .cluster import run_on_cluster

            results, ended = run_on_cluster(clips, records, settings, arguments.scheduler, arguments.keep_going, watcher)
        else:
            results, ended = run(clips, records, settings, jobs, arguments.keep_going, watcher)
        watcher({"event": "batch_end", "summary": summary(results), "report": str(out / "report.html")})
    if ended == "cancelled":
        raise Failure("cancelled", _CANCELLED)
    if ended == "disk_full":
        raise Failure("disk_full", "The disk is full: free some space, then run the same command again, which goes on from here.")
    if ended:
        message = next(result.message for result in results if result.code == ended)
        raise Failure(ended, f"{message} The same command goes on from here.")
    order = {result.name: result for result in results}
    return next((order[c.name].exit_code for c in clips if c.name in order and order[c.name].code), ExitCode.DONE)


def read_words(arguments: argparse.Namespace) -> tuple[list[Clip], Settings]:
    """The clips and what holds for all. Raises Failure for what cannot be."""
    options = CaptureOptions.from_arguments(arguments)
    if options.camera:
        raise Failure("bad_arguments", "--camera is of one clip; name it in a list, in a column 'camera'.")
    parse_tolerance(arguments.simplify)
    export = ExportOptions.from_arguments(arguments)
    rigs = read_rigs(arguments.rigs)
    default = Clip(Path(), "", options, rigs, arguments.preset, read_exports(arguments.export))
    clips = [_with_exports(clip) for clip in read_clips(arguments.sources, default)]
    check_apart(clips)
    words = {
        "mesh": export.mesh, "fbx_preset": export.fbx_preset, "fbx_root": export.fbx_root, "simplify": arguments.simplify,
        "armature": arguments.armature, "root_bone": arguments.root_bone, "root_heading": arguments.root_heading, "ik": arguments.ik,
        "scene_fps": "match",
    }  # fmt: skip
    settings = Settings(
        worker_python(_preferred_python()), words, versions(), arguments.time_per_frame, TRIES, arguments.retry, arguments.overwrite
    )
    return clips, settings


def _with_exports(clip: Clip) -> Clip:
    if clip.exports:
        return clip
    return replace(clip, exports=(".fbx",) if clip.is_take else (".fbx", ".npz") if clip.rigs else (".npz",))


def possible_jobs() -> int:
    """Clips at once: a core each, as far as the memory goes that is free now."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, MOST_JOBS, int(_free_memory() // MEMORY_A_CLIP)))


def _free_memory() -> float:
    """Bytes; plenty where the system does not say."""
    try:
        for words in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if words.startswith("MemAvailable:"):
                return float(words.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 1e15


def run(
    clips: Sequence[Clip], records: Records, settings: Settings, jobs: int, keep_going: bool, watch: Callable[[dict[str, Any]], None]
) -> tuple[list[Result], str]:
    """Works on all clips, so many at once. Returns the results of those that came to an end, and why it ended before all were looked at:
    `cancelled`, one of ENDING, or nothing. The report is written now and then and at the end, whatever that is."""
    events: queue.SimpleQueue[dict[str, Any] | Result | None] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[Clip] = queue.SimpleQueue()
    for clip in clips:
        waiting.put(clip)
    stop, no_more = threading.Event(), threading.Event()
    results: list[Result] = []

    def work() -> None:
        slot = Slot(records, settings, events.put, stop)
        try:
            while not stop.is_set() and not no_more.is_set():
                clip = waiting.get_nowait()
                events.put({"event": "clip_begin", "name": clip.name, "source": clip.source.name})
                try:
                    result = slot.run(clip)
                except Failure:
                    return
                except Exception as error:  # a fault of ours: of this clip, not of the others
                    message = f"Kinolift failed ({type(error).__name__}: {error}); please report it."
                    result = Result(clip.name, str(clip.source), "failed", "internal", message)
                if result.code in ENDING:
                    stop.set()
                if result.code and not keep_going:
                    no_more.set()
                events.put(result)
        except queue.Empty:
            pass
        finally:
            slot.close()
            events.put(None)

    watch({"event": "batch_begin", "clips": len(clips), "jobs": jobs})
    threads = [threading.Thread(target=work, name=f"slot {k}", daemon=True) for k in range(jobs)]
    ended, running, told = "", jobs, Reporter(records.out)
    try:
        for thread in threads:
            thread.start()
        while running:
            try:
                event = events.get(timeout=SHOW_EVERY)  # for ever, Windows would not let Ctrl-C through
            except queue.Empty:
                continue
            if event is None:
                running -= 1
            elif isinstance(event, Result):
                results.append(event)
                watch({"event": "clip_end", **line(event)})
                ended = ended or (event.code if event.code in ENDING else "")
                told.write_now_and_then(results)
            else:
                watch(event)
    except KeyboardInterrupt:
        ended = "cancelled"
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    while not events.empty():
        if isinstance(left := events.get(), Result):
            results.append(left)
    place = {clip.name: number for number, clip in enumerate(clips)}
    results.sort(key=lambda result: place[result.name])
    if results:
        write_report(results, records.out, records.out.name)
    return results, ended


def _plan(clips: Sequence[Clip], records: Records, settings: Settings, told: Console) -> ExitCode:
    """A line or an event a clip: what would be done. Nothing is written."""
    done = 0
    for clip in clips:
        record = records.load(clip.name)
        try:
            steps = open_steps(clip, record, records, settings)
            known = known_failure(record, steps, settings)
        except Failure as failure:
            steps, known = [], failure
        done += not steps and known is None
        names = [step.name if step.name != TAKE or not clip.several else "all takes in it" for step in steps]
        if isinstance(told, Events):
            failure_told = {"code": known.code, "message": known.message} if known else {}
            told.say({"event": "clip_plan", "name": clip.name, "steps": [] if known else names, **failure_told})
        else:
            print(f"{clip.name}  {f'fails: {known.message}' if known else ', '.join(names) or 'done'}", flush=True)
    told.info(f"{len(clips)} clips, {done} done already.")
    return ExitCode.DONE


def _preferred_python() -> str:
    if "bpy" not in sys.modules:
        return ""
    from ..preferences import preferred_python

    return preferred_python()


class Told:
    """For a person: a line for every clip that came to an end, and on a terminal a bar over all of them."""

    def __init__(self, stream: TextIO, quiet: bool) -> None:
        self._stream, self._quiet = stream, quiet
        self._total = self._done = self._failed = 0
        self._stages: dict[str, dict[str, Any]] = {}
        self._shown = 0.0
        self._bar: Any = None

    def __call__(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "batch_begin":
                self._total = int(event["clips"])
                at_once = f"{event['jobs']} at once" if event["jobs"] else "on the cluster"
                self._say(f"{event['clips']} clips, {at_once}.")
                self._start()
            case "progress":
                self._stages[str(event["name"])] = event
            case "clip_end":
                self._end(event)
            case "again":
                self._say(f"{event['name']}: {event['message']} Trying again.")
            case "log":
                for text in event["lines"]:
                    self._say(f"  {event['name']}: {text}")
            case "batch_end":
                if self._bar is not None:
                    self._bar.stop()
                    self._bar = None
                print(f"{event['summary']} See {shown(event['report'])}", flush=True)
        self._show()

    def _end(self, event: dict[str, Any]) -> None:
        self._done += 1
        self._failed += event["status"] == "failed"
        self._stages.pop(str(event["name"]), None)
        words = {"failed": event["message"], "kept": "done already"}.get(event["status"]) or ", ".join(event["made"])
        if event["status"] == "failed" or not self._quiet:
            self._write(f"[{self._done}/{self._total}] {event['name']}: {words} ({event['seconds']:.1f} s)")

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._write(text)

    def _write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def _start(self) -> None:
        if self._quiet or not self._stream.isatty():
            return
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError:
            return  # Blender's own Python has no rich unless the extension's wheels bring it
        columns = (TextColumn("clips"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(file=self._stream), transient=True)
        self._task = self._bar.add_task("", total=self._total, more="")
        self._bar.start()

    def _show(self) -> None:
        if self._bar is None or time.monotonic() - self._shown < SHOW_EVERY:
            return
        self._shown = time.monotonic()
        rate = sum(float(stage.get("fps") or 0.0) for stage in self._stages.values())
        self._bar.update(self._task, completed=self._done, more=f"{rate:.1f} frames/s, {self._failed} failed")
