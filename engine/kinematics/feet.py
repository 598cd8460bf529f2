"""Standing feet kept where they stand.

While a foot is in contact its toe stays on one spot of the ground, its heel does not tremble, and it lies flat unless the heel is clearly
raised. The body is shifted with what both feet agree on, the leg's inverse kinematics takes up the rest, and the hips are lowered where a
leg would have to be longer than it is. Between contacts the corrections run smoothly from one to the next, so nothing jumps at either end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, maximum_filter1d

from contract.skeleton import BODY_22
from engine.kinematics.contacts import SEEN_FAST, believed_speed, hysteresis, speed, stretches, without_jitter
from engine.kinematics.proportions import Proportions
from engine.kinematics.rotations import LEG_SOFTNESS, triangle
from engine.kinematics.smoothing import penalty, whittaker
from engine.long_takes import Timeline, gathered, joined, mapped_on, mapped_over_time

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Frames = npt.NDArray[np.intp]

HIPS = [BODY_22.index(f"hip.{side}") for side in "LR"]
KNEES = [BODY_22.index(f"knee.{side}") for side in "LR"]
ANKLES = [BODY_22.index(f"ankle.{side}") for side in "LR"]
TOES = [BODY_22.index(f"toe.{side}") for side in "LR"]

# A foot that travels further than this during one contact (m) slides on purpose, or the contact is a mistake: `auto` lets it.
LONGEST_DRIFT = 0.35
# Within a contact toe and heel are held one by one, by their speed as pose and picture have it together (m/s): the toe from below the
# first on until it is faster than the second; the heel while it is slower than this and not higher than this over the lowest (m), or slower
# than the last.
TOE_SLOW, TOE_FAST, HEEL_SPEED, HEEL_HEIGHT, HEEL_STILL = 0.30, 0.45, 0.20, 0.02, 0.10
# Stands of one contact nearer to each other than the second of these (m) are one: the foot did not go anywhere. Beyond the first each has a
# share in where it stands, so that a millimetre more or less does not move the foot by half of it.
SURELY_ONE_SPOT, ONE_SPOT = 0.08, 0.12
# ... and it stood there in between too, unless that took longer than this (seconds), in which it may have been raised.
SHORTEST_GAP = 0.12
# How far over and under its usual height (m) a standing toe may stay: to move it costs the pose more than the eye gains.
FLOATING, SUNK = 0.03, 0.015
# A foot that stands higher than this (m) is not on the ground but on a step, and stays at its own height.
STEP_HEIGHT = 0.15
# Corrections run from one contact to the next about this fast, the body's share slower (hertz).
BLEND_HZ, BODY_HZ = 2.5, 0.3
# ... so that a frame of it depends on so many seconds on either side.
BODY_REACH = 30.0
# A knee bent by this (radians) has half the say of a straight one in how high the body is.
STRAIGHT_WITHIN = 0.15
# Pull of the free foot back to where it was captured, against the penalty of bending the correction: with a weak one the correction swings
# on after a contact, and a walker's toes are lifted only half as high as they should.
FREE_PULL = 0.3
# A foot that stands and does not turn lies flat, in motion capture in 97 of 100 frames, whatever the depths of its two ends say. A heel
# that is higher over flat than the first of these (shares of the stature) may be raised, above the second it surely is.
FLAT_BELOW, RAISED_ABOVE = 0.045, 0.075
# The height of a flat foot is told by its heel so much, and by its toe for the rest: the leg holds the heel where it is, and the depth of
# a toe, which is its height where the foot points at the camera, is the least sure of all.
HEEL_SAYS = 0.9
# A standing foot turns on its toe no faster than this (hertz).
TURN_HZ = 0.5
# Seconds before and after in which the hips already give way.
HIP_SECONDS = 0.12
# The hips sink no further than this many times what a leg lacks: of legs that lean by more than 60 degrees it is worth less than it costs.
LEAST_GAIN = 2.0
# A leg whose ends have moved against each other by this much (m) has its knee put where its bones have it.
LEG_MOVED = 0.005
# A free foot is kept from sinking under this share of its standing height.
CLEARANCE = 0.6


@dataclass(frozen=True)
class Planted:
    """`joints` (T,22,3): targets with the feet planted, world metres; `contacts` (T,2): the frames in which they stand."""

    joints: Floats
    contacts: Flags


def plant_feet(
    joints: Floats, contacts: Flags, body: Proportions, runs: list[slice], fps: float, mode: str = "auto", seen: Floats | None = None,
    lies: float = 0.0,
) -> Planted:  # fmt: skip
    """Targets (T,22,3), world metres with the ground at z=0, with standing feet held still.

    contacts (T,2); mode "auto" leaves feet alone that slide far,
    "always" holds every contact, "never" changes nothing. The body of who `lies` (0..1) or crawls does not go along: the feet do not bear
    it, and are read worst of all.
    """
    if mode not in ("auto", "always", "never"):
        raise ValueError(f"feet are held auto, always or never, not {mode!r}")
    if mode == "never":
        return Planted(joints, contacts)
    held, kept = [], contacts.copy()
    heights = standing_heights(joints, contacts, body)
    for run in runs:
        if run.stop - run.start >= 3:
            sight = np.broadcast_to(np.inf, (run.stop - run.start, 2, 2)) if seen is None else seen[run]
            stand = _stand_still(joints[run], contacts[run], sight, body, heights[1], fps, mode == "always")
            # between two spots the foot is on its way, however low
            kept[run] = np.stack([without_jitter(on, fps) for on in (stand.toe_on | stand.heel_on).T], 1)
            held.append(_held(joints[run], stand.borne(1.0 - lies), body, heights, fps, 1.0 - lies))
        else:
            held.append(joints[run])
    return Planted(joined(held), kept)


def standing_heights(joints: Floats, contacts: Flags, body: Proportions) -> tuple[float, float]:
    """Metres: ankle and toe above the ground while a foot stands, as this clip has them, so that holding it does not lift or sink
    the body; within reason around those of the average body."""
    out = []
    for ends, usual in ((ANKLES, body.ankle_height), (TOES, body.toe_height)):
        heights = gathered(lambda at, stands: at[:, ends, 2][stands], joints, contacts)  # noqa: B023 - at once
        low, high = 0.6 * usual, body.ankle_height + usual
        out.append(float(np.clip(np.median(heights), low, high)) if heights.size else usual)
    return out[0], out[1]


@dataclass(frozen=True)
class _Stand:
    """Where the feet of one run stand: `toe_on`, `heel_on` (T,2); `shift` (T,2,3) metres from where each foot's toe is to where it
    stands, where it does; `flat` (T,2) metres by which the heel of a foot that lies flat has to rise over its toe."""

    toe_on: Flags
    heel_on: Flags
    shift: Floats
    flat: Floats

    def borne(self, share: float) -> _Stand:
        """Of feet that bear so much (0..1) of the body: the less they do, the less are they known to lie flat on the ground. Who does
        push-ups stands on the tips of her toes, and the feet of who lies are anywhere."""
        if share >= 1.0:
            return self
        level = np.array([1.0, 1.0, share], self.shift.dtype)
        return _Stand(self.toe_on, self.heel_on, self.shift * level, (share * self.flat).astype(self.flat.dtype))


def _stand_still(joints: Floats, contacts: Flags, seen: Floats, body: Proportions, toe_height: float, fps: float, always: bool) -> _Stand:
    """Where the feet of one run stand, contact by contact, each of which may last however long; contacts (T,2), seen (T,2,2)."""

    def ends(near: Timeline, joints: Floats, seen: Floats) -> tuple[Floats, Floats, Floats]:
        lifted = speed(joints[:, [*ANKLES, *TOES]], near.runs, fps).reshape(-1, 2, 2)
        return joints[:, TOES], joints[:, ANKLES, 2], believed_speed(lifted, seen)

    def contact(toe: Floats, heel: Floats, pace: Floats, seen: Floats) -> tuple[Flags, Flags, Floats, Floats]:
        """`_Stand` of one foot in one contact: toe (N,3), height of the heel (N,), pace and seen (N,2) of heel and toe."""
        toe_on, shift, flat = np.zeros(len(toe), bool), np.zeros_like(toe), np.zeros_like(heel)
        spots = _stands(toe, pace[:, 1], seen[:, 1], SHORTEST_GAP * fps)
        if not always and max((_drift(toe[spot.frames]) for spot in spots), default=0.0) > LONGEST_DRIFT:
            return toe_on, toe_on, shift, flat
        low = _near_lowest(heel, HEEL_HEIGHT)
        heel_on = (pace[:, 0] < HEEL_STILL) | (pace[:, 0] < HEEL_SPEED) & low
        level = _flattening(heel - toe[:, 2], body)
        # where the toe would be if the foot lay flat at the height that its ends have together
        turned = toe.copy()
        turned[:, 2] -= np.where(heel_on, HEEL_SAYS * level, 0.0)
        for spot in spots:
            place = spot.places(turned)
            near = place[:, 2] < toe_height + STEP_HEIGHT
            place[near, 2] = toe_height + np.clip(place[near, 2] - toe_height, -SUNK, FLOATING)
            shift[spot.frames] = place - toe[spot.frames]
            toe_on[spot.frames] = True
        still = toe_on & heel_on
        flat[still] = level[still]
        return toe_on, heel_on, shift, flat

    toes, heels, pace = mapped_over_time(ends, Timeline.of(len(joints), fps), joints, seen)
    like = (((), bool), ((), bool), ((3,), joints.dtype), ((), joints.dtype))
    both = [
        mapped_on(stretches(contacts[:, foot]), contact, toes[:, foot], heels[:, foot], pace[..., foot], seen[..., foot], like=like)
        for foot in range(2)
    ]
    return _Stand(*(np.stack(left_and_right, 1) for left_and_right in zip(*both, strict=True)))


def _held(joints: Floats, stand: _Stand, body: Proportions, heights: tuple[float, float], fps: float, bears: float) -> Floats:
    """(T,22,3) the joints of one run with the feet held where they stand; `bears`: the share of the body that they bear."""
    run = Timeline.of(len(joints), fps)
    heels_stand = stand.heel_on.any(0)

    def toes_and_body(_: Timeline, near: Floats, shift: Floats, flat: Floats, toe_on: Flags) -> tuple[Array, Array]:
        bridged = np.stack([_filled(shift[:, foot], toe_on[:, foot], np.zeros(3), fps) for foot in range(2)])
        toes = bridged.swapaxes(0, 1).copy()
        bridged[..., 2] += flat.T  # the body goes along with its ankles: a leg is as long as the picture says
        # upwards the feet's own shifts are shares already
        return toes, _body_shift(bridged, toe_on, _straightness(near), fps) * [bears, bears, 1.0]

    def whole(_: Timeline, near: Floats, flat: Floats, toe_on: Flags, heel_on: Flags, toe_shift: Floats, body_shift: Floats) -> Floats:
        toes = toe_shift.astype(float).swapaxes(0, 1)
        heels = toes.copy()  # a heel that rises over a standing toe goes along with it
        for foot in np.flatnonzero(heels_stand):
            ankle = near[:, ANKLES[foot]]
            for piece in stretches(heel_on[:, foot]):
                # the heel goes along with its toe and may turn slowly about it; what it must not do is tremble
                heel = ankle[piece] + toes[foot, piece]
                heel[:, 2] += flat[piece, foot]
                heels[foot, piece] = _calm(heel, fps) - ankle[piece]
            heels[foot] = _filled(heels[foot], heel_on[:, foot], toes[foot], fps)
        return _moved(near, (toes, heels, body_shift.astype(float)), toe_on, heel_on, body, heights, fps)

    toe_shift, body_shift = mapped_over_time(toes_and_body, run, joints, stand.shift, stand.flat, stand.toe_on, reach=BODY_REACH)
    return mapped_over_time(whole, run, joints, stand.flat, stand.toe_on, stand.heel_on, toe_shift, body_shift, dtype=joints.dtype)


def _moved(
    joints: Floats, shifts: tuple[Array, Array, Array], toe_on: Flags, heel_on: Flags, body: Proportions,
    heights: tuple[float, float], fps: float,
) -> Floats:  # fmt: skip
    """(T,22,3): the joints with the `shifts` of toes and heels (2,T,3), and of the body (T,3), and legs that go along."""
    (toe_shift, heel_shift, body_shift), (ankle_height, toe_height) = shifts, heights
    out = joints + body_shift[:, None]
    for foot in range(2):
        toe = joints[:, TOES[foot]] + toe_shift[foot]
        ankle = joints[:, ANKLES[foot]] + heel_shift[foot]
        toe[:, 2] = np.maximum(toe[:, 2], CLEARANCE * toe_height)
        ankle[:, 2] = np.maximum(ankle[:, 2], CLEARANCE * ankle_height)
        # on a standing toe the foot keeps its length from the toe's side, else from the ankle's (as the rotations do)
        line = ankle - toe
        held = toe + line * (body.lengths["toe.L"] / np.maximum(np.linalg.norm(line, axis=-1), 1e-6))[:, None]
        ankle += _nearness(toe_on[:, foot], fps)[:, None] * (held - ankle)
        out[:, TOES[foot]], out[:, ANKLES[foot]] = toe, ankle
        # the knee goes half of the way, to show the limb's plane
        out[:, KNEES[foot]] = joints[:, KNEES[foot]] + (body_shift + ankle - joints[:, ANKLES[foot]]) / 2
    drop = _hip_drop(out, toe_on | heel_on, body, fps)
    above = [i for i, name in enumerate(BODY_22.joints) if not name.startswith(("ankle", "toe"))]
    out[:, above, 2] -= drop[:, None]
    for h, k, a in zip(HIPS, KNEES, ANKLES, strict=True):
        bent = _bent(out[:, h], out[:, k], out[:, a], body.lengths["knee.L"], body.lengths["ankle.L"])
        moved = np.linalg.norm((out[:, a] - out[:, h]) - (joints[:, a] - joints[:, h]), axis=-1, keepdims=True)
        out[:, k] += np.minimum(moved / LEG_MOVED, 1.0) * (bent - out[:, k])
    return out


@dataclass(frozen=True)
class _Spot:
    """Where a toe stands in these `frames` of a contact. `parts`: the stands that it is made of, by their frames, and by what share (0..1)
    each has a place of its own."""

    frames: Frames
    parts: tuple[tuple[Frames, float], ...]

    def places(self, toe: Floats) -> Floats:
        """(F,3) where a toe (T,3) stands in these frames; between two parts evenly from one to the other."""
        common = _middle(toe[self.frames])
        own = np.stack([common + share * (_middle(toe[frames]) - common) if share else common for frames, share in self.parts])
        at = [end for frames, _ in self.parts for end in (frames[0], frames[-1])]
        return np.stack([np.interp(self.frames, at, np.repeat(values, 2)) for values in own.T], -1).astype(toe.dtype)

    def joined(self, between: Frames, frames: Frames, apart: float) -> _Spot:
        """Itself with another stand, and what lies between, that has a place of its own by the share `apart`."""
        *before, (last, share) = self.parts
        new = ((last, max(share, apart)), (frames, apart)) if apart else ((np.concatenate([last, between, frames]), share),)
        return _Spot(np.concatenate([self.frames, between, frames]), (*before, *new))


def _stands(toe: Floats, pace: Floats, seen: Floats, gap: float) -> list[_Spot]:
    """The spots on which a toe (T,3) stands during one contact, by its pace (T,) and how fast it is seen to move (T,), m/s.

    A toe that has moved on stands on another spot, and all of the move is left to it. One that has not, or that lies still in the
    picture meanwhile, stood through a gap of at most so many frames, and through longer ones wherever it was slower than TOE_FAST.
    """
    slow, held = pace < TOE_SLOW, hysteresis(pace < TOE_SLOW, pace < TOE_FAST)
    stands: list[_Spot] = []
    for piece in stretches(slow):
        frames = np.arange(piece.start, piece.stop)
        if not stands:
            stands.append(_Spot(frames, ((frames, 0.0),)))
            continue
        so_far = stands[-1].frames
        between = np.arange(so_far[-1] + 1, piece.start)
        away = float(np.linalg.norm(np.median(toe[frames], axis=0) - np.median(toe[so_far], axis=0)))
        still = seen[between].max() < SEEN_FAST
        apart = 0.0 if still else float(np.clip((away - SURELY_ONE_SPOT) / (ONE_SPOT - SURELY_ONE_SPOT), 0.0, 1.0))
        if apart < 1.0:
            stood = between[(len(between) <= gap) | held[between] | (seen[between] < SEEN_FAST)]
            stands[-1] = stands[-1].joined(stood, frames, apart)
        else:
            stands.append(_Spot(frames, ((frames, 0.0),)))
    if stands:
        # at either end of the contact nothing says that the toe goes anywhere
        first, last = stands[0].frames[0], stands[-1].frames[-1] + 1
        before, after = np.arange(first)[held[:first]], np.arange(last, len(toe))[held[last:]]
        stands[0] = replace(stands[0], frames=np.concatenate([before, stands[0].frames]))
        stands[-1] = replace(stands[-1], frames=np.concatenate([stands[-1].frames, after]))
    return stands


def _nearness(flags: Flags, fps: float) -> Array:
    """(T,) 1 where the flag is set, falling evenly to 0 within half a period of BLEND_HZ of it."""
    if not flags.any():
        return np.zeros(len(flags))
    away = distance_transform_edt(~flags) / fps * 2 * BLEND_HZ
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1.0))


def _filled(shift: Floats, known: Flags, otherwise: Array, fps: float) -> Array:
    """(T,3) the shift where it is known, smoothly bridged where it is not, leaning towards `otherwise` (T,3) or (3,)."""
    strength = penalty(BLEND_HZ, fps)
    weights = np.where(known, 1e4 * max(strength, 1.0), FREE_PULL)
    return whittaker(np.where(known[:, None], shift, otherwise), weights, max(strength, 1e-3))


def _body_shift(shift: Array, stands: Flags, straight: Array, fps: float) -> Array:
    """(T,3) what the shifts (2,T,3) of the standing feet (T,2) have in common, smooth; upwards the straighter leg (T,2) decides."""
    weight = stands.sum(1).astype(float)
    if not weight.any():
        return np.zeros((len(stands), 3))
    mean = (stands.T[..., None] * shift).sum(0) / np.maximum(weight, 1)[:, None]
    share = stands * straight
    mean[:, 2] = (share * shift[..., 2].T).sum(1) / np.maximum(share.sum(1), 1e-9)
    return whittaker(mean, weight + FREE_PULL, max(penalty(BODY_HZ, fps), 1e-3))


def _straightness(joints: Floats) -> Array:
    """(T,2) 0..1: how straight the legs of joints (T,22,3) are. A centimetre that a straight leg has to give bends its knee by 20 degrees,
    where one that is bent already hardly shows it."""
    thigh, shin = (joints[:, b].astype(float) - joints[:, a] for a, b in ((HIPS, KNEES), (KNEES, ANKLES)))
    bent = np.arctan2(np.linalg.norm(np.cross(thigh, shin), axis=-1), (thigh * shin).sum(-1))
    return np.asarray(1 / (1 + (bent / STRAIGHT_WITHIN) ** 2))


def _hip_drop(joints: Array, standing: Flags, body: Proportions, fps: float) -> Array:
    """(T,) metres by which the body is lowered so that no standing leg is overstretched; smooth, and there in time."""
    reach = (1 - LEG_SOFTNESS) * (body.lengths["knee.L"] + body.lengths["ankle.L"])
    need = np.zeros(len(joints))
    for foot in range(2):
        line = joints[:, HIPS[foot]] - joints[:, ANKLES[foot]]
        height = np.sqrt(np.maximum(reach**2 - (line[:, :2] ** 2).sum(-1), 0.0))
        over = np.maximum(np.linalg.norm(line, axis=-1) - reach, 0.0)
        # a leg that lies gains next to nothing from hips that sink
        lower = np.minimum(line[:, 2] - height, LEAST_GAIN * over)
        need = np.maximum(need, np.where(standing[:, foot], lower, 0.0))
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
    foot, height = triangle(reach, thigh, shin)
    # a leg that shows no plane keeps its knee on the line
    return np.asarray(hip + foot * along + height * out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-3))


def _near_lowest(heights: Floats, reach: float) -> Flags:
    """Frames of one contact in which this end of the foot is about as low as it gets."""
    return heights < np.percentile(heights, 20) + reach


def _middle(points: Floats) -> Array:
    """(3,) the mean of the middle half of points (T,3), axis by axis.

    As little as the median it goes by where a foot was for a moment; but the toes of somebody who squats are read in one place above and in
    another below, and the median is the one of which there is more."""
    beside = len(points) // 4
    return np.asarray(np.sort(points.astype(float), axis=0)[beside : len(points) - beside].mean(0))


def _drift(points: Floats) -> float:
    """Metres, level: the farthest that points (T,3) lie from their middle."""
    if not len(points):
        return 0.0
    return float(np.linalg.norm(points[:, :2] - np.median(points[:, :2], axis=0), axis=-1).max())


def _flattening(heights: Floats, body: Proportions) -> Floats:
    """(T,) metres by which the heel has to rise so that one standing foot lies flat, from how high its ankle is over its toe (T,).

    A foot that surely stands on its toes keeps its heel where it is, one that may do so keeps a part of it.
    """
    over = heights - (body.ankle_height - body.toe_height)
    raised = np.clip((over / body.stature - FLAT_BELOW) / (RAISED_ABOVE - FLAT_BELOW), 0.0, 1.0)
    return np.asarray((raised - 1.0) * over)


def _calm(points: Array, fps: float) -> Array:
    """(T,3) points of one standing heel without anything faster than a slow turn of the foot."""
    return whittaker(points, np.ones(len(points)), penalty(TURN_HZ, fps))
