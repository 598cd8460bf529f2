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
from contract.reading import DAMAGE, reading, reason, shown
from engine.datasets.joint_names import Array, assemble, check_rate
from engine.datasets.restricted_pickle import load_npz

SMPL = (
    "pelvis", "hip.L", "hip.R", "spine1", "knee.L", "knee.R", "spine2", "ankle.L", "ankle.R", "spine3", "ball.L", "ball.R", "neck",
    "collar.L", "collar.R", "head", "shoulder.L", "shoulder.R", "elbow.L", "elbow.R", "wrist.L", "wrist.R",
)  # fmt: skip
SMPLH_HANDS = {"hand.L": 25, "hand.R": 40}  # the first joint of the middle finger, with the hands' 30 joints
BALL_TO_TOE = 0.06  # metres: SMPL's foot ends at the ball
MODEL = "model.npz"
MOST_JOINTS = 200  # SMPL-X has 55
FARTHEST = 1e6  # metres


def is_amass(names: set[str]) -> bool:
    """Whether an .npz with these entries is one of AMASS's motions (its folders also hold `shape.npz`, which is none)."""
    return "trans" in names and ("poses" in names or "joints" in names)


def read_amass(path: Path) -> tuple[Array, float]:
    """((T,22,3) metres, Z up, BODY_22; frames a second). Raises Failure `bad_input`."""
    content = load_npz(path)
    with reading(path, "motion of AMASS's layout", "get it again"):
        rate = content.get("mocap_framerate", content.get("mocap_frame_rate"))
        if rate is None:
            raise ValueError("it has no mocap_framerate")
        fps = check_rate(float(np.ravel(rate)[0]))
        given = content.get("joints")
        joints = posed(content, _model(path), path) if given is None else numbers(content, "joints")
        if joints.ndim != 3 or not len(SMPL) <= joints.shape[1] <= MOST_JOINTS or joints.shape[2] != 3 or not len(joints):
            raise ValueError(f"it has joints of {joints.shape} instead of (frames, {len(SMPL)} or more, 3)")
        if not (np.abs(joints) < FARTHEST).all():
            raise ValueError("its joints are not at finite places")
        return body_from_smpl(joints), fps


def numbers(content: Mapping[str, Any], name: str) -> Array:
    """The array of that name as numbers; KeyError, or ValueError for one of anything else."""
    array = content[name]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError(f"its {name} holds no numbers")
    return array.astype(np.float64)


def body_from_smpl(joints: Array) -> Array:
    """(T,22 or 52,3) joints of SMPL or SMPL-H to (T,22,3) of BODY_22."""
    found = {name: joints[:, i] for i, name in enumerate(SMPL)}
    for s in "LR":
        foot = found[f"ball.{s}"] - found[f"ankle.{s}"]
        length = np.maximum(np.linalg.norm(foot, axis=-1, keepdims=True), 1e-9)  # a foot of no length has no toes before it
        found[f"toe.{s}"] = found[f"ball.{s}"] + BALL_TO_TOE * foot / length
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
        shape, directions = numbers(model, "v_template"), numbers(model, "shapedirs")
        betas = np.ravel(numbers(content, "betas")) if "betas" in content else np.zeros(1)
        used = min(len(betas), directions.shape[-1])
        shape = shape + directions[..., :used] @ betas[:used]
        rest = numbers(model, "J_regressor") @ shape
        parents = numbers(model, "kintree_table")[0].astype(np.int64)
        poses, trans = numbers(content, "poses"), numbers(content, "trans")
        count = min(len(rest), poses.shape[1] // 3, MOST_JOINTS)
        if rest.shape[1:] != (3,) or trans.shape != (len(poses), 3) or any(not 0 <= parents[j] < j for j in range(1, count)):
            raise ValueError("its joints are out of order")
        turns = Rotation.from_rotvec(poses[:, : 3 * count].reshape(-1, 3)).as_matrix().reshape(len(poses), count, 3, 3)
    except DAMAGE as error:
        raise Failure("bad_input", f"{shown(path)} and the body model beside it do not fit together ({reason(error)}).") from error
    joints, rotations = np.zeros((len(poses), count, 3)), np.zeros((len(poses), count, 3, 3))
    joints[:, 0], rotations[:, 0] = rest[0] + trans, turns[:, 0]
    for j in range(1, count):
        parent = int(parents[j])
        joints[:, j] = joints[:, parent] + rotations[:, parent] @ (rest[j] - rest[parent])
        rotations[:, j] = rotations[:, parent] @ turns[:, j]
    return joints
