"""The bones that a VRM file names itself: versions 0 and 1 list which node is which part of the body, whatever it is called. No bpy."""

from __future__ import annotations

from pathlib import Path

from ...contract.reading import DAMAGE
from .gltf_file import document

# Role -> the specification's names of its bones, from the body outwards; arms and legs of the left side, the right side's are alike.
_CENTRE = {"hips": ("hips",), "spine": ("spine", "chest", "upperChest"), "neck": ("neck",), "head": ("head",)}
_SIDES = {
    "clavicle": "Shoulder", "upper_arm": "UpperArm", "forearm": "LowerArm", "hand": "Hand",
    "thigh": "UpperLeg", "shin": "LowerLeg", "foot": "Foot", "toe": "Toes",
}  # fmt: skip
HUMAN_BONES: dict[str, tuple[str, ...]] = _CENTRE | {
    f"{part}.{letter}": (f"{side}{name}",) for part, name in _SIDES.items() for side, letter in (("left", "L"), ("right", "R"))
}


def human_bones(path: Path) -> dict[str, tuple[str, ...]]:
    """Role -> the names of its nodes, as the file lists them; {} for a file that lists none or cannot be read, which its importer will say.

    Source: the `humanoid.humanBones` of the extensions VRM (a list of bone and node) and VRMC_vrm (a table of bones).
    """
    try:
        content = document(path)
        extensions = content.get("extensions", {})
        if "VRMC_vrm" in extensions:
            table = extensions["VRMC_vrm"]["humanoid"]["humanBones"]
            listed = {bone: int(entry["node"]) for bone, entry in table.items()}
        else:
            listed = {str(entry["bone"]): int(entry["node"]) for entry in extensions["VRM"]["humanoid"]["humanBones"]}
        names = {bone: str(content["nodes"][node]["name"]) for bone, node in listed.items() if node >= 0}
    except DAMAGE:
        return {}
    found = {role: tuple(names[bone] for bone in bones if bone in names) for role, bones in HUMAN_BONES.items()}
    return {role: bones for role, bones in found.items() if bones}
