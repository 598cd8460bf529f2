"""A .blend file that holds one scene with the take, whatever else is open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import bpy

from ...contract.failure import Failure

_FINISH = Path(__file__).with_name("finish_blend.py")
TIMEOUT = 120.0  # seconds: a Blender without a window starts in one or two


def write(scene: bpy.types.Scene, path: Path, actions: Sequence[bpy.types.Action] = ()) -> None:
    """Writes the staged scene with all that it uses. Paths in it (the video) are absolute, so the file may be moved.

    `actions` go along even where nothing plays them.

    Blender can write a part of its data only as a library, which complains when it is opened as a file; so a second
    Blender, without a window, opens that part and saves it as a file of its own. The user's stays as it is.
    """
    part = path.with_name("part.blend")
    bpy.data.libraries.write(str(part), {scene, *actions}, path_remap="ABSOLUTE", fake_user=False)
    try:
        done = subprocess.run(
            [*_blender(), str(part), str(path)], capture_output=True, text=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(
            "internal", f"A second Blender, needed to write {path.name}, did not run ({error}); export as FBX instead."
        ) from error
    if done.returncode != 0 or not path.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = said[-1] if said else f"code {done.returncode}"
        if "No space left" in done.stderr + done.stdout:
            raise Failure("disk_full", f"The disk is full: {path.name} was not written; free some space and try again.")
        raise Failure("internal", f"A second Blender could not write {path.name} ({reason}); export as FBX instead.")


def _blender() -> list[str]:
    """The words that run a script in a Blender like this one: the program, or Python where Blender is a module."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(_FINISH), "--"]
    return [sys.executable, str(_FINISH), "--"]
