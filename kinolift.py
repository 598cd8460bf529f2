#!/usr/bin/env python3
"""Kinolift from the command line: sets up its own environment on first use, then runs the command in it.

    python3 kinolift.py capture video.mp4 -o take.fbx

This file imports the standard library and the project's own plain modules only, and up to the check of the version it is
written so that an older Python can read it.
"""

from __future__ import annotations

import sys

PYTHONS = ((3, 11), (3, 13))  # those of Blender 4.2 to 5.0, and of 5.1 and later


def check_python(version: tuple[int, ...], which: Callable[[str], str | None]) -> str | None:
    """The sentence for a Python (major, minor) that will not do, or None. `which` finds programs, as shutil.which."""
    if version in PYTHONS:
        return None
    names = " or ".join("%d.%d" % python for python in PYTHONS)  # noqa: UP031 - no newer syntax before the check
    found = [name for name in ("python%d.%d" % python for python in PYTHONS) if which(name)]  # noqa: UP031
    advice = "run `%s kinolift.py ...` instead" % found[0] if found else "install one of them and run kinolift.py with it"  # noqa: UP031
    return "Kinolift needs Python %s and this is Python %d.%d: %s." % (names, version[0], version[1], advice)  # noqa: UP031


if __name__ == "__main__":
    import shutil

    sentence = check_python(sys.version_info[:2], shutil.which)
    if sentence:
        sys.stderr.write(sentence + "\n")
        sys.exit(5)  # contract.failure.ExitCode.NO_RESOURCES, which an older Python could not read

import argparse
import importlib
import importlib.util
import os
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from contract.failure import ExitCode, Failure
from wheels.environment import Environment
from wheels.fetch import make_model
from wheels.lock import read_lock

ROOT = Path(__file__).resolve().parent
EXTENSION = "kinolift_extension"  # the name under which the repository's root is loaded as Blender loads the extension


@dataclass(frozen=True)
class Command:
    """`home`: who runs it. "addon", "engine" and "benchmarks" run inside the environment, "here" is done by this file.

    `groups`: what it needs there beside the environment's own. `options`: (option, group) that it needs with that option.
    """

    name: str
    summary: str
    home: str
    groups: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def needs(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The groups for these words."""
        given = {word.partition("=")[0] for word in arguments}
        return (*self.groups, *(group for option, group in self.options if option in given))


TRAINING = ("torch", "training")  # fetched on the first use of a command that learns or judges

# Every command there is; the help and the dispatch both read this.
COMMANDS = (
    Command("capture", "turn a video into an animated armature: .fbx .bvh .glb .usd .blend .npz", "addon"),
    Command("evaluate", "judge weights or poses on Human3.6M, MPI-INF-3DHP or mocap, beside others' figures", "engine", TRAINING),
    Command("train", "train the lifter or the refiner on Human3.6M, MPI-INF-3DHP, mocap or rendered pairs", "engine", TRAINING),
    Command("bench", "time every stage on this machine, in one table; --compare with an earlier run", "benchmarks"),
    Command("batch", "capture, retarget and export folders and lists; goes on where it was", "addon", (), (("--scheduler", "cluster"),)),
    Command("cluster", "start a scheduler or a worker for `batch --scheduler`, on many machines", "addon", ("cluster",)),
    Command("retarget", "put captured motions on your own characters (.blend .fbx .glb .vrm)", "addon"),
    Command("setup", "make the environment now (every command does so on first use); --cuda adds torch with CUDA", "here"),
    Command("doctor", "say what is installed, what is wrong, and the command that mends it", "here"),
    Command("build", "make the extension's zip for Blender", "here"),
    Command("test", "run the checks and the tests; further words go to pytest", "here"),
)

GROUPS = ("numpy", "worker", "terminal", "blender")
REQUIRED_BYTES = 2_500_000_000  # free space, downloads included


def environment() -> Environment:
    """The environment of the commands, `.venv` beside this file, for the Python that runs now."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Environment(ROOT / ".venv", Path(sys.executable), python, GROUPS, REQUIRED_BYTES)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    options, rest = parser().parse_known_args(arguments[:1])
    command = next(command for command in COMMANDS if command.name == options.command)
    rest = list(arguments[1:])
    try:
        if command.home == "here":
            return run_here(command.name, rest)
        here = environment()
        groups = command.needs(rest)
        if is_inside(here, groups):
            run = {"addon": run_addon, "engine": run_engine, "benchmarks": run_benchmark}[command.home]
            return run(command.name, rest)
        run_inside(here.prepare(groups, finish=make_model), [command.name, *rest])
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    return int(ExitCode.DONE)


def parser() -> argparse.ArgumentParser:
    """The parser of the first word."""
    width = max(len(command.name) for command in COMMANDS)
    lines = "\n".join(f"  {command.name:{width}}  {command.summary}" for command in COMMANDS)
    result = argparse.ArgumentParser(
        prog="kinolift.py",
        usage="python3 kinolift.py COMMAND ...",
        description="Kinolift turns an ordinary video of a person into an animated armature.",
        epilog=f"commands:\n{lines}\n\n`python3 kinolift.py COMMAND --help` shows a command's own options.\n"
        "The first use sets up an environment in .venv; that needs the network once.\n"
        "Exit codes: 0 done, 1 internal fault, 2 bad arguments, 3 bad input, 4 nobody in the video, 5 out of resources, 130 cancelled.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("command", choices=[command.name for command in COMMANDS], metavar="COMMAND", help="one of those below")
    return result


def is_inside(here: Environment, more: tuple[str, ...] = ()) -> bool:
    """Whether this process runs in the environment, and the environment with the groups `more` is what the lock says."""
    return Path(sys.prefix).resolve() == here.folder.resolve() and here.is_ready(read_lock(), (*here.groups, *more))


def run_inside(executable: Path, arguments: Sequence[str]) -> None:
    """This program again, in the environment. On POSIX it takes this process's place, so that signals reach it directly."""
    for name in ("PYTHONHOME", "PYTHONPATH"):
        os.environ.pop(name, None)  # another Python's packages would come before ours
    os.environ["PYTHONNOUSERSITE"] = "1"
    words = [str(executable), str(ROOT / "kinolift.py"), *arguments]
    if os.name != "nt":
        os.execv(executable, words)
    import subprocess

    sys.exit(subprocess.call(words))


def run_addon(command: str, arguments: list[str]) -> int:
    """A command of the add-on, with Blender as a module in this process."""
    load_extension()
    command_line = importlib.import_module(f"{EXTENSION}.addon.command_line")
    code = int(command_line.main([command, *arguments]))
    importlib.import_module(f"{EXTENSION}.addon.leftovers").remove_blender_folder()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # bpy can hang while the interpreter shuts down


def run_engine(command: str, arguments: list[str]) -> int:
    """A command of the engine, as `python -m engine COMMAND`; it ends the process itself or returns here."""
    sys.argv = ["engine", command, *arguments]
    runpy.run_module("engine", run_name="__main__", alter_sys=True)
    return int(ExitCode.DONE)


def run_benchmark(command: str, arguments: list[str]) -> int:
    """The command as `benchmarks/COMMAND.py`; processes that it starts find the same module by its name."""
    return int(importlib.import_module(f"benchmarks.{command}").main(arguments))


def load_extension() -> ModuleType:
    """The repository's root as the package `kinolift_extension`, the way Blender loads an installed extension."""
    if EXTENSION in sys.modules:
        return sys.modules[EXTENSION]
    spec = importlib.util.spec_from_file_location(EXTENSION, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    if spec is None or spec.loader is None:
        raise Failure("bad_installation", f"{ROOT / '__init__.py'} is missing; fetch Kinolift again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[EXTENSION] = module
    spec.loader.exec_module(module)
    return module


def run_here(command: str, arguments: list[str]) -> int:
    """The commands that make and check environments, outside of any."""
    modules = {"setup": "wheels.setup", "doctor": "wheels.doctor", "build": "wheels.extension", "test": "wheels.checks"}
    module = importlib.import_module(modules[command])
    return int(module.main(environment(), arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
