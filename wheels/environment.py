"""An environment: a virtual environment made from the lock, once, and found ready ever after.

A stamp file inside says what it was made from. It is written last, so that a set-up that was interrupted is done again, and a
lock file beside the folder keeps two set-ups apart; the processes of a set-up hold it too, so that one whose parent was
killed is waited for.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.failure import Failure
from contract.file_lock import try_lock

from .display import Display
from .lock import Lock, read_lock
from .system import check_libraries, platform_name

STAMP: Final = "kinolift.json"
LOG: Final = "setup.log"
NETWORK_SIGNS: Final = (
    "NewConnectionError", "NameResolutionError", "Failed to establish", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError",
    "Connection broken", "ConnectionResetError", "Max retries", "No matching distribution",
)  # fmt: skip
DISK_SIGNS: Final = ("No space left on device", "Errno 28", "Disk quota exceeded", "Errno 122", "not enough space on the disk")
FOREIGN_SETTINGS: Final = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX")  # they would send packages elsewhere
HASH_SIGNS: Final = ("DO NOT MATCH THE HASHES",)

# The groups of which one build of torch is made, see _install_torch. A command asks for TORCH, and for CUDA where it must be that build.
TORCH_BUILDS: Final = ("torch-parts", "torch-cpu", "torch", "cuda")
TORCH: Final = "torch"
CUDA: Final = "cuda"
CUDA_BYTES: Final = 7_000_000_000  # free space for the registry's torch for Linux: 4 GB in the end, and what is downloaded

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Environment:
    """A folder, the Python it is made with, and the lock's groups in it. `required_bytes`: free space that its making needs."""

    folder: Path
    interpreter: Path
    python: str  # "3.11"
    groups: tuple[str, ...]
    required_bytes: int

    @property
    def executable(self) -> Path:
        """The environment's own Python."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / STAMP

    def is_ready(self, lock: Lock, groups: Sequence[str]) -> bool:
        """Whether these groups are installed as the lock has them now."""
        done = self._read_stamp().get("installed", {})
        return self.executable.is_file() and all(done.get(group) == self._key(lock, group) for group in groups)

    @property
    def installed(self) -> tuple[str, ...]:
        """The groups that are installed."""
        return tuple(self._read_stamp().get("installed", {}))

    def _key(self, lock: Lock, group: str) -> str:
        groups = TORCH_BUILDS if group in (TORCH, CUDA) else (group,)
        text = f"{self.python} {lock.requirements(groups, self.python, platform_name())}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _read_stamp(self) -> dict[str, Any]:
        try:
            content = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def prepare(self, more: Sequence[str] = (), finish: Callable[[Path], None] | None = None, again: bool = False) -> Path:
        """Makes the environment with its groups and the groups `more` where that is not done; returns its Python.

        `finish` is called with that Python at the end of a set-up, before the stamp. `again` makes it anew whatever stands there.
        Raises Failure; the folder is then done again the next time.
        """
        lock = read_lock()
        groups = (*self.groups, *more)
        if not again and self.is_ready(lock, groups):
            return self.executable
        with _only_one(self.folder.with_name(self.folder.name + ".lock")) as held:
            # another process may have made it while this one waited
            if again or not self.is_ready(lock, groups):
                self._make(lock, more, finish, again, held)
        return self.executable

    def _make(self, lock: Lock, more: Sequence[str], finish: Callable[[Path], None] | None, again: bool, held: int) -> None:
        check_interpreter(self.interpreter, self.python)
        check_libraries()
        whole = again or not self.is_ready(lock, self.groups)
        if not whole:
            more = [group for group in more if not self.is_ready(lock, (group,))]
        try:
            title = f"Setting up {self.folder.name}" if whole else f"Adding {', '.join(more)} to {self.folder.name}"
            with Display(title) as display, _ending_signals():
                if whole:
                    display.show(0.0, "making the folder")
                    self._clear()
                    _check_space(self.folder.parent, self.required_bytes)
                    self._run([str(self.interpreter), "-I", "-m", "venv", str(self.folder)], held, lambda line: None)
                    share = 0.5 if more else 0.9
                    self._install(lock, self.groups, held, lambda done, text: display.show(0.05 + share * done, text))
                if more:
                    self._add(lock, more, held, 0.55 if whole else 0.0, display)
                if whole and finish is not None:
                    display.show(0.97, "making the detector's model")
                    finish(self.executable)
            done = {} if whole else self._read_stamp().get("installed", {})
            groups = (*self.groups, *more) if whole else tuple(more)
            if CUDA in groups:
                groups = (*groups, TORCH)  # that build is one
            self._write_stamp({**done, **{group: self._key(lock, group) for group in groups}})
        except OSError as error:
            raise _failure(error, self.folder) from error

    def _add(self, lock: Lock, more: Sequence[str], held: int, start: float, display: Display) -> None:
        """Installs further groups; torch, of which there are several builds, before the others."""
        plain = [group for group in more if group not in (TORCH, CUDA)]
        middle = start
        if len(plain) < len(more):
            middle = start + (0.8 if plain else 1.0) * (0.97 - start)
            share = middle - start
            self._install_torch(lock, CUDA in more, held, lambda done, text: display.show(start + share * done, text))
        if plain:
            self._install(lock, plain, held, lambda done, text: display.show(middle + (0.97 - middle) * done, text))

    def _clear(self) -> None:
        """Empties the folder, but not one that somebody else made."""
        ours = self.stamp.exists() and not self.folder.is_symlink()  # what a link leads to is used by others
        if self.folder.exists() and any(self.folder.iterdir()) and not ours:
            raise Failure("bad_installation", f"{self.folder} was not made by Kinolift: rename or delete it, then run the command again.")
        if self.folder.exists():
            # the stamp goes last, so that a folder half deleted is still known for ours
            for entry in self.folder.iterdir():
                if entry.name != STAMP:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_stamp({})

    def _write_stamp(self, groups: dict[str, str]) -> None:
        temporary = self.stamp.with_suffix(".part")
        temporary.write_text(json.dumps({"python": self.python, "installed": groups}, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.stamp)

    def _install(self, lock: Lock, groups: Sequence[str], held: int, report: Report) -> None:
        """pip's install of the groups; `report` gets 0..1 and a text."""
        packages = lock.select(groups, self.python, platform_name())
        requirements = self.folder / "requirements.txt"
        requirements.write_text(lock.requirements(groups, self.python, platform_name()), encoding="utf-8")
        seen = 0

        if not packages:
            return

        def read(line: str) -> None:
            nonlocal seen
            if found := re.match(r"Collecting ([\w.-]+)", line):
                seen += 1
                report(0.75 * seen / len(packages), f"downloading {found[1]}")
            elif found := re.match(r"\s+(?:Downloading|Using cached) ([^-]+)-\S+ \((.+)\)", line):
                report(0.75 * seen / len(packages), f"downloading {found[1]} ({found[2]})")
            elif line.startswith("Installing collected"):
                report(0.75, f"installing {len(packages)} packages")

        report(0.0, "looking up packages")
        command = [
            str(self.executable), "-I", "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input",
            "--no-compile", "--progress-bar", "off", "--no-warn-script-location", "--disable-pip-version-check", "--retries", "3",
            "-r", str(requirements),
        ]  # fmt: skip
        self._run(command, held, read)

    def _install_torch(self, lock: Lock, cuda: bool, held: int, report: Report) -> None:
        """The CPU build where pip has a place to take it from, else the registry's, with CUDA's libraries where that asks for them.

        `cuda`: never the CPU build.
        """
        if lock.select(["torch-cpu"], self.python, platform_name()) and not cuda:
            try:
                return self._install(lock, ("torch-parts", "torch-cpu"), held, report)
            except Failure:
                pass  # pip knows no such place, or cannot reach it; a network that is down stops the next line too
        if lock.select(["cuda"], self.python, platform_name()):
            _check_space(self.folder, CUDA_BYTES)
        self._install(lock, ("torch-parts", "torch"), held, lambda done, text: report(0.4 * done, text))
        if _is_cuda_torch(self.executable):
            self._install(lock, ("cuda",), held, lambda done, text: report(0.4 + 0.6 * done, text))

    def _run(self, command: Sequence[str], held: int, read: Callable[[str], None]) -> None:
        """Runs a command of the set-up, its output into the log and line by line to `read`."""
        run_logged(command, self.folder / LOG, self.folder, held, read)


def run_logged(command: Sequence[str], log: Path, scratch: Path, held: int | None, read: Callable[[str], None]) -> None:
    """Runs a command with its output in `log`; Failure with one sentence where it fails. Temporary files go into `scratch`."""
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_SETTINGS}
    environment |= {"PIP_USER": "0", "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    tail: list[str] = []
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n")
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True,
                errors="replace", pass_fds=() if held is None or os.name == "nt" else (held,),
            ) as process:  # fmt: skip
                try:
                    for line in process.stdout or ():
                        file.write(line)
                        tail = [*tail[-199:], line.rstrip()]
                        read(line)
                except BaseException:
                    process.terminate()
                    process.wait()
                    raise
        if process.returncode:
            raise explain(tail, log)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def explain(tail: Sequence[str], log: Path) -> Failure:
    """The Failure for the last lines of a command that failed."""
    text = "\n".join(tail)
    if any(sign in text for sign in DISK_SIGNS):
        return Failure("disk_full", "The disk is full: free some space, then run the command again.")
    if any(sign in text for sign in HASH_SIGNS):
        return Failure("bad_installation", f"A downloaded package is not the one that was locked; run the command again (details: {log}).")
    if any(sign in text for sign in NETWORK_SIGNS):
        return Failure("bad_installation", "The packages cannot be downloaded: check the network connection (and pip's proxy settings), "
                       f"then run the command again (details: {log}).")  # fmt: skip
    if "ensurepip" in text:
        return _no_venv(f"{sys.version_info[0]}.{sys.version_info[1]}")
    last = next((line for line in reversed(tail) if line.strip()), "no output")
    return Failure("bad_installation", f"The set-up failed ({last.strip()[:200]}); run the command again (details: {log}).")


def _no_venv(python: str) -> Failure:
    command = f"sudo apt-get install python{python}-venv"
    return Failure("bad_installation", f"This Python has no venv module: install it (Debian, Ubuntu: `{command}`), then run again.")


def check_interpreter(interpreter: Path, python: str) -> None:
    """Raises Failure `bad_installation` where this Python cannot make a virtual environment."""
    if Path(interpreter) == Path(sys.executable):
        missing = any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip"))
    else:
        missing = subprocess.run([str(interpreter), "-I", "-c", "import venv, ensurepip"], capture_output=True).returncode != 0
    if missing:
        raise _no_venv(python)


def _check_space(folder: Path, required: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < required:
        raise Failure(
            "disk_full",
            f"The set-up needs {required / 1e9:.1f} GB and the disk of {folder} has {free / 1e9:.1f} GB left: free some space, "
            "then run the command again.",
        )


def _is_cuda_torch(executable: Path) -> bool:
    """Whether the installed torch links against CUDA; found without importing it, which would fail before its libraries are there."""
    script = (
        "import importlib.util as u, pathlib as p; folder = p.Path(u.find_spec('torch').origin).parent; "
        "print(*folder.glob('lib/libtorch_cuda.so'))"
    )
    return bool(subprocess.run([str(executable), "-I", "-c", script], capture_output=True, text=True).stdout.strip())


def _failure(error: OSError, folder: Path) -> Failure:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk_full", "The disk is full: free some space, then run the command again.")
    path = error.filename or folder
    return Failure("bad_installation", f"{path} cannot be written ({error.strerror}); check who owns it, then run the command again.")


@contextlib.contextmanager
def _ending_signals() -> Iterator[None]:
    """Lets a polite `kill` end a set-up the way Ctrl-C does."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[int]:
    """Waits until no other process holds `path`, holds it, and yields its descriptor."""
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise _failure(error, path) from error
    with file:
        if not try_lock(file):
            print("Another set-up of Kinolift is running; waiting for it to end.", file=sys.stderr, flush=True)
            while not try_lock(file):
                time.sleep(0.3)
        yield file.fileno()  # closing the file gives the lock back
