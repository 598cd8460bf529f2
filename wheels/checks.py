"""`kinolift.py test`: style, types and tests here, then the add-on's in the Blender of the other Python, and the zip in Debian's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from contract.failure import ExitCode, Failure

from . import debian_blender
from .environment import Environment
from .fetch import ROOT, make_model
from .interpreters import find_interpreter
from .lock import read_lock

ADDON_TESTS: Final = ("tests/addon", "tests/test_extension.py")
ASKED: Final = "KINOLIFT_DEBIAN"  # the variable of whoever wants it: it takes as long as everything else
DEBIAN: Final = "sid"  # the newest Blender there, with a Python that no bpy wheel has
BLENDER_BYTES: Final = 1_500_000_000  # free space for an environment with Blender and pytest only


def main(environment: Environment, arguments: Sequence[str]) -> int:
    """Everything; or, with further words, only pytest in the environment with those words. 0 where all of it passed."""
    executable = environment.prepare(more=("torch", "training", "test", "lint", "triton"), finish=make_model)
    make_model(executable)
    if arguments:
        return _run("pytest", [str(executable), "-m", "pytest", *arguments], {})
    failed = [name for name, command in _static_checks(executable) if _run(name, command, {})]
    failed += ["mypy of addon"] if _check_addon_types(executable) else []
    other, reason = _other_blender(environment)
    failed += ["pytest"] if _run("pytest", [str(executable), "-m", "pytest"], {}) else []
    if other is None:
        print(f"\nSkipped: the add-on's tests in the other Blender, because {reason}", flush=True)
    else:
        name = f"the add-on's tests in {_blender(other.python)}, its worker with Python {environment.python}"
        command = [str(other.executable), "-m", "pytest", *(path for path in ADDON_TESTS if (ROOT / path).exists())]
        failed += [name] if _run(name, command, {"KINOLIFT_PYTHON": str(executable)}) else []
    program, reason = _debian_blender()
    if program is None:
        print(f"\nSkipped: the zip's life in Debian's Blender, because {reason}", flush=True)
    else:
        command = [str(executable), "-m", "pytest", *debian_blender.TESTS]
        name = f"the zip's life in the Blender of Debian {DEBIAN}"
        failed += [name] if _run(name, command, {"KINOLIFT_BLENDER": str(program)}) else []
    if failed:
        print(f"\nFailed: {'; '.join(failed)}.", flush=True)
    return int(ExitCode.INTERNAL if failed else ExitCode.DONE)


def _static_checks(executable: Path) -> list[tuple[str, list[str]]]:
    return [
        ("ruff", [str(executable), "-m", "ruff", "check", "."]),
        ("mypy", [str(executable), "-m", "mypy"]),
    ]


def _check_addon_types(executable: Path) -> bool:
    """mypy on addon as a part of the extension package, which the repository's folder is, whatever its name. True where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Path(folder, "kinolift_extension").symlink_to(ROOT, target_is_directory=True)
        except OSError:
            print("\nSkipped: mypy of addon, because this user may not make symbolic links.", flush=True)
            return False
        settings = ["--config-file", str(ROOT / "pyproject.toml"), "--no-explicit-package-bases"]
        command = [str(executable), "-m", "mypy", *settings, "-p", "kinolift_extension.addon"]
        return bool(_run("mypy of addon", command, {"MYPYPATH": folder}))


def _other_blender(environment: Environment) -> tuple[Environment | None, str]:
    """The environment with the Blender of the other Python, made; or None and why."""
    (python,) = (python for python in read_lock().environments if python != environment.python)
    interpreter = find_interpreter(python)
    if interpreter is None:
        return None, f"there is no Python {python} with venv on this machine; install python{python} to run them."
    folder = environment.folder.with_name(f".venv-{_blender(python).lower().replace(' ', '-')}")
    groups = ("numpy", "blender", "test")
    other = replace(environment, folder=folder, interpreter=interpreter, python=python, groups=groups, required_bytes=BLENDER_BYTES)
    try:
        other.prepare()
    except Failure as failure:
        raise Failure(failure.code, f"{folder.name}: {failure.message}") from failure
    return other, ""


def _debian_blender() -> tuple[Path | None, str]:
    """The script that runs a real Blender program, installed on the first use; or None and why not."""
    if os.environ.get(ASKED) != "1":
        return None, f"it takes some ten minutes; set {ASKED}=1 to have it done."
    if reason := debian_blender.why_not():
        return None, reason
    try:
        return debian_blender.prepare(DEBIAN, ROOT / "build" / "blenders" / DEBIAN), ""
    except Failure as failure:
        return None, failure.message


def _blender(python: str) -> str:
    """ "Blender 4.5" for the Python whose bpy the lock names."""
    (package,) = (p for p in read_lock().packages if p.name == "bpy" and python in p.pythons)
    return "Blender " + ".".join(package.version.split(".")[:2])


def _run(name: str, command: Sequence[str], variables: Mapping[str, str]) -> int:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    surroundings = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    surroundings |= {"PYTHONNOUSERSITE": "1", **variables}
    code = subprocess.run(command, cwd=ROOT, env=surroundings, stdin=subprocess.DEVNULL).returncode
    # pytest has the last word: its own line says all of this
    if "pytest" not in command:
        print(f"{name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    sys.stdout.flush()
    return code
