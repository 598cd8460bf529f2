"""What a bone's name tells: its side and its part of the body, in the ways rigs spell them. No bpy here."""

from __future__ import annotations

import re

_LEFT, _RIGHT = {"l", "left", "lft", "hidari", "左"}, {"r", "right", "rgt", "migi", "右"}

# Words for each role, as they stand in names of common rigs, English and Japanese.
_WORDS: dict[str, tuple[str, ...]] = {
    "root": ("root", "armature", "reference", "master", "全ての親"),
    "hips": ("hip", "pelvis", "センター", "下半身"),
    "spine": ("spine", "chest", "abdomen", "waist", "torso", "back", "上半身"),
    "neck": ("neck", "首"),
    "head": ("head", "頭"),
    "clavicle": ("clavicle", "shoulder", "collar", "肩"),
    "upper_arm": ("upperarm", "uparm", "arm", "shldr", "腕"),
    "forearm": ("forearm", "lowerarm", "loarm", "elbow", "ひじ"),
    "hand": ("hand", "wrist", "手首"),
    "thigh": ("thigh", "upleg", "upperleg", "足"),
    "shin": ("shin", "calf", "lowerleg", "leg", "knee", "ひざ"),
    "foot": ("foot", "ankle", "足首"),
    "toe": ("toe", "ball", "つま先"),
}
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[左右]|\d+")


def side_of_name(name: str) -> str | None:
    """ "L", "R", or None where the name has no side or both."""
    tokens = _tokens(name)
    left, right = bool(tokens & _LEFT), bool(tokens & _RIGHT)
    first = re.match(r"([lrLR])(?=[A-Z])", name.rpartition(":")[2])  # lThighBend, RHipJoint
    if first and not (left or right):
        left, right = first[1] in "lL", first[1] in "rR"
    return None if left == right else "L" if left else "R"


def name_supports(name: str, role: str) -> bool:
    """Whether the name has a word for the role."""
    flat = re.sub(r"[^a-z\u3040-\u30ff\u4e00-\u9fff]", "", name.rpartition(":")[2].lower())
    return any(word in flat for word in _WORDS[role.partition(".")[0]])


def _tokens(name: str) -> set[str]:
    return {token.lower() for token in _TOKENS.findall(name.rpartition(":")[2])}
