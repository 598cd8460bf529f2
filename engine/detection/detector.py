"""Finding the person in every picture: MediaPipe's PoseLandmarker, followed from frame to frame."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.libraries import REPAIR, import_failure
from contract.options import DEFAULT_DETECTOR
from engine.detection.background_rows import Background
from engine.detection.landmarks import LANDMARKS
from engine.detection.lean_models import base_options
from engine.detection.model_bundle import MODELS, read
from engine.detection.rows import COLUMNS, SKIPPED, Row, Rows
from engine.detection.sightings import Followed, Sighting
from engine.footage.rate import TICK
from engine.footage.video import Frame, VideoInfo
from engine.long_takes import give_back, let_go_of_file
from engine.progress import Progress

STAGE: Final = "detect"
# Measured on the development clips. At MediaPipe's default of 0.5 the foot of a table was taken for a person in 10 of 28
# frames of an empty room; 0.7 finds nobody there and costs no frame elsewhere; at 0.8 a small figure against the light
# was missed for 5 seconds.
DETECTION_CONFIDENCE: Final = 0.7
# Presence and tracking decide when a person who is being followed counts as lost: 0.7 loses frames and gains nothing.
PRESENCE_CONFIDENCE: Final = 0.5
TRACKING_CONFIDENCE: Final = 0.5
_PACKAGES: Final = ("mediapipe", "mediapipe.tasks", "mediapipe.tasks.python", "mediapipe.tasks.python.vision")


@dataclass(frozen=True)
class Detections:
    """One person in T frames of a video; rows of frames without a person hold zeros.

    `times` (T,) seconds from the video's first frame, rising. `image` (T,33,2) pixels of the upright picture. `visibility`
    (T,33) 0..1. `world` (T,33,3) metres from the middle of the hips, x right, y down, z away. `detected` (T,) bool.
    `detector`: who says so, of `model_bundle.MODELS`. `skipped` (T,) bool: frames that were not looked at; None: all were. `background`:
    what the corners of the picture did, where that was looked at. `cuts`: seconds at which another shot begins, rising. `sightings`: of
    others, and the `others` who were followed then; None where nobody else was.
    """

    times: npt.NDArray[np.float64]
    image: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    detected: npt.NDArray[np.bool_]
    detector: str = "full"
    skipped: npt.NDArray[np.bool_] | None = None
    background: Background | None = None
    cuts: tuple[float, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    others: Followed | None = None

    def __len__(self) -> int:
        return len(self.times)

    def shots(self) -> list[slice]:
        """The frames of each shot, in their order. Frames before a cut that were not looked at belong to neither: nobody knows to which."""
        edges = [0, *np.unique(np.searchsorted(self.times, np.asarray(self.cuts) - TICK)).tolist(), len(self)]
        shots = [slice(a, b) for a, b in pairwise(edges) if a < b]
        if self.skipped is None:
            return shots
        looked = np.flatnonzero(~self.skipped)
        return [slice(s.start, int(looked[np.searchsorted(looked, s.stop) - 1]) + 1) if s.stop < len(self) else s for s in shots]

    def part(self, rows: slice) -> Detections:
        """Of these frames alone, without cuts."""
        columns = {name: getattr(self, name)[rows] for name in ("times", "image", "visibility", "world", "detected")}
        skipped, seen = None if self.skipped is None else self.skipped[rows], self.background
        if seen is not None and rows.start < rows.stop:
            first, last = self.times[rows.start] - TICK, self.times[rows.stop - 1] + TICK
            seen = seen.of((seen.times >= first) & (seen.times <= last))
        first, last = (self.times[rows.start] - TICK, self.times[rows.stop - 1] + TICK) if rows.start < rows.stop else (0.0, -1.0)
        sightings = tuple(one for one in self.sightings if first <= one.time <= last)
        others = None if self.others is None else self.others.part(rows)
        return replace(self, **columns, skipped=skipped, background=seen, cuts=(), sightings=sightings, others=others)


def nobody_in(name: str) -> Failure:
    """The Failure `no_person` of a video of that name."""
    return Failure(
        "no_person",
        f"No person was found in {name}; use a video that shows one person from head to feet, a tenth as tall as the picture or more.",
    )


def gather(rows: Rows, detector: str) -> Detections:
    """What that model saw, frame by frame."""
    values = rows.values
    skipped = rows.skipped if rows.skipped.any() else None
    return Detections(rows.times, values[..., :2], values[..., 2], values[..., 3:], rows.detected, detector, skipped)


class Detector:
    """MediaPipe with its model loaded; one `detect` a video. Raises Failure `bad_installation` where either is not in order.

    `model`: one of `model_bundle.MODELS`. `whole`: with the layers that compute a mask of the person too, as MediaPipe packs the model.
    The landmarks are the same.
    """

    def __init__(self, model: str = DEFAULT_DETECTOR, whole: bool = False) -> None:
        self.model = model
        self._model: dict[str, Any]
        self._model, self._held = base_options(model)  # a file of the second is open as long as this detector is there
        if whole:
            self._model = {"model_asset_buffer": read(MODELS[model])}
        self._mediapipe = _import_mediapipe()

    def detect(
        self, frames: Iterable[Frame], info: VideoInfo, progress: Progress, total: int = 0,
        and_then: Callable[[Frame, Row | None], None] = lambda frame, row: None,
    ) -> Detections:  # fmt: skip
        """The person in `frames`, which come in the order of time; `total` is how many to expect. `and_then`: see `rows`."""
        progress.stage(STAGE, total or info.frame_count)
        rows = Rows(total or info.frame_count)
        for time, row in self.rows(frames, and_then):
            rows.append(time, row)
            progress.advance(len(rows))
        return gather(rows, self.model)

    def rows(
        self, frames: Iterable[Frame], and_then: Callable[[Frame, Row | None], None] = lambda frame, row: None
    ) -> Iterator[tuple[float, Row | None]]:
        """Of every frame its time and the person, (33,6): x, y in pixels, visibility, world x, y, z; None where nobody is,
        SKIPPED of a frame without a picture. Nobody is followed into another shot. `and_then` is called with every picture and the person.
        """
        last = -1
        with contextlib.ExitStack() as following, contextlib.ExitStack() as quiet:
            landmarker = self._begun(following, quiet)
            for frame in frames:
                if frame.skipped:
                    yield frame.time, SKIPPED
                    continue
                if frame.begins:
                    # made anew: where it sees nobody it lets go of the person, but its filters still hold how surely she was seen
                    following.close()
                    give_back()  # else each would find the memory of the last one in pieces
                    landmarker = self._begun(following, quiet)
                last = max(last + 1, round(frame.time * 1000.0))  # it wants whole milliseconds, each later than the last
                row = self._detect_one(landmarker, frame, last)
                if row is not None:
                    quiet.close()
                and_then(frame, row)
                yield frame.time, row

    def _begun(self, following: contextlib.ExitStack, quiet: contextlib.ExitStack) -> Any:
        """A landmarker, until `following` ends. MediaPipe's libraries have their say on standard error when they load and when they see the
        first person: until `quiet` ends nobody hears it."""
        quiet.enter_context(_quiet())
        return following.enter_context(self._landmarker())

    def _detect_one(self, landmarker: Any, frame: Frame, milliseconds: int) -> Row | None:
        """(33,6) of the person in one frame, None where nobody is."""
        height, width = frame.image.shape[:2]
        image = self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, frame.image)
        found = read_rows(landmarker.detect_for_video(image, milliseconds), (0, 0, width, height))
        return found[0] if found else None

    @contextlib.contextmanager
    def followers(self, count: int) -> Iterator[tuple[Any, list[Any]]]:
        """MediaPipe, and so many landmarkers that each follow a person of their own through a video."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_quiet())
            landmarkers = [stack.enter_context(self._landmarker()) for _ in range(count)]
            yield self._mediapipe, landmarkers

    @contextlib.contextmanager
    def single_pictures(self, most: int) -> Iterator[tuple[Any, Any]]:
        """MediaPipe, and a landmarker of up to so many people in pictures that have nothing to do with each other."""
        with _quiet():
            made = self._landmarker(single=True, most=most)
            landmarker = made.__enter__()
        try:
            yield self._mediapipe, landmarker
        finally:
            made.__exit__(None, None, None)

    @contextlib.contextmanager
    def _landmarker(self, single: bool = False, most: int = 1) -> Iterator[Any]:
        vision = self._mediapipe.tasks.vision
        options = vision.PoseLandmarkerOptions(
            base_options=self._mediapipe.tasks.BaseOptions(**self._model),
            running_mode=vision.RunningMode.IMAGE if single else vision.RunningMode.VIDEO,
            num_poses=most,
            min_pose_detection_confidence=DETECTION_CONFIDENCE,
            min_pose_presence_confidence=PRESENCE_CONFIDENCE,
            min_tracking_confidence=TRACKING_CONFIDENCE,
        )
        try:
            made = vision.PoseLandmarker.create_from_options(options)
        except OSError as error:  # MediaPipe's library links against OpenGL ES, which servers lack
            raise Failure(
                "bad_installation",
                f"The detector cannot be loaded ({error}); install your system's OpenGL ES libraries "
                "(Debian and Ubuntu: apt-get install libegl1 libgles2).",
            ) from error
        if "model_asset_path" in self._model:  # it has made its own of the file's numbers and looks at them never again
            let_go_of_file(self._model["model_asset_path"])
        with made as landmarker:
            yield landmarker


def read_rows(result: Any, part: tuple[int, int, int, int]) -> list[Row]:
    """(33,6) of each person in MediaPipe's result of a `part` (left, top, width, height) of a picture, in the picture's pixels."""
    left, top, width, height = part
    rows = []
    for picture, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True):
        row = np.empty((len(LANDMARKS), COLUMNS), np.float32)
        for k, (p, w) in enumerate(zip(picture, world, strict=True)):
            row[k] = left + p.x * width, top + p.y * height, p.visibility, w.x, w.y, w.z
        rows.append(row)
    return rows


def _import_mediapipe() -> Any:
    """Of MediaPipe what finds people, by the names that MediaPipe gives it.

    Its packages import all that it can, sound and text and drawing (with a plotting library that is not installed): in place of their own
    code they are given a path alone while the modules that are needed are imported, 0.07 s of a processor instead of 0.18.
    """
    stand_ins = {name: types.ModuleType(name) for name in _PACKAGES if name not in sys.modules}
    found = importlib.util.find_spec(_PACKAGES[0]) if _PACKAGES[0] in stand_ins else None
    for name, module in stand_ins.items():
        places = list((found.submodule_search_locations if found else None) or [])
        module.__path__ = [os.path.join(place, *name.split(".")[1:]) for place in places]  # noqa: PTH118 - as Python's own
    sys.modules.update(stand_ins)
    try:
        import mediapipe.tasks.c  # noqa: F401 - where its library lies, which it asks for later
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision.core.image import Image, ImageFormat
        from mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
        from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker, PoseLandmarkerOptions
    except (ImportError, OSError) as error:
        raise import_failure(error) if isinstance(error, ImportError) else Failure(
            "bad_installation", f"MediaPipe cannot be loaded ({error}); {REPAIR}."
        ) from error
    finally:
        for name in stand_ins:
            del sys.modules[name]
    modes = VisionTaskRunningMode
    vision = types.SimpleNamespace(PoseLandmarker=PoseLandmarker, PoseLandmarkerOptions=PoseLandmarkerOptions, RunningMode=modes)
    tasks = types.SimpleNamespace(BaseOptions=BaseOptions, vision=vision)
    return types.SimpleNamespace(Image=Image, ImageFormat=ImageFormat, tasks=tasks)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Standard error goes nowhere, for C++ libraries too; as it was again afterwards, also when an error is raised."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none: started without a console
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
