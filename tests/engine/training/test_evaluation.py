import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.failure import Failure
from contract.skeleton import BODY_22, H36M_17
from engine.datasets.benchmark import PoseClip, PoseClips
from engine.training.evaluation import ACTIONS, PCK_JOINTS, Row, auc, frame_mean, human36m_table, pck, plain_mean, table_of
from engine.training.published import PUBLISHED, peers

# What the spreadsheet in P-STMO's repository holds of its six sequences: frames, PCK, AUC, MPJPE.
SPREADSHEET = (
    ("TS1", 603, 99.680170575692998, 82.818625765183299, 21.861064212169399),
    ("TS2", 540, 96.865079365079396, 73.670848267622503, 35.833573499516703),
    ("TS3", 505, 98.969508752117505, 77.427096045609304, 29.3701784088151),
    ("TS4", 553, 97.849462365591407, 74.113440034355705, 34.567434477637697),
    ("TS5", 276, 96.894409937888199, 72.015461163427503, 36.759233166291402),
    ("TS6", 452, 96.446793002915399, 71.223431769021005, 38.968149595114703),
)
# And of TS1's groups of joints: the PCK of head, neck, shoulders, elbows, wrists, hips, knees, ankles.
TS1_GROUPS = (99.502487562189103, 100, 100, 99.834162520729706, 98.922056384743001, 100, 99.917081260364796, 99.336650082918695)


def clip(subject, action, truth, skeleton=H36M_17, valid=None, camera="c"):
    frames = len(truth)
    mark = np.ones(frames, bool) if valid is None else valid
    return PoseClip(subject, action, camera, 50.0, np.zeros((frames, len(skeleton), 2), np.float32), truth, truth[:, 0], mark, (1000, 1000))


def pose(frames, joints=17, seed=0):
    truth = np.random.default_rng(seed).normal(0, 0.3, (frames, joints, 3))
    return truth - truth[:, :1]


def moved(truth, metres):
    """Every joint but the root, that far along x."""
    other = truth.copy()
    other[:, 1:, 0] += metres
    return other


def h36m(*clips):
    return PoseClips("h36m", "cpn", "test", H36M_17, clips)


def test_protocol_1_counts_the_root_and_averages_the_actions_alike():
    """Walking: 100 frames of 10 mm and 300 of 20 mm; WalkTogether: one frame of 170 mm. 16 of 17 joints err."""
    takes = [("S9", "Walking", 100, 0.010), ("S11", "Walking 1", 300, 0.020), ("S9", "WalkTogether 1", 1, 0.170)]
    clips = [clip(s, a, pose(n, seed=i)) for i, (s, a, n, _) in enumerate(takes)]
    table = human36m_table(h36m(*clips), [moved(c.poses, e) for c, (*_, e) in zip(clips, takes, strict=True)])
    assert [(r.name, r.frames) for r in table.rows] == [("Walking", 400), ("WalkTogether", 1)]
    walking, together = (100 * 10 + 300 * 20) / 400 * 16 / 17, 170 * 16 / 17
    assert table.rows[0].figures["P1 mm"] == pytest.approx(walking) and table.rows[1].figures["P1 mm"] == pytest.approx(together)
    assert table.used == "mean of the actions" and table.result.figures["P1 mm"] == pytest.approx((walking + together) / 2)
    assert "13 of the 15 actions are missing" in table.notes[0]


def test_protocol_2_is_every_poses_own():
    """Two actions in one file: one is off by a similarity, whose error is 0, the other not. A batch's mean would mix them."""
    truth = pose(20)
    turned = 1.2 * Rotation.from_euler("xyz", [0.4, 1.0, 2.0]).apply(truth.reshape(-1, 3)).reshape(truth.shape)
    bent = truth.copy()
    bent[:, 13] += [0.0, 0.1, 0.0]
    clips = h36m(clip("S9", "Eating", truth), clip("S9", "Smoking", truth))
    table = human36m_table(clips, [turned, bent])
    eating, smoking = (r.figures["P2 mm"] for r in table.rows)
    alone = human36m_table(h36m(clip("S9", "Smoking", truth)), [bent]).rows[0].figures["P2 mm"]
    assert eating < 1e-9 and smoking == pytest.approx(alone) and smoking > 3.0
    assert table.result.figures["P2 mm"] == pytest.approx(smoking / 2)
    assert table.rows[0].figures["P1 mm"] > 100.0


def test_actions_come_in_the_fields_order():
    clips = h36m(*(clip("S9", f"{name} 1", pose(2)) for name in ACTIONS[::-1]))
    table = table_of(clips, [c.poses for c in clips.clips])
    assert (
        tuple(r.name for r in table.rows) == ACTIONS
        and not table.notes
        and table.result.figures == {"P1 mm": 0.0, "P2 mm": pytest.approx(0.0)}
    )


def test_the_fourteen_joints():
    assert len(PCK_JOINTS) == 14
    assert {H36M_17.joints[i] for i in range(17)} - {H36M_17.joints[i] for i in PCK_JOINTS} == {"pelvis", "spine", "nose"}


def test_pck_and_auc_are_strict():
    errors = np.zeros((2, 17))
    errors[:] = 150.0
    assert pck(errors) == 0.0
    errors[0] = 149.999
    assert pck(errors) == 50.0
    assert auc(np.zeros((3, 17))) == pytest.approx(100 * 30 / 31)  # at the threshold 0 nothing is nearer
    assert auc(np.full((1, 17), 75.0)) == pytest.approx(100 * 15 / 31)  # 80, 85, .. 150
    errors = np.full((1, 17), 1e4)
    errors[:, PCK_JOINTS[:7]] = 0.0
    errors[:, [0, 7, 9]] = 0.0  # those that are not judged
    assert pck(errors) == 50.0 and auc(errors) == pytest.approx(50 * 30 / 31)


def test_the_sum_over_groups_is_the_mean_over_joints():
    """P-STMO's MATLAB weighs groups of joints by their size: 1, 1 and six times 2."""
    frames = 603
    per_group = [1, 1, 2, 2, 2, 2, 2, 2]
    joints = ["head_top", "thorax", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    errors = np.zeros((frames, 17))
    for name, share, size in zip(joints, TS1_GROUPS, per_group, strict=True):
        places = [i for i, joint in enumerate(H36M_17.joints) if joint.split(".")[0] == name]
        assert len(places) == size
        wrong = round((1 - share / 100) * frames * size)
        block = np.zeros(frames * size)
        block[:wrong] = 999.0
        errors[:, places] = block.reshape(frames, size)
    assert pck(errors) == pytest.approx(SPREADSHEET[0][2], abs=1e-9)


def test_both_averages_of_the_six_sequences_as_published():
    rows = [Row(name, frames, {"PCK %": a, "AUC %": b, "MPJPE mm": c}) for name, frames, a, b, c in SPREADSHEET]
    over_frames, over_sequences = frame_mean("f", rows).figures, plain_mean("s", rows).figures
    assert [round(v, 2) for v in over_frames.values()] == [97.93, 75.75, 32.17]
    assert [round(v, 2) for v in over_sequences.values()] == [97.78, 75.21, 32.89]
    published = next(p for p in PUBLISHED if p.method.startswith("P-STMO")).figures
    assert all(published[c] == pytest.approx(over_frames[c], abs=0.06) for c in published)


def test_3dhp_judges_the_valid_frames_and_names_its_average():
    truths = [pose(10, seed=i) for i in range(2)]
    valid = np.arange(10) < 4
    clips = PoseClips("mpi_inf_3dhp", "gt", "test", H36M_17, (clip("TS1", "TS1", truths[0], valid=valid), clip("TS2", "TS2", truths[1])))
    wild = moved(truths[0], 0.032)
    wild[4:] += 9.0 * np.arange(17)[:, None]
    table = table_of(clips, [wild, moved(truths[1], 0.100)])
    assert [r.frames for r in table.rows] == [4, 10]
    assert table.rows[0].figures == {"PCK %": 100.0, "AUC %": pytest.approx(100 * 24 / 31), "MPJPE mm": pytest.approx(32 * 16 / 17)}
    assert table.used == "mean of the frames"
    assert table.result.figures["MPJPE mm"] == pytest.approx((4 * 32 + 10 * 100) / 14 * 16 / 17)
    assert table.averages[1].name == "mean of the sequences" and table.averages[1].figures["MPJPE mm"] == pytest.approx(66 * 16 / 17)


def test_other_skeletons_by_subject():
    truth = pose(5, 22)
    clips = PoseClips("mocap", "detected", "test", BODY_22, (clip("b", "walk", truth, BODY_22), clip("a", "walk", truth, BODY_22)))
    table = table_of(clips, [moved(truth, 0.022), truth])
    assert [(r.name, round(r.figures["P1 mm"], 6)) for r in table.rows] == [("a", 0.0), ("b", 21.0)]


def test_poses_that_do_not_fit_are_refused():
    clips = h36m(clip("S9", "Eating", pose(4)))
    broken = pose(4)
    broken[2] = np.nan
    for poses, said in (([], "0 clips"), ([pose(3)], r"\(3, 17, 3\) instead of \(4, 17, 3\)"), ([broken], "NaN")):
        with pytest.raises(Failure, match=said):
            table_of(clips, poses)


def test_peers_are_of_the_same_kind():
    assert {p.keypoints for p in peers("h36m", "cpn_gmm")} == {"cpn"} and peers("h36m", "cpn")[0].figures == {"P1 mm": 49.4, "P2 mm": 39.05}
    assert not peers("h36m", "/my/detections.npz") and not peers("mocap", "gt")
    assert all(p.source and p.figures for p in PUBLISHED)
