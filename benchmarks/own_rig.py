"""How right a motion is on the very rig that made it: the same proportions, the truth known for every joint.

    python benchmarks/own_rig.py HUMAN.glb... --mocap FILE.npz [--clips 0 5] [--frames 150] [--feet auto]

A human (a .glb with the CMU names of bones, see docs/data.md) is driven by clips of motion capture, as when training clips are
rendered. Its bones' turns give a motion in the joints of the motion file, exact for the limbs; that is put on the human's own
armature and read from Blender at every frame. Printed: the worst angle of a limb to the true one, the farthest that a planted ankle is
from the true one, the largest turn of a bone between two frames beside the motion's own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

import kinolift  # noqa: E402
from benchmarks.rigs import finish, judge, load  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.datasets.drive_human import Drive, drive  # noqa: E402
from engine.datasets.human import Human, joints, read_human  # noqa: E402
from engine.datasets.mocap import MocapClip, load_mocap_file  # noqa: E402
from engine.kinematics.contacts import find_contacts  # noqa: E402
from engine.kinematics.forward import continuous, forward, quaternions_of  # noqa: E402
from engine.kinematics.turns import swing  # noqa: E402

Array = npt.NDArray[np.float64]

# joint of ARMATURE_24 -> the bone that turns as it does
_BONES = {"pelvis": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head"}
# where a limb points in the T pose, by the joint at its start; left side
_T_POSE = {
    "shoulder": (1.0, 0.0, 0.0),
    "elbow": (1.0, 0.0, 0.0),
    "wrist": (1.0, 0.0, 0.0),
    "hip": (0.0, 0.0, -1.0),
    "knee": (0.0, 0.0, -1.0),
}
for _side, _letter in (("Left", "L"), ("Right", "R")):
    for _joint, _bone in (("clavicle", "Shoulder"), ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"), ("hip", "UpLeg"),
                          ("knee", "Leg"), ("ankle", "Foot")):  # fmt: skip
        _BONES[f"{_joint}.{_letter}"] = f"{_side}{_bone}"


def own_motion(human: Human, clip: MocapClip, frames: int) -> Motion:
    """The human driven by the clip as a motion of its own proportions; the limbs are where the human's are, to rounding."""
    pose = drive({name: clip.positions[:frames, i].astype(float) for i, name in enumerate(BODY_22.joints)}, human.rest)
    count = len(pose.root)
    still = Drive({name: np.eye(3)[None] for name in human.rest.head}, human.rest.head["Hips"][None])
    at_rest = dict(zip(BODY_22.joints, joints(human, still)[0], strict=True))
    at_rest |= {f"clavicle.{side[0]}": human.rest.head[f"{side}Shoulder"] for side in ("Left", "Right")}
    offsets, turns = np.zeros((len(ARMATURE_24), 3)), np.tile(np.eye(3), (count, len(ARMATURE_24), 1, 1))
    to_t_pose = [np.eye(3) for _ in ARMATURE_24.joints]
    for joint, name in enumerate(ARMATURE_24.joints):
        parent = ARMATURE_24.parents[joint]
        if parent >= 0:
            offsets[joint] = to_t_pose[parent] @ (at_rest[name] - at_rest[ARMATURE_24.joints[parent]])
        if name not in _BONES:
            turns[:, joint] = turns[:, parent]
            continue
        part, _, side = name.partition(".")
        if part in _T_POSE:
            end = at_rest[ARMATURE_24.joints[ARMATURE_24.parents.index(joint)]]
            wanted = np.array(_T_POSE[part]) * ([-1.0, 1.0, 1.0] if side == "R" else [1.0, 1.0, 1.0])
            to_t_pose[joint] = swing((end - at_rest[name])[None], wanted[None])[0]
        turns[:, joint] = pose.rotation[_BONES[name]] @ to_t_pose[joint].T
    local = turns.copy()
    for joint, parent in enumerate(ARMATURE_24.parents):
        if parent >= 0:
            local[:, joint] = np.swapaxes(turns[:, parent], -1, -2) @ turns[:, joint]
    rotations = continuous(quaternions_of(local))
    root = joints(human, pose)[:, BODY_22.index("pelvis")]
    positions, _ = forward(ARMATURE_24.parents, offsets, rotations, root)
    ends = [[ARMATURE_24.index(f"{part}.{side}") for side in "LR"] for part in ("ankle", "toe")]
    ankle, toe = float(human.rest.head["LeftFoot"][2]), float(human.rest.tail["LeftToeBase"][2])
    contacts = find_contacts(positions[:, ends[0]], positions[:, ends[1]], ankle, toe, [slice(0, count)], clip.fps)
    empty = np.zeros((count, len(ARMATURE_24)), np.float32)
    return Motion(
        joint_names=np.array(ARMATURE_24.joints), parents=np.array(ARMATURE_24.parents), fps=clip.fps, times=np.arange(count) / clip.fps,
        positions_camera=positions.astype(np.float32), positions_world=positions.astype(np.float32),
        rest_offsets=offsets.astype(np.float32), rotations=rotations.astype(np.float32), root_translation=root.astype(np.float32),
        image_points=np.stack([empty, empty], axis=-1), confidence=empty + 1, spread=empty, contacts=contacts, camera_matrix=np.eye(3),
        camera_to_world=np.eye(4), image_size=np.array([640, 480]), detected=np.ones(count, bool), provenance={"source": clip.name},
    )  # fmt: skip


def main() -> None:
    """Prints the table and ends with the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("humans", nargs="+", type=Path)
    parser.add_argument("--mocap", nargs="+", type=Path, required=True, help="files of motion capture (.npz)")
    parser.add_argument("--clips", nargs="+", type=int, default=[0], help="which clips of each file (default 0)")
    parser.add_argument("--frames", type=int, default=150, help="at most so many of each (default %(default)s)")
    read = parser.parse_args()
    kinolift.load_extension()
    table = Table("rig", "clip", "frames", "limbs, free", "limbs, feet held", "planted ankle", "turn a frame / the motion's")
    code = ExitCode.DONE
    try:
        clips = [every[k] for path in read.mocap for every in [load_mocap_file(path)] for k in read.clips if k < len(every)]
        for path in read.humans:
            human = read_human(path)
            for clip in clips:
                motion = own_motion(human, clip, read.frames)
                f = judge(motion, load(str(path)), own=True)
                table.add_row(path.name, clip.name, str(len(motion)), f"{f.free:.3f} deg", f"{f.held:.3f} deg", *f.last_cells())
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        code = failure.exit_code
    finish(table, code)


if __name__ == "__main__":
    main()
