"""A script for a second Blender, which reads what the first one wrote and tells it as JSON.

Called with one of:
    -- finish PART FILE   opens a part that was written as a library, saves it as a file of its own, and reads that
    -- read FILE          reads a .usd
"""

from __future__ import annotations

import json
import os
import sys

import bpy

_MENDED = "Missing library override hierarchy root data"


def main() -> None:
    task, *paths = sys.argv[sys.argv.index("--") + 1 :]
    if task == "finish":
        _finish(*paths)
        bpy.ops.wm.open_mainfile(filepath=paths[1], load_ui=False)
    else:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        bpy.ops.wm.usd_import(filepath=paths[0], import_cameras=False, import_lights=False, import_materials=False, set_frame_range=False)
    print(json.dumps(contents()))


def _finish(part: str, path: str) -> None:
    try:
        bpy.ops.wm.open_mainfile(filepath=part, load_ui=False)
    except RuntimeError as error:
        # of an overridden character the file has a part of what its library linked; Blender 5.2 mends that as it opens it, and calls it an
        # error. What came out is counted afterwards, by whoever asked.
        if _MENDED not in str(error) or bpy.data.filepath != part:
            raise
    for action in bpy.data.actions:
        if action.users == 0:
            action.use_fake_user = True  # else it would not be saved
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=True, relative_remap=False, check_existing=False)


def contents() -> dict[str, int]:
    """What `read_back.Contents` says of the open file."""
    things = bpy.context.scene.objects
    lengths = [round(action.frame_range[1] - action.frame_range[0]) + 1 for action in bpy.data.actions]
    return {
        "bones": sum(len(thing.data.bones) for thing in things if thing.type == "ARMATURE"),
        "clips": sum(length > 1 for length in lengths),
        "frames": max(lengths, default=0),
        "skins": sum(
            thing.type == "MESH" and any(modifier.type == "ARMATURE" and modifier.object in set(things) for modifier in thing.modifiers)
            for thing in things
        ),
    }


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module can hang while Python ends
