"""A pose in every frame against Blender: the keys that it gives put the bones where it says, for every way of hanging on a parent."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.retarget.pose import Pose
from kinolift_extension.addon.retarget.rig import read_rig

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("inherits", [True, False])
def test_keys_put_a_bone_where_the_pose_says(make_motion, local, inherits):
    thing, mapping = made_rigs.build_rig(make_motion(2), roll=8)
    thing.pose.bones["back0"].rotation_quaternion = (0.9, 0.2, -0.1, 0.3)  # not mapped in what follows: its pose of now stays
    thing.pose.bones["nape"].location = (0.02, 0.0, 0.01)
    thing.data.bones["skull"].use_local_location = local
    thing.data.bones["skull"].use_inherit_rotation = inherits
    bpy.context.view_layer.update()
    rig = read_rig(thing, mapping)
    pose = Pose(rig, 2)
    hips, skull = rig.index("spine"), rig.index("skull")
    generator = np.random.default_rng(5)
    pose.turns[hips], pose.turns[skull] = q.unit(generator.normal(size=(2, 4))), q.unit(generator.normal(size=(2, 4)))
    pose.path[hips], pose.path[skull] = generator.normal(size=(2, 3)), generator.normal(size=(2, 3))
    for frame in range(2):
        for name in ("spine", "skull"):
            thing.pose.bones[name].rotation_quaternion = pose.rotation(rig.index(name))[frame]
            thing.pose.bones[name].location = pose.location(rig.index(name))[frame]
        bpy.context.view_layer.update()
        for name in rig.names:
            bone, index = thing.pose.bones[name], rig.index(name)
            turn = np.array((bone.matrix @ bone.bone.matrix_local.inverted()).to_quaternion())
            assert np.broadcast_to(pose.head(index), (2, 3))[frame] == pytest.approx(np.array(bone.head), abs=1e-5), name
            assert abs(np.broadcast_to(pose.turn(index), (2, 4))[frame] @ turn) == pytest.approx(1, abs=1e-6), name


def test_what_was_worked_out_is_forgotten_when_a_bone_is_given_anew(make_motion):
    thing, mapping = made_rigs.build_rig(make_motion(2))
    rig = read_rig(thing, mapping)
    pose = Pose(rig, 1)
    hips, skull = rig.index("spine"), rig.index("skull")
    before, up = pose.head(skull), np.array([0.0, 0.0, 0.5])
    pose.path[hips] = rig.heads[hips][None] + up
    assert pose.head(skull)[0] == pytest.approx(before + up)
    pose.turns[hips] = np.array([[0.0, 0.0, 0.0, 1.0]])
    turned = pose.head(skull)
    assert turned[0, 1] - pose.path[hips][0, 1] == pytest.approx(-(before - rig.heads[hips])[1])
    pose.turns.pop(hips)
    assert pose.head(skull)[0] == pytest.approx(before + up)
