"""Constraints as numbers: each kind against Blender's own evaluation, what is not followed is told, circles end."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.retarget.follow import UNKNOWN, read_follows, unknown_above
from kinolift_extension.addon.retarget.pose import Pose
from kinolift_extension.addon.retarget.rig import read_rig

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs


@pytest.fixture
def rig(make_motion):
    """Every bone is posed at random and rolled at random; three bones hang beside them: base <- above <- child."""
    thing, mapping = made_rigs.build_rig(make_motion(2), roll=4, drop=40)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = thing.data.edit_bones
    for name, parent, head in (("base", "back0", (0.3, 0.1, 1.1)), ("above", "base", (0.4, -0.2, 1.2)), ("child", "above", (0.5, 0, 1.0))):
        made = bones.new(name)
        made.head, made.tail, made.roll, made.parent = head, (head[0], head[1] + 0.2, head[2] + 0.1), 0.7, bones[parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    generator = np.random.default_rng(2)
    for bone in thing.pose.bones:
        bone.rotation_quaternion = generator.normal(size=4) * 0.3 + (1, 0, 0, 0)
        bone.location = generator.normal(size=3) * 0.05
    thing.data.bones["above"].use_local_location = False
    bpy.context.view_layer.update()
    return thing, mapping


def constrain(thing, kind, target="lower_arm.L", **settings):
    made = thing.pose.bones["above"].constraints.new(kind)
    if kind == "ARMATURE":
        aim = made.targets.new()
        aim.target, aim.subtarget = thing, target
    else:
        made.target, made.subtarget = thing, target
    for name, value in settings.items():
        setattr(made, name, value)
    bpy.context.view_layer.update()
    return made


LOCAL = {"owner_space": "LOCAL", "target_space": "LOCAL"}
CASES = (
    ("ARMATURE", {}), ("ARMATURE", {"influence": 0.3}), ("COPY_LOCATION", {}), ("COPY_LOCATION", {"head_tail": 0.6, "influence": 0.5}),
    ("COPY_ROTATION", {}), ("COPY_ROTATION", {"influence": 0.25}), ("COPY_TRANSFORMS", {"influence": 0.7}),
    ("COPY_TRANSFORMS", {"head_tail": 1.0}), ("COPY_TRANSFORMS", {**LOCAL, "influence": 0.5}), ("COPY_ROTATION", LOCAL),
    ("COPY_LOCATION", {**LOCAL, "influence": 0.4}),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=str)
def test_every_kind_is_what_blender_makes_of_it(rig, kind, settings):
    thing, mapping = rig
    constrain(thing, kind, **settings)
    constrain(thing, "COPY_ROTATION", "skull", influence=0.2)  # and one more after it
    numbers = read_rig(thing, mapping)
    pose = Pose(numbers, 1)
    # the limb that is followed is turned by keys of ours, to what Blender has now
    for name in ("arm.L", "collar.L"):
        bone = thing.pose.bones[name]
        turn = (bone.matrix @ bone.bone.matrix_local.inverted()).to_quaternion()
        pose.turns[numbers.index(name)] = np.array([turn])
        assert pose.rotation(numbers.index(name))[0] == pytest.approx(np.array(bone.rotation_quaternion.normalized()), abs=1e-5)
    for name in ("above", "child", "lower_arm.L"):
        bone, index = thing.pose.bones[name], numbers.index(name)
        assert np.broadcast_to(pose.head(index), (1, 3))[0] == pytest.approx(np.array(bone.head), abs=2e-5), name
        turn = (bone.matrix @ bone.bone.matrix_local.inverted()).to_quaternion()
        assert abs(np.dot(np.broadcast_to(pose.turn(index), (1, 4))[0], np.array(turn))) == pytest.approx(1, abs=1e-7), name


def test_what_changes_nothing_is_left_out(rig):
    thing, _ = rig
    constrain(thing, "COPY_ROTATION", mute=True)
    constrain(thing, "COPY_LOCATION", influence=0.0)
    constrain(thing, "COPY_SCALE")
    assert read_follows(thing) == {}


@pytest.mark.parametrize(
    ("kind", "settings", "label"),
    [
        ("DAMPED_TRACK", {}, "Damped Track"), ("COPY_LOCATION", {"use_x": False}, "Copy Location"),
        ("COPY_ROTATION", {"mix_mode": "ADD"}, "Copy Rotation"), ("COPY_TRANSFORMS", {"target_space": "LOCAL"}, "Copy Transforms"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_followed_is_told_where_it_matters(rig, kind, settings, label):
    thing, mapping = rig
    constrain(thing, kind, **settings)
    numbers = read_rig(thing, mapping)
    above, child, arm = (numbers.index(name) for name in ("above", "child", "arm.L"))
    assert [follow.kind for follow in numbers.follows[above]] == [UNKNOWN]
    assert unknown_above([child], numbers.parents.tolist(), numbers.follows) == {above: label}
    assert unknown_above([arm], numbers.parents.tolist(), numbers.follows) == {}
    assert unknown_above([child, above], numbers.parents.tolist(), numbers.follows) == {}, "a bone with keys of its own is told otherwise"


def test_a_circle_ends(rig):
    thing, mapping = rig
    constrain(thing, "COPY_ROTATION", "child")
    numbers = read_rig(thing, mapping)
    assert np.isfinite(Pose(numbers, 1).turn(numbers.index("child"))).all()
    assert [follow.label for follows in numbers.follows.values() for follow in follows] == ["circular"]
