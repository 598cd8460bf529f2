"""Temporary folders of ours: named after the process that made them, so that the next start can tell which nobody needs any more."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

PREFIX: Final = "kinolift-"
_OURS: Final = re.compile(re.escape(PREFIX) + r"([1-9][0-9]{0,9})-[a-z0-9_]+")
_WINDOWS_AGE: Final = 2 * 86400.0  # seconds: there a process is not asked whether it lives; no capture lasts two days


def make_folder() -> Path:
    """A new temporary folder of this process."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def sweep() -> None:
    """Removes the folders of `make_folder` whose process is gone without having done so, and nothing else."""
    try:
        found = list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    except OSError:
        return
    for folder in found:
        named = _OURS.fullmatch(folder.name)
        if named and _is_ours(folder) and not _is_needed(folder, int(named[1])):
            shutil.rmtree(folder, ignore_errors=True)


def remove_blender_folder() -> None:
    """Removes the temporary folder of Blender as a module, where the process ends without Blender's own end."""
    if "bpy" not in sys.modules:
        return
    import bpy

    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_") and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    return sys.platform == "win32" or folder.stat().st_uid == os.getuid()


def _is_needed(folder: Path, process: int) -> bool:
    if sys.platform == "win32":
        return time.time() - folder.stat().st_mtime < _WINDOWS_AGE
    try:
        os.kill(process, 0)  # asks only
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
