"""AMASS's files: `poses` (T,156 or 72, rotation vectors), `trans` (T,3), `betas`, `mocap_framerate`; metres, Z up.

They hold rotations; where the joints are then depends on the body model, which its owners license apart. So the joints come from the file's
own `joints` (T,22 or more,3) in SMPL's order where it has them, else from the body model's `model.npz` (SMPL-H or SMPL, as AMASS names it)
in the file's folder or up to three above; without either there is a clear refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from contract.failure import Failure
from engine.datasets.joint_names import Array, assemble
from engine.datasets.restricted_pickle import load_npz

SMPL = (
    "pelvis", "hip.L", "hip.R", "spine1", "knee.L", "knee.R", "spine2", "ankle.L", "ankle.R", "spine3", "ball.L", "ball.R", "neck",
    "collar.L", "collar.R", "head", "shoulder.L", "shoulder.R", "elbow.L", "elbow.R", "wrist.L", "wrist.R",
)  # fmt: skip
SMPLH_HANDS = {"hand.L": 25, "hand.R": 40}  # the first joint of the middle finger, with the hands' 30 joints
BALL_TO_TOE = 0.06  # metres: SMPL's foot ends at the ball
MODEL = "model.npz"


def is_amass(names: set[str]) -> bool:
    """Whether an .npz with these entries is one of AMASS's motions (its folders also hold `shape.npz`, which is none)."""
    return "trans" in names and ("poses" in names or "joints" in names)


def read_amass(path: Path) -> tuple[Array, float]:
    """((T,22,3) metres, Z up, BODY_22; frames a second). Raises Failure `bad_input`."""
    content = load_npz(path)
    rate = content.get("mocap_framerate", content.get("mocap_frame_rate"))
    if rate is None:
        raise Failure("bad_input", f"{path} has no mocap_framerate; it is no motion of AMASS's layout.")
    given = content.get("joints")
    joints = given.astype(np.float64) if isinstance(given, np.ndarray) else posed(content, _model(path), path)
    if joints.ndim != 3 or joints.shape[1] < len(SMPL) or joints.shape[2] != 3 or not np.isfinite(joints).all():
        raise Failure("bad_input", f"{path}: joints of {joints.shape} instead of (frames, 22 or more, 3) finite numbers.")
    return body_from_smpl(joints), float(np.ravel(rate)[0])


def body_from_smpl(joints: Array) -> Array:
    """(T,22 or 52,3) joints of SMPL or SMPL-H to (T,22,3) of BODY_22."""
    found = {name: joints[:, i] for i, name in enumerate(SMPL)}
    for s in "LR":
        foot = found[f"ball.{s}"] - found[f"ankle.{s}"]
        found[f"toe.{s}"] = found[f"ball.{s}"] + BALL_TO_TOE * foot / np.linalg.norm(foot, axis=-1, keepdims=True)
    if joints.shape[1] >= 52:
        found |= {name: joints[:, i] for name, i in SMPLH_HANDS.items()}
    return assemble(found, [found["spine1"], found["spine2"], found["spine3"]])


def _model(path: Path) -> Mapping[str, Any]:
    for folder in list(path.parents)[:4]:
        if (folder / MODEL).is_file():
            return load_npz(folder / MODEL)
    raise Failure(
        "bad_input", f"{path} holds rotations only: where its joints are depends on the body model. Put the model.npz of SMPL-H (from the "
        "body model's own site) into its folder, or give files with joints (frames, 22, 3).",
    )  # fmt: skip


def posed(content: Mapping[str, Any], model: Mapping[str, Any], path: Path) -> Array:
    """(T,J,3): the body's rest joints for its `betas`, moved by `poses` and `trans` along the model's tree."""
    try:
        shape = np.asarray(model["v_template"], dtype=np.float64)
        betas = np.ravel(content.get("betas", np.zeros(1))).astype(np.float64)
        directions = np.asarray(model["shapedirs"], dtype=np.float64)
        used = min(len(betas), directions.shape[-1])
        shape = shape + directions[..., :used] @ betas[:used]
        rest = np.asarray(model["J_regressor"], dtype=np.float64) @ shape
        parents = np.asarray(model["kintree_table"])[0].astype(np.int64)
        poses, trans = np.asarray(content["poses"], dtype=np.float64), np.asarray(content["trans"], dtype=np.float64)
        count = min(len(rest), poses.shape[1] // 3)
        turns = Rotation.from_rotvec(poses[:, : 3 * count].reshape(-1, 3)).as_matrix().reshape(len(poses), count, 3, 3)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Failure("bad_input", f"{path} and the body model beside it do not fit together ({type(error).__name__}: {error}).") from error
    joints, rotations = np.zeros((len(poses), count, 3)), np.zeros((len(poses), count, 3, 3))
    joints[:, 0], rotations[:, 0] = rest[0] + trans, turns[:, 0]
    for j in range(1, count):
        parent = int(parents[j])
        joints[:, j] = joints[:, parent] + rotations[:, parent] @ (rest[j] - rest[parent])
        rotations[:, j] = rotations[:, parent] @ turns[:, j]
    return joints
