"""Bones found by shape alone: names are nonsense, the rig is turned, small, in another pose; what is no person is refused."""

from __future__ import annotations

import math
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinolift_extension.addon.retarget.mapping import find_mapping, rest_bones
from kinolift_extension.addon.retarget.names import side_of_name
from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES
from kinolift_extension.addon.retarget.structure import find_by_structure
from kinolift_extension.contract.failure import Failure
from mathutils import Euler, Matrix

sys.path.insert(0, str(Path(__file__).parent))
from rigs import DOG, PERSON, build, load, mirrored

TRUTH = {
    "root": ("base",), "hips": ("pel",), "spine": ("low", "mid", "top"), "neck": ("nk",), "head": ("hd",),
    **{f"{role}.{s}": (f"{bone}.{s}",) for s in "LR" for role, bone in (
        ("clavicle", "col"),
        ("upper_arm", "a1"), ("forearm", "a2"), ("hand", "a3"), ("thigh", "l1"), ("shin", "l2"), ("foot", "l3"), ("toe", "l4"))},
}  # fmt: skip


def nameless(bones, seed=0):
    """The bones in another order under names that say nothing, and the way back."""
    order = random.Random(seed)
    names = [f"q{i:03d}" for i in range(len(bones))]
    order.shuffle(names)
    new = dict(zip((bone.name for bone in bones), names, strict=True))
    renamed = [replace(bone, name=new[bone.name], parent=new.get(bone.parent)) for bone in bones]
    order.shuffle(renamed)
    return renamed, {fake: true for true, fake in new.items()}


def found(bones, seed=0):
    renamed, back = nameless(bones, seed)
    return {role: tuple(back[name] for name in names) for role, names in find_by_structure(renamed).bones.items()}


def moved(bones, matrix):
    turn = np.array(matrix)
    return [replace(b, head=turn[:3, :3] @ b.head + turn[:3, 3], tail=turn[:3, :3] @ b.tail + turn[:3, 3]) for b in bones]


PLACES = {
    "as it is": Matrix(),
    "turned": Matrix.Translation((3, -2, 5)) @ Euler((1.1, -2.3, 0.7)).to_matrix().to_4x4(),
    "centimetres, Y up": Euler((math.pi / 2, 0, 0)).to_matrix().to_4x4() @ Matrix.Scale(0.01, 4),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "path", ["rigs/mixamo.fbx", "rigs/game_engine.fbx", "rigs/mixamo_unity.glb", "humans/adult_m_tall.glb", "humans/teen.glb"]
)
def test_shape_alone_finds_what_the_preset_names(path, place):
    rig = load(path)
    named = find_mapping(rig)
    assert named.preset != "structure"
    assert found(moved(rest_bones(rig), PLACES[place])) == named.bones


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("droop", [0, 45, 75])
def test_a_computed_person_in_t_a_and_relaxed_pose(place, droop):
    bones = rest_bones(build(mirrored(PERSON)))
    assert found(moved(drooped(bones, droop), PLACES[place])) == TRUTH


def drooped(bones, degrees):
    """Arms turned down about the shoulder."""
    out = []
    for bone in bones:
        side = {"L": 1, "R": -1}.get(bone.name[-1], 0)
        if side and bone.name[0] in "af":
            pivot = np.array([0.18 * side, 0, 1.45])
            turn = np.array(Matrix.Rotation(math.radians(degrees) * side, 3, "Y"))
            bone = replace(bone, head=turn @ (bone.head - pivot) + pivot, tail=turn @ (bone.tail - pivot) + pivot)
        out.append(bone)
    return out


@pytest.mark.parametrize("absent", ["col", "l4", "nk", "base", "a1twist"])
def test_what_a_rig_may_lack(absent):
    """Children of a missing bone hang from its parent."""
    up = {name: parent for name, parent, _ in mirrored(PERSON)}
    gone = {name for name in up if name.split(".")[0] == absent}
    rows = [(n, up[p] if p in gone else p, h) for n, p, h in mirrored(PERSON) if n not in gone]
    expected = {role: tuple(n for n in names if n not in gone) for role, names in TRUTH.items()}
    assert found(rest_bones(build(rows))) == {role: names for role, names in expected.items() if names}


def test_one_long_spine_and_no_fingers():
    rows = [row for row in mirrored(PERSON) if row[0][0] != "f"]
    up = {"mid": None, "low": None}
    rows = [(n, "pel" if p in up else p, h) for n, p, h in rows if n not in up]
    assert found(rest_bones(build(rows))) == {**TRUTH, "spine": ("top",)}


def test_names_that_tell_the_sides_make_it_surer():
    bones = rest_bones(build(mirrored(PERSON)))
    by_shape, by_name = find_by_structure(nameless(bones)[0]), find_by_structure(bones)
    assert all(0 < value <= 1 for mapping in (by_shape, by_name) for value in mapping.sureness.values())
    assert all(by_name.sureness[role] >= by_shape.sureness[role] for role in REQUIRED_ROLES)
    assert by_name.sureness["thigh.L"] > by_shape.sureness["thigh.L"]


def test_four_legs_are_refused():
    with pytest.raises(Failure, match="on all fours") as caught:
        find_by_structure(rest_bones(build(mirrored(DOG))), "Dog")
    assert caught.value.code == "bad_rig" and "Dog" in caught.value.message


def test_no_legs_no_arms_no_bones():
    person = mirrored(PERSON)
    with pytest.raises(Failure, match="no legs"):
        find_by_structure(rest_bones(build([row for row in person if row[0][0] != "l" or row[0] == "low"])))
    with pytest.raises(Failure, match="no arms"):
        find_by_structure(rest_bones(build([row for row in person if row[0][0] not in "af" and row[0][:3] != "col"])))
    with pytest.raises(Failure, match="has no bones"):
        find_by_structure([])


@pytest.mark.parametrize(
    ("name", "side"),
    [("mixamorig:LeftArm", "L"), ("J_Bip_R_UpperLeg", "R"), ("lThighBend", "L"), ("RHipJoint", "R"),
     ("upperarm_l", "L"), ("arm.R.001", "R"),
     ("左腕", "L"), ("CC_Base_L_Thigh", "L"), ("Root", None), ("lowerback", None), ("spine_01", None), ("Head", None), ("l_thigh", "L")],
)  # fmt: skip
def test_sides_in_names(name, side):
    assert side_of_name(name) == side
