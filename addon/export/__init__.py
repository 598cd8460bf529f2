"""Files out of an armature: which kinds there are, checked before any work starts, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract.failure import Failure
from ...contract.motion_file import write_failure
from .options import ExportOptions

if TYPE_CHECKING:
    import bpy

MOTION_EXTENSION = ".npz"
# what Blender writes; the modules of the same names beside this one say how
BLENDER_EXTENSIONS = (".fbx", ".bvh", ".glb", ".usd", ".blend")
EXTENSIONS = (*BLENDER_EXTENSIONS, MOTION_EXTENSION)
CLIP_EXTENSIONS = (".fbx", ".glb", ".blend")  # those that can hold several takes


def check_outputs(paths: Sequence[Path], known: Sequence[str] = EXTENSIONS) -> list[Path]:
    """The absolute paths, if every one can be written. Raises Failure `unknown_extension`, `bad_arguments` or `not_writable`."""
    checked: list[Path] = []
    for given in paths:
        path = given.expanduser().absolute()
        if path.suffix.lower() not in known:
            kind = f"{path.suffix!r} is not a kind of file that can be written" if path.suffix else "the name has no extension"
            raise Failure("unknown_extension", f"{given}: {kind}; use one of {', '.join(known)}.")
        if path in checked:
            raise Failure("bad_arguments", f"{given} is named twice as an output; give every file a name of its own.")
        checked.append(path)
    for path in checked:
        _check_writable(path)
    return checked


def _check_writable(path: Path) -> None:
    """Tries it, because permissions alone do not tell (network drives, containers, the super-user)."""
    folder = path.parent
    if not folder.is_dir():
        raise Failure("not_writable", f"The folder {folder} for {path.name} does not exist; make it or choose another.")
    if path.is_dir():
        raise Failure("not_writable", f"{path} is a folder; choose a file name for the output.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise write_failure(error, path) from error
    if path.exists() and not os.access(path, os.W_OK):
        raise Failure("not_writable", f"{path} exists and may not be overwritten; choose another name for the output.")


def export_armature(
    armature: bpy.types.Object, path: Path, extra: Sequence[bpy.types.Object] = (), options: ExportOptions | None = None
) -> None:
    """Writes the armature with the action that it plays; the kind is the path's extension.

    `extra` are objects that a .blend takes along (the camera); the meshes of a character go along by themselves, unless the
    options say otherwise. Neither the user's scene nor his selection, mode or frame change, and an existing file is replaced
    only by a whole new one. Raises Failure.
    """
    from . import blend, bvh, fbx, gltf, usd
    from .character import meshes_of
    from .stage import stage

    options = (options or ExportOptions()).check()
    (path,) = check_outputs([path], BLENDER_EXTENSIONS)
    extension = path.suffix.lower()
    meshes = meshes_of(armature) if options.mesh and extension != ".bvh" else []
    with written_beside(path) as beside, stage(armature, [*meshes, *extra] if extension == ".blend" else meshes) as scene:
        if extension == ".fbx":
            fbx.write(scene, armature, beside, options.fbx_preset, options.fbx_root)
        elif extension == ".glb":
            gltf.write(scene, armature, beside)
        elif extension == ".usd":
            usd.write(scene, armature, beside)
        elif extension == ".bvh":
            bvh.write(scene, armature, beside)
        else:
            blend.write(scene, beside)


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
        paths = check_outputs(take_paths(path, [action.name for action in actions]), BLENDER_EXTENSIONS)
        for action, each in zip(actions, paths, strict=True):
            with keyframes.playing(armature, action):
                export_armature(armature, each, options=options)
        return paths
    (path,) = check_outputs([path], CLIP_EXTENSIONS)
    meshes = meshes_of(armature) if options.mesh else []
    with written_beside(path) as beside, keyframes.playing(armature, actions[0]), stage(armature, meshes) as scene:
        if extension == ".fbx":
            fbx.write(scene, armature, beside, options.fbx_preset, options.fbx_root, actions)
        elif extension == ".glb":
            gltf.write(scene, armature, beside, actions)
        else:
            blend.write(scene, beside, actions)
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
def written_beside(path: Path) -> Iterator[Path]:
    """Gives a path of the same name in a hidden folder beside; after the block the file there gets its final place.

    Whatever fails, nothing of it stays behind. Raises Failure `disk_full` or `not_writable` for OSErrors.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=".kinolift-", dir=path.parent))
    except OSError as error:
        raise write_failure(error, path) from error
    try:
        yield folder / path.name
        if not (folder / path.name).is_file():
            raise Failure("internal", f"Blender's exporter wrote no {path.name}; see its log.")
        (folder / path.name).replace(path)
    except OSError as error:
        raise write_failure(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_motion(source: Path, path: Path) -> None:
    """Copies a motion file, whole or not at all. Raises Failure `disk_full` or `not_writable`."""
    with written_beside(path) as beside:
        shutil.copyfile(source, beside)
