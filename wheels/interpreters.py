"""Finds a Python of a given version on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def find_interpreter(python: str) -> Path | None:
    """A working Python of that version ("3.13") with venv, or None: on PATH, or among those of a version manager."""
    for candidate in _candidates(python):
        check = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != {tuple(int(part) for part in python.split('.'))})"
        try:
            # a version manager's stand-in on PATH exists for versions that it will not run, so only a run tells
            if subprocess.run([str(candidate), "-I", "-c", check], capture_output=True, timeout=30).returncode == 0:
                return candidate
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None


def _candidates(python: str) -> Iterator[Path]:
    for folder in os.get_exec_path():
        if found := shutil.which(f"python{python}", path=folder):
            yield Path(found)
    name = "python.exe" if os.name == "nt" else f"bin/python{python}"
    for versions in _manager_folders():
        if versions.is_dir():
            yield from (folder / name for folder in sorted(versions.glob(f"*{python}*"), reverse=True) if (folder / name).is_file())


def _manager_folders() -> Iterator[Path]:
    """Where pyenv, asdf, mise and uv keep their Pythons."""
    home = Path.home()
    yield Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    for folder in os.get_exec_path():
        if Path(folder).name == "shims":
            yield Path(folder).parent / "versions"
    yield Path(os.environ.get("ASDF_DATA_DIR", home / ".asdf")) / "installs" / "python"
    yield home / ".local" / "share" / "mise" / "installs" / "python"
    yield home / ".local" / "share" / "uv" / "python"
