"""A script for a second Blender: opens a part that was written as a library and saves it as a file of its own.

Called with: -- PART FILE
"""

from __future__ import annotations

import os
import sys

import bpy


def main() -> None:
    part, path = sys.argv[sys.argv.index("--") + 1 :]
    bpy.ops.wm.open_mainfile(filepath=part, load_ui=False)
    for action in bpy.data.actions:
        if action.users == 0:
            action.use_fake_user = True  # else it would not be saved
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=True, relative_remap=False, check_existing=False)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module can hang while Python ends
