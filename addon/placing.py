"""A motion put into a scene, step by step, so that a window can draw in between: armature, keys, camera, and what is kept with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import camera as cameras
from . import scene as scenes
from .armature import build_armature, change_armature, keying
from .capture import Placement, Take
from .keeping import DETECTION, add_to_record, keep_packed
from .markers import remember_unsure
from .other_depths import remember_alternatives
from .packed_motion import pack
from .resampling import at_rate
from .simplify import simplifying
from .steps import elsewhere

if TYPE_CHECKING:
    from ..contract.motion_file import Motion


@dataclass(frozen=True)
class Ready:
    """What of placing needs no Blender, and can be done on another thread: the motion at the scene's rate and in its unit, and packed."""

    shown: Motion
    packed: bytes
    rate: float
    units: float


@dataclass(frozen=True)
class Target:
    """The rate and the unit of the scene that a motion will get; `rate` None where the scene will get the motion's."""

    rate: float | None
    units: float

    @classmethod
    def of(cls, scene: bpy.types.Scene, placement: Placement) -> Target:
        matched = scenes.resolved(scene, placement.scene_fps) == scenes.MATCH
        return cls(None if matched else scenes.rate_of(scene), scenes.units_per_metre(scene))

    def ready_of(self, motion: Motion) -> Callable[[], Ready]:
        """`ready`, to be done later."""
        return lambda: self.ready(motion)

    def ready(self, motion: Motion) -> Ready:
        """Works on arrays alone, whatever happens to the scene meanwhile."""
        rate = motion.fps if self.rate is None else self.rate
        shown = motion if scenes.same_rate(rate, motion.fps) else at_rate(motion, rate)
        return Ready(scenes.in_units(shown, self.units), pack(motion), rate, self.units)


def placing(
    motion: Motion, scene: bpy.types.Scene, name: str, placement: Placement, video: Path | None = None, source: str = "",
    ready: Ready | None = None, replaced: bpy.types.Object | None = None,
) -> Generator[None, None, Take]:  # fmt: skip
    """The steps of `capture.place_motion`; what they return in the end is the take. A failure on the way takes back what was made.

    Args:
        ready: the motion made ready for this scene; it is made so now where there is none, or the scene has changed since.
        replaced: a take whose armature gets this motion instead of its own, with its name, place in the scene and constraints.
    """
    target = Target.of(scene, placement)
    matched, fresh = target.rate is None, not scenes.has_animation(scene)
    if matched:
        scenes.match_rate(scene, motion.fps)
    rate = scenes.rate_of(scene)
    if ready is None or ready.units != target.units or not scenes.same_rate(ready.rate, rate):
        ready = yield from elsewhere(target.ready_of(motion))
    start = scene.frame_start if placement.start is None else placement.start
    if placement.trim:
        start -= int(ready.shown.frame_numbers[0])
    frames = scenes.key_frames(ready.shown, start)
    with _taken_back(replaced is None) as made:
        if replaced is None:
            collection = bpy.data.collections.new(name)
            made.append(collection)
            scene.collection.children.link(collection)
            armature = build_armature(ready.shown, name, collection, source)
            made += [armature, armature.data]
        else:
            armature, collection = replaced, replaced.users_collection[0]
            detection = armature.data.get(DETECTION)
            change_armature(armature, ready.shown, source)
            if detection is not None:
                armature.data[DETECTION] = detection
        yield
        keys = yield from keying(armature, ready.shown, frames)
        keep_packed(armature, ready.packed)
        add_to_record(armature, video="" if video is None else str(video), start=start)
        remember_unsure(armature, ready.shown, [float(frame) for frame in frames])
        remember_alternatives(armature, ready.shown, frames)
        yield
        if placement.simplify is not None:
            _, keys = yield from simplifying(armature, placement.simplify)
        notes = [note] if (note := scenes.rate_note(motion.fps, rate)) else []
        if placement.set_range or matched:
            scenes.set_range(scene, float(frames[0]), float(frames[-1]))
        filmed = None
        if placement.add_camera and motion.provenance.get("options", {}).get("camera"):
            notes.append("No camera was added, because the scene's own was used.")
        elif placement.add_camera:
            filmed = _camera(motion, ready, scene, armature, collection, frames, start, video, fresh, notes)
    return Take(armature, filmed, motion, keys, float(frames[0]), float(frames[-1]), rate, notes)


def _camera(
    motion: Motion, ready: Ready, scene: bpy.types.Scene, armature: bpy.types.Object, collection: bpy.types.Collection,
    frames: scenes.Array, start: int, video: Path | None, fresh: bool, notes: list[str],
) -> bpy.types.Object:  # fmt: skip
    """The take's camera, in place of an earlier one; what could not be done goes into `notes`."""
    former = cameras.camera_of(armature)
    was_shown = scene.camera is None or cameras.is_of_take(scene.camera)
    filmed = cameras.add_camera(ready.shown, f"{armature.name} Camera", collection)
    if former is not None:
        filmed = cameras.change_camera(former, filmed)
    cameras.key_camera(filmed, ready.shown, frames)
    armature[cameras.CAMERA] = filmed
    if fresh or was_shown:
        cameras.frame_picture(scene, filmed, motion)
    else:
        notes.append(f"{filmed.name} shows the video; {scene.camera.name} stays the scene's camera, and the render keeps its size.")
    width, height = (int(side) for side in motion.image_size)
    if video is not None and not cameras.add_background(filmed, video, start, (width, height), _video_rate(motion) / ready.rate):
        notes.append(f"Blender cannot show {video.name} behind the camera.")
    return filmed


@contextlib.contextmanager
def _taken_back(wanted: bool) -> Generator[list[bpy.types.ID], None, None]:
    """Removes what was put into the list, if the steps within fail or are given up."""
    made: list[bpy.types.ID] = []
    try:
        yield made
    except BaseException:
        if wanted:
            with contextlib.suppress(ReferenceError):  # the person may have removed or undone it meanwhile
                bpy.data.batch_remove(made)
        raise


def _video_rate(motion: Motion) -> float:
    """Frames a second of the video's own frames, which are not the motion's where that was resampled."""
    told = motion.provenance.get("summary", {})
    own = told.get("file_fps") if isinstance(told, dict) else None
    return float(own) if isinstance(own, int | float) and own > 0 else motion.fps
