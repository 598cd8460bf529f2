"""Which bone of an armature is what: as its file says, else by the preset that fits best, else by structure and name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .animal import why_no_person
from .presets import Preset, load_presets, read_preset
from .roles import NAMES, STRUCTURE, VRM, Mapping
from .source import NAMED_BONES
from .structure import find_by_structure
from .tree import RestBone

Array = npt.NDArray[np.float64]

AUTO = "auto"
# A preset is taken by itself when this share of its bones is there: rigs leave out toes, a spine bone or a collar bone.
FITS = 0.8
# The extension's package, however Blender has named it: the one above `addon`.
_PACKAGE = __package__.rpartition(".addon")[0]


def user_folder() -> Path | None:
    """Where the user's own presets are; None where the add-on is not installed as an extension."""
    try:
        return Path(bpy.utils.extension_path_user(_PACKAGE, path="rigs"))
    except ValueError:
        return None


def presets() -> dict[str, Preset]:
    """All presets by name; see `load_presets`."""
    return load_presets(user_folder())


def find_mapping(armature: bpy.types.Object, preset: str = AUTO) -> Mapping:
    """The roles of the armature's bones.

    Args:
        armature: an armature object; its rest pose in the world is what counts.
        preset: "auto" (what a VRM file says itself, else the preset of whose bones the largest share is there, else structure),
            "structure", the name of a preset, or the path of a JSON file.

    Raises Failure `bad_arguments` for a name that there is not, `bad_input` for a file that is no preset, and `bad_rig` where bones are
    not there, naming them (required ones of a shipped preset, any of one's own), or where the rig is no upright body.
    """
    names = [bone.name for bone in armature.data.bones]
    if preset == STRUCTURE:
        return find_by_structure(rest_bones(armature), armature.name)
    if preset != AUTO:
        return _chosen(armature, names, preset)
    if named := _named(armature, names):
        return named
    fits = [(*one.fit(names), one.rank) for one in presets().values()]
    fits = [fit for fit in fits if fit[1] >= FITS and not fit[0].missing()]
    fits = [fit for fit in fits if fit[0].ik or _hangs_together(armature, fit[0])]
    if not fits:
        return find_by_structure(rest_bones(armature), armature.name)
    # of two that fit alike the one with the higher rank, then the one that explains more bones
    best, share, _ = max(fits, key=lambda fit: (round(fit[1], 3), fit[2], _count(fit[0])))
    if share < 1.0 and not best.ik:  # another rig with some of the same names: they may say more by themselves
        try:
            named = find_by_structure(rest_bones(armature), armature.name)
        except Failure:
            named = best
        if named.preset == NAMES and _count(named) > _count(best):
            return named
    return _upright(armature, best)


def _count(mapping: Mapping) -> int:
    return sum(map(len, mapping.bones.values()))


def _hangs_together(armature: bpy.types.Object, mapping: Mapping) -> bool:
    """Whether hips, arms and legs hang on each other as the preset has them: rigs of several makers share names and mean other bones."""
    bones = armature.data.bones

    def carries(upper: str, lower: str) -> bool:
        first, last = bones[mapping.bones[upper][0]], bones[mapping.bones[lower][0]]
        return first in last.parent_recursive

    pairs = [(f"{upper}.{side}", f"{lower}.{side}") for side in "LR" for upper, lower in (("upper_arm", "forearm"), ("thigh", "shin"))]
    pairs += [("hips", f"{part}.{side}") for side in "LR" for part in ("upper_arm", "thigh")]
    return all(carries(upper, lower) for upper, lower in pairs)


def _named(armature: bpy.types.Object, names: list[str]) -> Mapping | None:
    """What the armature's VRM file said, if its bones are all there; none is guessed."""
    try:
        bones = {str(role): tuple(map(str, found)) for role, found in json.loads(armature.get(NAMED_BONES, "{}")).items()}
    except (ValueError, TypeError, AttributeError):  # somebody has changed the property
        return None
    mapping = Mapping(bones, VRM, dict.fromkeys(bones, 1.0))
    return None if mapping.missing() or not set().union(*bones.values()) <= set(names) else mapping


def _chosen(armature: bpy.types.Object, names: list[str], preset: str) -> Mapping:
    own = preset.endswith(".json")
    if own:
        chosen = read_preset(Path(bpy.path.abspath(preset)))
    else:
        known = presets()
        if preset not in known:
            raise Failure("bad_arguments", f"There is no preset {preset!r}; use {', '.join((AUTO, STRUCTURE, *known))} or a JSON file.")
        chosen = known[preset]
    mapping, _ = chosen.fit(names)
    absent = chosen.absent(names)
    if mapping.missing() or (own and absent):
        lacking = f"{armature.name} lacks bones that the preset {chosen.title} names: {', '.join(absent)}"
        raise Failure("bad_rig", f"{lacking}; use another preset or auto.")
    return _upright(armature, mapping)


def _upright(armature: bpy.types.Object, mapping: Mapping) -> Mapping:
    """Animals' rigs share names with people's (Rigify's do): their shape tells."""
    if reason := why_no_person(mapping, rest_bones(armature)):
        raise Failure("bad_rig", f"{armature.name} {reason}; Kinolift needs a body with two legs and two arms.")
    return mapping


def rest_bones(armature: bpy.types.Object) -> list[RestBone]:
    """The armature's rest pose in the world."""
    world = np.array(armature.matrix_world)
    return [
        RestBone(bone.name, bone.parent.name if bone.parent else None, _at(world, bone.head_local), _at(world, bone.tail_local))
        for bone in armature.data.bones
    ]


def _at(world: Array, point: Sequence[float]) -> Array:
    moved: Array = world[:3, :3] @ np.array(point) + world[:3, 3]
    return moved
