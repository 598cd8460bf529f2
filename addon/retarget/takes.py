"""The motion behind a captured armature, so that it can be put on another character."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import bpy

from ...contract.failure import Failure
from ...contract.motion_file import Motion, load_motion
from ..armature import RECORD

# On the armature of a take whose motion file was not kept: a copy in Blender's own temporary folder, which goes when Blender is closed.
SESSION = "kinolift_session_motion"


def keep_for_session(take: bpy.types.Object, motion_path: Path) -> None:
    """Copies a motion file to where it lasts until Blender is closed."""
    copy = Path(bpy.app.tempdir) / f"kinolift-{uuid.uuid4().hex}{motion_path.suffix}"
    try:
        shutil.copyfile(motion_path, copy)
    except OSError:  # a full disk must not spoil the capture, which is done; retargeting says that the file is not there
        copy.unlink(missing_ok=True)
        return
    take[SESSION] = str(copy)


def motion_of(take: bpy.types.Object) -> Motion:
    """The motion that the take was made from. Raises Failure `no_such_file` where it was not kept, and what `load_motion` raises."""
    for path in (json.loads(take[RECORD]).get("motion"), take.get(SESSION)):
        if path and Path(bpy.path.abspath(path)).is_file():
            return load_motion(Path(bpy.path.abspath(path)))
    raise Failure(
        "no_such_file",
        f"The motion file of {take.name} was not kept when Blender was closed; capture with Keep Motion set, or choose a motion file.",
    )
