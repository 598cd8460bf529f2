import numpy as np
import pytest

from benchmarks.turns import between, tremble, turns_of, undemanded
from contract.skeleton import ARMATURE_24
from engine.kinematics.forward import quaternions_of
from engine.kinematics.rotations import Pose, fit_pose
from tests.engine.kinematics.people import about, walk


def test_a_walk_turns_as_its_joints_ask():
    w = walk(1.0)
    assert undemanded(w.body, fit_pose(w.body, w.offsets, [slice(0, 30)], 30.0), 30.0).max() < 8


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_flip_of_a_limb_about_itself_is_seen_at_the_rate_it_has(fps):
    w = walk(1.0, fps)
    pose = fit_pose(w.body, w.offsets, [slice(0, len(w.body))], fps)
    arm = ARMATURE_24.index("shoulder.L")
    turned = turns_of(pose)
    flipped = pose.rotations.copy()
    # half a turn about the arm's own line, the X axis of its rest pose, from the middle on
    local = np.swapaxes(turned[:, ARMATURE_24.parents[arm]], 1, 2) @ turned[:, arm]
    local[len(local) // 2 :] = local[len(local) // 2 :] @ about("x", 180.0)
    flipped[:, arm] = quaternions_of(local)
    found = undemanded(w.body, Pose(flipped, pose.root, pose.positions), fps)
    assert found[:, arm].argmax() == len(local) // 2 - 1
    assert found[:, arm].max() == pytest.approx(180 * fps / 30, abs=20 * fps / 30)


def test_angles_and_trembling_have_their_size():
    t = np.radians(np.arange(10) * 7.0)
    assert np.allclose(between(np.stack([np.cos(t), np.sin(t), 0 * t], 1)), 7)
    noise = tremble((300, 22, 3), 0.01, 3.0, 30.0, 0)
    assert noise.std() == pytest.approx(0.01) and not tremble((5, 22, 3), 0.0, 3.0, 30.0, 0).any()
    assert np.diff(noise, axis=0).std() < 0.006
