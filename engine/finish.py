"""From what was detected of one person to her motion: track -> lift -> refine -> motion, on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contract.camera_path import CameraPath
from contract.motion_file import FROM_HYPOTHESES, Motion
from contract.options import CaptureOptions
from engine.cameras.common import camera_of, fingerprint
from engine.detection.detector import Detections
from engine.footage.video import VideoInfo
from engine.kinematics.take import Camera, Performer
from engine.long_takes import mapped
from engine.person.swaps import undo_swaps
from engine.person.track import Track, body_points, make_track
from engine.progress import Progress
from engine.recall import FORGOTTEN, OfTake
from engine.view import Sight, View, first_view, with_its_lenses, without_zoom

if TYPE_CHECKING:
    from engine.cameras.level import SceneLines
    from engine.poses import PoseModel, Poses


@dataclass(frozen=True)
class Capture:
    """A finished motion, and what a person is told about it. `label`: of one of several takes of a video, as in take.shot2.npz. `camera`:
    where it stood in the motion's world, how it turned and through what lenses it looked. `options`: with which it was made."""

    motion: Motion
    summary: dict[str, Any]
    camera: CameraPath
    options: CaptureOptions
    label: str = ""


def finish(
    detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions, known: CameraPath | None,
    progress: Progress, span: tuple[float, float] | None = None, of_take: OfTake = FORGOTTEN,
) -> Capture:  # fmt: skip
    """The motion of the person who was detected; see `in_space` and `moving`."""
    return moving(in_space(detections, info, load, options, known, progress, span, of_take), options, progress)


def in_space(
    detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions, known: CameraPath | None,
    progress: Progress, span: tuple[float, float] | None = None, of_take: OfTake = FORGOTTEN,
) -> Seen:  # fmt: skip
    """The person who was detected, lifted and refined. `load` gives the networks, `known` is the camera, where it is known, `span` the
    times of the first and the last frame asked for, where the detections go beyond them; `of_take` remembers what does not depend on the
    rest.

    What is as long as the take is let go as soon as it has served: of an hour these arrays are some hundred megabytes.
    """
    model = load()  # and with it scipy, which was imported beside the detection and which most of what follows needs
    sight = (options.fov, options.camera_motion, None if known is None else fingerprint(known))

    def follow(told: Progress) -> _Followed:
        return _followed(detections, info, options, known, told, span)

    def see(told: Progress) -> Seen:
        return _seen(model, of_take("followed", sight, follow, told), options, info, told)

    lifted = (*sight, options.height, options.steps, options.hypotheses, options.seed, options.refiner, options.device)
    return of_take("seen", lifted, see, progress)


def moving(seen: Seen, options: CaptureOptions, progress: Progress) -> Capture:
    """The finished motion of who was seen so."""
    progress.stage("motion")
    view = seen.view
    for warning in view.turning.warnings:
        progress.warning("camera", warning)
    motion = _how_sure(_motion(seen, options), options)
    with_its_lenses(motion, view)
    motion.provenance["quality"] |= view.turning.summary
    summary = seen.summary | _judged(motion, progress)
    progress.finish()
    return Capture(motion, summary, camera_of(motion, view.sight.matrix, view.turning), options)


@dataclass(frozen=True)
class _Followed:
    """A person over time, as the `view` shows her, of which `exchanged` frames had her sides exchanged."""

    view: View
    track: Track
    exchanged: int


@dataclass(frozen=True)
class Seen:
    """A person in space, before there is a motion: the `performer`, through the lens of this `view`; with `up` (3,) as the networks have
    it, where it was found, and the `lines` of the scene."""

    performer: Performer
    view: View
    up: npt.NDArray[np.float64] | None
    lines: SceneLines | None
    summary: dict[str, Any]

    def resized(self, share: float, camera: CameraPath) -> Seen:
        """Taken for so many times as tall as she was taken for, through the known `camera`, which looks the same way as that through which
        she was seen."""
        who = self.performer
        joints, spread = mapped(lambda at, apart: (at * share, apart * share), who.joints, who.spread)
        return replace(self, performer=replace(who, joints=joints, spread=spread), view=replace(self.view, known=camera))


def _followed(
    detections: Detections, info: VideoInfo, options: CaptureOptions, known: CameraPath | None, progress: Progress,
    span: tuple[float, float] | None,
) -> _Followed:  # fmt: skip
    """Who is seen, over time."""
    view = first_view(detections, info, options, known)
    track, exchanged = undo_swaps(make_track(view.as_through_one_lens(without_zoom(detections, info, known)), info, progress, span))
    return _Followed(view, track, int(exchanged[track.kept].any(1).sum()))


def _seen(model: PoseModel, followed: _Followed, options: CaptureOptions, info: VideoInfo, progress: Progress) -> Seen:
    """The same in space, and the lens by it."""
    from engine.person.face import face_direction

    view, track = followed.view, followed.track
    poses = _poses(model, track, view, options, progress)
    progress.stage("motion")
    points, confidence = _points(track, view)
    view = view.estimated(poses, points, confidence, options.height, track.fps)
    summary = _summary(track, info, view.sight, followed.exchanged) | view.turning.summary
    performer = Performer.of(poses, track, points, confidence, face_direction(track, view.sight.matrix))
    return Seen(performer, view, poses.up, view.scene_lines(), summary)


def _points(track: Track, view: View) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Where each joint is seen, (T,22,2) px, and how surely, (T,22); what the frame did not show is not."""
    one_lens = view.lenses(track.times[:1], track.fps) is None  # else what the picture shows is not what lies within it
    points, confidence = body_points(track.image, track.visibility, track.detector, view.size if one_lens else None)
    shown = view.in_picture(points, track.times, track.fps)
    return points, confidence if shown is None else mapped(lambda sure, seen: sure * seen, confidence, shown)


def _poses(model: PoseModel, track: Track, view: View, options: CaptureOptions, progress: Progress) -> Poses:
    """Lifted and refined, in the axes of a camera that is known or whose turning was found."""
    cameras = view.cameras(track.times, track.fps)
    return model.run(
        track, view.sight.matrix, options.height, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress,
        refiner=options.refiner, ups=None if cameras is None else cameras[:, 2, :3], turns=view.turning.at(track.times),
    )  # fmt: skip


def _motion(seen: Seen, options: CaptureOptions) -> Motion:
    """The finished motion of who was seen so."""
    from engine.kinematics.assemble import build_motion

    view, times, fps = seen.view, seen.performer.times, seen.performer.timeline.fps
    camera = Camera(
        view.sight.matrix, view.size, path=view.cameras(times, fps), turns=view.turning.at(times), too_fast=view.turning.unsure(times),
        gravity=seen.up, lines=seen.lines,
    )  # fmt: skip
    return build_motion(seen.performer, camera, options)


def _how_sure(motion: Motion, options: CaptureOptions) -> Motion:
    """With the hypotheses' disagreement as its spread, where there are several, else with the error that is to be expected."""
    from engine.kinematics.expected_error import with_expected_error

    if options.hypotheses > 1 and options.steps:
        motion.provenance["spread"] = FROM_HYPOTHESES
        return motion
    return with_expected_error(motion, options.height)


def _judged(motion: Motion, progress: Progress) -> dict[str, Any]:
    """Warns of what the quality report finds implausible. Returns what the summary says of how the camera was held and of standing feet."""
    from engine.kinematics.levelling import DISAGREE
    from engine.kinematics.plausible import sentences

    for code, sentence in sentences(motion.provenance["quality"]["implausible"]):
        progress.warning(code, sentence)
    report = motion.provenance["quality"]
    apart = report["level_apart_degrees"]
    if apart > DISAGREE:
        believed, other = ("are believed", "--level body") if report["level_from"] == "lines" else ("are not believed", "--level camera")
        progress.warning(
            "level",
            f"The scene's lines and the person's body disagree by {apart:.0f} degrees about which way is up, and the lines {believed}; "
            f"{other} does the other.",
        )
    return {name: report[name] for name in ("level_from", "camera_tilt_degrees", "camera_roll_degrees", "contact_percent")}


def _summary(track: Track, info: VideoInfo, sight: Sight, exchanged: int) -> dict[str, Any]:
    """What is told after a capture; plain values."""
    error = {} if sight.error is None else {"fov_error_degrees": round(sight.error, 1)}
    times, detected = track.times[track.kept], track.detected[track.kept]
    return {
        "frames_read": track.source_frames,
        "frames_detected": track.detected_count,
        "frames_filled": int((~detected).sum()),
        "frames_exchanged": exchanged,
        "frames": len(times),
        "first_frame": round(float(times[0]) * track.fps),
        "last_frame": round(float(times[-1]) * track.fps),
        "fps": float(track.fps),
        "file_fps": round(info.file_fps or info.fps, 4),
        "variable_rate": info.variable_rate,
        "width": info.width,
        "height": info.height,
        "fov_degrees": round(sight.fov, 3),
        "fov_from": sight.known_from,
    } | error
