"""`retarget` as a command: captured motions on the characters of rig files, inside Blender and in the bpy wheel."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.failure import ExitCode, Failure
from ..contract.motion_file import load_motion
from ..contract.outputs import add_overwrite_argument
from .console import Console, add_log_argument
from .export import BLENDER_EXTENSIONS, CLIP_EXTENSIONS, MOTION_EXTENSION, check_files, check_holds_takes, export_armature, export_takes
from .export.options import ExportOptions, add_export_arguments
from .key_reduction import Tolerance, add_simplify_argument, parse_tolerance

if TYPE_CHECKING:
    import bpy

    from .retarget.retarget import RetargetResult

# What an output gets for a name where -o is a folder and --format says nothing.
DEFAULT_FORMAT = ".fbx"
RIG_EXTENSIONS = (".blend", ".fbx", ".glb", ".gltf", ".vrm")
# The collections of a Blender file that reading a rig fills.
_KINDS = ("objects", "meshes", "armatures", "actions", "materials", "images", "textures", "node_groups", "collections", "cameras", "lights",
          "shape_keys", "texts", "libraries")  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A file to write: one motion on one rig, or several as its clips."""

    motions: tuple[Path, ...]
    rig: Path
    output: Path


def add_retarget_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words and options of `retarget`."""
    from .scene import DEFAULT_SCENE_FPS, SCENE_FPS

    parser = commands.add_parser("retarget", help="put motions on your own characters",
        description="Puts motions on the characters of rig files; several motions and rigs make a file for each pair, or "
        "with --clips a file for each rig.")  # fmt: skip
    parser.add_argument("motions", type=Path, nargs="*", metavar="MOTION", help=f"a {MOTION_EXTENSION} file, or a folder of them")
    parser.add_argument("--rig", dest="rigs", type=Path, action="append", required=True, metavar="FILE",
        help=f"a character, or a folder of them: {' '.join(RIG_EXTENSIONS)}; may be given several times")  # fmt: skip
    parser.add_argument("-o", "--output", dest="output", type=Path, metavar="OUT",
        help=f"a file to write ({' '.join(BLENDER_EXTENSIONS)}), or for several pairs a folder")  # fmt: skip
    parser.add_argument("--format", choices=[kind[1:] for kind in BLENDER_EXTENSIONS], default=DEFAULT_FORMAT[1:],
        help="the kind of file where OUT is a folder (default %(default)s)")  # fmt: skip
    parser.add_argument("--clips", action="store_true",
        help=f"all motions of a rig in one file ({' '.join(CLIP_EXTENSIONS)}), each a clip with the name of its motion")  # fmt: skip
    parser.add_argument("--armature", default="", metavar="NAME", help="the armature to use where a rig file holds several")
    parser.add_argument("--preset", default="auto", metavar="NAME", help="how the rig's bones are named (default: found out)")
    parser.add_argument("--show-mapping", action="store_true",
        help="print which bone of the rig is what, how it was found and how sure it is, and end; needs no MOTION and no -o")  # fmt: skip
    parser.add_argument("--save-mapping", type=Path, metavar="FILE.json",
        help="write the same as a preset to correct and to give to --preset, and end")  # fmt: skip
    parser.add_argument("--root", choices=("motion", "in-place"), default="motion",
        help="whether the character travels or stays on the spot (default %(default)s)")  # fmt: skip
    parser.add_argument("--root-bone", choices=("auto", "hips", "root"), default="auto",
        help="the bone that carries the travel along the ground; auto: the root bone if there is one (default %(default)s)")  # fmt: skip
    parser.add_argument("--root-heading", action="store_true",
        help="the root bone also turns with the person about the vertical")  # fmt: skip
    parser.add_argument("--ik", action="store_true",
        help="put the keys on the rig's IK controls (Rigify's) and switch it to IK; else on the FK controls")  # fmt: skip
    parser.add_argument("--feet", choices=("auto", "always", "never"), default="auto",
        help="hold planted feet on the character: auto lets them slide as far as the person's do (default %(default)s)")  # fmt: skip
    parser.add_argument("--scene-fps", choices=SCENE_FPS, default=DEFAULT_SCENE_FPS,
        help="frame rate of the files where a .blend file is open (default %(default)s)")  # fmt: skip
    add_simplify_argument(parser)
    add_export_arguments(parser)
    add_overwrite_argument(parser)
    parser.add_argument("--quiet", action="store_true", help="only failures and the written files")
    add_log_argument(parser)


def run_retarget(arguments: argparse.Namespace, told: Console) -> ExitCode:
    """Writes every pair; one that fails is told and leaves the others. Returns the first failure's code, or DONE."""
    if arguments.show_mapping or arguments.save_mapping is not None:
        return _show_mappings(arguments, told)
    if not arguments.motions or arguments.output is None:
        raise Failure("bad_arguments", "A retarget needs a MOTION file and -o OUT; only --show-mapping and --save-mapping do without.")
    options = ExportOptions.from_arguments(arguments)
    tolerance = parse_tolerance(arguments.simplify)
    jobs = plan(arguments.motions, arguments.rigs, arguments.output, f".{arguments.format}", arguments.clips, arguments.overwrite)
    code = ExitCode.DONE
    by_rig: dict[Path, list[Job]] = {}
    for job in jobs:
        by_rig.setdefault(job.rig, []).append(job)
    written = 0
    for rig, its_jobs in by_rig.items():
        try:
            with _stage() as scene:
                from .retarget.source import load_rig

                armature = load_rig(rig, scene, arguments.armature)
                mapped = False
                for job in its_jobs:
                    put, failed = _write(job, armature, scene, arguments, options, tolerance, told)
                    written += put
                    code = code or failed
                    mapped = mapped or bool(put and not arguments.quiet and _tell_mapping(armature, arguments.preset, told))
        except Failure as failure:
            code = code or failure.exit_code
            told.error(Failure(failure.code, f"{rig.name}: {failure.message}"))
    if (total := sum(len(job.motions) for job in jobs)) > 1:
        told.info(f"{written} of {total} written.")
    return code


def _tell_mapping(armature: bpy.types.Object, preset: str, told: Console) -> bool:
    """Says how the rig's bones were found; all of them where no preset and no file named them."""
    from .retarget.mapping import find_mapping
    from .retarget.mapping_list import mapping_lines, summary

    mapping = find_mapping(armature, preset)
    for line in (summary(mapping, armature.name), *(mapping_lines(mapping) if mapping.found else ())):
        told.info(line)
    return True


def _show_mappings(arguments: argparse.Namespace, told: Console) -> ExitCode:
    """Prints the bones of every rig, or writes those of the one rig as a preset."""
    rigs = _spread(arguments.rigs, RIG_EXTENSIONS, "rig")
    target = arguments.save_mapping
    if target is not None:
        target = target.expanduser().absolute()
        if len(rigs) > 1:
            raise Failure("bad_arguments", "--save-mapping writes the bones of one rig; name one with --rig.")
        if target.suffix.lower() != ".json":
            raise Failure("bad_arguments", f"{target.name} is no name for a preset; end it in .json.")
        if target.exists():
            raise Failure("bad_arguments", f"{target} is there already; choose another name for --save-mapping.")
    code = ExitCode.DONE
    for rig in rigs:
        try:
            with _stage() as scene:
                from .retarget.mapping import find_mapping
                from .retarget.mapping_list import mapping_lines, summary
                from .retarget.presets import save_preset
                from .retarget.source import load_rig

                armature = load_rig(rig, scene, arguments.armature)
                mapping = find_mapping(armature, arguments.preset)
                for line in (summary(mapping, armature.name), *mapping_lines(mapping)):
                    told.info(line)
                if target is not None:
                    save_preset(mapping, armature.name, target)
                    told.written(target)
        except Failure as failure:
            code = code or failure.exit_code
            told.error(Failure(failure.code, f"{rig.name}: {failure.message}"))
    return code


def plan(
    motions: Sequence[Path], rigs: Sequence[Path], output: Path, extension: str, clips: bool = False, overwrite: bool = False
) -> list[Job]:
    """Every pair with its output, or with `clips` every rig; all checked before any work. Raises Failure for what is missing or cannot
    be written."""
    all_motions = _spread(motions, (MOTION_EXTENSION,), "motion")
    all_rigs = _spread(rigs, RIG_EXTENSIONS, "rig")
    sets = [tuple(all_motions)] if clips else [(motion,) for motion in all_motions]
    if clips:
        names = [motion.stem for motion in all_motions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Failure(
                "bad_arguments", f"Several motions are named {', '.join(twice)}, and clips of one file need names of their own; rename one."
            )
    output = output.expanduser().absolute()
    single = len(sets) == 1 and len(all_rigs) == 1
    if output.suffix and not output.is_dir():
        if not single:
            more = "; name a folder for -o." if clips or len(all_rigs) > 1 else "; name a folder for -o, or add --clips."
            raise Failure(
                "bad_arguments", f"{len(all_motions)} motions on {len(all_rigs)} rigs do not go into the one file {output.name}{more}"
            )
        if clips:
            check_holds_takes(output.suffix)
        check_files([output], [*all_motions, *all_rigs], BLENDER_EXTENSIONS, overwrite)
        return [Job(sets[0], all_rigs[0], output)]
    if clips:
        check_holds_takes(extension)
    several = len({rig.stem for rig in all_rigs}) < len(all_rigs)
    jobs = []
    for rig in all_rigs:
        hero = f"{rig.stem}{'_' + rig.suffix[1:] if several else ''}"
        jobs += [Job(each, rig, output / f"{hero}{'' if clips else '_' + each[0].stem}{extension}") for each in sets]
    if not output.is_dir():
        try:
            output.mkdir()
        except OSError as error:
            raise Failure("not_writable", f"The folder {output} cannot be made ({error.strerror}); choose another.") from error
    check_files([job.output for job in jobs], [*all_motions, *all_rigs], BLENDER_EXTENSIONS, overwrite)
    return jobs


def _spread(paths: Sequence[Path], extensions: Sequence[str], kind: str) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        whole = path.expanduser().absolute()
        if whole.is_dir():
            inside = sorted(entry for entry in whole.iterdir() if entry.suffix.lower() in extensions)
            if not inside:
                raise Failure("bad_input", f"There is no {kind} file ({', '.join(extensions)}) in {path}; choose another folder.")
            found += inside
        elif not whole.exists():
            raise Failure("no_such_file", f"There is no {kind} file {whole}; check the path.")
        else:
            found.append(whole)
    return list(dict.fromkeys(found))


def _write(job: Job, armature: bpy.types.Object, scene: bpy.types.Scene, arguments: argparse.Namespace, options: ExportOptions,
           tolerance: Tolerance | None, told: Console) -> tuple[int, ExitCode]:  # fmt: skip
    """Writes the job's file with every motion that can be put on the rig; tells of the others. Returns how many went in, and the first
    failure's code or DONE."""
    import bpy

    from . import keyframes

    code = ExitCode.DONE
    before = armature.animation_data.action if armature.animation_data else None
    done: list[tuple[Path, RetargetResult]] = []
    with ExitStack() as names:
        try:
            for motion in job.motions:
                try:
                    result = _put(motion, armature, scene, arguments, tolerance, first=not done)
                except Failure as failure:
                    code = code or failure.exit_code
                    told.error(Failure(failure.code, f"{motion.name} on {job.rig.name}: {failure.message}"))
                else:
                    names.enter_context(keyframes.named(result.action, motion.stem))
                    done.append((motion, result))
            if not done:
                return 0, code
            if arguments.clips:
                export_takes(armature, [result.action for _, result in done], job.output, options, one_file=True)
            else:
                export_armature(armature, job.output, options=options)
        except Failure as failure:
            told.error(Failure(failure.code, f"{job.output.name}: {failure.message}"))
            return 0, code or failure.exit_code
        finally:
            names.close()
            if armature.animation_data is not None:
                armature.animation_data.action = before
            bpy.data.batch_remove([result.action for _, result in done])
    for note in dict.fromkeys(note for _, result in done for note in result.notes):
        told.warning(note)
    told.written(job.output)
    if not arguments.quiet:
        for motion, result in done:
            told.info(f"{motion.stem} on {armature.name}: {result.summary()} Took {result.seconds:.2f} s.")
    return len(done), code


def _put(path: Path, armature: bpy.types.Object, scene: bpy.types.Scene, arguments: argparse.Namespace, tolerance: Tolerance | None,
         first: bool) -> RetargetResult:  # fmt: skip
    """The motion on the armature, as an action that it plays. The `first` of a file's motions gives the scene its rate."""
    import bpy

    from . import scene as rates
    from .retarget.mapping import find_mapping
    from .retarget.mapping_list import check_sure
    from .retarget.retarget import RetargetOptions, retarget
    from .simplify import simplify

    motion = load_motion(path)
    if arguments.scene_fps == rates.KEEP and bpy.data.filepath:
        scene.render.fps, scene.render.fps_base = bpy.context.scene.render.fps, bpy.context.scene.render.fps_base
    elif first:
        rates.match_rate(scene, motion.fps)
    elif not rates.same_rate(motion.fps, rates.rate_of(scene)):
        raise Failure(
            "bad_motion",
            f"It has {motion.fps:.6g} frames a second and the clip before it {rates.rate_of(scene):.6g}, which one file cannot hold; "
            "write it without --clips.",
        )
    motion = rates.at_scene_rate(motion, scene)
    frames = rates.key_frames(motion, 0)
    choices = RetargetOptions(arguments.root, arguments.root_bone, arguments.feet, arguments.root_heading, arguments.ik)
    mapping = find_mapping(armature, arguments.preset)
    check_sure(mapping, armature.name)
    result = retarget(motion, armature, mapping, choices, frames - frames[0], path.stem)
    if tolerance is not None:
        simplify(armature, tolerance)
    return result


@contextmanager
def _stage() -> Iterator[bpy.types.Scene]:
    """A scene of the command's own; afterwards it and all that was read into the file meanwhile are gone."""
    try:
        import bpy
    except ImportError as error:
        raise Failure(
            "bad_installation", f"This Python has no Blender module ({error}); install bpy, or run the command inside Blender."
        ) from error
    kinds = [getattr(bpy.data, kind) for kind in _KINDS]
    before = [set(kind) for kind in kinds]
    scene = bpy.data.scenes.new("Kinolift retarget")
    try:
        yield scene
    finally:
        bpy.data.batch_remove([thing for kind, old in zip(kinds, before, strict=True) for thing in kind if thing not in old])
        bpy.data.scenes.remove(scene)
