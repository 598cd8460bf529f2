"""Other readings of a limb: the same picture, other depths, for a stretch of a motion. No frame is read otherwise by itself.

In the motion file they are three arrays, A alternatives with R frames altogether, in the order of the limbs and their frames:

    alternative_limbs      (A,) str          one of LIMBS
    alternative_frames     (A,2) int         its first frame and the one behind its last, counted in the motion's frames
    alternative_rotations  (R,3,4) float32   wxyz: what `rotations` would be there, of the limb's three joints; one alternative's frames
                                             after those of the one before. At both ends they are the motion's own, or nearly so
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .motion_file import Motion
    from .npz import Header

# The joints of each limb whose rotations an alternative changes, from the trunk outwards.
LIMBS: Final = {
    f"{limb}.{side}": tuple(f"{joint}.{side}" for joint in joints)
    for limb, joints in (("arm", ("shoulder", "elbow", "wrist")), ("leg", ("hip", "knee", "ankle")))
    for side in "LR"
}
# Their shapes; T and J are the motion's frames and joints.
SHAPES: Final[dict[str, tuple[str | int, ...]]] = {
    "alternative_limbs": ("A",), "alternative_frames": ("A", 2), "alternative_rotations": ("R", 3, 4),
}  # fmt: skip
KINDS: Final = {"alternative_limbs": "U", "alternative_frames": "iu"}


@dataclass(frozen=True)
class Alternative:
    """`limb`, one of LIMBS; `frames` of the motion; `rotations` (F,3,4) wxyz of the limb's joints in them, relative to their parents."""

    limb: str
    frames: slice
    rotations: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.frames.stop - self.frames.start)


def alternatives_of(motion: Motion) -> list[Alternative]:
    """Those that the motion has, in its order."""
    if motion.alternative_limbs is None or motion.alternative_frames is None or motion.alternative_rotations is None:
        return []
    found, at = [], 0
    for limb, (first, end) in zip(motion.alternative_limbs.tolist(), motion.alternative_frames.tolist(), strict=True):
        found.append(Alternative(str(limb), slice(first, end), motion.alternative_rotations[at : at + end - first]))
        at += end - first
    return found


def columns_of(alternatives: Sequence[Alternative]) -> dict[str, Any]:
    """The fields of a Motion that has these alternatives; None each where there are none."""
    if not alternatives:
        return dict.fromkeys(SHAPES)
    return {
        "alternative_limbs": np.array([one.limb for one in alternatives]),
        "alternative_frames": np.array([[one.frames.start, one.frames.stop] for one in alternatives], np.int64),
        "alternative_rotations": np.concatenate([one.rotations for one in alternatives]).astype(np.float32),
    }


def sizes_of(arrays: Mapping[str, npt.NDArray[Any] | Header]) -> dict[str, int]:
    """The sizes A and R of SHAPES; {} where there are no alternatives. Raises ValueError for a part of the three arrays."""
    if not (there := [name for name in SHAPES if name in arrays]):
        return {}
    if len(there) < len(SHAPES):
        raise ValueError(f"it has {there[0]} and not all that belongs to it")
    shapes = [arrays[name].shape for name in ("alternative_limbs", "alternative_rotations")]
    return {size: shape[0] if shape else 0 for size, shape in zip("AR", shapes, strict=True)}


def check(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """ValueError for alternatives (arrays of SHAPES) of limbs or frames that the motion has not; none are right."""
    if "alternative_limbs" not in arrays:
        return
    _check_limbs(arrays["alternative_limbs"].tolist(), arrays["joint_names"].tolist())
    frames = arrays["alternative_frames"]
    if len(frames) and (frames.min() < 0 or frames.max() > len(arrays["times"]) or (frames[:, 1] <= frames[:, 0]).any()):
        raise ValueError("its alternatives lie in frames that it has not")
    if int((frames[:, 1] - frames[:, 0]).sum()) != len(arrays["alternative_rotations"]):
        raise ValueError("its alternatives have more or fewer frames than rotations")


def _check_limbs(limbs: Iterable[str], joints: Sequence[str]) -> None:
    for limb in limbs:
        if limb not in LIMBS or any(joint not in joints for joint in LIMBS[limb]):
            raise ValueError(f"it has alternatives of {limb!r}, which it has not")
