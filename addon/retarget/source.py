"""The target from a file: the one armature in a .blend, .fbx, .glb or .vrm, with its meshes, in a scene of the caller."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

from ...contract.failure import Failure
from ...contract.reading import DAMAGE, reason, shown
from ..export.character import meshes_of
from ..leftovers import make_folder
from . import gltf_file
from .vrm import human_bones

RIG_EXTENSIONS = (".blend", ".fbx", ".glb", ".gltf", ".vrm")
# The property of an armature that keeps which bones its VRM file named; `mapping` reads it.
NAMED_BONES = "kinolift_named_bones"


def check_rig_file(path: Path) -> Path:
    """The absolute path of a rig file that exists. Raises Failure `no_such_file` or `unknown_extension`."""
    path = path.expanduser().absolute()
    if path.suffix.lower() not in RIG_EXTENSIONS:
        raise Failure("unknown_extension", f"{path.name} is no rig file that can be read; use one of {', '.join(RIG_EXTENSIONS)}.")
    if not path.is_file():
        raise Failure("no_such_file", f"There is no rig file {path}; check the path.")
    return path


def load_rig(path: Path, scene: bpy.types.Scene, name: str = "") -> bpy.types.Object:
    """Brings the file's objects into the scene and returns the armature.

    Args:
        name: of the armature, where the file holds several; "" for the only one.

    Raises Failure `bad_input` for a file that Blender cannot read, without an armature, or with several and no name to choose by.
    """
    path = check_rig_file(path)
    before = set(bpy.data.objects)
    actions = set(bpy.data.actions)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _READERS[path.suffix.lower()](path, scene)
    except DAMAGE as error:
        lines = str(error).strip().splitlines()
        # of an importer's traceback the last line says why
        why = reason(ValueError(lines[-1]) if isinstance(error, RuntimeError) and lines else error)
        raise Failure("bad_input", f"Blender cannot read {shown(path.name)} ({why}); export it again.") from error
    made = [thing for thing in bpy.data.objects if thing not in before]
    armatures = [thing for thing in made if thing.type == "ARMATURE"]
    # what a library override was made of comes along, linked
    armatures = [thing for thing in armatures if thing.library is None] or armatures
    chosen = _make_local(_choose(armatures, path, name), scene)
    if named := human_bones(path) if path.suffix.lower() in (".vrm", ".glb") else {}:
        chosen[NAMED_BONES] = json.dumps(named)
    for action in set(bpy.data.actions) - actions:
        if action.users == 0:
            action.use_fake_user = True
    scene.view_layers[0].update()
    return chosen


def _choose(armatures: list[bpy.types.Object], path: Path, name: str) -> bpy.types.Object:
    names = ", ".join(sorted(thing.name for thing in armatures))
    if not armatures:
        raise Failure("bad_input", f"There is no armature in {path.name}; choose the file of a rigged character.")
    if name:
        for thing in armatures:
            if name in (thing.name, thing.data.name):
                return thing
        raise Failure("bad_input", f"There is no armature {name!r} in {path.name}, only {names}; check --armature.")
    if len(armatures) > 1:
        raise Failure("bad_input", f"{path.name} holds {len(armatures)} armatures ({names}); choose one with --armature NAME.")
    return armatures[0]


def _make_local(armature: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    """The armature, no longer linked from a library or an override of one, with what carries it and what it moves: keys on it can be kept.

    The file that it came from stays as it is; what was read of it is the caller's.
    """
    if armature.library is None and armature.override_library is None:
        return armature
    name, parents = armature.name, []
    above = armature.parent
    while above is not None:
        parents.append(above)
        above = above.parent
    local: bpy.types.Object = armature
    for thing in (armature, *parents, *meshes_of(armature)):
        if thing not in set(scene.collection.objects):
            scene.collection.objects.link(thing)  # Blender makes local only what something local uses
        mine = thing.make_local(clear_liboverride=True)
        local = mine if thing == armature else local
    local.name = name
    return local


def _read_blend(path: Path, scene: bpy.types.Scene) -> None:
    if bpy.data.filepath and path.samefile(bpy.data.filepath):
        raise Failure("bad_input", f"{path.name} is the file that is open here; open another one or none to read it as a rig.")
    with bpy.data.libraries.load(str(path), link=False) as (there, here):
        here.objects = list(there.objects)
        scenes = list(there.scenes)
    if not any(thing is not None and thing.type == "ARMATURE" for thing in here.objects):
        # only a file's scenes tell of objects that it links from another
        with bpy.data.libraries.load(str(path), link=True) as (_, shown):
            shown.scenes = scenes
        bpy.data.batch_remove([shown_scene for shown_scene in shown.scenes if shown_scene is not None])
    for thing in here.objects:
        # the bone shapes of rigs come along by themselves and belong in no scene
        if thing is not None and (thing.type != "MESH" or thing.parent is not None or thing.modifiers):
            scene.collection.objects.link(thing)


def _read_fbx(path: Path, scene: bpy.types.Scene) -> None:
    # The importer in Python keeps bones where the file has them; the newer one in C++ stands in where it is gone.
    with _moved_to(scene):
        if hasattr(bpy.types, "IMPORT_SCENE_OT_fbx"):
            bpy.ops.import_scene.fbx(filepath=str(path))
        else:
            bpy.ops.wm.fbx_import(filepath=str(path))


def _read_gltf(path: Path, scene: bpy.types.Scene) -> None:
    gltf_file.check(path)
    with _moved_to(scene):
        if path.suffix.lower() == ".vrm":
            # the same bytes as a .glb; Blender's importer goes by the name
            folder = make_folder()
            try:
                copy = folder / f"{path.stem}.glb"
                copy.write_bytes(path.read_bytes())
                bpy.ops.import_scene.gltf(filepath=str(copy))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            bpy.ops.import_scene.gltf(filepath=str(path))


@contextlib.contextmanager
def _moved_to(scene: bpy.types.Scene) -> Iterator[None]:
    """Lets an importer work in the scene that is open, as it must (it asks for the active object), and moves what it made to `scene`."""
    current = bpy.context.scene
    names = ("frame_start", "frame_end", "frame_current")
    kept = [getattr(current, name) for name in names]
    rate = current.render.fps, current.render.fps_base
    before = set(bpy.data.objects)
    try:
        yield
    finally:
        current.render.fps, current.render.fps_base = rate
        for name, value in zip(names, kept, strict=True):
            setattr(current, name, value)
        for thing in set(bpy.data.objects) - before:
            hidden = thing.users_collection and all(collection.name.startswith("glTF") for collection in thing.users_collection)
            for collection in thing.users_collection:
                collection.objects.unlink(thing)
            if not hidden:  # the shapes that the glTF importer gives to bones
                scene.collection.objects.link(thing)


_READERS: dict[str, Callable[[Path, bpy.types.Scene], None]] = {
    ".blend": _read_blend, ".fbx": _read_fbx, ".glb": _read_gltf, ".gltf": _read_gltf, ".vrm": _read_gltf,
}  # fmt: skip
