"""A scene of its own to export from, so that nothing in the user's changes; and Blender's exporters called on it."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ...contract.failure import Failure
from .. import keyframes
from ..scene import set_range


@contextlib.contextmanager
def stage(armature: bpy.types.Object, extra: Sequence[bpy.types.Object] = ()) -> Iterator[bpy.types.Scene]:
    """A scene that holds this armature and `extra` alone, at the rate of the scene that it is in and over the frames of its keys.

    The exporters name the animation after the scene, so it is named after the armature.
    """
    current = bpy.context.scene
    homes = armature.users_scene
    users = current if current in homes or not homes else homes[0]
    window = bpy.context.window
    if armature.mode == "EDIT":
        armature.update_from_editmode()
    first, last = keyframes.frame_range(armature)
    scene = bpy.data.scenes.new(armature.name)
    try:
        scene.render.fps, scene.render.fps_base = users.render.fps, users.render.fps_base
        scene.unit_settings.system, scene.unit_settings.scale_length = users.unit_settings.system, users.unit_settings.scale_length
        set_range(scene, first, last)
        scene.frame_set(math.floor(first))
        for thing in (armature, *extra):
            scene.collection.objects.link(thing)
        scene.view_layers[0].objects.active = armature
        armature.select_set(True, view_layer=scene.view_layers[0])
        cameras = [thing for thing in extra if thing.type == "CAMERA"]
        if cameras:
            scene.camera = cameras[0]
            scene.render.resolution_x, scene.render.resolution_y = users.render.resolution_x, users.render.resolution_y
        yield scene
    finally:
        if window is not None and window.scene != current:  # the glTF exporter leaves the stage in the window
            window.scene = current
        bpy.data.scenes.remove(scene)


def call_exporter(operator: Any, scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, **settings: Any) -> None:
    """Runs one of Blender's export operators on the stage.

    Settings that this Blender's operator does not know are left out: they name behaviour that it does not have. Raises
    Failure where the exporter is switched off or fails.
    """
    try:
        known = operator.get_rna_type().properties.keys()
    except KeyError:
        raise Failure(
            "bad_installation",
            f"Blender's own {path.suffix[1:].upper()} exporter is switched off; enable it in Edit > Preferences > Add-ons.",
        ) from None
    layer = scene.view_layers[0]
    layer.objects.active = armature
    # meshes are chosen with their armature; of the other things on the stage nothing goes into the file
    written = [armature, *(thing for thing in scene.objects if thing.type == "MESH")]
    for thing in written:
        thing.select_set(True, view_layer=layer)
    chosen = {
        "scene": scene,
        "view_layer": layer,
        "collection": scene.collection,
        "object": armature,
        "active_object": armature,
        "selected_objects": written,
        "selected_editable_objects": written,
    }
    try:
        # the exporters print what they did, which is none of our command's output
        with contextlib.redirect_stdout(io.StringIO()), bpy.context.temp_override(**chosen):
            operator(filepath=str(path), check_existing=False, **{name: settings[name] for name in settings if name in known})
    except RuntimeError as error:
        if "KeyboardInterrupt" in str(error):  # Blender wraps what is raised inside its operators, Ctrl-C too
            raise KeyboardInterrupt from None
        raise _export_failure(str(error), path) from error


def _export_failure(text: str, path: Path) -> Failure:
    """The Failure behind an operator's RuntimeError, which holds the report or a whole traceback."""
    reason = text.strip().splitlines()[-1].removeprefix("Error: ") if text.strip() else "no reason given"
    if "No space left" in text or "Errno 28" in text:
        return Failure("disk_full", f"The disk is full: {path.name} was not written; free some space and try again.")
    if "Permission denied" in text or "Read-only file system" in text:
        return Failure("not_writable", f"{path.name} cannot be written ({reason}); choose another folder for the output.")
    return Failure("internal", f"Blender's exporter could not write {path.name} ({reason}); report it with the log.")
