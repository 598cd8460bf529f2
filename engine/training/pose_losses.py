"""What trainings of lifter and refiner ask of poses beside the places of their joints: the bones' lengths and directions, and flexion."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from contract.skeleton import BODY_22

# The judged limb joints weigh most; spine and head follow from them.
JOINT_WEIGHT: Final = tuple(0.5 if j in ("pelvis", "spine", "chest", "head", "head_top") else 1.0 for j in BODY_22.joints)
HINGES: Final = tuple(
    tuple(BODY_22.index(f"{joint}.{side}") for joint in chain)
    for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
    for side in "LR"
)  # knees, then elbows
SHORTEST: Final = 1e-4  # of a bone whose direction is asked for, in the pose's own unit


def flexion(pose: Tensor) -> Tensor:
    """(...,22,3) -> (...,4) radians by which knees (left, right) and elbows are bent; 0 is straight."""
    first, middle, last = (pose[..., [h[k] for h in HINGES], :] for k in range(3))
    before, after = middle - first, last - middle
    across = torch.linalg.cross(before, after).square().sum(-1).add(1e-10).sqrt()
    return torch.atan2(across, (before * after).sum(-1))


def bone_errors(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Of poses (...,22,3): the mean error of the bones' lengths, in the poses' unit, and of their directions, the distance of unit
    vectors."""
    parent, child = (list(side) for side in zip(*BODY_22.edges, strict=True))
    bones = [x[..., child, :] - x[..., parent, :] for x in (predicted, truth)]
    lengths = [b.norm(dim=-1).clamp_min(SHORTEST) for b in bones]
    way = (bones[0] / lengths[0][..., None] - bones[1] / lengths[1][..., None]).norm(dim=-1).mean()
    return (lengths[0] - lengths[1]).abs().mean(), way
