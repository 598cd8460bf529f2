"""Clips of BODY_22 as the 17 joints of Human3.6M, so that figures on other data count what the field's count."""

from __future__ import annotations

from dataclasses import replace

from contract.failure import Failure
from contract.skeleton import BODY_22, H36M_17
from engine.datasets.benchmark import PoseClips

# What stands for the joints that BODY_22 names otherwise. Human3.6M's thorax lies between the collar bones, where BODY_22 has the base of
# the neck; its nose is on the face, to which the base of the skull, some 10 cm behind it, is the nearest that motion capture holds.
STAND_INS = {"thorax": "neck", "nose": "head"}
TAKEN = tuple(BODY_22.index(STAND_INS.get(joint, joint)) for joint in H36M_17.joints)
NAMES = (BODY_22.name, H36M_17.name)


def with_joints_of(clips: PoseClips, skeleton: str | None) -> PoseClips:
    """The clips in the joints of the skeleton of that name, as they are for None.

    Raises Failure `bad_arguments` for other joints than BODY_22's and H36M_17's, or where the data do not hold the joints.
    """
    if skeleton is None or skeleton == clips.skeleton.name:
        return clips
    if skeleton not in NAMES:
        raise Failure("bad_arguments", f"There are the skeletons {' and '.join(NAMES)}, not {skeleton}.")
    if clips.skeleton != BODY_22:
        raise Failure("bad_arguments", f"The data set {clips.data} holds the joints of {clips.skeleton.name}, not those of {skeleton}.")
    names, taken = ("keypoints", "poses", "kernels", "confidence"), list(TAKEN)
    parts = tuple(replace(c, **{n: getattr(c, n)[:, taken] for n in names if getattr(c, n) is not None}) for c in clips.clips)
    return replace(clips, skeleton=H36M_17, clips=parts)
