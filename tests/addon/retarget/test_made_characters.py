"""Public rigs by their names and shapes: every bone is found rightly, the motion goes on, and what is no person or unclear is told."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.retarget.mapping import find_mapping, rest_bones
from kinolift_extension.addon.retarget.rest_pose import match, source_rest
from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget
from kinolift_extension.addon.retarget.rig import read_rig
from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES, SURE_ENOUGH
from kinolift_extension.addon.retarget.structure import find_by_structure
from kinolift_extension.contract.failure import Failure

sys.path.insert(0, str(Path(__file__).parent))
import made_characters
import made_rigs
import rigs
from test_structure import nameless

PEOPLE = {character.title: character for character in made_characters.characters()}
UNCLEAR = {character.title: character for character in made_characters.unclear()}
# radians and metres that 32-bit keys and Blender's own arithmetic cost
TINY_DEGREES = 0.1
LOOSE = ["Quaternius", "Quaternius with a sword", "Hands and feet on the root", "Spine beside the pelvis"]


@pytest.mark.parametrize("title", PEOPLE)
def test_every_bone_is_found_and_every_limb_points_as_in_the_motion(title, make_motion):
    character, motion = PEOPLE[title], make_motion(24)
    rig = made_characters.build(character)
    mapping = find_mapping(rig)
    assert mapping.bones == character.truth
    assert mapping.preset == character.found
    assert min(mapping.sureness[role] for role in REQUIRED_ROLES) >= SURE_ENOUGH
    retarget(motion, rig, mapping, RetargetOptions(feet="never"))
    worst, _ = made_rigs.measure(rig, mapping, motion)
    assert worst < TINY_DEGREES


@pytest.mark.parametrize("title", ["Mixamo with a sword", "Quaternius with a sword", "Unity humanoid with a lamp"])
def test_what_a_hand_holds_goes_with_it(title, make_motion):
    rig = made_characters.build(PEOPLE[title])
    held = next(bone for bone in rig.data.bones if any(word in bone.name for word in ("Sword", "Weapon", "Lamp")))
    rest = held.parent.matrix_local.inverted() @ held.matrix_local
    motion = make_motion(24)
    retarget(motion, rig, find_mapping(rig))
    for frame in (0, 11, 23):
        bpy.context.scene.frame_set(frame)
        pose = rig.pose.bones[held.name]
        assert np.allclose(pose.parent.matrix.inverted() @ pose.matrix, rest, atol=1e-5)


@pytest.mark.parametrize("title", LOOSE)
def test_parts_that_hang_on_the_root_stay_on_the_body(title, make_motion):
    """Feet, hands and a spine that hang elsewhere are as far from the bone before them as at rest, and planted feet stand."""
    rig = made_characters.build(PEOPLE[title])
    mapping = find_mapping(rig)
    moving = made_rigs.standing(make_motion)
    retarget(moving, rig, mapping)
    pairs = [(f"shin.{s}", f"foot.{s}") for s in "LR"] + [(f"forearm.{s}", f"hand.{s}") for s in "LR"] + [("hips", "spine")]
    for frame in range(0, 60, 9):
        bpy.context.scene.frame_set(frame)
        for upper, lower in pairs:
            one, two = (rig.pose.bones[mapping.bones[role][0]] for role in (upper, lower))
            rest = (two.bone.head_local - one.bone.head_local).length
            assert (two.head - one.head).length == pytest.approx(rest, abs=1e-4), (frame, upper)
    worst, ankles = made_rigs.measure(rig, mapping, moving, every=1)
    assert worst < 8.0 and np.linalg.norm(ankles[:, 0] - ankles[0, 0], axis=1).max() < 0.003


def test_hips_that_are_connected_travel_with_the_bone_that_they_are_connected_to(make_motion):
    character, motion = PEOPLE["Hips that are connected"], make_motion(24)
    rig = made_characters.build(character)
    assert rig.data.bones["hips"].use_connect
    mapping = find_mapping(rig)
    result = retarget(motion, rig, mapping, RetargetOptions(feet="never"))
    assert any("hips is connected to its parent; root travels in its place" in note for note in result.notes)
    names = [str(name) for name in motion.joint_names]
    hips = motion.positions_world[:, [names.index("hip.L"), names.index("hip.R")]].mean(1)
    shown = []
    for frame in range(24):
        bpy.context.scene.frame_set(frame)
        shown.append((rig.pose.bones["upperleg.l"].head + rig.pose.bones["upperleg.r"].head) / 2)
    path = np.array(shown) - np.array(shown[0])
    assert path == pytest.approx(result.ratio * (hips - hips[0]), abs=1e-3)


def body(rig, points, groups):
    """A mesh on the rig: vertices, each of one bone."""
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(points, [], [])
    thing = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.modifiers.new("Armature", "ARMATURE").object = rig
    for number, name in enumerate(groups):
        group = thing.vertex_groups.get(name) or thing.vertex_groups.new(name=name)
        group.add([number], 1.0, "REPLACE")


@pytest.mark.parametrize("title", ["Crouched", "Crouched, by its names"])
def test_a_crouched_rest_pose_stands_on_flat_feet(title, make_motion):
    """Soles that are level at rest are level in the T pose, knees point ahead, and a cape below the feet is not the ground."""
    motion = made_rigs.standing(make_motion)
    rig = made_characters.build(PEOPLE[title])
    mapping = find_mapping(rig)
    ankle = rig.data.bones[mapping.bones["foot.L"][0]].head_local
    groups = [mapping.bones[role][-1] for role in ("spine", "foot.L", "head")]
    body(rig, [(0, 0, -0.5), (0.1, -0.1, 0.0), (0, 0, 1)], groups)
    read = read_rig(rig, mapping)
    assert read.lowest == pytest.approx(0.0, abs=1e-6)
    turns = match(read, mapping, source_rest(tuple(map(str, motion.joint_names)), motion.parents, motion.rest_offsets.astype(float))).turns
    for side in "LR":
        assert q.rotate(turns[f"foot.{side}"], np.array([0.0, 0.0, 1.0])) == pytest.approx([0, 0, 1], abs=1e-6)
        thigh, shin, foot = (np.array(rig.data.bones[mapping.bones[f"{part}.{side}"][0]].head_local) for part in ("thigh", "shin", "foot"))
        hinge = q.unit(np.cross(shin - thigh, foot - shin))
        assert q.rotate(turns[f"thigh.{side}"], hinge) == pytest.approx([1, 0, 0], abs=0.02)
    retarget(motion, rig, mapping)
    worst, ankles = made_rigs.measure(rig, mapping, motion)
    assert worst < 8.0
    assert ankles[:, 0, 2] == pytest.approx(ankle[2], abs=0.03), "the ankle stands as high over the ground as over the sole at rest"


@pytest.mark.parametrize("named", [True, False], ids=["names", "shape"])
@pytest.mark.parametrize("animal", made_characters.ANIMALS)
def test_animals_are_refused(animal, named):
    bones = rest_bones(rigs.build(rigs.mirrored(made_characters.ANIMALS[animal])))
    with pytest.raises(Failure, match="Kinolift needs a body with two legs and two arms") as caught:
        find_by_structure(bones if named else nameless(bones)[0], "It")
    assert caught.value.code == "bad_rig"


@pytest.mark.parametrize("title", UNCLEAR)
def test_what_is_unclear_is_told(title):
    mapping = find_mapping(made_characters.build(UNCLEAR[title]))
    assert min(mapping.sureness[role] for role in REQUIRED_ROLES) < SURE_ENOUGH


def test_names_that_are_wrong_about_the_sides_are_less_sure():
    swapped = made_characters.make("Swapped", *made_characters.HUMAN, sides=("Right", "Left"), prefix="X_", extras=[])
    right = made_characters.make("Right", *made_characters.HUMAN, prefix="X_")
    one, other = (find_mapping(made_characters.build(character)) for character in (swapped, right))
    assert one.sureness["thigh.L"] < other.sureness["thigh.L"]
