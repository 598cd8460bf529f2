"""A .blend file that holds one scene with the take, whatever else is open."""

from __future__ import annotations

from pathlib import Path

import bpy


def write(scene: bpy.types.Scene, path: Path) -> None:
    """Writes the staged scene with all that it uses. Paths in it (the video) are written absolute, the file may be moved."""
    bpy.data.libraries.write(str(path), {scene}, path_remap="ABSOLUTE", fake_user=False, compress=True)
