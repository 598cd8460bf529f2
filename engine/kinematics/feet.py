"""Standing feet kept where they stand.

While a foot is in contact its toe stays on one spot of the ground and its heel does not tremble. The body is shifted
with what both feet agree on, the leg's inverse kinematics takes up the rest, and the hips are lowered where a leg would have
to be longer than it is. Between contacts the corrections run smoothly from one to the next, so nothing jumps at either end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, maximum_filter1d

from contract.skeleton import BODY_22
from engine.kinematics.contacts import SEEN_FAST, believed_speed, hysteresis, speed, stretches
from engine.kinematics.proportions import Proportions
from engine.kinematics.rotations import LEG_SOFTNESS
from engine.kinematics.smoothing import penalty, whittaker

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

HIPS = [BODY_22.index(f"hip.{side}") for side in "LR"]
KNEES = [BODY_22.index(f"knee.{side}") for side in "LR"]
ANKLES = [BODY_22.index(f"ankle.{side}") for side in "LR"]
TOES = [BODY_22.index(f"toe.{side}") for side in "LR"]

# A foot that travels further than this during one contact (m) slides on purpose, or the contact is a mistake: `auto` lets it.
LONGEST_DRIFT = 0.35
# Within a contact toe and heel are held one by one, by their speed as pose and picture have it together (m/s): the toe from below the
# first on until it is faster than the second; the heel while it is slower than this and not higher than this over the lowest (m).
TOE_SLOW, TOE_FAST, HEEL_SPEED, HEEL_HEIGHT = 0.30, 0.45, 0.20, 0.02
# Stands of one contact nearer to each other than this (m) are one: the foot did not go anywhere.
ONE_SPOT = 0.12
# ... and it stood there in between too, unless that took longer than this (seconds), in which it may have been raised.
SHORTEST_GAP = 0.12
# How far over and under its usual height (m) a standing toe may stay: to move it costs the pose more than the eye gains.
FLOATING, SUNK = 0.03, 0.015
# A foot that stands higher than this (m) is not on the ground but on a step, and stays at its own height.
STEP_HEIGHT = 0.15
# Corrections run from one contact to the next about this fast, the body's share slower (hertz).
BLEND_HZ, BODY_HZ = 2.5, 0.3
# Pull of the free foot back to where it was captured, against the penalty of bending the correction: with a weak one the correction swings
# on after a contact, and a walker's toes are lifted only half as high as they should.
FREE_PULL = 0.3
# A standing foot turns on its toe no faster than this (hertz).
TURN_HZ = 0.5
# Seconds before and after in which the hips already give way.
HIP_SECONDS = 0.12
# A leg whose ends have moved against each other by this much (m) has its knee put where its bones have it.
LEG_MOVED = 0.005
# A free foot is kept from sinking under this share of its standing height.
CLEARANCE = 0.6


@dataclass(frozen=True)
class Planted:
    """`joints` (T,22,3): targets with the feet planted, world metres; `contacts` (T,2): the contacts that were kept."""

    joints: Array
    contacts: Flags


def plant_feet(
    joints: Array, contacts: Flags, body: Proportions, runs: list[slice], fps: float, mode: str = "auto", seen: Array | None = None
) -> Planted:
    """Targets (T,22,3), world metres with the ground at z=0, with standing feet held still.

    contacts (T,2); mode "auto" leaves feet alone that slide far,
    "always" holds every contact, "never" changes nothing.
    """
    if mode not in ("auto", "always", "never"):
        raise ValueError(f"feet are held auto, always or never, not {mode!r}")
    if mode == "never":
        return Planted(joints, contacts)
    out, kept = joints.copy(), contacts.copy()
    heights = standing_heights(joints, contacts, body)
    for run in runs:
        if run.stop - run.start >= 3:
            sight = np.full((run.stop - run.start, 2, 2), np.inf) if seen is None else seen[run]
            out[run], kept[run] = _plant_run(joints[run], contacts[run], sight, body, heights, fps, mode == "always")
    return Planted(out, kept)


def standing_heights(joints: Array, contacts: Flags, body: Proportions) -> tuple[float, float]:
    """Metres: ankle and toe above the ground while a foot stands, as this clip has them, so that holding it does not lift or sink
    the body; within reason around those of the average body."""
    out = []
    for ends, usual in ((ANKLES, body.ankle_height), (TOES, body.toe_height)):
        heights = joints[:, ends, 2][contacts]
        low, high = 0.6 * usual, body.ankle_height + usual
        out.append(float(np.clip(np.median(heights), low, high)) if heights.size else usual)
    return out[0], out[1]


def _speeds(joints: Array, fps: float) -> Array:
    """(T,2,2) m/s of the lifted (T, end, foot) of one run, ankles before toes."""
    ends = joints[:, [*ANKLES, *TOES]]
    return speed(ends, [slice(0, len(joints))], fps).reshape(-1, 2, 2)


def _plant_run(
    joints: Array, contacts: Flags, seen: Array, body: Proportions, heights: tuple[float, float], fps: float, always: bool
) -> tuple[Array, Flags]:
    ankle_height, toe_height = heights
    out, kept = joints.copy(), contacts.copy()
    pace = believed_speed(_speeds(joints, fps), seen)
    toe_shift, ankle_shift = np.zeros((2, len(joints), 3)), np.zeros((2, len(joints), 3))
    toe_on, ankle_on = np.zeros(contacts.shape, bool), np.zeros(contacts.shape, bool)
    for foot in range(2):
        ankle, toe = joints[:, ANKLES[foot]], joints[:, TOES[foot]]
        for stretch in stretches(contacts[:, foot]):
            flat = np.zeros(len(joints), bool)
            flat[stretch] = (pace[stretch, 0, foot] < HEEL_SPEED) & _near_lowest(ankle[stretch, 2], HEEL_HEIGHT)
            stands = [stretch.start + s for s in _stands(toe[stretch], pace[stretch, 1, foot], seen[stretch, 1, foot], SHORTEST_GAP * fps)]
            if not always and max((_drift(toe[s]) for s in stands), default=0.0) > LONGEST_DRIFT:
                kept[stretch, foot] = False
                continue
            for stand in stands:
                spot = np.median(toe[stand], axis=0)
                if spot[2] < toe_height + STEP_HEIGHT:
                    spot[2] = toe_height + np.clip(spot[2] - toe_height, -SUNK, FLOATING)
                toe_shift[foot, stand] = spot - toe[stand]
                toe_on[stand, foot] = True
            ankle_on[flat, foot] = True
    for foot in range(2):
        ankle = joints[:, ANKLES[foot]]
        toe_shift[foot] = _filled(toe_shift[foot], toe_on[:, foot], np.zeros(3), fps)
        for piece in stretches(ankle_on[:, foot]):
            # the heel goes along with its toe and may turn slowly about it; what it must not do is tremble
            ankle_shift[foot, piece] = _calm(ankle[piece] + toe_shift[foot, piece], fps) - ankle[piece]
        # a heel that rises over a standing toe goes along with it
        ankle_shift[foot] = _filled(ankle_shift[foot], ankle_on[:, foot], toe_shift[foot], fps)

    body_shift = _body_shift(toe_shift, toe_on, fps)
    out += body_shift[:, None]
    for foot in range(2):
        toe = joints[:, TOES[foot]] + toe_shift[foot]
        ankle = joints[:, ANKLES[foot]] + ankle_shift[foot]
        toe[:, 2] = np.maximum(toe[:, 2], CLEARANCE * toe_height)
        ankle[:, 2] = np.maximum(ankle[:, 2], CLEARANCE * ankle_height)
        # on a standing toe the foot keeps its length from the toe's side, else from the ankle's (as the rotations do)
        line = ankle - toe
        held = toe + line * (body.lengths["toe.L"] / np.maximum(np.linalg.norm(line, axis=-1), 1e-6))[:, None]
        ankle += _nearness(toe_on[:, foot], fps)[:, None] * (held - ankle)
        out[:, TOES[foot]], out[:, ANKLES[foot]] = toe, ankle
        # the knee goes half of the way, to show the limb's plane
        out[:, KNEES[foot]] = joints[:, KNEES[foot]] + (body_shift + ankle - joints[:, ANKLES[foot]]) / 2
    drop = _hip_drop(out, toe_on | ankle_on, body, fps)
    above = [i for i, name in enumerate(BODY_22.joints) if not name.startswith(("ankle", "toe"))]
    out[:, above, 2] -= drop[:, None]
    for h, k, a in zip(HIPS, KNEES, ANKLES, strict=True):
        bent = _bent(out[:, h], out[:, k], out[:, a], body.lengths["knee.L"], body.lengths["ankle.L"])
        moved = np.linalg.norm((out[:, a] - out[:, h]) - (joints[:, a] - joints[:, h]), axis=-1, keepdims=True)
        out[:, k] += np.minimum(moved / LEG_MOVED, 1.0) * (bent - out[:, k])
    return out, kept


def _stands(toe: Array, pace: Array, seen: Array, gap: float) -> list[npt.NDArray[np.intp]]:
    """The frames of each spot on which a toe (T,3) stands during one contact, by its pace (T,) and how fast it is seen to move (T,), m/s.

    A toe that has moved on stands on another spot, and all of the move is left to it. One that has not, or that lies still in the
    picture meanwhile, stood through a gap of at most so many frames, and through longer ones wherever it was slower than TOE_FAST.
    """
    slow, held = pace < TOE_SLOW, hysteresis(pace < TOE_SLOW, pace < TOE_FAST)
    stands: list[npt.NDArray[np.intp]] = []
    for piece in stretches(slow):
        frames = np.arange(piece.start, piece.stop)
        between = np.arange(stands[-1][-1] + 1, piece.start) if stands else frames
        if stands and (
            np.linalg.norm(np.median(toe[frames], axis=0) - np.median(toe[stands[-1]], axis=0)) < ONE_SPOT
            or seen[between].max() < SEEN_FAST
        ):
            stands[-1] = np.concatenate([stands[-1], between[(len(between) <= gap) | held[between] | (seen[between] < SEEN_FAST)], frames])
        else:
            stands.append(frames)
    if stands:
        # at either end of the contact nothing says that the toe goes anywhere
        first, last = stands[0][0], stands[-1][-1] + 1
        before, after = np.arange(first)[held[:first]], np.arange(last, len(toe))[held[last:]]
        stands[0] = np.concatenate([before, stands[0]])
        stands[-1] = np.concatenate([stands[-1], after])
    return stands


def _nearness(flags: Flags, fps: float) -> Array:
    """(T,) 1 where the flag is set, falling evenly to 0 within half a period of BLEND_HZ of it."""
    if not flags.any():
        return np.zeros(len(flags))
    away = distance_transform_edt(~flags) / fps * 2 * BLEND_HZ
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1.0))


def _filled(shift: Array, known: Flags, otherwise: Array, fps: float) -> Array:
    """(T,3) the shift where it is known, smoothly bridged where it is not, leaning towards `otherwise` (T,3) or (3,)."""
    if not known.any():
        return np.zeros_like(shift) + otherwise
    strength = penalty(BLEND_HZ, fps)
    weights = np.where(known, 1e4 * max(strength, 1.0), FREE_PULL)
    return whittaker(np.where(known[:, None], shift, otherwise), weights, max(strength, 1e-3))


def _body_shift(toe_shift: Array, toe_on: Flags, fps: float) -> Array:
    """(T,3) what the standing feet have in common, smooth."""
    weight = toe_on.sum(1).astype(float)
    if not weight.any():
        return np.zeros((len(toe_on), 3))
    mean = (toe_on.T[..., None] * toe_shift).sum(0) / np.maximum(weight, 1)[:, None]
    return whittaker(mean, weight + FREE_PULL, max(penalty(BODY_HZ, fps), 1e-3))


def _hip_drop(joints: Array, standing: Flags, body: Proportions, fps: float) -> Array:
    """(T,) metres by which the body is lowered so that no standing leg is overstretched; smooth, and there in time."""
    reach = (1 - LEG_SOFTNESS) * (body.lengths["knee.L"] + body.lengths["ankle.L"])
    need = np.zeros(len(joints))
    for foot in range(2):
        line = joints[:, HIPS[foot]] - joints[:, ANKLES[foot]]
        height = np.sqrt(np.maximum(reach**2 - (line[:, :2] ** 2).sum(-1), 0.0))
        need = np.maximum(need, np.where(standing[:, foot], line[:, 2] - height, 0.0))
    need = np.minimum(need, 0.2 * reach)
    if not need.any():
        return need
    window = max(round(HIP_SECONDS * fps), 1)
    early = maximum_filter1d(need, 2 * window + 1, mode="nearest")
    return np.maximum(whittaker(early[:, None], np.ones(len(early)), penalty(1 / (4 * HIP_SECONDS), fps))[:, 0], 0.0)


def _bent(hip: Array, knee: Array, ankle: Array, thigh: float, shin: float) -> Array:
    """(T,3) the knee moved within the plane of its leg to where bones of these lengths (m) have it."""
    line = ankle - hip
    distance = np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-6)
    along = line / distance
    out = (knee - hip) - ((knee - hip) * along).sum(-1, keepdims=True) * along
    reach = np.clip(distance, abs(thigh - shin), thigh + shin)
    foot = (thigh**2 + reach**2 - shin**2) / (2 * reach)
    height = np.sqrt(np.maximum(thigh**2 - foot**2, 0.0))
    # a leg that shows no plane keeps its knee on the line
    return np.asarray(hip + foot * along + height * out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-3))


def _near_lowest(heights: Array, reach: float) -> Flags:
    """Frames of one contact in which this end of the foot is about as low as it gets."""
    return heights < np.percentile(heights, 20) + reach


def _drift(points: Array) -> float:
    """Metres, level: the farthest that points (T,3) lie from their middle."""
    if not len(points):
        return 0.0
    return float(np.linalg.norm(points[:, :2] - np.median(points[:, :2], axis=0), axis=-1).max())


def _calm(points: Array, fps: float) -> Array:
    """(T,3) points of one standing heel without anything faster than a slow turn of the foot."""
    return whittaker(points, np.ones(len(points)), penalty(TURN_HZ, fps))
