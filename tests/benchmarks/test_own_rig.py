"""The demand on rightness where the truth is known: a motion on the very rig that made it."""

import numpy as np
import pytest

from contract.skeleton import BODY_22


@pytest.fixture(scope="module")
def human_and_clip(shared):
    from engine.datasets.human import read_human
    from engine.datasets.mocap import load_mocap_file

    human, mocap = shared / "data" / "humans" / "adult_f.glb", shared / "data" / "mocap" / "cmu_actions.npz"
    if not (human.is_file() and mocap.is_file()):
        pytest.skip("the human and the motion capture are not in shared/data")
    return human, read_human(human), load_mocap_file(mocap)[20]


def test_the_motion_has_the_human_s_own_joints(human_and_clip):
    from benchmarks.own_rig import own_motion
    from engine.datasets.drive_human import drive
    from engine.datasets.human import joints

    _, human, clip = human_and_clip
    motion = own_motion(human, clip, 40)
    true = joints(human, drive({name: clip.positions[:40, i].astype(float) for i, name in enumerate(BODY_22.joints)}, human.rest))

    def place(name):
        return motion.positions_world[:, motion.joint(name)] - true[:, BODY_22.index(name)]

    for side in "LR":
        for joint in ("hip", "knee", "ankle"):
            assert np.abs(place(f"{joint}.{side}")).max() < 1e-5
        for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")):
            assert np.abs(place(f"{end}.{side}") - place(f"{start}.{side}")).max() < 1e-5
    arm = motion.rest_offsets[[motion.joint("elbow.L"), motion.joint("elbow.R")]]
    assert arm / np.linalg.norm(arm, axis=1, keepdims=True) == pytest.approx(np.array([[1, 0, 0], [-1, 0, 0]]), abs=1e-6)


def test_limbs_within_two_degrees_and_planted_ankles_within_a_centimetre(extension, human_and_clip):
    """In this clip the median of the standing toes' heights is 4 cm off: the person runs and stands on heels."""
    from benchmarks.own_rig import own_motion
    from benchmarks.rigs import judge, load

    path, human, clip = human_and_clip
    figures = judge(own_motion(human, clip, 90), load(str(path)), own=True)
    assert figures.legs == pytest.approx(1.0, abs=1e-3)
    assert figures.free < 0.1 and figures.held < 2.0 and figures.planted < 10.0
    assert figures.turn < figures.own_turn + 5.0
