"""What carries a bone beside its parent: the constraints of rigs whose controls hang on helper bones (Rigify's MCH- and ORG- bones).

A control's key is measured from its parent. Where that parent is itself moved by a constraint, the key has to be worked out with the
constraint in force, so those constraints that move a bone with other bones of the same armature are read as numbers here; `pose` applies
them to every frame at once. Their influences are those that the rig's own switches (drivers) give them at this moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy

# An influence or weight that differs from 0 or 1 by less is 0 or 1.
SLIGHT = 1e-5
# Constraints that change nothing where nothing is scaled, as in a motion of a body.
_SCALING = ("COPY_SCALE", "LIMIT_SCALE", "MAINTAIN_VOLUME")
UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Follow:
    """One constraint.

    kind: "ARMATURE" (carried by the target as by a parent), "COPY_LOCATION", "COPY_ROTATION", "COPY_TRANSFORMS", or UNKNOWN.
    target: the bone's index.
    share: 0..1.
    local: what the target does from its own parent is copied, not where it is.
    along: 0 at the target's head, 1 at its tail.
    label: the constraint's type, for people.
    """

    kind: str
    target: int = -1
    share: float = 1.0
    local: bool = False
    along: float = 0.0
    label: str = ""


def read_follows(armature: bpy.types.Object) -> dict[int, tuple[Follow, ...]]:
    """Bone index -> the constraints in force on it, in their order; indices as Blender lists the armature's bones."""
    number = {bone.name: index for index, bone in enumerate(armature.data.bones)}
    parents = [number[bone.parent.name] if bone.parent else -1 for bone in armature.data.bones]
    found: dict[int, tuple[Follow, ...]] = {}
    for name, pose_bone in _seen(armature).pose.bones.items():
        follows = tuple(
            follow
            for constraint in pose_bone.constraints
            if constraint.enabled and not constraint.mute and constraint.influence > SLIGHT
            if (follow := _follow(constraint, armature, number)) is not None
        )
        if follows:
            found[number[name]] = follows
    return _without_circles(found, parents)


def unknown_above(bones: Iterable[int], parents: Iterable[int], follows: dict[int, tuple[Follow, ...]]) -> dict[int, str]:
    """Bone -> its constraint's type, of those above the given bones that move in a way that is not followed."""
    parents = list(parents)
    given = set(bones)
    seen: set[int] = set()
    waiting = [parents[bone] for bone in given]
    found: dict[int, str] = {}
    while waiting:
        bone = waiting.pop()
        if bone < 0 or bone in seen or bone in given:
            continue
        seen.add(bone)
        for follow in follows.get(bone, ()):
            if follow.kind == UNKNOWN:
                found[bone] = follow.label
            else:
                waiting.append(follow.target)
        waiting.append(parents[bone])
    return found


def _seen(armature: bpy.types.Object) -> bpy.types.Object:
    """The armature as evaluated, with what its drivers say; the original where it is in no scene."""
    for scene in armature.users_scene:
        for layer in scene.view_layers:
            if armature.name in layer.objects:
                armature.update_tag()
                layer.update()
                return armature.evaluated_get(layer.depsgraph)
    return armature


def _follow(constraint: bpy.types.Constraint, armature: bpy.types.Object, number: dict[str, int]) -> Follow | None:
    """None for a constraint that changes nothing here."""
    kind, share = str(constraint.type), float(constraint.influence)
    share = 1.0 if share > 1.0 - SLIGHT else share
    unknown = Follow(UNKNOWN, label=kind.replace("_", " ").title())
    if kind in _SCALING:
        return None
    if kind == "ARMATURE":
        weights = {target.subtarget: target.weight for target in constraint.targets if target.weight > SLIGHT}
        if not weights:
            return None
        own = all(_is_own(target.target, armature) for target in constraint.targets if target.weight > SLIGHT)
        (name, *others) = weights
        if others or not own or name not in number or constraint.use_current_location:
            return unknown
        return Follow(kind, number[name], share)
    if kind not in ("COPY_LOCATION", "COPY_ROTATION", "COPY_TRANSFORMS"):
        return unknown
    spaces = {constraint.owner_space, constraint.target_space}
    local = spaces == {"LOCAL"}
    if not _is_own(constraint.target, armature) or constraint.subtarget not in number or not (local or spaces <= {"WORLD", "POSE"}):
        return unknown
    if kind == "COPY_TRANSFORMS":
        plain = constraint.mix_mode == "REPLACE"
    else:
        plain = all(getattr(constraint, f"use_{axis}") and not getattr(constraint, f"invert_{axis}") for axis in "xyz")
        plain = plain and (constraint.mix_mode == "REPLACE" if kind == "COPY_ROTATION" else not constraint.use_offset)
    along = 0.0 if kind == "COPY_ROTATION" else float(constraint.head_tail)
    if not plain or (local and along > SLIGHT):
        return unknown
    return Follow(kind, number[constraint.subtarget], share, local, along)


def _is_own(target: bpy.types.Object | None, armature: bpy.types.Object) -> bool:
    return target is not None and target.original == armature.original


def _without_circles(found: dict[int, tuple[Follow, ...]], parents: list[int]) -> dict[int, tuple[Follow, ...]]:
    """Constraints that lead a bone back to itself, which Blender cannot evaluate either, become unknown."""
    done: set[int] = set()
    for start in range(len(parents)):
        path = [start] if start not in done else []
        waiting = [_above(bone, found, parents) for bone in path]
        while path:
            if not waiting[-1]:
                waiting.pop()
                done.add(path.pop())
                continue
            above = waiting[-1].pop()
            if above in path:
                circle = path[path.index(above) :]
                for bone, following in zip(circle, [*circle[1:], above], strict=True):
                    follows = found.get(bone, ())
                    found[bone] = tuple(Follow(UNKNOWN, label="circular") if f.target == following else f for f in follows)
            elif above >= 0 and above not in done:
                path.append(above)
                waiting.append(_above(above, found, parents))
    return {bone: follows for bone, follows in found.items() if follows}


def _above(bone: int, found: dict[int, tuple[Follow, ...]], parents: list[int]) -> list[int]:
    return [parents[bone], *(follow.target for follow in found.get(bone, ()) if follow.kind != UNKNOWN)]
