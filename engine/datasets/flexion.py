"""How far knees and elbows are bent, and motions in which they are bent less or more while the feet stay where they are."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22

Array = npt.NDArray[np.float64]

STRAIGHT: Final = (0.12, 0.35)  # sine of a knee's or elbow's bend: below, its plane is noise; above, it is trusted whole
ON_GROUND: Final = 0.03  # metres: a foot so high above where it stands still carries some of the body
SOFT: Final = 0.05  # radians: of two legs the straighter decides how high the pelvis is, and below this both do alike
HIGHEST_RAISE: Final = 0.25  # of a leg's length
LONGEST: Final = 0.9997  # of a leg's length: two bones reach no further
SMOOTH: Final = 1.5  # frames


def angle_between(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Array:
    """(...,) radians between vectors (...,3)."""
    return np.asarray(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)), dtype=np.float64)


def limb_flexion(positions: npt.NDArray[np.floating], limb: str, side: str) -> Array:
    """(...,) radians by which the "knee" or "elbow" of the side "L" or "R" is bent in positions (...,22,3)."""
    names = {"knee": ("hip", "knee", "ankle"), "elbow": ("shoulder", "elbow", "wrist")}[limb]
    a, b, c = (positions[..., BODY_22.index(f"{name}.{side}"), :] for name in names)
    return angle_between(b - a, c - b)


def reach(thigh: npt.ArrayLike, shin: npt.ArrayLike, bent: npt.ArrayLike) -> Array:
    """Metres from hip to ankle of a leg whose knee is bent by so many radians."""
    thigh, shin = np.asarray(thigh, dtype=np.float64), np.asarray(shin, dtype=np.float64)
    return np.asarray(np.sqrt(thigh**2 + shin**2 + 2 * thigh * shin * np.cos(bent)))


def raise_to(hips: Array, ankles: Array, wanted: Array, bent: Array, clear: Array) -> Array:
    """(T,) metres, smooth, by which hips (T,2,3) have to rise for the legs that stand to reach from ankles (T,2,3) as far as
    wanted (T,2).

    bent (T,2): radians that each knee is to be bent then: of two standing legs the straighter decides, where a millimetre counts most.
    clear (T,2): metres that each foot is above where it stands. Where neither stands, what was before and after is carried on.
    """
    across = ((ankles - hips)[..., :2] ** 2).sum(-1)
    up = ankles[..., 2] + np.sqrt(np.maximum(wanted**2 - across, 0.0)) - hips[..., 2]
    weight = np.exp(-((clear / ON_GROUND) ** 2)) / (bent**2 + SOFT**2) * (wanted**2 > across)
    total = gaussian_filter1d(weight.sum(1), SMOOTH, mode="nearest")
    raised = gaussian_filter1d((weight * up).sum(1), SMOOTH, mode="nearest") / (total + 0.05)
    return np.asarray(np.clip(raised, -HIGHEST_RAISE * wanted.max(), HIGHEST_RAISE * wanted.max()))


def scale_flexion(motion: Array, knees: Array, elbows: Array, least: tuple[float, float] = (0.0, 0.0)) -> Array:
    """`motion` (T,22,3) metres, Z up, with knees and elbows bent by so many times what they were: (T,2), the left first.

    least: radians by which a knee and an elbow stay bent that were straight; of bent ones it is next to nothing.
    The pelvis rises or sinks for it and carries the upper body; ankles and toes stay where they are, unless a leg would have to be
    longer than it is. Bones keep their lengths.
    """
    result = np.array(motion, dtype=np.float64)
    _scale_elbows(result, elbows, least[1])
    before = np.stack([limb_flexion(motion, "knee", s) for s in "LR"], axis=1)
    return raise_legs(result, motion, np.minimum(np.hypot(before * knees, least[0]), np.radians(155)))


def raise_legs(moved: Array, motion: Array, bent: Array | None = None) -> Array:
    """(T,22,3): `moved`, whose pelvis and upper body are elsewhere than those of `motion`, both (T,22,3) metres, Z up, raised or lowered
    so that the knees of standing legs are bent by `bent` (T,2) radians; without it by as much as those of `motion`. Ankles and toes stay
    where `motion` has them, unless a leg would have to be longer than it is."""
    result, index = np.array(moved), BODY_22.index
    hips, knee, ankles = (np.stack([motion[:, index(f"{name}.{s}")] for s in "LR"], axis=1) for name in ("hip", "knee", "ankle"))
    now = np.stack([moved[:, index(f"hip.{s}")] for s in "LR"], axis=1)
    thigh, shin = (np.median(np.linalg.norm(a - b, axis=-1), axis=0) for a, b in ((knee, hips), (ankles, knee)))
    before = np.stack([limb_flexion(motion, "knee", s) for s in "LR"], axis=1)
    bent = before if bent is None else bent
    raised = raise_to(now, ankles, reach(thigh, shin, bent), bent, clearance(motion)) - raise_to(
        hips, ankles, np.linalg.norm(ankles - hips, axis=-1), before, clearance(motion)
    )
    # no standing leg is longer than it can be
    across = ((ankles - now)[..., :2] ** 2).sum(-1)
    high = np.sqrt(np.maximum((LONGEST * (thigh + shin)) ** 2 - across, 0.0)) + (ankles - now)[..., 2]
    standing = clearance(motion) < ON_GROUND
    raised = np.minimum(raised, np.where(standing, np.maximum(high, 0.0), np.inf).min(1))
    lift = raised[:, None, None] * [0.0, 0.0, 1.0]
    legs = [index(f"{name}.{s}") for name in ("knee", "ankle", "toe") for s in "LR"]
    others = [j for j in range(len(BODY_22.joints)) if j not in legs]
    result[:, others] += lift
    for k, side in enumerate("LR"):
        _solve(result, motion, side, float(thigh[k]), float(shin[k]))
    return result


def clearance(motion: npt.NDArray[np.floating]) -> Array:
    """(T,2) metres that the feet of motion (T,22,3) are above where they stand: their lowest tenth."""
    heights = []
    for side in "LR":
        ankle, toe = (motion[:, BODY_22.index(f"{name}.{side}"), 2] for name in ("ankle", "toe"))
        heights.append(np.minimum(ankle - np.percentile(ankle, 10), toe - np.percentile(toe, 10)))
    return np.maximum(0.0, np.stack(heights, axis=1)).astype(np.float64)


def _scale_elbows(motion: Array, elbows: Array, least: float) -> None:
    for k, side in enumerate("LR"):
        shoulder, elbow, wrist, hand = (BODY_22.index(f"{name}.{side}") for name in ("shoulder", "elbow", "wrist", "hand"))
        upper, fore = motion[:, elbow] - motion[:, shoulder], motion[:, wrist] - motion[:, elbow]
        bent = angle_between(upper, fore)
        axis = np.cross(upper, fore)
        axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
        change = np.minimum(np.hypot(bent * elbows[:, k], least), np.radians(150)) - bent
        turn = Rotation.from_rotvec(axis * change[:, None]).as_matrix()
        for joint in (wrist, hand):
            motion[:, joint] = motion[:, elbow] + (turn @ (motion[:, joint] - motion[:, elbow])[..., None])[..., 0]


def _solve(result: Array, motion: Array, side: str, thigh: float, shin: float) -> None:
    """Puts the knee of `result` between its hip and ankle, in the plane it had in `motion`."""
    hip, knee, ankle, toe = (BODY_22.index(f"{name}.{side}") for name in ("hip", "knee", "ankle", "toe"))
    left = motion[:, BODY_22.index("hip.L")] - motion[:, BODY_22.index("hip.R")]
    normal = np.cross(motion[:, knee] - motion[:, hip], motion[:, ankle] - motion[:, knee])
    sine = np.linalg.norm(normal, axis=-1, keepdims=True) / (thigh * shin)
    known = np.clip((sine - STRAIGHT[0]) / (STRAIGHT[1] - STRAIGHT[0]), 0, 1)
    known[limb_flexion(motion, "knee", side) > np.pi / 2] = 1.0
    hinge = known * normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9) + (1 - known) * _unit(left)
    along = result[:, ankle] - result[:, hip]
    distance = np.linalg.norm(along, axis=-1)
    far = np.clip(distance, abs(thigh - shin) + 1e-4, LONGEST * (thigh + shin))
    along = along / np.maximum(distance, 1e-9)[:, None]
    short = (far - distance)[:, None] * along  # a foot that the leg cannot reach comes along
    result[:, [ankle, toe]] += short[:, None]
    hinge = _unit(hinge - (hinge * along).sum(-1, keepdims=True) * along)
    down = (thigh**2 - shin**2 + far**2) / (2 * far)
    out = np.sqrt(np.maximum(thigh**2 - down**2, 0.0))
    result[:, knee] = result[:, hip] + down[:, None] * along + out[:, None] * np.cross(along, hinge)


def _unit(v: Array) -> Array:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9))
