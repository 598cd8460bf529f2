"""Several takes in one world: another person through the camera of the first one, on the same ground; or one of them done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contract.motion_file import Motion
from contract.options import CaptureOptions
from engine.cameras.common import camera_in, raised, stature_of
from engine.detection.detector import Detections
from engine.finish import Capture, finish, in_space, moving
from engine.footage.video import VideoInfo
from engine.progress import Progress
from engine.recall import OfTake

if TYPE_CHECKING:
    from engine.poses import PoseModel

WORLD_OF: Final = "world_of"  # in the summary: the number of the person in whose world several are
STATURE: Final = ("stature", "stature_error", "height_asked")  # of the others: how tall they are, and what was asked
# of the summary: what is told of the camera, which people in one world share
_OF_CAMERA: Final = (
    "fov_degrees", "fov_from", "fov_error_degrees", "camera", "camera_turns_degrees", "background_percent", "background_growth", "zoom",
    "picture_slides_percent",
    "level_from", "camera_tilt_degrees", "camera_roll_degrees",
)  # fmt: skip


def capture_of(world: Motion) -> Capture:
    """The capture that a motion file was written of, as far as others need it to be put beside it."""
    told = world.provenance.get("summary", {})
    summary = dict(told) if isinstance(told, dict) else {}
    return Capture(world, summary, camera_in(world), CaptureOptions())


def beside(
    first: Capture, detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions,
    progress: Progress, span: tuple[float, float] | None, of_take: OfTake,
) -> Capture:  # fmt: skip
    """The motion of another person in the world of the first one, where she was beside her: through the same camera, on the same ground, by
    which her stature is known."""
    seen = in_space(detections, info, load, options, raised(first.camera), progress, span, of_take)
    stature = stature_of(moving(seen, options, Progress()).motion, options.height, first.motion, options.height)
    height = round(stature.height, 3)
    done = moving(seen.resized(height / options.height, first.camera), replace(options, height=height), progress)
    told = {"stature": round(stature.height, 3), "stature_error": round(stature.error, 3)} if stature.by_ground else {}
    _tell_of_world(done, first, told | {"height_asked": options.height})
    return done


def again(
    former: Capture, detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions,
    progress: Progress, span: tuple[float, float] | None, of_take: OfTake,
) -> Capture:  # fmt: skip
    """The motion of the `former` take anew, with other options, in the world that it has: through its camera, on its ground."""
    done = finish(detections, info, load, options, former.camera, progress, span, of_take)
    same = former.summary.get("stature") == options.height
    _tell_of_world(done, former, {name: former.summary[name] for name in STATURE if same and name in former.summary})
    return done


def _tell_of_world(done: Capture, first: Capture, more: dict[str, Any]) -> None:
    """What is told of the camera is what the first one's capture has found."""
    told = {name: first.summary[name] for name in (*_OF_CAMERA, WORLD_OF) if name in first.summary}
    told.setdefault(WORLD_OF, first.summary.get("person"))
    done.summary.update(told | more)
    figures = {name: told[name] for name in _OF_CAMERA if name in told and not name.startswith("fov")} | more
    done.motion.provenance["quality"].update(figures)
