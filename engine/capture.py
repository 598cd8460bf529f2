"""A capture from end to end: video -> detect (or what was kept of it) -> track -> lift -> refine -> motion. The whole flow on one page."""

from __future__ import annotations

import platform
import tempfile
import traceback
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contract.camera_path import CameraPath, load_camera
from contract.failure import Failure
from contract.motion_file import FROM_HYPOTHESES, Motion, save_motion
from contract.options import ALL, CaptureOptions
from contract.outputs import check_outputs, labelled
from engine.cameras.common import camera_of, fingerprint, raised, stature_of
from engine.detection.detector import Detections
from engine.detection.kept import KEPT_EXTENSION, Detected, content_hash, detect_video, fitting, keep, read_kept
from engine.footage.video import VideoInfo, open_video
from engine.loading import Loading
from engine.long_takes import give_back, let_go, mapped
from engine.person.people import choose_people, find_people
from engine.person.shots import choose_shots, find_shots
from engine.person.swaps import undo_swaps
from engine.person.track import Track, body_points, make_track
from engine.preview import write_preview
from engine.progress import Progress
from engine.recall import FORGOTTEN, LONGEST, OfTake, Recall
from engine.view import Sight, View, first_view, with_its_lenses, without_zoom

if TYPE_CHECKING:
    from engine.cameras.level import SceneLines
    from engine.poses import PoseModel, Poses

# of the summary: what is told of the camera, which people in one world share
_OF_CAMERA = (
    "fov_degrees", "fov_from", "fov_error_degrees", "camera", "camera_turns_degrees", "background_percent", "background_growth", "zoom",
    "picture_slides_percent",
    "level_from", "camera_tilt_degrees", "camera_roll_degrees",
)  # fmt: skip
RECORDED_PACKAGES = ("numpy", "scipy", "onnxruntime", "mediapipe", "opencv-python")


@dataclass(frozen=True)
class Capture:
    """A finished motion, and what a person is told about it. `label`: of one of several takes of a video, as in take.shot2.npz. `camera`:
    where it stood in the motion's world, how it turned and through what lenses it looked. `options`: with which it was made."""

    motion: Motion
    summary: dict[str, Any]
    camera: CameraPath
    options: CaptureOptions
    label: str = ""


@dataclass(frozen=True)
class Written:
    """A motion that was written to `path`."""

    path: Path
    label: str
    summary: dict[str, Any]


def capture(source: Path, options: CaptureOptions, progress: Progress, keep_at: Path | None = None) -> Capture:
    """As `captures`, the first take, or the only one."""
    return next(captures(source, options, progress, keep_at))


def captures(
    source: Path, options: CaptureOptions, progress: Progress, keep_at: Path | None = None, recall: Recall | None = None
) -> Iterator[Capture]:
    """The motions of the person in a video, or in what was kept of its detection (a .npz): one, or one a shot with --shot all, and one a
    person with --person all.

    `keep_at`: where the detection is kept; one that is there already and fits the video and the options is used in place of another
    detection. `recall`: what is remembered of earlier captures, and will be of this one where its detection is kept.

    Raises Failure for everything that a person can put right.
    """
    options.check()
    progress.stage("start")
    known = load_camera(options.camera) if options.camera else None
    # what cannot be read is told before anything is loaded
    if source.suffix.lower() == KEPT_EXTENSION:
        video, detected = None, read_kept(source, options, progress)
    elif keep_at is not None and fitting(keep_at, source, options):
        video, detected = None, read_kept(keep_at, replace(options, start="", end=""), progress)
    else:
        video, detected = open_video(source, progress), None
    with ThreadPoolExecutor(1, "models") as loader:
        loading = Loading(loader, options.device, recall)
        if detected is None:
            assert video is not None
            detected = detect_video(video, options, progress, loading.while_detecting)
            if keep_at is not None:
                keep(detected, keep_at)
            give_back(cycles=True)  # a detector of this process, 140 MB
        kept = source if source.suffix.lower() == KEPT_EXTENSION else keep_at
        take: tuple[Hashable, ...] = () if recall is None or kept is None else (content_hash(kept), options.start, options.end)
        seen, info, span = detected.detections, detected.info, detected.span
        shots = find_shots(seen, info.fps, span)
        chosen = choose_shots(shots, options.shot, info.path.name, progress)
        before = len(progress.warnings)
        for shot in chosen:
            of_shot = len(progress.warnings)
            part = seen.part(shot.rows) if seen.cuts else seen  # one beyond the frames asked for too: those around them are looked at
            people = find_people(part, (info.width, info.height), span)
            whose = choose_people(people, options.person, info.path.name, (info.width, info.height), progress)
            here = len(progress.warnings)
            first: Capture | None = None
            for person in whose:
                of_person = len(progress.warnings)
                remembered = take and len(person.detections) <= LONGEST
                of_take = OfTake(recall, (*take, shot.number, person.number)) if remembered else FORGOTTEN
                if first is None or known is not None or options.root == "in-place":
                    done = finish(person.detections, info, loading.result, options, known, progress, span, of_take)
                else:
                    done = _beside(first, first.camera, person.detections, info, loading.result, options, progress, span, of_take)
                first = first or done
                done.summary.update(shot=shot.number, shots=[one.told for one in shots], person=person.number)
                if detected.facts.people > 1:
                    done.summary.update(people_seen=len(people), people=[one.told for one in people])
                    done.motion.provenance["quality"].update(people_seen=len(people), person=person.number)
                told = [*progress.warnings[:before], *progress.warnings[of_shot:here], *progress.warnings[of_person:]]
                _record(done, detected, loading.result(), progress, [message for _, message in told])
                labels = [f"shot{shot.number}"] if options.shot == ALL and len(shots) > 1 else []
                labels += [f"person{person.number}"] if options.person == ALL and len(people) > 1 else []
                yield replace(done, label=".".join(labels))


def _record(done: Capture, detected: Detected, model: PoseModel, progress: Progress, warnings: list[str]) -> None:
    """Where the motion comes from, into its provenance."""
    facts, options = detected.facts, done.options
    # of several shots and people those that these are, so that it can be done again alone
    one = {"shot": str(done.summary["shot"])} if len(done.summary["shots"]) > 1 else {}
    one |= {"person": str(done.summary["person"])} if done.summary.get("people_seen", 1) > 1 else {}
    done.motion.provenance |= {
        # enough to recognise the video, nothing of the machine it lay on
        "source": {name: getattr(facts, name) for name in ("name", "sha256", "bytes", "frame_count", "duration", "rotation")},
        "options": detected.options(options).as_dict() | {"camera": Path(options.camera).name} | one,
        "summary": done.summary,
        "versions": _versions(model.device) | {name: facts.versions[name] for name in facts.versions if name != "python"},
        "weights": {
            **model.sha256, "detector": facts.weights, "device": model.device, "precision": model.precision,
        },
        "timings": {stage: round(seconds, 3) for stage, seconds in progress.timings.items()},
        "cores": facts.cores,
        "warnings": warnings,
    }  # fmt: skip


def finish(
    detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions, known: CameraPath | None,
    progress: Progress, span: tuple[float, float] | None = None, of_take: OfTake = FORGOTTEN,
) -> Capture:  # fmt: skip
    """The motion of the person who was detected. `load` gives the networks, `known` is the camera, where it is known, `span` the times of
    the first and the last frame asked for, where the detections go beyond them; `of_take` remembers what does not depend on the rest.

    What is as long as the take is let go as soon as it has served: of an hour these arrays are some hundred megabytes.
    """
    model = load()  # and with it scipy, which was imported beside the detection and which most of what follows needs
    sight = (options.fov, options.camera_motion, None if known is None else fingerprint(known))

    def follow(told: Progress) -> _Followed:
        return _followed(detections, info, options, known, told, span)

    def see(told: Progress) -> _Seen:
        return _seen(model, of_take("followed", sight, follow, told), options, info, told)

    lifted = (*sight, options.height, options.steps, options.hypotheses, options.seed, options.refiner, options.device)
    seen = of_take("seen", lifted, see, progress)
    progress.stage("motion")
    person, view = seen.person, seen.view
    for warning in view.turning.warnings:
        progress.warning("camera", warning)
    motion = _how_sure(_motion(person, seen.poses, view, options, seen.lines), options)
    with_its_lenses(motion, view)
    motion.provenance["quality"] |= view.turning.summary
    summary = seen.summary | _judged(motion, progress)
    progress.finish()
    return Capture(motion, summary, camera_of(motion, view.sight.matrix, view.turning), options)


def _beside(
    first: Capture, camera: CameraPath, detections: Detections, info: VideoInfo, load: Callable[[], PoseModel], options: CaptureOptions,
    progress: Progress, span: tuple[float, float] | None, of_take: OfTake,
) -> Capture:  # fmt: skip
    """The motion of another person in the world of the first one, where she was beside her: through the same camera, on the same ground, by
    which her stature is known."""
    progress.stage("motion")
    seen = finish(detections, info, load, options, raised(camera), Progress(), span, of_take).motion
    stature = stature_of(seen, options.height, first.motion, options.height)
    done = finish(detections, info, load, replace(options, height=round(stature.height, 3)), camera, progress, span, of_take)
    told = {name: first.summary[name] for name in _OF_CAMERA if name in first.summary}
    told |= {"stature": round(stature.height, 3), "stature_error": round(stature.error, 3)} if stature.by_ground else {}
    done.summary.update(told)
    done.motion.provenance["quality"].update({name: told[name] for name in _OF_CAMERA if name in told and not name.startswith("fov")})
    return done


@dataclass(frozen=True)
class _Person:
    """What the motion needs of a track: where each joint is seen (T,22,2) px with its confidence (T,22), which way the `face` looks (T,3),
    and of the track its times (T,), where somebody was detected (T,), the runs, the rate, and the frames asked for."""

    points: npt.NDArray[np.floating]
    confidence: npt.NDArray[np.floating]
    face: npt.NDArray[np.floating]
    times: npt.NDArray[np.float64]
    detected: npt.NDArray[np.bool_]
    runs: list[slice]
    fps: float
    kept: slice


@dataclass(frozen=True)
class _Followed:
    """A person over time, as the `view` shows her, of which `exchanged` frames had her sides exchanged."""

    view: View
    track: Track
    exchanged: int


@dataclass(frozen=True)
class _Seen:
    """A person in space, before there is a motion: her `poses`, through the lens of this `view`, with the `lines` of the scene."""

    person: _Person
    poses: Poses
    view: View
    lines: SceneLines | None
    summary: dict[str, Any]


def _followed(
    detections: Detections, info: VideoInfo, options: CaptureOptions, known: CameraPath | None, progress: Progress,
    span: tuple[float, float] | None,
) -> _Followed:  # fmt: skip
    """Who is seen, over time."""
    view = first_view(detections, info, options, known)
    track, exchanged = undo_swaps(make_track(view.as_through_one_lens(without_zoom(detections, info, known)), info, progress, span))
    return _Followed(view, track, int(exchanged[track.kept].any(1).sum()))


def _seen(model: PoseModel, followed: _Followed, options: CaptureOptions, info: VideoInfo, progress: Progress) -> _Seen:
    """The same in space, and the lens by it."""
    view, track = followed.view, followed.track
    poses = _poses(model, track, view, options, progress)
    progress.stage("motion")
    points, confidence = _points(track, view)
    view = view.estimated(poses, points, confidence, options.height, track.fps)
    summary = _summary(track, info, view.sight, followed.exchanged) | view.turning.summary
    return _Seen(_person(track, points, confidence, view), poses, view, view.scene_lines(), summary)


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


def _person(track: Track, points: npt.NDArray[np.floating], confidence: npt.NDArray[np.floating], view: View) -> _Person:
    """What the motion needs of the track, which has more and is as long as the take."""
    from engine.person.face import face_direction

    face = face_direction(track, view.sight.matrix)
    return _Person(points, confidence, face, track.times, track.detected, track.runs, track.fps, track.kept)


def _motion(person: _Person, poses: Poses, view: View, options: CaptureOptions, lines: SceneLines | None) -> Motion:
    """The finished motion of that person, seen so."""
    from engine.kinematics.assemble import build_motion

    return build_motion(
        poses.joints, poses.spread, person.points, person.confidence, person.times, person.detected, person.runs, person.fps,
        view.sight.matrix, view.size, options.height, smooth=options.smooth, root=options.root, face=person.face, feet=options.feet,
        cameras=view.cameras(person.times, person.fps), kept=person.kept, gravity=poses.up, turns=view.turning.at(person.times),
        lines=lines, level=options.level,
    )  # fmt: skip


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


def capture_to_file(
    source: Path, output: Path, options: CaptureOptions, progress: Progress, preview: Path | None = None, overwrite: bool = False,
    keep_at: Path | None = None, recall: Recall | None = None,
) -> tuple[list[Written], Failure | None]:  # fmt: skip
    """`captures`, saved to `output` (.npz), the skeleton over the footage to `preview` (.mp4), and the detection to `keep_at` (.npz).
    Several takes are named by their labels, as take.shot2.npz, their previews likewise.

    All are checked before the work begins (contract.outputs; `overwrite` as there), the names of several as soon as they are known. Each
    motion is written as soon as it is there, before its preview: what fails takes nothing with it. Returns what was written, and why there
    is no preview, or None.
    """
    inputs = [source, *([Path(options.camera)] if options.camera else [])]
    output, *keeping = check_outputs([output, *([keep_at] if keep_at else [])], inputs, (".npz",), overwrite)
    from_kept = source.suffix.lower() == KEPT_EXTENSION
    if from_kept and (preview or keeping):
        why = "a preview is drawn over the video; capture that" if preview else "it is kept already; leave --keep-detection out"
        raise Failure("bad_arguments", f"{source.name} is a detection and not a video: {why}.")
    if preview is not None:
        (preview,) = check_outputs([preview], inputs, (".mp4",), overwrite)
    written: list[Written] = []
    failed: Failure | None = None
    for done in captures(source, options, progress, keeping[0] if keeping else None, recall):
        path = labelled(output, done.label)
        _save(done.motion, path, inputs if done.label else None, overwrite, rescue=not keeping)
        written.append(Written(path, done.label, done.summary))
        if preview is not None:
            failed = _draw(source, done, labelled(preview, done.label), inputs, overwrite, progress) or failed
    return written, failed


def _draw(source: Path, done: Capture, path: Path, inputs: list[Path], overwrite: bool, progress: Progress) -> Failure | None:
    """The preview; why there is none, or None."""
    try:
        (path,) = check_outputs([path], inputs, (".mp4",), overwrite)
        write_preview(source, done.motion, path, progress)
        progress.finish()
    except Failure as failure:
        return failure
    except Exception as error:
        traceback.print_exc()
        return Failure("internal", f"The preview could not be drawn ({type(error).__name__}: {error}); see the log.")
    return None


def _save(motion: Motion, output: Path, inputs: list[Path] | None, overwrite: bool, rescue: bool) -> None:
    """Writes the motion, which took minutes; where its place has gone meanwhile (full, unplugged), into the temporary folder, but only for
    `rescue`: where the detection is kept, it takes a second again. `inputs`: of an output whose name was not known before, which is checked
    only now."""
    try:
        if inputs is not None:
            check_outputs([output], inputs, (".npz",), overwrite)
        save_motion(motion, output, let_go)
    except Failure as failure:
        if not rescue or failure.code not in ("disk_full", "not_writable", "bad_arguments"):
            raise
        kept = Path(tempfile.mkdtemp(prefix="kinolift-kept-")) / output.name
        try:
            save_motion(motion, kept, let_go)
        except Failure:
            kept.parent.rmdir()
            raise failure from None
        raise Failure(failure.code, f"{failure.message} The motion is kept in {kept}.") from failure


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


def _versions(device: str) -> dict[str, str]:
    packages = (*RECORDED_PACKAGES, *(["torch"] if device == "cuda" else []))
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
