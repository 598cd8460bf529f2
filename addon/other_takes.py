"""Of one video there can be several takes: of its shots, and of the people in them. Which others there are, and how one is made of what was
detected, without the video."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..contract.motion_file import save_motion
from ..contract.options import CaptureOptions
from . import leftovers
from .armature import is_kinolift
from .background import Run
from .camera import camera_of
from .capture import Capture, Placement, Take
from .keeping import add_to_record, detection_of, keep_detection, motion_of, record_of
from .placing import placing
from .refining import options_of
from .scene import KEEP

if TYPE_CHECKING:
    import bpy

    from ..contract.motion_file import Motion
    from .placing import Ready

SHOT, PERSON = "shot", "person"
IN_PLACE: Final = "in-place"  # of the option root: who stays on the spot shares no world
_LABELS: Final = re.compile(r"(\.shot\d+)?(\.person\d+)?(\.\d{3})?$")  # and Blender's number, of a name that was there already


@dataclass(frozen=True)
class Which:
    """Which shot and which person of a video a take is, by their numbers from 1, and which there are; one each where nothing is told."""

    shot: int
    shots: tuple[int, ...]
    person: int
    people: tuple[int, ...]

    def next(self, kind: str) -> int:
        """The number after this take's, round to the first; 0 where there is no other."""
        now, there = (self.shot, self.shots) if kind == SHOT else (self.person, self.people)
        others = [number for number in there if number != now]
        return next((number for number in others if number > now), others[0]) if others else 0

    def label(self, kind: str, number: int) -> str:
        """What the take of that shot or person is called, as the worker labels several: shot2.person1."""
        shot, person = (number, 1) if kind == SHOT else (self.shot, number)
        # how many people another shot shows is not known here
        names = [f"shot{shot}"] if len(self.shots) > 1 else []
        return ".".join(names + ([f"person{person}"] if kind == PERSON else []))


def which(take: bpy.types.Object) -> Which:
    """From the take's record."""
    told = record_of(take).get("provenance", {}).get("summary", {})
    shots = tuple(_number(shot) for shot in told.get("shots", ()) if shot.get("frames_detected", 1))
    people = tuple(_number(person) for person in told.get("people", ()))
    shot, person = _number(told, SHOT), _number(told, PERSON)
    return Which(shot, shots if shot in shots else (shot,), person, people if person in people else (person,))


def _number(told: dict[str, Any], name: str = "number") -> int:
    value = told.get(name)
    return value if isinstance(value, int) else 1


def there_already(take: bpy.types.Object, scene: bpy.types.Scene, kind: str, number: int) -> bpy.types.Object | None:
    """The scene's take of the same video with that shot, or that person of the same shot; None where there is none yet."""
    own, source = which(take), _source(take)
    for other in scene.objects:
        if other == take or not is_kinolift(other) or not source or _source(other) != source:
            continue
        found = which(other)
        if found.shot == number if kind == SHOT else (found.shot, found.person) == (own.shot, number):
            return other
    return None


def _source(take: bpy.types.Object) -> str:
    told = record_of(take).get("provenance", {}).get("source", {})
    return str(told.get("sha256", "")) if isinstance(told, dict) else ""


def another(take: bpy.types.Object, scene: bpy.types.Scene, kind: str, number: int, python: str = "") -> Run:
    """The run that makes the take of that shot, or of that person of this shot, beside the one that is there and with its options. Another
    person of the shot is put into the world of this one.

    Raises Failure `no_such_file` where the detection does not lie with the take.
    """
    data, own = detection_of(take), which(take)
    whose: dict[str, Any] = {SHOT: str(number), PERSON: CaptureOptions().person} if kind == SHOT else {PERSON: str(number)}
    options = replace(options_of(take), camera="", **whose)
    record = record_of(take)
    start, video = record.get("start"), record.get("video")
    placement = Placement(scene_fps=KEEP, start=start if isinstance(start, int) else None, add_camera=camera_of(take) is not None)
    name = ".".join(filter(None, (_LABELS.sub("", take.name), own.label(kind, number))))
    folder = leftovers.make_folder()
    file = folder / "detection.npz"

    def build(motion: Motion, ready: Ready | None) -> Generator[None, None, Take]:
        shown = Path(video) if isinstance(video, str) and video and Path(video).is_file() else None
        made = yield from placing(motion, scene, name, placement, shown, ready=ready)
        keep_detection(made.armature, file)
        if world is not None:
            _share_world(take, own.person)
        return made

    world = folder / "world.npz" if kind == PERSON and options.root != IN_PLACE else None
    try:
        file.write_bytes(data)
        if world is not None:
            save_motion(motion_of(take), world)
        return Run(Capture(file, options, python, stay=True, world=world), scene, placement, build, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _share_world(take: bpy.types.Object, person: int) -> None:
    """Another one has been put into the take's world: it is to stay there when it is refined."""
    provenance = record_of(take).get("provenance", {})
    add_to_record(take, provenance=provenance | {"summary": {"world_of": person} | provenance.get("summary", {})})
