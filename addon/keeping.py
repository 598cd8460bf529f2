"""What stays with a take in the .blend: its motion, and what was detected in its video, so that everything can go on after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import bpy

from ..contract.failure import Failure
from ..contract.motion_file import Motion, load_motion
from .armature import RECORD
from .packed_motion import pack, unpack

# Custom properties of the armature's data, bytes: they go wherever the armature goes, into other files and copies, and away with it.
MOTION: Final = "kinolift_motion"
DETECTION: Final = "kinolift_detection"


def keep(take: bpy.types.Object, motion: Motion) -> None:
    """Puts the motion beside the armature; some hundred kilobytes a minute."""
    keep_packed(take, pack(motion))


def keep_packed(take: bpy.types.Object, packed: bytes) -> None:
    """The same, where it has been packed already."""
    _put(take, MOTION, packed)


def keep_detection(take: bpy.types.Object, path: Path) -> None:
    """Puts a detection file beside the armature. What cannot be read is not kept: Refine Again then says so."""
    try:
        _put(take, DETECTION, path.read_bytes())
    except OSError:
        return


def _put(take: bpy.types.Object, name: str, data: bytes) -> None:
    take.data.pop(name, None)  # bytes that replace others are cut off by Blender where one of them is 0
    take.data[name] = data


def motion_of(take: bpy.types.Object) -> Motion:
    """The motion that the take was made from. Raises Failure `no_such_file` for a take of a version that kept none, and whose file is gone,
    `bad_motion` for one that is damaged."""
    return reading_motion(take)()


def reading_motion(take: bpy.types.Object) -> Callable[[], Motion]:
    """`motion_of` in two parts: what is returned needs no Blender, and takes a second for an hour. Raises Failure `no_such_file`."""
    data, name = take.data.get(MOTION), take.name
    if isinstance(data, bytes):
        return lambda: unpack(data, name)
    path = record_of(take).get("motion")
    if path and Path(bpy.path.abspath(path)).is_file():
        file = Path(bpy.path.abspath(path))
        return lambda: load_motion(file)
    raise Failure("no_such_file", f"{name} comes from an early version that kept no motion in the file; capture its video again.")


def detection_of(take: bpy.types.Object) -> bytes:
    """The detection file that lies beside the armature. Raises Failure `no_such_file` where none does."""
    data = take.data.get(DETECTION)
    if not isinstance(data, bytes):
        raise Failure("no_such_file", f"{take.name} was made from a motion file alone, without what was detected; capture its video again.")
    return data


def record_of(take: bpy.types.Object) -> dict[str, Any]:
    """What is kept on the armature about its origin; {} where that is no such record."""
    try:
        found = json.loads(take[RECORD])
    except (KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def add_to_record(take: bpy.types.Object, **facts: Any) -> None:
    """Writes more into it."""
    take[RECORD] = json.dumps(record_of(take) | facts)
