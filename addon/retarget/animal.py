"""What tells an animal's body from a person's: how it stands, its feet, and what its limbs are called. No bpy here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .names import ANIMAL_WORDS, read_names, words_of
from .roles import Mapping
from .tree import RestBone

Array = npt.NDArray[np.float64]

# Cosine between the way from the hips to the shoulders and the way from the hips to the feet: an animal's on all fours are square to each
# other, a person's opposite, and someone's who crouches in between.
SQUARE = -0.3
# Hands that reach this share of the way from the hips to the feet stand on the ground. Of a folded leg at least this share counts.
ON_HANDS, FOLDED = 0.85, 0.6
# An ankle that stands over the toes by this share of the leg: hind legs of cats, dogs, birds and raptors. High heels stay under 0.18.
ON_TOES = 0.24
# Ankle to toes over the shin, and over the trunk: the feet of frogs, hares and kangaroos. A person's are 0.3 to 0.5 of the shin; those of
# figures with a large head are long beside their short legs, not beside their trunk.
LONG_FOOT, LONG_BESIDE_TRUNK = 0.75, 0.45
# A leg's own bones before its thigh are shorter than this share of the thigh; hind legs by shape alone may be taken for shin and foot.
BEFORE_THIGH = 0.6
# Legs whose feet are, left and right together, nearer to the hips than this share of a leg do not hang.
SPRAWLED = 0.2


def why_no_person(mapping: Mapping, bones: Sequence[RestBone]) -> str:
    """How the body that a mapping describes is an animal's, as the end of a sentence; "" for a person's."""
    heads = {bone.name: bone.head for bone in bones}

    def at(part: str) -> Array:
        return np.array([heads[mapping.bones[f"{part}.{side}"][0]] for side in "LR"])

    thigh, shin, foot, arm = at("thigh"), at("shin"), at("foot"), at("upper_arm")
    hips, shoulders = thigh.mean(axis=0), arm.mean(axis=0)
    trunk = float(np.linalg.norm(shoulders - hips))
    shins = np.linalg.norm(foot - shin, axis=1)
    leg = float((np.linalg.norm(shin - thigh, axis=1) + shins).mean())
    down = foot.mean(axis=0) - hips
    hang = float(np.linalg.norm(down))
    if float(q.unit(down) @ q.unit(shoulders - hips)) > SQUARE or hang < SPRAWLED * leg:
        return "stands on all fours in its rest pose"
    down = down / hang
    ends = at("hand") if all(mapping.bone(f"hand.{side}") for side in "LR") else at("forearm")
    if float((ends.mean(axis=0) - hips) @ down) > ON_HANDS * max(hang, FOLDED * leg):
        return "stands on all fours in its rest pose"
    if max(_before(mapping, bones, side) for side in "LR") > BEFORE_THIGH:
        return "has legs of one more long bone than a person's"
    if all(mapping.bone(f"toe.{side}") for side in "LR"):
        step = at("toe") - foot
        if float((step @ down).mean()) > ON_TOES * leg:
            return "stands on its toes with its ankles high, as animals do"
        long = float(np.linalg.norm(step, axis=1).mean())
        if long > LONG_FOOT * float(shins.mean()) and long > LONG_BESIDE_TRUNK * trunk:
            return "has an animal's feet, as long as its shins"
    names = [name for role, found in mapping.bones.items() if role[-2:] in (".L", ".R") for name in found]
    named = [name for name, reading in zip(names, read_names(names), strict=True) if reading.animal]
    if named:
        word = next(word for word in words_of(named[0]) if word in ANIMAL_WORDS)
        return f"has an animal's limbs ({named[0]} says {word!r})"
    return ""


def _before(mapping: Mapping, bones: Sequence[RestBone], side: str) -> float:
    """How long the bones before a thigh are that carry this leg alone, over the thigh's length."""
    by_name = {bone.name: bone for bone in bones}
    thigh, shin, other = (mapping.bones[role][0] for role in (f"thigh.{side}", f"shin.{side}", f"thigh.{'R' if side == 'L' else 'L'}"))
    shared = set()
    above: str | None = other
    while above is not None:
        shared.add(above)
        above = by_name[above].parent
    length, bone = 0.0, by_name[thigh]
    while bone.parent is not None and bone.parent not in shared:
        length += float(np.linalg.norm(bone.head - by_name[bone.parent].head))
        bone = by_name[bone.parent]
    return length / max(float(np.linalg.norm(by_name[shin].head - by_name[thigh].head)), 1e-9)
