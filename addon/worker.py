"""The worker process (architecture, contract 1): started, listened to, and always ended.

Nothing here needs bpy, so that the command can start the worker first and import Blender while it works.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contract.events import decode
from ..contract.failure import EXIT_CODES, Failure
from ..contract.options import CaptureOptions

ROOT = Path(__file__).resolve().parents[1]  # the extension: `engine` and `contract` are imported from here
PYTHON_VARIABLE = "KINOLIFT_PYTHON"
# tells the worker that its standard input is a pipe which ends with this process, however that ends; see engine.startup
WATCH_VARIABLE = "KINOLIFT_WATCH_INPUT"
# asks the worker to stay for so many seconds after a capture, for further orders on its standard input
STAY_VARIABLE = "KINOLIFT_STAY"

LOG_LINES = 200  # of the worker's standard error that are kept for the log
PATIENCE = 3.0  # seconds that a worker has between being asked to end and being killed

# The workers that are alive. Closing Blender or disabling the extension must end them, whoever started them.
_alive: set[Worker] = set()


class Worker:
    """One run of the worker. Start it, call `poll` until `finished`, then `result`; or `cancel` at any time. One that `stays` takes another
    order then."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None, folder: Path = ROOT) -> None:
        """Starts the process. Raises Failure `bad_installation` where its Python cannot be started."""
        self._python = command[0]
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.cancelled = False
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last: dict[str, Any] | None = None
        self._last_words = ""  # the last line on standard error; a library's chatter on standard output is not a reason
        flags: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        try:
            self._process = subprocess.Popen(
                list(command), cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, encoding="utf-8", errors="replace", **flags,
            )  # fmt: skip
        except OSError as error:
            raise Failure(
                "bad_installation",
                f"The worker's Python {command[0]} cannot be started ({error.strerror}); correct the path in the preferences of Kinolift "
                f"or in {PYTHON_VARIABLE}.",
            ) from error
        _alive.add(self)
        self._readers = [
            threading.Thread(target=self._read_events, name="kinolift-events", daemon=True),
            threading.Thread(target=self._read_log, name="kinolift-log", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def finished(self) -> bool:
        """Whether the process has ended, or waits for another order, and everything that it said has been read."""
        if self._said_that_it_stays:
            return self._events.empty()
        if self._process.poll() is None or any(reader.is_alive() for reader in self._readers):
            return False
        return self._events.empty()

    @property
    def stays(self) -> bool:
        """Whether it has done what it was asked for and waits for another order."""
        return self._said_that_it_stays and not self.cancelled and self._process.poll() is None

    @property
    def left(self) -> bool:
        """Whether the process has ended by itself without a word: it was killed, or its time was over when it was ordered."""
        return self._process.poll() is not None and self.finished and self._last is None and not self.cancelled

    @property
    def _said_that_it_stays(self) -> bool:
        return self._last is not None and self._last["event"] == "result" and self._last.get("stays") is True

    def order(self, words: Sequence[str]) -> None:
        """Another capture of a worker that stays, by the words of its command line from `capture` on."""
        self._last, self._last_words = None, ""
        self.log.clear()
        self.send(json.dumps(list(words)))

    def poll(self, wait: float = 0.0) -> list[dict[str, Any]]:
        """The progress and warning events since the last call, waiting up to `wait` seconds for the first one."""
        events: list[dict[str, Any]] = []
        with contextlib.suppress(queue.Empty):
            events.append(self._events.get(timeout=wait) if wait > 0 else self._events.get_nowait())
            while True:
                events.append(self._events.get_nowait())
        if self._process.poll() is not None:
            self._end()
        return events

    def result(self) -> dict[str, Any]:
        """The result event of a worker that has finished; of a motion without its preview, too. Raises the Failure that it reported,
        `cancelled` or `worker_died`."""
        self._end()
        code = self._process.returncode
        if self.cancelled:
            raise Failure("cancelled", "The capture was cancelled; nothing was written.")
        if self._last is not None and self._last["event"] == "result" and (code in (0, None) or self._last.get("failed")):
            return self._last
        if self._last is not None and self._last["event"] == "error":
            raise reported(self._last)
        raise self._death(code)

    def send(self, line: str) -> None:
        """A line on the process's standard input, for those that are asked for one thing after the other; nothing where it has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def cancel(self) -> None:
        """Ends the process and its children, gently first; returns when they are gone."""
        if self._process.poll() is None:
            self.cancelled = True
        self._signal(gentle=True)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._signal(gentle=False)
            self._process.wait()
        self._end()

    def _signal(self, gentle: bool) -> None:
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            # the gentle way there is an event that only a console program hears: end it, and its children with it
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(self._process.pid)], capture_output=True, check=False)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM if gentle else signal.SIGKILL)

    def _end(self) -> None:
        """Reads what is left and forgets the worker, once its process is gone."""
        if self._process.poll() is None:
            return
        for reader in self._readers:
            reader.join(PATIENCE)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # an order that it did not live to read is written once more, into nothing
                self._process.stdin.close()
        _alive.discard(self)

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = decode(line)
                if event is None:
                    self.log.append(line.rstrip())
                elif event["event"] in ("result", "error"):
                    self._last = event
                else:
                    self._events.put(event)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self.log.append(line.rstrip())
                self._last_words = line.strip() or self._last_words

    def _death(self, code: int) -> Failure:
        """Why a worker that left without a word may have ended."""
        last = self._last_words
        if "ModuleNotFoundError" in last or "No module named" in last or "ImportError" in last:
            return Failure(
                "bad_installation",
                f"The worker's Python {self._python} lacks a part that the capture needs ({last}); "
                "install Kinolift again, or choose another Python in its preferences.",
            )
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            hint = (
                "; close other programs to free memory and try again."
                if -code == 9
                else "; try again, and report it with the log if it returns."
            )
            return Failure("worker_died", f"The worker was ended from outside ({name}) before it was done, and nothing was written{hint}")
        said = f": {last}" if last else ""
        return Failure("worker_died", f"The worker stopped with code {code} before it was done{said}; nothing was written, see the log.")


def reported(event: dict[str, Any]) -> Failure:
    """The Failure in an error event, or in what a result says of its preview."""
    known = str(event.get("code"))
    return Failure(known if known in EXIT_CODES else "internal", str(event.get("message", "")) or "The worker failed.")


def capture_command(
    python: str, video: Path, motion: Path, options: CaptureOptions, preview: Path | None = None, detection: Path | None = None,
    world: Path | None = None,
) -> list[str]:  # fmt: skip
    """The words that capture a video, or a detection that was kept (.npz), into a motion file, a picture of it into `preview`, and what was
    detected into `detection`; what is there is replaced, but a detection that fits is used. `world`: a motion file in whose world it is to
    be."""
    more = [] if preview is None else ["--preview", str(preview)]
    more += [] if detection is None else ["--keep-detection", str(detection)]
    more += [] if world is None else ["--world", str(world)]
    return [python, "-m", "engine", "capture", str(video), "-o", str(motion), "--overwrite", *more, *options.arguments()]


def worker_python(preferred: str = "") -> str:
    """The Python that runs the worker: the preference, else KINOLIFT_PYTHON, else the one that runs Blender."""
    return preferred.strip() or os.environ.get(PYTHON_VARIABLE, "").strip() or sys.executable


def worker_environment(python: str) -> dict[str, str]:
    """The worker's environment: it finds the engine, speaks UTF-8 at once, and, in our own Python, finds the extension's wheels."""
    environment = dict(os.environ)
    environment.update({"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", WATCH_VARIABLE: "1"})
    paths = [str(ROOT)]
    if shutil.which(python) == shutil.which(sys.executable):
        # Blender unpacks the wheels of extensions into a folder of its own that only Blender itself knows of. It ignores
        # the user's packages, and so must the worker, or another numpy than Blender's would come first.
        paths += [entry for entry in sys.path if _holds_wheels(entry)]
        environment["PYTHONNOUSERSITE"] = "1"
    else:
        environment.pop("PYTHONHOME", None)
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


def _holds_wheels(entry: str) -> bool:
    parts = Path(entry).parts
    return ".local" in parts and parts[-1:] == ("site-packages",) and "extensions" in parts


def end_all() -> None:
    """Ends every worker that is still running, or waits for an order."""
    for worker in list(_alive):
        worker.cancel()


atexit.register(end_all)
