"""Temporary folders of ours: named after the process that made them, so that the next start can tell which nobody needs any more."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from ..contract.unfinished import OLD, age, is_ours, is_running

PREFIX: Final = "kinolift-"
_OURS: Final = re.compile(re.escape(PREFIX) + r"([1-9][0-9]{0,9})-[a-z0-9_]+")


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
        if named and is_ours(folder) and not _is_needed(folder, int(named[1])):
            shutil.rmtree(folder, ignore_errors=True)


def remove_blender_folder() -> None:
    """Removes the temporary folder of Blender as a module, where the process ends without Blender's own end."""
    if "bpy" not in sys.modules:
        return
    import bpy

    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_") and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _is_needed(folder: Path, process: int) -> bool:
    return age(folder) < OLD if sys.platform == "win32" else is_running(process)
