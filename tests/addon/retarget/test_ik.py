"""A generated Rigify rig as Blender evaluates it: its skin's bones follow the motion, by FK and by IK controls, whatever its options."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.retarget.mapping import find_mapping
from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget
from kinolift_extension.addon.retarget.roles import Mapping
from kinolift_extension.contract.failure import Failure

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs
import rigify_rigs

FREE = {"feet": "never"}
# degrees; 32-bit keys, Rigify's chains of constraints and its iterative IK
CLOSE = 0.1


@pytest.fixture
def rig():
    return rigify_rigs.open_rig()


@pytest.fixture
def moving(make_motion):
    """Feet stand, one steps, the hips sway and turn; knees bend as knees do. The elbows bend and the upper body turns too."""
    motion = made_rigs.standing(make_motion, 45)
    names = [str(name) for name in motion.joint_names]
    time = np.arange(len(motion)) / 30
    rotations = motion.rotations.astype(float)
    for joint, axis, angle in (
        ("elbow.L", 2, -0.9 - 0.5 * np.sin(3 * time)), ("elbow.R", 2, 0.8 + 0.6 * np.cos(4 * time)),
        ("shoulder.L", 1, 0.9 * np.sin(2 * time)), ("shoulder.R", 1, 0.5 + 0.4 * np.sin(5 * time)),
        ("spine", 2, 0.3 * np.sin(3 * time)), ("chest", 0, 0.25 * np.cos(2 * time)), ("head", 2, 0.6 * np.sin(4 * time)),
        ("clavicle.L", 1, 0.2 * np.sin(4 * time)),
    ):  # fmt: skip
        turn = np.zeros((len(time), 4))
        turn[:, 0], turn[:, 1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
        rotations[:, names.index(joint)] = turn
    from kinolift_synthetic import positions

    motion.rotations = rotations.astype(np.float32)
    motion.positions_world = positions(motion.parents, motion.rest_offsets, rotations, motion.root_translation).astype(np.float32)
    return motion


@pytest.mark.parametrize("ik", [False, True])
def test_the_skin_follows(rig, moving, ik):
    mapping = find_mapping(rig)
    assert mapping.preset == "rigify_controls"
    result = retarget(moving, rig, mapping, RetargetOptions(ik=ik, **FREE))
    assert not result.notes
    assert rigify_rigs.limb_error(rig, moving) < CLOSE
    own = rigify_rigs.largest_turn(np.array(moving.rotations, dtype=float))
    assert rigify_rigs.largest_turn(rigify_rigs.turns(rig, rigify_rigs.deform(rig), len(moving))) < own + 5


def test_hands_feet_head_and_chest_are_turned_alike_by_fk_and_ik(rig, moving):
    names = ("DEF-hand.L", "DEF-hand.R", "DEF-foot.L", "DEF-foot.R", "DEF-toe.R", "DEF-spine.003", "DEF-spine.006", "DEF-spine")
    shown = []
    for ik in (False, True):
        retarget(moving, rig, find_mapping(rig), RetargetOptions(ik=ik, **FREE))
        shown.append([])
        for frame in (0, 17, 40):
            bones = rigify_rigs.evaluated(rig, frame).pose.bones
            shown[-1].append([bones[name].matrix.to_quaternion() for name in names])
    cosine = np.abs((np.array(shown[0]) * np.array(shown[1])).sum(-1))
    assert np.degrees(2 * np.arccos(np.clip(cosine, 0, 1))).max() < CLOSE
    assert np.abs(np.array(shown[0])[1:] - np.array(shown[0])[:-1]).max() > 0.1, "they move"


@pytest.mark.parametrize("ik", [False, True])
def test_planted_feet_stand(rig, moving, ik):
    retarget(moving, rig, find_mapping(rig), RetargetOptions(ik=ik))
    _, ankles = made_rigs.measure(rig, rigify_rigs.deform(rig), moving, every=1)
    assert np.linalg.norm(ankles[:, 0] - ankles[0, 0], axis=1).max() < 0.001
    assert np.linalg.norm(ankles[:15, 1] - ankles[0, 1], axis=1).max() < 0.001
    assert np.linalg.norm(ankles[20, 1] - ankles[0, 1]) > 0.05, "the right foot steps"


# FK_limb_follow 1 and 0.5: the arm hangs on the root; neck and head between chest and torso; hands and poles on other parents
OPTIONS = (
    {"upper_arm_parent.L": {"FK_limb_follow": 1.0}, "thigh_parent.R": {"FK_limb_follow": 0.5}},
    {"torso": {"neck_follow": 1.0, "head_follow": 0.5}},
    {"torso": {"torso_parent": 0}},
    {"upper_arm_parent.L": {"IK_parent": 4, "pole_parent": 2}, "thigh_parent.L": {"IK_parent": 0, "pole_parent": 1},
     "upper_arm_parent.R": {"IK_parent": 6, "pole_parent": 7}},
)  # fmt: skip


@pytest.mark.parametrize("ik", [False, True])
@pytest.mark.parametrize("chosen", OPTIONS, ids=lambda chosen: ",".join(chosen))
def test_whatever_the_rigs_own_options(rig, moving, chosen, ik):
    for bone, properties in chosen.items():
        for name, value in properties.items():
            rigify_rigs.set_property(rig, bone, name, value)
    result = retarget(moving, rig, find_mapping(rig), RetargetOptions(ik=ik, root_heading=True, **FREE))
    assert not result.notes
    assert rigify_rigs.limb_error(rig, moving, 11) < CLOSE
    for bone, properties in chosen.items():
        assert {name: rig.pose.bones[bone][name] for name in properties} == properties, "the user's options stay"
    head = rigify_rigs.evaluated(rig, 20).pose.bones["DEF-spine.006"].matrix.to_quaternion()
    for properties in OPTIONS[0], OPTIONS[1]:
        for bone, names in properties.items():
            for name in names:
                rigify_rigs.set_property(rig, bone, name, 0.0)
    retarget(moving, rig, find_mapping(rig), RetargetOptions(ik=ik, **FREE))
    again = rigify_rigs.evaluated(rig, 20).pose.bones["DEF-spine.006"].matrix.to_quaternion()
    assert np.degrees(head.rotation_difference(again).angle) < CLOSE, "the head looks the same way"


def test_a_pose_that_was_left_on_controls_does_no_harm(rig, moving):
    mapping = find_mapping(rig)
    for name in ("hips", "chest", "foot_heel_ik.L", "spine_fk.001", "thigh_ik.R"):
        bone = rig.pose.bones[name]
        if bone.rotation_mode == "QUATERNION":
            bone.rotation_quaternion = (0.96, 0.1, 0.2, 0.1)
        else:
            bone.rotation_euler = (0.2, 0.1, 0.3)
    bpy.context.view_layer.update()
    retarget(moving, rig, mapping, RetargetOptions(**FREE))
    assert rigify_rigs.limb_error(rig, moving, 11) < CLOSE
    retarget(moving, rig, mapping, RetargetOptions(ik=True, **FREE))
    assert rigify_rigs.limb_error(rig, moving, 11) < CLOSE


def test_with_rigifys_own_stretch_the_limbs_would_be_off(rig, moving):
    """Why the switches take IK Stretch away: the tests above can fail."""
    mapping = find_mapping(rig)
    kept = tuple(switch for switch in mapping.switches if switch.property != "ik_stretch")
    retarget(moving, rig, replace(mapping, switches=kept), RetargetOptions(ik=True, **FREE))
    assert 1.5 < rigify_rigs.limb_error(rig, moving) < 6.0


def test_which_bones_and_switches_get_keys(rig, moving):
    mapping = find_mapping(rig)
    shot = bpy.data.actions.new("Shot")
    rig.animation_data_create().action = shot
    rig.pose.bones["upper_arm_parent.L"]["IK_FK"] = 0.25
    rig.pose.bones["upper_arm_parent.L"].keyframe_insert('["IK_FK"]', frame=1)
    expected = {True: (0.0, 1.0), False: (1.0, 0.0)}
    for ik in (True, False):
        result = retarget(moving, rig, mapping, RetargetOptions(ik=ik))
        rigify_rigs.evaluated(rig, 3)
        for bone in ("upper_arm_parent.L", "thigh_parent.R"):
            assert rig.pose.bones[bone]["IK_FK"] == expected[ik][0]
        assert ("hand_ik.L" in result.bones) == ("chest" in result.bones) == ("thigh_ik_target.R" in result.bones) == ik
        assert ("hand_fk.L" in result.bones) == ("spine_fk.003" in result.bones) != ik
        assert {"root", "torso", "neck", "head", "shoulder.L"} <= set(result.bones)
        paths = {curve.data_path: len(curve.keyframe_points) for curve in curves_of(rig)}
        keyed = {path.split('"')[1] for path in paths}
        assert keyed <= set(result.bones) | set(mapping.ik_rest) | {switch.bone for switch in mapping.switches}
        assert not any(name.startswith(("DEF-", "ORG-")) for name in keyed)
        assert paths['pose.bones["thigh_parent.L"]["IK_FK"]'] == 1
        assert ('pose.bones["foot_heel_ik.L"].rotation_euler' in paths) == ik
    rig.animation_data.action = shot
    if hasattr(rig.animation_data, "action_slot"):
        rig.animation_data.action_slot = shot.slots[0]
    rigify_rigs.evaluated(rig, 3)
    assert rig.pose.bones["upper_arm_parent.L"]["IK_FK"] == 0.25, "another action says what it said"


def test_rigs_without_ik_controls(moving):
    rig, mapping = made_rigs.build_rig(moving)
    with pytest.raises(Failure, match=r"Rig has no known IK control for hand\.L, foot\.L, hand\.R, foot\.R; leave out --ik") as failure:
        retarget(moving, rig, mapping, RetargetOptions(ik=True))
    assert failure.value.code == "bad_input" and not bpy.data.actions
    half = Mapping(mapping.bones, "mine", ik={"hand.L": "fist.L", "foot.L": "pad.L", "foot.R": "pad.R"})
    with pytest.raises(Failure, match=r"control for hand\.R; leave"):
        retarget(moving, rig, half, RetargetOptions(ik=True))


def test_a_rig_whose_switch_is_not_known(moving):
    """Made-up controls, plain bones: keys arrive on them, and a person is told what is left to do."""
    rig, mapping = made_rigs.build_rig(moving)
    bpy.ops.object.mode_set(mode="EDIT")
    for name, like in (("hand_c.L", "fist.L"), ("hand_c.R", "fist.R"), ("foot_c.L", "pad.L"), ("foot_c.R", "pad.R")):
        made = rig.data.edit_bones.new(name)
        made.head, made.tail, made.roll = rig.data.edit_bones[like].head, rig.data.edit_bones[like].tail, 1.0
    bpy.ops.object.mode_set(mode="OBJECT")
    mapping = replace(mapping, ik={f"{part}.{side}": f"{part}_c.{side}" for part in ("hand", "foot") for side in "LR"})
    plain = retarget(moving, rig, mapping)
    assert plain.notes == ["Rig has FK and IK controls; set it to FK yourself, its switch is not known."]
    wrists = [np.array(rigify_rigs.evaluated(rig, frame).pose.bones["fist.L"].matrix) for frame in (0, 30)]
    rests = np.linalg.inv(rig.data.bones["fist.L"].matrix_local) @ np.array(rig.data.bones["hand_c.L"].matrix_local)
    done = retarget(moving, rig, mapping, RetargetOptions(ik=True))
    assert done.notes == ["Rig has FK and IK controls; set it to IK yourself, its switch is not known."]
    assert {"hand_c.L", "foot_c.R"} <= set(done.bones) and "fist.L" not in done.bones
    for frame, wrist in zip((0, 30), wrists, strict=True):
        shown = np.array(rigify_rigs.evaluated(rig, frame).pose.bones["hand_c.L"].matrix)
        assert shown == pytest.approx(wrist @ rests, abs=1e-4)
