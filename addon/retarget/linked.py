"""A character that is linked from another file: it gets a library override, as Blender's users expect, and keys go on that."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from mathutils import Matrix

from ...contract.failure import Failure


@dataclass(frozen=True)
class Overridden:
    """The armature that can be given keys, and what a person should know of how it came to be; "" where nothing had to be done."""

    armature: bpy.types.Object
    note: str = ""


def shown_armature(thing: bpy.types.Object | None) -> bpy.types.Object | None:
    """The armature with most bones of the linked collection that an empty shows; None for all else."""
    if thing is None or thing.instance_type != "COLLECTION" or thing.instance_collection is None:
        return None
    if thing.instance_collection.library is None:
        return None
    armatures = [each for each in thing.instance_collection.all_objects if each.type == "ARMATURE"]
    return max(armatures, key=lambda each: (len(each.data.bones), each.name), default=None)


def is_linked(armature: bpy.types.Object) -> bool:
    """Whether the armature cannot be given keys before it has an override of its own."""
    return armature.library is not None or _is_system(armature)


def overridden(armature: bpy.types.Object, scene: bpy.types.Scene, layer: bpy.types.ViewLayer, near: bpy.types.Object | None) -> Overridden:
    """The armature itself if it can be given keys, else its library override, in its place and with what belongs to it: the whole linked
    collection, or the objects that hang on it and move with it.

    Args:
        near: the object that is active, which tells of several places where the collection is shown.

    Raises Failure `bad_rig` where Blender makes none.
    """
    if _is_system(armature):
        armature.override_library.is_system_override = False
        return Overridden(armature, f"The library override of {armature.name} can be edited now.")
    if armature.library is None:
        return Overridden(armature)
    name = armature.name
    empty = _showing(armature, scene, near)
    collection = empty.instance_collection if empty is not None else _topmost(armature, scene.collection)
    before = set(bpy.data.objects)
    made = (collection or armature).override_hierarchy_create(scene, layer, reference=empty)
    new = [thing for thing in bpy.data.objects if thing not in before]
    own = next((thing for thing in new if _reference(thing) == armature), None)
    if made is None or own is None:
        raise Failure("bad_rig", f"Blender can make no library override of {name}; append it to this file instead of linking it.")
    own.override_library.is_system_override = False
    if empty is not None:
        _take_place(empty, [thing for thing in new if thing.parent is None])
    elif collection is not None:
        for holder in (scene.collection, *scene.collection.children_recursive):
            if holder.library is None and holder != made and collection in set(holder.children):
                holder.children.unlink(collection)
    for thing in new:
        _leave(_reference(thing))
    if not any(thing.name == name and thing.library is None for thing in bpy.data.objects):  # the empty had it until now
        own.name = name
    layer.update()
    if layer.objects.get(own.name) == own:
        layer.objects.active = own
        own.select_set(True)
    return Overridden(own, f"{name} is linked from another file: it has a library override here now, which carries the motion.")


def _is_system(armature: bpy.types.Object) -> bool:
    """An override that is there for others' sake, and not to be edited."""
    override = armature.override_library
    return armature.library is None and override is not None and bool(override.is_system_override)


def _reference(thing: bpy.types.Object) -> bpy.types.Object | None:
    return thing.override_library.reference if thing.override_library is not None else None


def _showing(armature: bpy.types.Object, scene: bpy.types.Scene, near: bpy.types.Object | None) -> bpy.types.Object | None:
    """The empty of the scene that shows the armature; `near` if it does."""
    if armature in set(scene.objects):
        return None
    for thing in (near, *scene.objects):
        if thing is not None and thing.library is None and thing.instance_type == "COLLECTION":
            shown = thing.instance_collection
            if shown is not None and armature in set(shown.all_objects):
                return thing
    return None


def _topmost(armature: bpy.types.Object, root: bpy.types.Collection) -> bpy.types.Collection | None:
    """The linked collection of the scene in which the armature came, the one that something of this file holds."""
    for child in root.children:
        if child.library is not None:
            if armature in set(child.all_objects):
                return child
        elif found := _topmost(armature, child):
            return found
    return None


def _take_place(empty: bpy.types.Object, tops: list[bpy.types.Object]) -> None:
    """What was shown by the empty stands where it was shown; the empty goes, unless something else depends on it."""
    moved = empty.matrix_world @ Matrix.Translation(-empty.instance_collection.instance_offset)
    empty.instance_type, empty.instance_collection = "NONE", None
    if empty.parent is None and not empty.children and empty.animation_data is None and not len(empty.constraints):
        for thing in tops:
            thing.matrix_basis = moved @ thing.matrix_basis
        bpy.data.objects.remove(empty)
        return
    for thing in tops:
        thing.parent = empty
        thing.matrix_parent_inverse = empty.matrix_world.inverted() @ moved


def _leave(linked: bpy.types.Object | None) -> None:
    """Takes the linked object out of this file's collections: its override stands there."""
    for collection in linked.users_collection if linked is not None else ():
        if collection.library is None and collection.override_library is None:
            collection.objects.unlink(linked)
