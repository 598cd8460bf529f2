"""A .blend file that holds one scene with the take, whatever else is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy

from ...contract.failure import Failure
from .read_back import Contents, check_written, run_second_blender


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, actions: Sequence[bpy.types.Action] = ()) -> None:
    """Writes the staged scene with all that it uses. Paths in it (the video) are absolute, so the file may be moved.

    `actions` go along even where nothing plays them.

    Blender can write a part of its data only as a library, which complains when it is opened as a file; so a second
    Blender, without a window, opens that part and saves it as a file of its own. The user's stays as it is.
    """
    part = path.with_name("part.blend")
    linked = _link_all_used(scene)
    try:
        bpy.data.libraries.write(str(part), {scene, *actions}, path_remap="ABSOLUTE", fake_user=False)
    finally:
        for thing in linked:
            scene.collection.objects.unlink(thing)
    try:
        found = run_second_blender("finish", str(part), str(path))
    except RuntimeError as error:
        if "No space left" in str(error):
            raise Failure("disk_full", f"The disk is full: {path.name} was not written; free some space and try again.") from error
        raise Failure("internal", f"A second Blender could not write {path.name} ({error}); export as FBX instead.") from error
    played = armature.animation_data.action if armature.animation_data else None
    check_written(path, Contents.of(scene, armature, list(actions) or [played] * (played is not None)), found)


def _link_all_used(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Links to the scene what its objects need without owning it: parents, targets of constraints, modifiers and drivers. Returns that.

    A file that is opened keeps only what somebody owns, an object what it is parented to not.
    """
    uses: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for used, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, []).append(used)
    found: set[bpy.types.ID] = set()
    ahead: list[bpy.types.ID] = list(scene.objects)
    while ahead:
        thing = ahead.pop()
        if thing not in found and not isinstance(thing, (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Screen)):
            found.add(thing)
            ahead += uses.get(thing, [])
    shapes = {bone.custom_shape for thing in found if isinstance(thing, bpy.types.Object) and thing.pose for bone in thing.pose.bones}
    missing = [thing for thing in found if isinstance(thing, bpy.types.Object) and thing.name not in scene.objects and thing not in shapes]
    for thing in missing:
        scene.collection.objects.link(thing)
    return missing
