"""Retargeting as Blender itself evaluates it: directions, planted feet, no flips, bones left alone, bad rigs."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import armature as armatures
from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget
from kinolift_extension.addon.retarget.roles import LIMB_ROLES, Mapping
from kinolift_extension.contract.failure import Failure

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs

# radians and metres that 32-bit keys and Blender's own arithmetic cost
TINY_DEGREES = 0.1


@pytest.fixture
def motion(make_motion):
    return make_motion(36)


OWN = {"hips": ("hips",), "spine": ("spine", "chest"), "neck": ("neck",), "head": ("head",),
       **{role: (role.replace("clavicle", "shoulder"),) for role in LIMB_ROLES}}  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        {}, {"drop": 45}, {"drop": 70, "bend": 40}, {"roll": 5}, {"drop": 30, "roll": 2, "twist": True}, {"spines": 1}, {"spines": 5},
        {"clavicles": False}, {"toes": False}, {"root": True, "roll": 9}, {"stretch": 1.7}, {"legs": 0.8, "drop": 40},
    ],
    ids=str,
)  # fmt: skip
def test_every_limb_points_as_in_the_motion(motion, shape):
    rig, mapping = made_rigs.build_rig(motion, **shape)
    retarget(motion, rig, mapping)
    worst, _ = made_rigs.measure(rig, mapping, motion)
    assert worst < TINY_DEGREES


@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0])
def test_turned_objects_and_scaled_parents(motion, scale):
    rig, mapping = made_rigs.build_rig(motion, drop=45, roll=4, stretch=1 / scale)
    parent = bpy.data.objects.new("Empty", None)
    bpy.context.scene.collection.objects.link(parent)
    rig.parent = parent
    parent.scale = (scale,) * 3
    parent.rotation_euler = (0.0, 0.0, 2.0)
    rig.rotation_euler = (np.pi / 2, 0.3, -0.2)
    rig.location = (0.4, 0.2, 0.3)
    bpy.context.view_layer.update()
    retarget(motion, rig, mapping, RetargetOptions(feet="never"))
    worst, _ = made_rigs.measure(rig, mapping, motion)
    assert worst < TINY_DEGREES


def test_our_own_armature_gets_the_same_motion_back(motion):
    """The same places in metres as those of the motion itself: travel, heights and reach."""
    rig = armatures.build_armature(motion, "Own", bpy.context.scene.collection)
    mapping = Mapping(OWN, "ours")
    result = retarget(motion, rig, mapping)
    assert result.ratio == pytest.approx(1)
    names = [str(name) for name in motion.joint_names]
    for frame in range(0, len(motion), 5):
        bpy.context.scene.frame_set(frame)
        for role in ("hips", "spine", "head", *LIMB_ROLES):
            joint = {"hips": "pelvis", "spine": "spine", "head": "head"}.get(role) or LIMB_ROLES[role][0]
            shown = np.array(rig.matrix_world @ rig.pose.bones[mapping.bones[role][0]].head)
            assert shown == pytest.approx(motion.positions_world[frame, names.index(joint)], abs=1e-4), role


@pytest.mark.parametrize("shape", [{}, {"legs": 0.75}, {"stretch": 1.4}, {"hips": 1.5}, {"hips": 0.6, "legs": 1.2, "roll": 3}], ids=str)
def test_planted_ankles_stay_where_they_stand(make_motion, shape):
    moving = made_rigs.standing(make_motion)
    rig, mapping = made_rigs.build_rig(moving, **shape)
    retarget(moving, rig, mapping)
    _, ankles = made_rigs.measure(rig, mapping, moving, every=1)
    left = ankles[:, 0]
    assert np.linalg.norm(left - left[0], axis=1).max() < 0.003
    for standing in (slice(0, 20), slice(40, 60)):
        right = ankles[standing, 1]
        assert np.linalg.norm(right - right[0], axis=1).max() < 0.003
    # the way between the two stands has no step: never more than a few times what the motion itself does from frame to frame
    true = moving.positions_world[:, [str(n) for n in moving.joint_names].index("ankle.R")]
    own = np.linalg.norm(np.diff(ankles[:, 1], axis=0), axis=1).max()
    assert own < 2.0 * np.linalg.norm(np.diff(true, axis=0), axis=1).max()


def test_without_correction_the_feet_would_slide(make_motion):
    """The test above can fail."""
    moving = made_rigs.standing(make_motion)
    rig, mapping = made_rigs.build_rig(moving, hips=1.5)
    retarget(moving, rig, mapping, RetargetOptions(feet="never"))
    _, ankles = made_rigs.measure(rig, mapping, moving, every=3)
    assert np.linalg.norm(ankles[:, 0] - ankles[0, 0], axis=1).max() > 0.01


def test_feet_stand_on_the_ground_of_a_mesh(make_motion):
    moving = made_rigs.standing(make_motion)
    rig, mapping = made_rigs.build_rig(moving)
    mesh = bpy.data.meshes.new("Sole")
    mesh.from_pydata([(0, 0, -0.03), (0.1, 0, -0.03), (0, 0.1, 0.5)], [], [(0, 1, 2)])
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(body)
    body.modifiers.new("Armature", "ARMATURE").object = rig
    rest = rig.data.bones["pad.L"].head_local[2]
    retarget(moving, rig, mapping)
    _, ankles = made_rigs.measure(rig, mapping, moving, every=9)
    assert ankles[:, 0, 2] == pytest.approx(rest + 0.03, abs=0.025)  # soles, 3 cm under the armature's origin, come to stand at its height


@pytest.mark.parametrize("shape", [{"drop": 45, "roll": 7}, {"hips": 1.3, "legs": 0.9}], ids=str)
def test_no_bone_flips(make_motion, shape):
    moving = made_rigs.standing(make_motion)
    rig, mapping = made_rigs.build_rig(moving, **shape)
    retarget(moving, rig, mapping)
    own = np.array(moving.rotations, dtype=float)
    source = 2 * np.degrees(np.arccos(np.clip(np.abs((own[1:] * own[:-1]).sum(-1)), 0, 1))).max()
    before = None
    for frame in range(len(moving)):
        bpy.context.scene.frame_set(frame)
        now = {bone.name: bone.matrix_basis.to_quaternion() for bone in rig.pose.bones}
        if before is not None:
            for name, turn in now.items():
                assert np.degrees(before[name].rotation_difference(turn).angle) < source + 5, (name, frame)
                assert before[name].dot(turn) >= 0
        before = now


def test_round_trip_through_another_rig(motion):
    """Ours -> a rig of another rest pose and other rolls -> ours: the rig's bones are read from Blender as they turned in the world."""
    rig, mapping = made_rigs.build_rig(motion, drop=50, bend=30, roll=8, twist=True)
    rig.rotation_euler = (0, 0, 1.2)
    bpy.context.view_layer.update()
    retarget(motion, rig, mapping)
    names = [str(name) for name in motion.joint_names]
    joints = {"hips": "pelvis", "head": "head", "neck": "neck", **{role: joints[0] for role, joints in LIMB_ROLES.items()}}
    bones = {joint: mapping.bones[role][0] for role, joint in joints.items()} | dict(
        zip(("spine", "chest"), mapping.bones["spine"], strict=True)
    )
    seen = np.zeros((len(motion), len(names), 3, 3))
    for frame in range(len(motion)):
        bpy.context.scene.frame_set(frame)
        for joint, bone in bones.items():
            seen[frame, names.index(joint)] = np.array((rig.matrix_world @ rig.pose.bones[bone].matrix).to_3x3().normalized())
    # what each bone was where the motion's joint was not turned: from a motion that stands in the T pose
    still = np.zeros_like(motion.rotations)
    still[..., 0] = 1
    pose = motion.__class__(**{**vars(motion), "rotations": still})
    retarget(pose, rig, mapping)
    bpy.context.scene.frame_set(0)
    for joint, bone in bones.items():
        rest = np.array((rig.matrix_world @ rig.pose.bones[bone].matrix).to_3x3().normalized())
        seen[:, names.index(joint)] = seen[:, names.index(joint)] @ rest.T
    back = still.copy()
    from mathutils import Matrix

    for joint, parent in enumerate(motion.parents):
        if names[joint] not in bones:
            continue
        for frame in range(len(motion)):
            inner = seen[frame, parent].T @ seen[frame, joint] if joint else seen[frame, 0]
            back[frame, joint] = Matrix(inner.tolist()).to_quaternion()
    own = armatures.build_armature(motion, "Own", bpy.context.scene.collection)
    mapped = Mapping(OWN, "ours")
    retarget(motion.__class__(**{**vars(motion), "rotations": back}), own, mapped)
    worst, _ = made_rigs.measure(own, mapped, motion)
    assert worst < 1.0


def test_in_place_and_the_root_bone(motion):
    rig, mapping = made_rigs.build_rig(motion, root=True, roll=3)
    retarget(motion, rig, mapping, RetargetOptions(root="motion", root_bone="root"))
    names = [str(name) for name in motion.joint_names]
    hips = motion.positions_world[:, [names.index("hip.L"), names.index("hip.R")]].mean(1)
    for frame in (0, 20):
        bpy.context.scene.frame_set(frame)
        root = np.array(rig.pose.bones["ground"].head)
        assert root == pytest.approx([*hips[frame, :2], 0.0], abs=1e-4)
        shown = (rig.pose.bones["leg.L"].head + rig.pose.bones["leg.R"].head) / 2
        assert np.array(shown)[:2] == pytest.approx(hips[frame, :2], abs=1e-4)
    retarget(motion, rig, mapping, RetargetOptions(root="in-place"))
    for frame in (0, 20):
        bpy.context.scene.frame_set(frame)
        assert np.array(rig.pose.bones["ground"].head) == pytest.approx([0, 0, 0], abs=1e-5)
        shown = (rig.pose.bones["leg.L"].head + rig.pose.bones["leg.R"].head) / 2
        assert np.array(shown)[:2] == pytest.approx([0, 0], abs=1e-4)


def test_euler_bones_keep_their_mode_and_bones_that_inherit_no_turn_are_right(motion):
    rig, mapping = made_rigs.build_rig(motion, roll=6)
    rig.pose.bones["arm.L"].rotation_mode = "ZXY"
    rig.pose.bones["leg.L"].rotation_mode = "XYZ"
    rig.pose.bones["arm.R"].rotation_mode = "AXIS_ANGLE"
    rig.data.bones["arm.R"].use_inherit_rotation = False
    rig.data.bones["skull"].use_inherit_rotation = False
    retarget(motion, rig, mapping)
    assert [rig.pose.bones[name].rotation_mode for name in ("arm.L", "leg.L", "arm.R")] == ["ZXY", "XYZ", "QUATERNION"]
    worst, _ = made_rigs.measure(rig, mapping, motion)
    assert worst < TINY_DEGREES


def test_what_is_not_mapped_is_left_alone(motion):
    rig, mapping = made_rigs.build_rig(motion, twist=True)
    old = bpy.data.actions.new("Mine")
    rig.animation_data_create().action = old
    limit = rig.pose.bones["skull"].constraints.new("LIMIT_ROTATION")
    rig.pose.bones["lower_arm_twist.L"].rotation_quaternion = (0.8, 0.0, 0.6, 0.0)  # about its own length: the elbow stays
    result = retarget(motion, rig, mapping, name="Walk")
    assert result.action.name == "Walk" and rig.animation_data.action == result.action
    assert old.use_fake_user  # nothing else plays it now, and it must be there when the file is opened again
    assert list(rig.pose.bones["skull"].constraints) == [limit] and any("skull" in note for note in result.notes)
    assert set(result.bones) <= {name for names in mapping.bones.values() for name in names}
    assert not any(name in result.bones for name in ("lower_arm_twist.L", "toes.L"))
    worst, _ = made_rigs.measure(rig, mapping, motion)
    assert worst < TINY_DEGREES


def _uneven(rig):
    rig.scale = (1, 1, 1.2)


def _carried(rig):
    parent = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.keyframe_insert("location", frame=1)
    rig.parent = parent


def _edited(rig):
    bpy.ops.object.mode_set(mode="EDIT")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_uneven, "scaled unevenly (1, 1, 1.2)"), (_carried, "Cart, which carries Rig, is animated"), (_edited, "is in edit mode"),
    ],
)  # fmt: skip
def test_rigs_that_cannot_be_keyed(motion, spoil, words):
    rig, mapping = made_rigs.build_rig(motion)
    spoil(rig)
    bpy.context.view_layer.update()
    with pytest.raises(Failure, match=words.replace("(", r"\(").replace(")", r"\)")) as failure:
        retarget(motion, rig, mapping)
    assert failure.value.code == "bad_input" and not bpy.data.actions.get("Rig")


def test_a_mapping_of_bones_that_are_not_there_or_without_legs(motion):
    rig, mapping = made_rigs.build_rig(motion)
    with pytest.raises(Failure, match="has no bone Kopf, which 'mine' names"):
        retarget(motion, rig, Mapping({**mapping.bones, "head": ("Kopf",)}, "mine"))
    legless = {role: names for role, names in mapping.bones.items() if "thigh" not in role and "shin" not in role}
    with pytest.raises(Failure, match=r"no bone was found for thigh\.L, thigh\.R, shin\.L, shin\.R"):
        retarget(motion, rig, Mapping(legless, "mine"))
