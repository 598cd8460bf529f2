"""Refine Again: a take's motion from what was detected then, with other smoothing, feet, height or lens; the video is not looked at. A take
that shares its world with those of other people stays in it."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..contract.motion_file import save_motion
from ..contract.options import CaptureOptions
from . import leftovers
from .background import Run
from .camera import camera_of, scene_camera_path
from .capture import Capture, Placement, Take
from .keeping import detection_of, motion_of, record_of
from .other_depths import taken_of
from .placing import placing
from .scene import KEEP, rate_of, same_rate

if TYPE_CHECKING:
    import bpy

    from ..contract.motion_file import Motion
    from .placing import Ready

# What decides where the camera stands: who changes it leaves the world of the others.
_OF_WORLD: Final = ("fov", "level")

# The options that act behind the detection; the others have made it what it is.
REFINED: Final = ("height", "fov", "smooth", "feet", "root", "level", "refiner", "hypotheses", "steps", "seed", "device")


def options_of(take: bpy.types.Object) -> CaptureOptions:
    """The options of the take's capture, as far as this version knows them."""
    told = record_of(take).get("provenance", {}).get("options", {})
    default = CaptureOptions()
    known = {f.name: told[f.name] for f in fields(default) if isinstance(told.get(f.name), type(getattr(default, f.name)))}
    return CaptureOptions(**known)


def refining(take: bpy.types.Object, scene: bpy.types.Scene, changes: dict[str, Any], python: str = "") -> Run:
    """The run that gives the take its new motion, in its place; `changes`: of REFINED, the other options stay as they were.

    Raises Failure `no_such_file` where the detection does not lie with the take, `bad_arguments` for options that cannot be.
    """
    data, before = detection_of(take), options_of(take)
    options, told = replace(before, **changes), record_of(take).get("provenance", {}).get("summary", {})
    shared = isinstance(told, dict) and "world_of" in told
    left = shared and any(getattr(options, name) != getattr(before, name) for name in _OF_WORLD)
    if shared and not left and told.get("height_asked") == options.height:
        options = replace(options, height=before.height)  # nobody said otherwise: she is as tall as the ground has told
    known = None
    if options.camera:  # it was the scene's own
        options = replace(options, camera="")
        known = scene_camera_path(scene, same_rate(motion_of(take).fps, rate_of(scene)))
    record = record_of(take)
    start, video = record.get("start"), record.get("video")
    placement = Placement(scene_fps=KEEP, start=start if isinstance(start, int) else None, add_camera=camera_of(take) is not None)

    def build(motion: Motion, ready: Ready | None) -> Generator[None, None, Take]:
        shown = Path(video) if isinstance(video, str) and video and Path(video).is_file() else None
        taken = taken_of(take)
        made = yield from placing(motion, scene, take.name, placement, shown, ready=ready, replaced=take)
        if taken:
            made.notes.append("Limbs that took another depth are as captured again; their motion is a new one.")
        if left:
            made.notes.append(f"{take.name} has a world of its own now, by its lens or level; Person: All captures all in one.")
        return made

    folder = leftovers.make_folder()
    try:
        file = folder / "detection.npz"
        file.write_bytes(data)
        world = None
        if shared and not left and known is None:
            world = folder / "world.npz"
            save_motion(motion_of(take), world)
        capture = Capture(file, options, python, camera=known, stay=True, world=world)
        return Run(capture, scene, placement, build, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
