"""A capture from end to end: video -> detect -> track -> lift -> refine -> motion. The whole flow on one page."""

from __future__ import annotations

import hashlib
import platform
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contract.camera_path import CameraPath, load_camera
from contract.failure import Failure
from contract.motion_file import Motion, save_motion
from contract.options import DEFAULT_FOV, CaptureOptions, parse_moment
from contract.outputs import check_outputs
from engine import startup
from engine.cameras.pinhole import camera_matrix, field_of_view
from engine.detection import segments
from engine.detection.detector import Detections
from engine.detection.model_bundle import MODELS
from engine.footage.video import Video, VideoInfo, open_video
from engine.long_takes import let_go, mapped
from engine.person.swaps import undo_swaps
from engine.person.track import Track, body_points, make_track
from engine.preview import write_preview
from engine.progress import Progress

if TYPE_CHECKING:
    from engine.poses import PoseModel

# Seconds before and behind the frames asked for that are looked at too, so that a part of a video is that part of the whole: the detector
# needs a third of a second to settle, exchanged sides show by the frames around, and smoothing reaches some tenths of a second.
AROUND = 1.0
RECORDED_PACKAGES = ("numpy", "scipy", "torch", "mediapipe", "opencv-python")


@dataclass(frozen=True)
class Capture:
    """A finished motion, and what a person is told about it."""

    motion: Motion
    summary: dict[str, Any]


def capture(video_path: Path, options: CaptureOptions, progress: Progress) -> Capture:
    """The motion of the person in the video. Raises Failure for everything that a person can put right."""
    options.check()
    progress.stage("start")
    known = load_camera(options.camera) if options.camera else None
    with ThreadPoolExecutor(1, "models") as loader:
        loading = loader.submit(_load_model, options.device)
        video = open_video(video_path, progress)
        start, end = parse_moment(options.start, "--start"), parse_moment(options.end, "--end")
        around = video.around(start, end, AROUND, segments.SEAM)
        done = finish(
            segments.detect(video, around.start, around.end, progress, options.detector, while_detecting=lambda: _raise_early(loading)),
            video.info, loading.result, options, known, progress, around.span if start or end else None,
        )  # fmt: skip
        model = loading.result()
    done.motion.provenance |= {
        "source": _source(video),
        "options": options.as_dict() | {"camera": Path(options.camera).name},
        "summary": done.summary,
        "versions": _versions(),
        "weights": {
            "lifter": model.lifter_weights.sha256, "refiner": model.refiner_weights.sha256, "window": model.window_weights.sha256,
            "detector": MODELS[options.detector].sha256,
            "device": str(model.device), "precision": model.precision,
        },
        "timings": {stage: round(seconds, 3) for stage, seconds in progress.timings.items()},
        "warnings": [message for _, message in progress.warnings],
    }  # fmt: skip
    return done


def finish(
    detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions, known: CameraPath | None,
    progress: Progress, span: tuple[float, float] | None = None,
) -> Capture:  # fmt: skip
    """The motion of the person who was detected. `load` gives the networks, `known` is the camera, where it is known, `span` the times of
    the first and the last frame asked for, where the detections go beyond them.

    What is as long as the take is let go as soon as it has served: of an hour these arrays are some hundred megabytes.
    """
    model = load()
    # these need scipy and torch, which are imported beside the detection
    from engine.cameras.known import cameras_at
    from engine.kinematics.assemble import build_motion
    from engine.person.face import face_direction

    sight = _sight(info, options, known)
    track, exchanged = undo_swaps(make_track(_through_one_lens(detections, info, known), info, progress, span))
    del detections
    cameras = None if known is None else cameras_at(known, track.times, track.fps)
    poses = model.run(
        track, sight.matrix, options.height, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=progress,
        refiner=options.refiner, ups=None if cameras is None else cameras[:, 2, :3],
    )  # fmt: skip
    progress.stage("motion")
    points, confidence = body_points(track.image, track.visibility, track.detector, (info.width, info.height))
    sight = _estimated(sight, poses.joints, points, confidence, info, options, track.fps)
    summary = _summary(track, info, sight, int(exchanged[track.kept].any(1).sum()))
    times, detected, runs, fps, face = track.times, track.detected, track.runs, track.fps, face_direction(track, sight.matrix)
    kept = track.kept
    del track
    motion = build_motion(
        poses.joints, poses.spread, points, confidence, times, detected, runs, fps, sight.matrix, (info.width, info.height), options.height,
        smooth=options.smooth, root=options.root, face=face, feet=options.feet, cameras=cameras, kept=kept,
        gravity=poses.up,
    )  # fmt: skip
    _through_its_lenses(motion, known)
    progress.finish()
    return Capture(motion, summary)


@dataclass(frozen=True)
class _Sight:
    """Through what the camera is taken to look: `matrix` (3,3), `fov` degrees along the longer side, and where that is `known_from`: the
    `option`, the `file`, the known `camera`, or the `estimate` from the poses; and the standard `error` of an estimate, degrees."""

    matrix: npt.NDArray[np.float64]
    fov: float
    known_from: str
    error: float | None = None


def _sight(info: VideoInfo, options: CaptureOptions, known: CameraPath | None) -> _Sight:
    """What is known before there are poses; where nothing is, a usual lens, to lift the poses with from which it is then estimated."""
    size = (info.width, info.height)
    if known is not None:
        from engine.cameras.known import middle_lens

        matrix = middle_lens(known, size)
        return _Sight(matrix, field_of_view(matrix, size), "camera")
    if options.fov:
        fov, known_from = options.fov, "option"
    elif info.fov_degrees:
        fov, known_from = info.fov_degrees, "file"
    else:
        fov, known_from = DEFAULT_FOV, "estimate"
    return _Sight(camera_matrix(size, fov), fov, known_from)


def _estimated(
    sight: _Sight, joints: npt.NDArray[np.floating], points: npt.NDArray[np.floating], confidence: npt.NDArray[np.floating],
    info: VideoInfo, options: CaptureOptions, fps: float,
) -> _Sight:  # fmt: skip
    """The sight from the poses (T,22,3) and where they are seen, (T,22,2) px with their confidence, where nothing better is known."""
    if sight.known_from != "estimate":
        return sight
    from engine.kinematics.focal import estimate_fov

    size = (info.width, info.height)
    found = estimate_fov(joints, points, confidence, size, options.height, fps)
    return _Sight(camera_matrix(size, found.degrees), found.degrees, "estimate", found.error)


def _through_one_lens(detections: Detections, info: VideoInfo, known: CameraPath | None) -> Detections:
    """What was seen without the zoom. Before anything else: to who follows the person over time, a zoom would look like somebody else."""
    if known is None or not known.zooms:
        return detections
    from engine.cameras.known import lenses_at, middle_lens, through_one_lens

    size = (info.width, info.height)
    return through_one_lens(detections, lenses_at(known, detections.times, info.fps, size), middle_lens(known, size))


def _through_its_lenses(motion: Motion, known: CameraPath | None) -> None:
    """The motion gets the lenses of a camera that zooms, through which its points are seen again."""
    if known is None or not known.zooms:
        return
    from engine.cameras.known import lenses_at, other_lens

    width, height = motion.image_size.tolist()
    lenses, matrix = lenses_at(known, motion.times, motion.fps, (width, height)), motion.camera_matrix
    motion.image_points = mapped(lambda points, seen_by: other_lens(points, matrix, seen_by), motion.image_points, lenses)
    motion.camera_matrix, motion.camera_lenses = lenses[0], lenses  # as the camera's place, that of the first frame


def capture_to_file(
    video_path: Path, output: Path, options: CaptureOptions, progress: Progress, preview: Path | None = None, overwrite: bool = False
) -> tuple[dict[str, Any], Failure | None]:
    """`capture`, saved to `output` (.npz), and the skeleton over the footage to `preview` (.mp4).

    Both are checked before the work begins (contract.outputs; `overwrite` as there). The motion is written first: a preview that fails
    takes nothing with it. Returns the summary and why there is no preview, or None.
    """
    inputs = [video_path, *([Path(options.camera)] if options.camera else [])]
    (output,) = check_outputs([output], inputs, (".npz",), overwrite)
    if preview is not None:
        (preview,) = check_outputs([preview], inputs, (".mp4",), overwrite)
    done = capture(video_path, options, progress)
    _save(done.motion, output)
    if preview is not None:
        try:
            write_preview(video_path, done.motion, preview, progress)
            progress.finish()
        except Failure as failure:
            return done.summary, failure
        except Exception as error:
            traceback.print_exc()
            return done.summary, Failure("internal", f"The preview could not be drawn ({type(error).__name__}: {error}); see the log.")
    return done.summary, None


def _save(motion: Motion, output: Path) -> None:
    """Writes the motion, which took minutes; where its place has gone meanwhile (full, unplugged), into the temporary folder."""
    try:
        save_motion(motion, output, let_go)
    except Failure as failure:
        if failure.code not in ("disk_full", "not_writable"):
            raise
        kept = Path(tempfile.mkdtemp(prefix="kinolift-kept-")) / output.name
        try:
            save_motion(motion, kept, let_go)
        except Failure:
            kept.parent.rmdir()
            raise failure from None
        raise Failure(failure.code, f"{failure.message} The motion is kept in {kept}.") from failure


def _load_model(device: str) -> PoseModel:
    """Beside the detection: torch and scipy take seconds to import, and the detector does without them."""
    with startup.importing():
        import engine.kinematics.assemble  # noqa: F401 - for later
        from engine.poses import PoseModel

        return PoseModel(device)


def _raise_early(loading: Future[PoseModel]) -> None:
    """The failure of the loading as soon as there is one, and not after an hour of detection."""
    if loading.done():
        loading.result()


def _summary(track: Track, info: VideoInfo, sight: _Sight, exchanged: int) -> dict[str, Any]:
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


def _source(video: Video) -> dict[str, Any]:
    """The video's name, sum and size: enough to recognise it, nothing of the machine it lay on."""
    info = video.info
    with info.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": info.path.name, "sha256": sha256, "bytes": info.path.stat().st_size, "frame_count": info.frame_count,
        "duration": info.duration, "rotation": info.rotation,
    }  # fmt: skip


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in RECORDED_PACKAGES}
