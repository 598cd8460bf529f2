"""The commands inside Blender (`blender --background --command kinolift capture ...`) and in the bpy wheel; here `capture` itself.

Blender is imported only while the worker already runs, and not at all where nothing but motion files is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.failure import ExitCode, Failure
from ..contract.motion_file import Motion
from ..contract.options import CaptureOptions, add_arguments
from ..contract.outputs import add_overwrite_argument, labelled, written_beside
from .batch.cluster import add_cluster_parser, run_cluster
from .batch.command import add_batch_parser, run_batch
from .capture import Capture, Placement, check_video, place_motion, quality_sentence, rate_words
from .command_retarget import add_retarget_parser, run_retarget
from .console import Console, add_log_argument, console
from .export import EXTENSIONS, MOTION_EXTENSION, PREVIEW_EXTENSION, check_files, copy_motion, export_armature
from .export.options import ExportOptions, add_export_arguments
from .key_reduction import Tolerance, add_simplify_argument, parse_tolerance
from .terminal import Display

if TYPE_CHECKING:
    import bpy

POLL = 0.1  # seconds between two looks at the worker
LOG_SHOWN = 15  # lines of the worker's log that are printed after a failure of ours or of the installation


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code (contract.failure.ExitCode); prints what a person has to know."""
    try:
        arguments = _parser().parse_args(list(argv))
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    with console(getattr(arguments, "log_json", False)) as told:
        code = _run(arguments, told)
        told.end(code)
    return code


def _run(arguments: argparse.Namespace, told: Console) -> int:
    try:
        with _interruptible():
            match arguments.command:
                case "capture":
                    return int(_capture(arguments, told))
                case "retarget":
                    return int(run_retarget(arguments, told))
                case "batch":
                    return int(run_batch(arguments, told))
                case _:
                    return int(run_cluster(arguments))
    except Failure as failure:
        told.error(failure)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        told.cancelled()
        return int(ExitCode.CANCELLED)
    except Exception as error:
        traceback.print_exc()
        told.fault(error)
        return int(ExitCode.INTERNAL)


def _parser() -> argparse.ArgumentParser:
    from .scene import DEFAULT_SCENE_FPS, SCENE_FPS

    parser = argparse.ArgumentParser(prog="kinolift", description="Turns a video of a person into an animated armature.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    capture = commands.add_parser("capture", help="capture a video into files", description="Captures the person in a video.")
    capture.add_argument("video", type=Path, metavar="VIDEO", help="or a detection that --keep-detection wrote (.npz)")
    capture.add_argument("-o", "--output", dest="outputs", type=Path, action="append", required=True, metavar="OUT",
        help=f"a file to write, may be given several times: {' '.join(EXTENSIONS)}")  # fmt: skip
    capture.add_argument("--preview", type=Path, metavar="OUT.mp4", help="also a video of the skeleton over the footage")
    capture.add_argument("--keep-detection", type=Path, metavar="OUT.npz",
        help="also what was detected: everything behind that can be done again from it, in a second; one that fits is used")  # fmt: skip
    add_arguments(capture)
    capture.add_argument("--scene-fps", choices=SCENE_FPS, default=DEFAULT_SCENE_FPS,
        help="frame rate of the files where a .blend file is open: the scene's (keep) or the video's (match); "
        "without one it is the video's (default %(default)s)")  # fmt: skip
    add_simplify_argument(capture)
    add_export_arguments(capture, mesh=False)
    add_overwrite_argument(capture)
    capture.add_argument("--quiet", action="store_true", help="no progress, only the result")
    add_log_argument(capture)
    add_retarget_parser(commands)
    add_batch_parser(commands)
    add_cluster_parser(commands)
    return parser


def _capture(arguments: argparse.Namespace, told: Console) -> ExitCode:
    """Writes what is ready as soon as it is, the motion first; one output that fails is told and leaves the others."""
    options = CaptureOptions.from_arguments(arguments)
    export, tolerance = ExportOptions.from_arguments(arguments), parse_tolerance(arguments.simplify)
    video, outputs, preview, detection = check_words(arguments, options)
    motions = [path for path in outputs if path.suffix.lower() == MOTION_EXTENSION]
    scenes = [path for path in outputs if path not in motions]
    several = options.several  # whose names are not known yet
    kept_at = motions[0] if motions and not several else None
    capture = Capture(video, options, _preferred_python(), kept_at, preview, detection=detection)
    shown = told.display(arguments.quiet)
    failures: list[Failure] = []
    notes: list[str] = []
    written: list[Path] = []
    try:
        shown.show(capture.progress)
        if scenes:
            _import_blender()
        while not capture.finished:
            capture.poll(POLL, shown.show)
        takes = capture.takes()
        written += [*([kept_at] if kept_at else []), *([detection] if detection else [])]
        if capture.preview_failure is not None:
            failures.append(capture.preview_failure)
        elif preview is not None and not several:
            written.append(preview)
        sentences: list[str] = []

        def noted(path: Path) -> contextlib.AbstractContextManager[None]:
            return _noted(failures, path, written)

        for take in takes:
            named = [labelled(path, take.label) for path in outputs]
            for path in named:
                if path.suffix.lower() == MOTION_EXTENSION and path != kept_at:
                    with noted(path):
                        _check_again(path, several, arguments)
                        copy_motion(take.path, path)
            if several and preview is not None and take.preview is not None:
                with noted(labelled(preview, take.label)):
                    _check_again(labelled(preview, take.label), several, arguments)
                    with written_beside(labelled(preview, take.label)) as beside:
                        shutil.copyfile(take.preview, beside)
            sentence, figures = _sentence(take.motion), quality_sentence(take.motion)
            pictured = [path for path in named if path.suffix.lower() != MOTION_EXTENSION]
            if pictured:
                try:
                    pictured = [path for path in pictured if _may_be_written(path, several, arguments, failures)]
                    more, sentence = _write_scenes(
                        take.motion, video, pictured, arguments.scene_fps, export, tolerance, capture, shown, noted, take.label
                    )
                    notes += more
                finally:
                    if not any(path in written for path in named) and not isinstance(sys.exception(), KeyboardInterrupt):
                        capture.motion_path = take.path
                        notes.append(f"The capture is kept in {capture.rescue(named[0])}.")
            sentences.append(f"{take.label}: {sentence} {figures}" if take.label else f"{sentence}\n{figures}")
        notes = [*capture.progress.warnings, *notes]
        seconds = capture.seconds
    except Failure as failure:
        shown.close()
        if failure.code in ("internal", "worker_died", "bad_installation"):
            for line in capture.log[-LOG_SHOWN:]:
                told.log(line)
        _tell(told, notes, written, [])
        raise
    except BaseException:
        shown.close()
        _tell(told, notes, written, [])
        raise
    finally:
        shown.close()
        capture.close()
    in_order = [path for path in [*outputs, preview, detection] if path is not None and path in written]
    _tell(told, notes, [*in_order, *(path for path in written if path not in in_order)], failures)
    lines = "\n".join(sentences).strip().splitlines()
    lines[0 if len(takes) == 1 else -1] += f" Took {seconds:.1f} s."
    for line in lines:
        told.info(line)
    return failures[0].exit_code if failures else ExitCode.DONE


def check_words(arguments: argparse.Namespace, options: CaptureOptions) -> tuple[Path, list[Path], Path | None, Path | None]:
    """The video, the outputs, the preview and the kept detection, if all can be read and written. Raises Failure before any work."""
    inputs = [arguments.video, *([Path(options.camera)] if options.camera else [])]
    detection = arguments.keep_detection
    if detection is not None:
        check_files([detection], inputs, (MOTION_EXTENSION,), arguments.overwrite)
    outputs = check_files([*arguments.outputs, *([detection] if detection else [])], inputs, overwrite=arguments.overwrite)
    if detection is not None:
        detection = outputs.pop()
    preview = None
    if arguments.preview is not None:
        (preview,) = check_files([arguments.preview], inputs, (PREVIEW_EXTENSION,), arguments.overwrite)
    return check_video(arguments.video), outputs, preview, detection


def _check_again(path: Path, several: bool, arguments: argparse.Namespace) -> None:
    """One of several takes' files, whose name was not known before. Raises Failure as `check_words`."""
    if several:
        check_files([path], [arguments.video], (path.suffix.lower(),), arguments.overwrite)


def _may_be_written(path: Path, several: bool, arguments: argparse.Namespace, failures: list[Failure]) -> bool:
    """Whether `_check_again` lets it pass; else its failure is noted."""
    try:
        _check_again(path, several, arguments)
    except Failure as failure:
        failures.append(failure)
        return False
    return True


@contextlib.contextmanager
def _noted(failures: list[Failure], path: Path, written: list[Path]) -> Iterator[None]:
    """Around the writing of one file: notes it as written, or its failure, so that the other files are written all the same."""
    try:
        yield
    except Failure as failure:
        failures.append(Failure(failure.code, f"{path.name}: {failure.message}"))
    except Exception as error:
        traceback.print_exc()
        failures.append(Failure("internal", f"{path.name} could not be written ({type(error).__name__}: {error}); please report it."))
    else:
        written.append(path)


def _tell(told: Console, notes: list[str], written: list[Path], failures: list[Failure]) -> None:
    for note in notes:
        told.warning(note)
    for failure in failures:
        told.error(failure)
    for path in written:
        told.written(path)


def _write_scenes(
    motion: Motion,
    video: Path,
    paths: list[Path],
    scene_fps: str,
    export: ExportOptions,
    tolerance: Tolerance | None,
    capture: Capture,
    shown: Display,
    noted: Callable[[Path], contextlib.AbstractContextManager[None]],
    label: str = "",
) -> tuple[list[str], str]:
    """Builds the armature in a scene of its own, first key at frame 0, writes the files, each within `noted`. Returns notes and summary."""
    import bpy

    from . import scene as rates

    scene = bpy.data.scenes.new("Kinolift capture")  # not the video's name: the exports' own scene gets that
    if scene_fps == rates.KEEP and bpy.data.filepath:
        scene.render.fps, scene.render.fps_base = bpy.context.scene.render.fps, bpy.context.scene.render.fps_base
    else:
        rates.match_rate(scene, motion.fps)
    capture.progress.stage, capture.progress.fps = "armature", 0.0
    capture.progress.done = capture.progress.total = 0
    shown.show(capture.progress)
    wants_blend = any(path.suffix.lower() == ".blend" for path in paths)
    placement = Placement(scene_fps=rates.KEEP, start=0, trim=True, set_range=True, add_camera=wants_blend, simplify=tolerance)
    try:
        name = f"{video.stem}.{label}" if label else video.stem
        take = place_motion(motion, scene, name, placement, None if video.suffix.lower() == MOTION_EXTENSION else video)
        capture.progress.stage, capture.progress.total = "export", len(paths)
        for done, path in enumerate(paths):
            capture.progress.done = done
            shown.show(capture.progress)
            with noted(path):
                export_armature(take.armature, path, [take.camera] if take.camera else [], export)
        return take.notes, take.summary()
    finally:
        _discard(scene)


def _discard(scene: bpy.types.Scene) -> None:
    """Takes the command's own scene out of the file again, with all that was made for it."""
    import bpy

    things = list(scene.objects)
    made: list[bpy.types.ID] = [*things, *(thing.data for thing in things)]
    made += [thing.animation_data.action for thing in things if thing.animation_data and thing.animation_data.action]
    bpy.data.batch_remove([*made, *scene.collection.children_recursive, scene])


def _sentence(motion: Motion) -> str:
    """The summary where no armature is built."""
    return f"{len(motion)} frames (the person found in {int(motion.detected.sum())}) at {rate_words(motion)}."


def _import_blender() -> None:
    """Raises Failure `bad_installation` where there is no Blender."""
    try:
        import bpy  # noqa: F401
    except ImportError as error:
        raise Failure(
            "bad_installation", f"This Python has no Blender module ({error}); install bpy, or run the command inside Blender."
        ) from error


def _preferred_python() -> str:
    """The worker's Python from the preferences, if this is Blender."""
    if "bpy" not in sys.modules:
        return ""
    from .preferences import preferred_python

    return preferred_python()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, and being asked to end, raise KeyboardInterrupt: in the background Blender would keep the first for itself."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    wanted = (signal.SIGINT, signal.SIGTERM)
    try:
        before = {number: signal.signal(number, stop) for number in wanted}
    except ValueError:  # only the main thread may; anywhere else nobody sends signals to us
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
