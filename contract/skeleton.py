"""Skeletons: names, parents and mirror pairs of the joints, root first and every parent before its children."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """A tree of named joints. `parents[i]` is the index of joint i's parent, -1 for the root (index 0)."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(f"{self.name}: {len(self.joints)} joints but {len(self.parents)} parents")
        if self.parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(self.parents) if i):
            raise ValueError(f"{self.name}: the root comes first and every parent before its children")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Index of the joint of that name; ValueError where there is none."""
        return self.joints.index(joint)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every bone, in the order of the children."""
        return tuple((p, i) for i, p in enumerate(self.parents) if p >= 0)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the index of its left-right counterpart, itself where it has none."""
        return tuple(self.joints.index(_other_side(name)) for name in self.joints)


def _other_side(name: str) -> str:
    if name.endswith(".L"):
        return name[:-1] + "R"
    if name.endswith(".R"):
        return name[:-1] + "L"
    return name


# The 22 joints of the training data and of the motion before rotations are fitted.
BODY_22 = Skeleton(
    "BODY_22",
    (
        "pelvis", "spine", "chest", "neck", "head", "head_top",
        "shoulder.L", "elbow.L", "wrist.L", "hand.L",
        "shoulder.R", "elbow.R", "wrist.R", "hand.R",
        "hip.L", "knee.L", "ankle.L", "toe.L",
        "hip.R", "knee.R", "ankle.R", "toe.R",
    ),
    (-1, 0, 1, 2, 3, 4, 3, 6, 7, 8, 3, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20),
)  # fmt: skip

# BODY_22 with collar bones: the joints of the armature and of the motion file. The clavicle starts at the chest's end
# so that a shoulder can be raised without stretching a bone.
ARMATURE_24 = Skeleton(
    "ARMATURE_24",
    (
        "pelvis", "spine", "chest", "neck", "head", "head_top",
        "clavicle.L", "shoulder.L", "elbow.L", "wrist.L", "hand.L",
        "clavicle.R", "shoulder.R", "elbow.R", "wrist.R", "hand.R",
        "hip.L", "knee.L", "ankle.L", "toe.L",
        "hip.R", "knee.R", "ankle.R", "toe.R",
    ),
    (-1, 0, 1, 2, 3, 4, 2, 6, 7, 8, 9, 2, 11, 12, 13, 14, 0, 16, 17, 18, 0, 20, 21, 22),
)  # fmt: skip

# Human3.6M's 17 joints in the order of VideoPose3D and of the paper's code; the root is the middle of the hips.
H36M_17 = Skeleton(
    "H36M_17",
    (
        "pelvis", "hip.R", "knee.R", "ankle.R", "hip.L", "knee.L", "ankle.L", "spine", "thorax", "nose", "head_top",
        "shoulder.L", "elbow.L", "wrist.L", "shoulder.R", "elbow.R", "wrist.R",
    ),
    (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)  # fmt: skip

SKELETONS = {skeleton.name: skeleton for skeleton in (BODY_22, ARMATURE_24, H36M_17)}
