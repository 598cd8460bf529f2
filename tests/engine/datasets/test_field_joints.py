import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22, H36M_17
from engine.datasets.benchmark import Source
from engine.datasets.field_joints import TAKEN
from engine.datasets.registry import load_poses
from tests.engine.datasets.human36m_files import write_human36m
from tests.engine.datasets.pairs import write_pairs
from tests.engine.datasets.test_motion_benchmark import write_motions


def test_the_joints_are_human36ms_in_its_order(tmp_path):
    write_motions(tmp_path / "set.npz")
    own, field = (load_poses(Source("mocap", tmp_path, "detected", skeleton=name), "test") for name in (None, "H36M_17"))
    assert field.skeleton == H36M_17 and own.skeleton == BODY_22 and len(field.clips) == len(own.clips)
    for a, b in zip(own.clips, field.clips, strict=True):
        for joint in ("pelvis", "hip.R", "knee.L", "ankle.R", "spine", "elbow.L", "wrist.R", "head_top"):
            i, j = BODY_22.index(joint), H36M_17.index(joint)
            np.testing.assert_array_equal(b.poses[:, j], a.poses[:, i])
            np.testing.assert_array_equal(b.keypoints[:, j], a.keypoints[:, i])
        assert b.poses.shape == (len(a), 17, 3)


def test_left_stays_left_and_bones_stay_bones():
    """The mirror image of a joint that is taken is the joint taken for the mirror image, and nothing is taken twice."""
    assert len(set(TAKEN)) == 17
    assert [BODY_22.mirror[i] for i in TAKEN] == [TAKEN[i] for i in H36M_17.mirror]
    ancestors = {}
    for i, parent in enumerate(BODY_22.parents):
        ancestors[i] = {i} | (ancestors[parent] if parent >= 0 else set())
    for parent, child in H36M_17.edges:
        assert TAKEN[parent] in ancestors[TAKEN[child]]


def test_confidence_goes_with_its_joint(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    own, field = (load_poses(Source("detections", tmp_path, "detected", skeleton=name), "test").clips[0] for name in (None, "H36M_17"))
    np.testing.assert_array_equal(field.confidence, own.confidence[:, list(TAKEN)])


def test_what_cannot_be_is_said(tmp_path):
    write_human36m(tmp_path)
    assert load_poses(Source("h36m", tmp_path, "gt", skeleton="H36M_17"), "test").skeleton == H36M_17
    with pytest.raises(Failure, match="h36m holds the joints of H36M_17, not those of BODY_22"):
        load_poses(Source("h36m", tmp_path, "gt", skeleton="BODY_22"), "test")
    with pytest.raises(Failure, match="not COCO"):
        load_poses(Source("h36m", tmp_path, "gt", skeleton="COCO"), "test")
