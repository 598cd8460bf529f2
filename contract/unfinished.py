"""Hidden folders beside outputs, in which a file is until it is whole: named after machine and process, so that a later start can tell
which a process left that was killed."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

PREFIX: Final = ".kinolift-"
OLD: Final = 2 * 86400.0  # seconds: nothing is written for two days; of another machine, or on Windows, only the age tells
_NAMED: Final = re.compile(re.escape(PREFIX) + r"([0-9a-f]{4})-([1-9][0-9]{0,9})-[a-z0-9_]{8}")
_NAMELESS: Final = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8,9}")  # of former versions


def make_unfinished(folder: Path) -> Path:
    """A new hidden folder in that one. Raises OSError."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{_machine()}-{os.getpid()}-", dir=folder))


def sweep_unfinished(folder: Path) -> int:
    """Removes the hidden folders in that one whose process is gone, or that are two days old, and nothing else; returns how many."""
    try:
        found = [path for path in folder.iterdir() if path.name.startswith(PREFIX)]
    except OSError:
        return 0
    left = [path for path in found if _is_left(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def is_ours(folder: Path) -> bool:
    """Whether it is a real folder of this user."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            return False
        return sys.platform == "win32" or folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def is_running(process: int) -> bool:
    """Whether there is such a process on this machine. Not on Windows, where asking would end it."""
    try:
        os.kill(process, 0)  # asks only
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def age(folder: Path) -> float:
    """Seconds since something in it was made or removed; 0 where nobody can tell."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def _is_left(path: Path) -> bool:
    named = _NAMED.fullmatch(path.name)
    if not is_ours(path) or not (named or _NAMELESS.fullmatch(path.name)):
        return False
    if named and named[1] == _machine() and sys.platform != "win32":
        return not is_running(int(named[2]))
    return age(path) > OLD


@cache
def _machine() -> str:
    """Four letters for this machine, and on Linux for what part of it sees the same processes: a container's numbers are its own."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:4]
