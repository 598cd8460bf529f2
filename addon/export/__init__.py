"""Files out of an armature: which kinds there are, checked before any work starts, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract import outputs
from ...contract.failure import Failure
from .options import ExportOptions

if TYPE_CHECKING:
    import bpy

MOTION_EXTENSION = ".npz"
PREVIEW_EXTENSION = ".mp4"
# what Blender writes; the modules of the same names beside this one say how
BLENDER_EXTENSIONS = (".fbx", ".bvh", ".glb", ".usd", ".blend")
EXTENSIONS = (*BLENDER_EXTENSIONS, MOTION_EXTENSION)
CLIP_EXTENSIONS = (".fbx", ".glb", ".blend")  # those that can hold several takes
LONGEST_FOLDER = 975  # bytes: Blender's paths have 1023, of which a hidden folder and a short name in it take 45


def check_files(
    paths: Sequence[Path],
    inputs: Iterable[Path] = (),
    known: Sequence[str] = EXTENSIONS,
    overwrite: bool = False,
    advice: str = outputs.COMMAND_ADVICE,
) -> list[Path]:
    """`contract.outputs.check_outputs` for files of a take: what is open in Blender is an input, too, and Blender has limits of its own.

    Returns the absolute paths. Raises Failure.
    """
    checked = outputs.check_outputs(paths, [*inputs, *open_files()], known, overwrite, advice)
    for path in checked:
        if path.suffix.lower() in BLENDER_EXTENSIONS and len(os.fsencode(path.parent)) > LONGEST_FOLDER:
            raise Failure("not_writable", f"The path of {path.name} is too long for Blender; choose a folder with a shorter one.")
    return checked


def open_files() -> list[Path]:
    """The files that Blender has open or reads: the .blend, its libraries, pictures, sounds and caches. None before Blender is imported."""
    bpy = sys.modules.get("bpy")
    if bpy is None:
        return []
    opened = [bpy.data.filepath] if bpy.data.filepath else []
    return [Path(path) for path in [*opened, *bpy.utils.blend_paths(absolute=True)]]


def export_armature(
    armature: bpy.types.Object, path: Path, extra: Sequence[bpy.types.Object] = (), options: ExportOptions | None = None
) -> None:
    """Writes the armature with the action that it plays; the kind is the path's extension.

    `extra` are objects that a .blend takes along (the camera); the meshes of a character go along by themselves, unless the
    options say otherwise. Neither the user's scene nor his selection, mode or frame change. An existing file is replaced, by a whole
    new one only, but never one that Blender has open or reads. Raises Failure.
    """
    from . import blend, bvh, fbx, gltf, usd
    from .character import meshes_of
    from .stage import stage

    options = (options or ExportOptions()).check()
    (path,) = check_files([path], known=BLENDER_EXTENSIONS, overwrite=True)
    extension = path.suffix.lower()
    meshes = meshes_of(armature) if options.mesh and extension != ".bvh" else []
    with _named(path) as beside, stage(armature, [*meshes, *extra] if extension == ".blend" else meshes) as scene:
        if extension == ".fbx":
            fbx.write(scene, armature, beside, options.fbx_preset, options.fbx_root)
        elif extension == ".glb":
            gltf.write(scene, armature, beside)
        elif extension == ".usd":
            usd.write(scene, armature, beside)
        elif extension == ".bvh":
            bvh.write(scene, armature, beside)
        else:
            blend.write(scene, armature, beside)


def export_takes(
    armature: bpy.types.Object,
    actions: Sequence[bpy.types.Action],
    path: Path,
    options: ExportOptions | None = None,
    one_file: bool = False,
) -> list[Path]:
    """Writes several takes of one armature and returns the files.

    Args:
        actions: the takes, each in time with the scene's rate; their names name the clips and files.
        path: of the file. Several files are named after it and the take: `hero.fbx` gives `hero_Walk.fbx`, `hero_Run.fbx`.
        one_file: all of them as clips of one .fbx or animations of one .glb, each from its frame 0, or as actions of one .blend, of
            which the armature plays the first. Other kinds hold one take.

    All names are checked before anything is written. Raises Failure.
    """
    from .. import keyframes
    from . import blend, fbx, gltf
    from .character import meshes_of
    from .stage import stage

    options = (options or ExportOptions()).check()
    if not actions:
        raise Failure("bad_arguments", f"There is no take to write to {path.name}: no action moves the armature's bones.")
    extension = path.suffix.lower()
    if one_file:
        check_holds_takes(extension)
    else:
        paths = check_files(take_paths(path, [action.name for action in actions]), known=BLENDER_EXTENSIONS, overwrite=True)
        for action, each in zip(actions, paths, strict=True):
            with keyframes.playing(armature, action):
                export_armature(armature, each, options=options)
        return paths
    (path,) = check_files([path], known=CLIP_EXTENSIONS, overwrite=True)
    meshes = meshes_of(armature) if options.mesh else []
    with _named(path) as beside, keyframes.playing(armature, actions[0]), stage(armature, meshes) as scene:
        if extension == ".fbx":
            fbx.write(scene, armature, beside, options.fbx_preset, options.fbx_root, actions)
        elif extension == ".glb":
            gltf.write(scene, armature, beside, actions)
        else:
            blend.write(scene, armature, beside, actions)
    return [path]


def check_holds_takes(extension: str) -> None:
    """Raises Failure `bad_arguments` for a kind of file that holds one take only."""
    if extension.lower() not in CLIP_EXTENSIONS:
        raise Failure("bad_arguments", f"A {extension} file holds one take; write {' or '.join(CLIP_EXTENSIONS)}, or a file for each take.")


def take_paths(path: Path, names: Sequence[str]) -> list[Path]:
    """The files of several takes: the path's own where there is one take, else with each take's name, free of what a system forbids."""
    if len(names) == 1:
        return [path]
    safe = [re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(" .") or "take" for name in names]
    return [path.with_name(f"{path.stem}_{name}{path.suffix}") for name in safe]


@contextlib.contextmanager
def _named(path: Path) -> Iterator[Path]:
    """`written_beside`, whose short name does not show in what is told of a failure."""
    with outputs.written_beside(path) as beside:
        try:
            yield beside
        except Failure as failure:
            raise Failure(failure.code, failure.message.replace(beside.name, path.name)) from failure


def copy_motion(source: Path, path: Path) -> None:
    """Copies a motion file, whole or not at all. Raises Failure `disk_full` or `not_writable`."""
    with outputs.written_beside(path) as beside:
        shutil.copyfile(source, beside)
