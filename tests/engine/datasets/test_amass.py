"""AMASS's layout with a made-up body model of two vertices a joint, posed once more by composing scipy's rotations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.amass import SMPL, read_amass
from engine.datasets.motions import load_motions

PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
REST = np.array([
    [0, 0, 0], [0.07, -0.09, 0], [-0.07, -0.09, 0], [0, 0.11, -0.03], [0.1, -0.47, 0], [-0.1, -0.47, 0], [0, 0.25, -0.01],
    [0.09, -0.87, -0.04], [-0.09, -0.87, -0.04], [0, 0.3, 0.01], [0.12, -0.93, 0.08], [-0.12, -0.93, 0.08], [0, 0.51, -0.03],
    [0.08, 0.42, -0.02], [-0.08, 0.42, -0.02], [0, 0.6, 0.01], [0.19, 0.44, -0.04], [-0.19, 0.44, -0.04], [0.45, 0.43, -0.06],
    [-0.45, 0.43, -0.06], [0.7, 0.44, -0.06], [-0.7, 0.44, -0.06],
])  # fmt: skip
TALLER = np.array([0.0, 0.1, 0.0])  # what the first shape parameter does, a share of each joint's height
FRAMES = 9


def model():
    """Joint j is the middle of the vertices 2j and 2j+1."""
    vertices = np.repeat(REST, 2, axis=0) + np.tile([[0.01, 0, 0], [-0.01, 0, 0]], (len(REST), 1))
    regressor = np.zeros((22, 44))
    for j in range(22):
        regressor[j, [2 * j, 2 * j + 1]] = 0.5
    shapes = np.stack([vertices * TALLER, np.zeros_like(vertices)], -1)
    return {"v_template": vertices, "J_regressor": regressor, "shapedirs": shapes, "kintree_table": np.array([PARENTS, range(22)])}


def motion(beta=0.0):
    rng = np.random.default_rng(0)
    poses = np.sin(np.linspace(0, 1, FRAMES))[:, None] * rng.uniform(-0.4, 0.4, 66)
    poses[:, :3] = Rotation.from_euler("x", 90, degrees=True).as_rotvec()  # AMASS is Z up, SMPL's rest pose Y up
    trans = np.linspace([0, 0, 1.0], [0.2, 0.3, 1.0], FRAMES)
    return {
        "poses": poses,
        "trans": trans,
        "betas": np.array([beta, 0.0]),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(60.0),
    }


def posed(content, rest):
    places, turns = [], []
    for j, parent in enumerate(PARENTS):
        own = Rotation.from_rotvec(content["poses"][:, 3 * j : 3 * j + 3])
        if parent < 0:
            places.append(content["trans"] + rest[0])
            turns.append(own)
        else:
            places.append(places[parent] + turns[parent].apply(np.tile(rest[j] - rest[parent], (FRAMES, 1))))
            turns.append(turns[parent] * own)
    return np.stack(places, 1)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_rotations_with_the_body_model_beside(tmp_path, beta):
    folder = tmp_path / "CMU" / "07"
    folder.mkdir(parents=True)
    content = motion(beta)
    np.savez(folder / "07_01_poses.npz", **content)
    np.savez(folder / "shape.npz", betas=content["betas"], gender=content["gender"])
    np.savez(tmp_path / "model.npz", **model())
    joints = posed(content, REST * (1 + beta * TALLER))
    body, fps = read_amass(folder / "07_01_poses.npz")
    assert fps == 60.0
    for name in ("hip.L", "knee.R", "ankle.L", "shoulder.R", "elbow.L", "wrist.R", "neck", "head"):
        np.testing.assert_allclose(body[:, BODY_22.index(name)], joints[:, SMPL.index(name)], atol=1e-9)
    toe, ball, ankle = body[:, BODY_22.index("toe.L")], joints[:, SMPL.index("ball.L")], joints[:, SMPL.index("ankle.L")]
    np.testing.assert_allclose(np.linalg.norm(toe - ankle, axis=-1), np.linalg.norm(ball - ankle, axis=-1) + 0.06, atol=1e-9)
    (clip,) = load_motions(tmp_path)
    assert clip.subject == "CMU/07" and clip.fps == 30.0 and len(clip.positions) == 5
    assert clip.positions[0, BODY_22.index("head"), 2] > 1.2 and abs(clip.positions[..., 2].min()) < 0.05


def test_joints_need_no_body_model(tmp_path):
    joints = posed(motion(), REST)
    np.savez(tmp_path / "walk.npz", joints=joints, trans=joints[:, 0], mocap_frame_rate=np.array(120.0))
    body, fps = read_amass(tmp_path / "walk.npz")
    assert fps == 120.0 and np.allclose(body[:, BODY_22.index("knee.L")], joints[:, SMPL.index("knee.L")])


def test_what_cannot_be_had_is_said(tmp_path):
    path = tmp_path / "a" / "b" / "c" / "d" / "e" / "walk.npz"  # far from any model.npz that might lie about
    path.parent.mkdir(parents=True)
    np.savez(path, **motion())
    with pytest.raises(Failure, match=r"holds rotations only.*model\.npz"):
        read_amass(path)
    np.savez(path.parent / "model.npz", v_template=np.zeros((4, 3)))
    with pytest.raises(Failure, match="do not fit together"):
        read_amass(path)
    np.savez(path, joints=np.zeros((4, 10, 3)), trans=np.zeros((4, 3)), mocap_framerate=np.array(60.0))
    with pytest.raises(Failure, match=r"\(4, 10, 3\) instead of"):
        read_amass(path)
    np.savez(path, joints=np.zeros((4, 22, 3)), trans=np.zeros((4, 3)))
    with pytest.raises(Failure, match="mocap_framerate"):
        read_amass(path)
