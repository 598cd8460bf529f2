"""A capture from end to end: video -> detect (or what was kept of it) -> who is there -> finish -> motion. The whole flow on one page."""

from __future__ import annotations

import platform
import tempfile
import traceback
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.camera_path import load_camera
from contract.failure import Failure
from contract.motion_file import Motion, load_motion, save_motion
from contract.options import ALL, CaptureOptions
from contract.outputs import check_outputs, labelled
from engine.beside import WORLD_OF, again, beside, capture_of
from engine.detection.kept import KEPT_EXTENSION, Detected, content_hash, detect_video, fitting, keep, read_kept
from engine.finish import Capture, finish
from engine.footage.video import open_video
from engine.loading import Loading
from engine.long_takes import give_back, let_go
from engine.person.people import choose_people, find_people
from engine.person.shots import choose_shots, find_shots
from engine.preview import write_preview
from engine.progress import Progress
from engine.recall import FORGOTTEN, LONGEST, OfTake, Recall
from engine.view import before_one_background

if TYPE_CHECKING:
    from engine.poses import PoseModel

RECORDED_PACKAGES = ("numpy", "scipy", "onnxruntime", "mediapipe", "opencv-python-headless")


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
    source: Path, options: CaptureOptions, progress: Progress, keep_at: Path | None = None, recall: Recall | None = None,
    world: Motion | None = None,
) -> Iterator[Capture]:  # fmt: skip
    """The motions of the person in a video, or in what was kept of its detection (a .npz): one, or one a shot with --shot all, and one a
    person with --person all.

    `keep_at`: where the detection is kept; one that is there already and fits the video and the options is used in place of another
    detection. `recall`: what is remembered of earlier captures, and will be of this one where its detection is kept.
    `world`: a motion of the same video, in whose world these are to be: that person's own anew, or another one's beside it.

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
            hers = before_one_background([one.detections for one in people])
            people = [replace(one, detections=seen_of) for one, seen_of in zip(people, hers, strict=True)]
            whose = choose_people(people, options.person, info.path.name, (info.width, info.height), progress)
            here = len(progress.warnings)
            first = None if world is None else capture_of(world)
            own = None if first is None else (first.summary.get("shot"), first.summary.get("person"))
            for person in whose:
                of_person = len(progress.warnings)
                remembered = take and len(person.detections) <= LONGEST
                of_take = OfTake(recall, (*take, shot.number, person.number)) if remembered else FORGOTTEN
                if first is not None and known is None and own == (shot.number, person.number):
                    done = again(first, person.detections, info, loading.result, options, progress, span, of_take)
                elif first is None or known is not None or options.root == "in-place":
                    done = finish(person.detections, info, loading.result, options, known, progress, span, of_take)
                    if len(whose) > 1 and known is None and options.root != "in-place":
                        done.summary[WORLD_OF] = person.number
                else:
                    done = beside(first, person.detections, info, loading.result, options, progress, span, of_take)
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


def capture_to_file(
    source: Path, output: Path, options: CaptureOptions, progress: Progress, preview: Path | None = None, overwrite: bool = False,
    keep_at: Path | None = None, recall: Recall | None = None, world: Path | None = None,
) -> tuple[list[Written], Failure | None]:  # fmt: skip
    """`captures`, in the `world` of that motion file, saved to `output` (.npz), the skeleton over the footage to `preview` (.mp4), and the
    detection to `keep_at` (.npz). Several takes are named by their labels, as take.shot2.npz, their previews likewise.

    All are checked before the work begins (contract.outputs; `overwrite` as there), the names of several as soon as they are known. Each
    motion is written as soon as it is there, before its preview: what fails takes nothing with it. Returns what was written, and why there
    is no preview, or None.
    """
    inputs = [source, *([Path(options.camera)] if options.camera else []), *([world] if world else [])]
    output, *keeping = check_outputs([output, *([keep_at] if keep_at else [])], inputs, (".npz",), overwrite)
    from_kept = source.suffix.lower() == KEPT_EXTENSION
    if from_kept and (preview or keeping):
        why = "a preview is drawn over the video; capture that" if preview else "it is kept already; leave --keep-detection out"
        raise Failure("bad_arguments", f"{source.name} is a detection and not a video: {why}.")
    if preview is not None:
        (preview,) = check_outputs([preview], inputs, (".mp4",), overwrite)
    written: list[Written] = []
    failed: Failure | None = None
    around = None if world is None else load_motion(world)
    for done in captures(source, options, progress, keeping[0] if keeping else None, recall, around):
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


def _versions(device: str) -> dict[str, str]:
    packages = (*RECORDED_PACKAGES, *(["torch"] if device == "cuda" else []))
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
