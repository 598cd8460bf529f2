"""A capture from the add-on's side: the worker's run with its progress, and what is built in the scene from its motion."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.camera_path import CameraPath, save_camera
from ..contract.events import STAGES
from ..contract.failure import Failure
from ..contract.motion_file import Motion, load_motion
from ..contract.options import CaptureOptions
from ..contract.outputs import labelled
from ..contract.reading import check_name
from . import leftovers, standby
from .export import MOTION_EXTENSION, PREVIEW_EXTENSION, check_files, copy_motion
from .key_reduction import Tolerance
from .steps import drained
from .worker import Worker, capture_command, reported, worker_environment, worker_python

if TYPE_CHECKING:
    import bpy


RESCUE_NAMES = 100  # numbered names that are tried for a motion that would be lost
STRETCHES_NAMED = 4  # unsure stretches that the sentence about the quality names


@dataclass
class Progress:
    """Where a capture stands, for whoever shows it."""

    stage: str = "start"
    done: int = 0
    total: int = 0  # 0 where it is not known
    fps: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        """Moves on by one event of the worker."""
        if event["event"] == "progress":
            self.stage = str(event.get("stage", self.stage))
            self.done, self.total = int(event.get("done", 0)), int(event.get("total", 0))
            self.fps = float(event.get("fps") or 0.0)
        elif event["event"] == "warning" and event.get("message"):
            self.warnings.append(str(event["message"]))

    @property
    def fraction(self) -> float:
        """0..1 of the present stage; 0 where its length is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def stage_text(self) -> str:
        """The stage in a person's words."""
        return STAGES.get(self.stage, self.stage.capitalize())

    @property
    def text(self) -> str:
        """All of it in a line: Finding the person, 120 of 900, 41.2 frames/s."""
        words = [self.stage_text]
        if self.total > 0:
            words.append(f"{self.done} of {self.total}")
        if self.fps > 0:
            words.append(f"{self.fps:.1f} frames/s")
        return ", ".join(words)


    @property
    def pace(self) -> str:
        """How fast it is, and how long this stage takes yet: 41.2 frames/s, 0:19 left."""
        if self.fps <= 0:
            return ""
        if self.total <= self.done:
            return f"{self.fps:.1f} frames/s"
        left = round((self.total - self.done) / self.fps)
        return f"{self.fps:.1f} frames/s, {left // 60}:{left % 60:02d} left"


@dataclass(frozen=True)
class Captured:
    """One take of a video: the motion file, and the preview if there is one; `label`: of one of several, as in take.shot2.npz."""

    label: str
    path: Path
    preview: Path | None
    motion: Motion

    def named(self, stem: str) -> str:
        """The name of this take of something."""
        return f"{stem}.{self.label}" if self.label else stem


class Capture:
    """One capture in the making: poll it until `finished`, then take its `motion`, or all its `takes`; or cancel it. Close it in the end.

    Several takes (`several`: --shot all, --person all) lie in a temporary folder, for only the worker knows how many there are and how they
    are named.
    """

    def __init__(
        self, video: Path, options: CaptureOptions, python: str = "", motion_path: Path | None = None, preview: Path | None = None,
        camera: CameraPath | None = None, detection: Path | None = None, stay: bool = False,
        world: Path | None = None,
    ) -> None:  # fmt: skip
        """Starts the worker. Raises Failure for a video that is not there, bad options, an output that is an input or cannot be written,
        or an installation that cannot run.

        Args:
            python: the preferred Python of the worker; "" leaves the choice to `worker_python`.
            motion_path: where the motion file is kept; None for a temporary one that is gone after `close`. It and the preview are
                replaced if they are there: whoever asks for a file finds out before whether it may be.
            preview: a video (.mp4) of the skeleton over the footage, if wanted.
            camera: where the camera stood, if that is known.
            detection: where the detection is kept (.npz), from which everything behind it can be done again in a second: as `video`. One
                that is there and fits the video and the options is used.
            stay: whether the worker stays for a while, so that what is made of a detection then is there at once. What is made of one is
                done by the worker that has stayed, if there is one.
            world: a motion file of the same video, in whose world the motion is to be.
        """
        self.video = check_video(video)
        inputs = [self.video, *([Path(options.camera)] if options.camera else [])]
        if motion_path is not None:
            (motion_path,) = check_files([motion_path], inputs, (MOTION_EXTENSION,), overwrite=True)
        if preview is not None:
            (preview,) = check_files([preview], inputs, (PREVIEW_EXTENSION,), overwrite=True)
        if detection is not None:
            (detection,) = check_files([detection], inputs, (MOTION_EXTENSION,), overwrite=True)
        leftovers.sweep()
        self.progress = Progress()
        self.began = time.monotonic()
        self.several = options.several
        self._folder = leftovers.make_folder() if motion_path is None or camera is not None or self.several else None
        if self.several:
            motion_path, preview = None, None if preview is None else Path(str(self._folder)) / "preview.mp4"
        self._preview = preview
        self.kept = motion_path is not None
        self._taken: list[Captured] = []
        self.preview_failure: Failure | None = None  # why a capture that has finished has no preview
        self.motion_path = motion_path if motion_path is not None else Path(str(self._folder)) / "motion.npz"
        self._python, self._stay, self._closed = worker_python(python), stay, False
        try:
            if options.camera:  # the worker runs in another folder
                options = replace(options, camera=str(Path(options.camera).absolute()))
            if camera is not None:
                file = Path(str(self._folder)) / "camera.npz"
                save_camera(camera, file)
                options = replace(options, camera=str(file))
            self._command = capture_command(self._python, self.video, self.motion_path, options.check(), preview, detection, world)
            ready = standby.take(self._python) if stay and self.video.suffix.lower() == MOTION_EXTENSION else None
            self._ordered = ready is not None  # of a worker that may have been killed while it stood by, or whose time was over
            if ready is None:
                self._start()
            else:
                self._worker, self._environment = ready, standby.environment(self._python)
                ready.order(self._command[self._command.index("capture") :])
        except BaseException:
            self._remove_folder()
            raise

    def _start(self) -> None:
        """A worker of its own."""
        if self._stay:
            standby.end()  # two would need twice the memory
        self._environment = standby.environment(self._python) if self._stay else worker_environment(self._python)
        self._worker = Worker(self._command, self._environment)

    @property
    def finished(self) -> bool:
        """Whether there is a result or a failure. One that stood by and left without a word is replaced by a new worker."""
        if self._ordered and self._worker.left:
            self._ordered = False
            self._start()
        return self._worker.finished

    @property
    def log(self) -> list[str]:
        """The last lines of the worker's log."""
        return list(self._worker.log)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def poll(self, wait: float = 0.0, show: Callable[[Progress], None] | None = None) -> None:
        """Takes in what the worker said, waiting up to `wait` seconds for news; `show` gets to see every step of it."""
        for event in self._worker.poll(wait):
            self.progress.take(event)
            if show is not None:
                show(self.progress)

    def motion(self) -> Motion:
        """The motion of a capture that has finished, the first of several. Raises the worker's Failure."""
        return self.takes()[0].motion

    def takes(self) -> list[Captured]:
        """All motions of a capture that has finished. Raises the worker's Failure."""
        if self._taken:
            return self._taken
        self.poll()
        result = self._worker.result()
        failed, takes = result.get("failed"), result.get("takes") or [{"label": ""}]
        self.preview_failure = reported(failed) if isinstance(failed, dict) else None
        done: list[Captured] = []
        for label in (str(take.get("label", "")) for take in takes):
            path = labelled(self.motion_path, label)
            picture = None if self._preview is None else labelled(self._preview, label)
            done.append(Captured(label, path, picture if picture is not None and picture.is_file() else None, load_motion(path)))
        self.motion_path = done[0].path
        self._taken = done  # whoever asks again gets the same: the path has its label now
        return done

    def rescue(self, beside: Path | None = None) -> Path:
        """Puts the motion of a capture that has finished where it stays after `close`, because what was to be made of it failed.

        That is beside the file `beside`, under its name and a number if need be; else the temporary folder. Returns the path.
        """
        if self.kept:
            return self.motion_path
        if beside is not None:
            names = [f"{beside.stem}{end}{MOTION_EXTENSION}" for end in ("", *(f"_{n}" for n in range(2, RESCUE_NAMES)))]
            for path in map(beside.with_name, names):
                if not os.path.lexists(path):
                    try:
                        copy_motion(self.motion_path, path)
                    except Failure:
                        break
                    return path
        kept = Path(tempfile.mkdtemp(prefix="kinolift-kept-")) / self.motion_path.name  # which no later start sweeps
        self.motion_path = Path(shutil.move(self.motion_path, kept))
        return self.motion_path

    def cancel(self) -> None:
        self._worker.cancel()
        self.close()

    def close(self) -> None:
        """Ends the worker if it still runs, or lets it stand by, and removes the temporary files."""
        if self._closed:
            return
        self._closed = True
        if self._stay and self._worker.stays:
            standby.keep(self._worker, self._python, self._environment)
        else:
            self._worker.cancel()
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def check_video(video: Path) -> Path:
    """The absolute path of a file that exists. Raises Failure `no_such_file` or `bad_input`."""
    video = video.expanduser().absolute()
    check_name(video)
    if video.is_dir():
        raise Failure("bad_input", f"{video} is a folder; choose a video file in it.")
    if not video.is_file():
        raise Failure("no_such_file", f"There is no video {video}; check the path.")
    return video


@dataclass(frozen=True)
class Placement:
    """How a motion is put into a scene."""

    scene_fps: str = "keep"  # keep, match or auto: see `scene`
    start: int | None = None  # the scene frame of the video's first frame; None for the scene's first
    trim: bool = False  # `start` is the frame of the first key instead, wherever in the video that is
    set_range: bool = False  # the frame range is always set with `match`
    add_camera: bool = False
    simplify: Tolerance | None = None  # fewer keys, within this; None: a key on every frame


@dataclass
class Take:
    """A motion in a scene."""

    armature: bpy.types.Object
    camera: bpy.types.Object | None
    motion: Motion
    keys: int
    first_frame: float
    last_frame: float
    scene_fps: float
    notes: list[str]

    def summary(self, seconds: float | None = None) -> str:
        """The sentence at the end: frames read and detected, keys, rate, time."""
        found = int(self.motion.detected.sum())
        person = "the person found in all" if found == len(self.motion) else f"the person found in {found}"
        took = f", in {seconds:.1f} s" if seconds is not None else ""
        bones = len(self.armature.data.bones)
        return (
            f"{len(self.motion)} frames ({person}) at {rate_words(self.motion)}: {self.keys} keys on {bones} bones, "
            f"frames {self.first_frame:.6g} to {self.last_frame:.6g}{took}."
        )


def rate_words(motion: Motion) -> str:
    """The motion's rate, and the video's where that is another one or varies."""
    rate, told = f"{motion.fps:.6g} fps", motion.provenance.get("summary", {})
    own = told.get("file_fps") if isinstance(told, dict) else None
    if not isinstance(own, int | float):
        return rate
    if told.get("variable_rate"):
        return f"{rate} (the video's rate varies about {own:.6g})"
    return rate if abs(own - motion.fps) < 1e-3 else f"{rate} (resampled from the video's {own:.6g})"


def quality_sentence(motion: Motion) -> str:
    """What the motion's own quality report says that an animator looks at first; "" where it holds none."""
    return quality_figures(motion.provenance.get("quality", {}))


def quality_figures(figures: dict[str, Any]) -> str:
    """The same from the report itself."""
    wanted = ("reprojection_px", "reprojection_percent", "foot_slide_cm_s", "under_ground_mm", "acceleration")
    if any(name not in figures for name in wanted):
        return ""
    pixels, percent, slide, depth, acceleration = (float(figures[name]) for name in wanted)
    return (
        f"Quality: {pixels:.1f} px off the picture ({percent:.1f} % of the person), planted feet slide {slide:.1f} cm/s, "
        f"{depth:.1f} mm under the ground, mean acceleration {acceleration:.1f} m/s2."
        f"{_setting_sentence(figures)}{_unsure_sentence(figures)}"
    )


def _setting_sentence(figures: dict[str, Any]) -> str:
    """What the figures before rest on, as far as the report says it: no foot slides where none ever stands."""
    contact, roll = figures.get("contact_percent"), figures.get("camera_roll_degrees")
    said = [f"a foot stands in {contact:.0f} % of the frames"] if isinstance(contact, int | float) else []
    said += [f"the picture was turned by {abs(roll):.0f} degrees"] if isinstance(roll, int | float) and abs(roll) >= 1 else []
    turned, kind = figures.get("camera_turns_degrees"), figures.get("camera")
    if kind in ("turning", "travelling") and isinstance(turned, int | float):
        said.append(f"the camera turned by {turned:.0f} degrees" + (" and moved from its place" if kind == "travelling" else ""))
    slides = figures.get("picture_slides_percent")
    said += [f"the picture slid by {slides:.0f} % of its size"] if isinstance(slides, int | float) else []
    zoom = figures.get("zoom")
    said += [f"the lens zoomed by {100 * (zoom - 1):.0f} %"] if isinstance(zoom, int | float) else []
    level = {"lines": "the scene's lines", "body": "the person", "camera": "how cameras are held"}.get(str(figures.get("level_from")))
    said += [f"up is known by {level}"] if level else []
    people, number = figures.get("people_seen"), figures.get("person")
    if isinstance(people, int) and people > 1:
        said.append(f"{people} people were seen" + (f" and this is person {number}" if isinstance(number, int) else ""))
    words = ", ".join(said)
    return f" {words[0].upper()}{words[1:]}." if words else ""


def _unsure_sentence(figures: dict[str, Any]) -> str:
    """Where to look, or "" where the report does not say; the longest stretches first, no more than a line holds."""
    if "unsure" not in figures:
        return ""
    stretches = sorted(figures["unsure"], key=lambda s: s["start"] - s["end"])
    if not stretches:
        return " Sure of every frame."
    named = ", ".join(f"{s['start']:.1f}-{s['end']:.1f} s ({s['reason']})" for s in stretches[:STRETCHES_NAMED])
    more = f" and {len(stretches) - STRETCHES_NAMED} more" if len(stretches) > STRETCHES_NAMED else ""
    return f" Unsure of {figures['unsure_percent']:.0f} % of the frames: {named}{more}."


def place_motion(
    motion: Motion, scene: bpy.types.Scene, name: str, placement: Placement, video: Path | None = None, source: str = ""
) -> Take:
    """Builds the armature with its keys, and the camera if asked, in a collection of their own in the scene.

    Keys stand on whole frames of the scene, lengths are in its unit.

    Args:
        name: of the new objects.
        video: shown behind the camera.
        source: the motion file, for the record on the armature.
    """
    from .placing import placing

    return drained(placing(motion, scene, name, placement, video, source))
