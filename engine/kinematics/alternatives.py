"""Which limbs of a finished motion could be read otherwise: the same picture, other depths, for a whole stretch.

A picture shows where a joint's line of sight lies and not where on it the joint is. A bone of known length meets that line twice, before
and behind the joint that it hangs on, and so an arm has four readings. The networks have chosen one. Where it is the wrong one the take is
right from the camera and wrong from the side, and no later stage can tell: so the others are kept, for the animator to choose.

Of the arms of people that nothing was trained on one first other reading in seven is nearer to the truth, by 9 cm in the mean
(`python benchmarks/alternatives.py --data PAIRS`, 2026-12-01). Nothing that was tried tells which (docs/motion.md), so none is taken by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from contract.alternatives import LIMBS, Alternative, columns_of
from contract.motion_file import Motion
from contract.skeleton import ARMATURE_24, BODY_22
from engine.cameras.pinhole import to_camera, to_world
from engine.kinematics.contacts import stretches
from engine.kinematics.forward import continuous, forward, quaternions_of
from engine.kinematics.proportions import Proportions
from engine.kinematics.rotations import ARM_HABIT, ELBOW_AXIS, fit_pose
from engine.kinematics.turns import direction, swing
from engine.long_takes import Timeline, mapped_over_time

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

# (the middle joint, the last joint): which of them go to the other side of what they hang on, seen along the line of sight.
READINGS: Final = ((False, True), (True, False), (True, True))
# Metres by which middle and last joint lie elsewhere, in the mean: up to SAME it is no other reading, from OTHER on wholly so. In
# between one goes over into the other: where a limb lies across the line of sight both are one.
SAME: Final = 0.02
OTHER: Final = 0.08
SHORTEST_SECONDS: Final = 0.2  # of it wholly so: less is a twitch
BESIDE_SECONDS: Final = 1.0  # on either side of a stretch, that how the limb is turned about itself depends on
# What no person does, for a tenth of a stretch: then it is no reading of it.
BADLY: Final = 0.1
MISSED: Final = 0.06  # metres by which the limb does not get there: a knee does not bend forwards
SUNK: Final = 0.05  # metres into the ground, or deeper into it than as it is
TRUNK: Final = 0.055  # of the stature: nearer to the line from the pelvis to the neck elbow and hand would be within the body
BACKWARDS: Final = {"arm": 60.0, "leg": 35.0}  # degrees that an upper arm goes behind the plane of the chest, a thigh behind the trunk
TURNED: Final = 130.0  # degrees that a bent arm is turned about itself off how such an arm usually is: else its elbow bends backwards
BENT: Final = 0.26  # radians (15 degrees) from which on an arm shows how it is turned

_LIMB_JOINTS: Final = [[ARMATURE_24.index(joint) for joint in joints] for joints in LIMBS.values()]
_ENDS: Final = [ARMATURE_24.index(f"{'hand' if limb.startswith('arm') else 'toe'}{limb[-2:]}") for limb in LIMBS]
_BODY: Final = [ARMATURE_24.index(name) for name in BODY_22.joints]
_NECK: Final = ARMATURE_24.index("neck")
_CHEST: Final = ARMATURE_24.index("chest")


@dataclass(frozen=True)
class _Shown:
    """A finished motion as `find_alternatives` gets it: arrays of T frames, the bones, and when the frames are."""

    positions: Floats
    rotations: Floats
    contacts: Flags
    camera: Array
    views: Array
    body: Proportions
    timeline: Timeline

    def around(self, frames: slice) -> tuple[_Shown, slice]:
        """The frames with those beside them that their rotations depend on, in their run; and where the frames are among them."""
        run = next(run for run in self.timeline.runs if run.start <= frames.start < run.stop)
        beside = round(BESIDE_SECONDS * self.timeline.fps)
        first, last = max(run.start, frames.start - beside), min(run.stop, frames.stop + beside)
        columns = {name: getattr(self, name)[first:last] for name in ("positions", "rotations", "contacts", "views")}
        part = replace(self, timeline=Timeline.of(last - first, self.timeline.fps), **columns)
        return part, slice(frames.start - first, frames.stop - first)


@dataclass(frozen=True)
class _Found:
    """What a reading has of a limb, the `place` of it in LIMBS, for a stretch of `frames`: `rotations` (F,3,4) as an alternative has them,
    how far it lies from the motion in the mean, `apart` (m), and the `places` (F,2,3) of middle and last joint."""

    place: int
    frames: slice
    apart: float
    rotations: npt.NDArray[np.float32]
    places: npt.NDArray[np.float32]

    def like(self, other: _Found) -> bool:
        """Whether both are one, where both are: where a joint is as far as its line of sight passes, both ways lead there."""
        both = slice(max(self.frames.start, other.frames.start), min(self.frames.stop, other.frames.stop))
        if both.start >= both.stop:
            return False
        ours, theirs = (one.places[both.start - one.frames.start : both.stop - one.frames.start] for one in (self, other))
        return bool(np.linalg.norm(ours - theirs, axis=-1).mean() < OTHER / 2)


def find_alternatives(
    positions: Floats, rotations: Floats, contacts: Flags, camera: Array, views: Array, body: Proportions, timeline: Timeline
) -> list[Alternative]:  # fmt: skip
    """The other readings of the limbs, by limb; those first that lie nearer to the motion.

    positions (T,24,3) world metres, Z up, the ground at z=0; rotations (T,24,4) wxyz local, which put them there; contacts (T,2): left,
    right foot stands; camera (4,4), applied after each frame's `views` (T,4,4): the camera to that world.
    """
    shown = _Shown(positions, rotations, contacts, camera, views, body, timeline)
    found = [one for sides in READINGS for one in _found(shown, sides)]
    kept: list[_Found] = []
    for one in sorted(found, key=lambda each: (each.place, each.apart)):
        if not any(one.like(other) for other in kept if other.place == one.place):
            kept.append(one)
    return [Alternative(list(LIMBS)[one.place], one.frames, one.rotations) for one in kept]


def taken(motion: Motion, alternative: Alternative) -> Motion:
    """The motion with that limb as the alternative has it, and its joints where that puts them; it has no alternatives any more."""
    rotations = motion.rotations.copy()
    rotations[alternative.frames, [ARMATURE_24.index(joint) for joint in LIMBS[alternative.limb]]] = alternative.rotations
    rest = motion.rest_offsets.astype(float)
    world, _ = forward(motion.parents.tolist(), rest, rotations.astype(float), motion.root_translation.astype(float))
    seen = to_camera(world, motion.camera_to_world if motion.camera_path is None else motion.camera_path)
    return replace(
        motion, rotations=rotations, positions_world=world.astype(np.float32), positions_camera=seen.astype(np.float32), **columns_of([])
    )


def _found(shown: _Shown, sides: tuple[bool, bool]) -> list[_Found]:
    """What is found of one of READINGS. Of all frames is kept only where it is one: rotations of four limbs would be half of the motion."""

    def where(near: Timeline, *columns: Floats) -> tuple[Array, Flags]:
        reading = _read(shown, sides, near, *columns)
        return reading.apart, reading.possible

    apart, possible = mapped_over_time(where, shown.timeline, shown.positions, shown.rotations, shown.contacts, shown.views)
    found = []
    for place, joints in enumerate(_LIMB_JOINTS):
        for frames in _stretches(apart[:, place], possible[:, place], shown.timeline):
            far, turned, places = _of_limb(shown, sides, place, frames)
            blended = _blended(shown.rotations[frames][:, joints], turned, far)
            found.append(_Found(place, frames, float(far.mean(dtype=np.float64)), blended, places))
    return found


def _of_limb(shown: _Shown, sides: tuple[bool, bool], place: int, frames: slice) -> tuple[Floats, Floats, npt.NDArray[np.float32]]:
    """What _Reading has of that limb in those frames: `apart` (F,), `rotations` (F,3,4), `places` (F,2,3)."""

    def how(near: Timeline, *columns: Floats) -> tuple[Array, Array, Array]:
        reading = _read(shown, sides, near, *columns)
        return reading.apart[:, place], reading.rotations[:, place], reading.places[:, place]

    part, inside = shown.around(frames)
    far, turned, places = mapped_over_time(how, part.timeline, part.positions, part.rotations, part.contacts, part.views)
    return far[inside], turned[inside], places[inside]


@dataclass(frozen=True)
class _Reading:
    """One reading of all four limbs, frame by frame: `rotations` (T,4,3,4) of their joints, how far it lies from the motion, `apart` (T,4)
    metres, whether people can do it, `possible` (T,4), and where the middle and the last joint of each are, `places` (T,4,2,3) metres."""

    rotations: Array
    apart: Array
    possible: Flags
    places: Array


def _read(shown: _Shown, sides: tuple[bool, bool], near: Timeline, *columns: Floats) -> _Reading:
    """The reading of those frames of the motion: `columns` are its positions, rotations, contacts and views in them."""
    at, turned, stands, views = columns[0].astype(float), columns[1].astype(float), columns[2].astype(bool), columns[3]
    from_camera = shown.camera @ views
    goal, seen = at.copy(), to_camera(at, from_camera)
    for place, joints in enumerate(_LIMB_JOINTS):
        moved = _to_other_side(seen[:, [*joints, _ENDS[place]]], sides, hand=place < 2)
        goal[:, [*joints[1:], _ENDS[place]]] = to_world(moved, from_camera)[:, 1:]
    pose = fit_pose(goal[:, _BODY], shown.body.rest_offsets, near.runs, near.fps)
    return _put(pose.rotations, goal, at, turned, stands, shown.body)


def _put(fitted: Array, goal: Array, at: Array, turned: Array, stands: Flags, body: Proportions) -> _Reading:
    """The reading of limbs with those `fitted` rotations (T,24,4) on a body that stays `at` its place (T,24,3) with its own ones,
    `turned`; `goal` (T,24,3): where they were to go."""
    count = len(at)
    out, apart, possible = np.empty((count, len(LIMBS), 3, 4)), np.empty((count, len(LIMBS))), np.empty((count, len(LIMBS)), bool)
    _, own = forward(ARMATURE_24.parents, body.rest_offsets, turned, at[:, 0])
    _, other = forward(ARMATURE_24.parents, body.rest_offsets, fitted, at[:, 0])
    whole = turned.copy()
    for place, joints in enumerate(_LIMB_JOINTS):
        # the body that was fitted around the limb is not quite that on which it hangs
        whole[:, joints[0]] = quaternions_of(own[:, ARMATURE_24.parents[joints[0]]].swapaxes(1, 2) @ other[:, joints[0]])
        whole[:, joints[1:]] = fitted[:, joints[1:]]
        out[:, place] = whole[:, joints]
    moved, world = forward(ARMATURE_24.parents, body.rest_offsets, whole, at[:, 0])
    for place, joints in enumerate(_LIMB_JOINTS):
        bent = joints[1:]
        apart[:, place] = np.linalg.norm(moved[:, bent] - at[:, bent], axis=-1).mean(1)
        missed = np.linalg.norm(moved[:, bent] - goal[:, bent], axis=-1).max(1) > MISSED
        tips = [*bent, _ENDS[place]]
        sunk = moved[:, tips, 2].min(1) < np.minimum(at[:, tips, 2].min(1), 0.0) - SUNK
        # a foot that stands would leave its spot
        wrong = _within_trunk(moved, bent, body.stature) if place < 2 else stands[:, place - 2]
        possible[:, place] = ~(missed | sunk | wrong | _beyond_joints(place, world, body))
    return _Reading(out, apart, possible, moved[:, [joints[1:] for joints in _LIMB_JOINTS]])


def _to_other_side(limb: Array, sides: tuple[bool, bool], hand: bool) -> Array:
    """The joints of a limb (T,4,3), from the trunk to its end, camera axes, with the middle one, the last one or both where their lines of
    sight meet their bones' lengths a second time; a hand goes with the forearm, a foot keeps its direction."""
    first, middle, last, end = (limb[:, i] for i in range(4))
    bones = [np.linalg.norm(limb[:, i + 1] - limb[:, i], axis=-1) for i in range(3)]
    elbow = _on_sight(first, middle, bones[0], _beyond(first, middle) ^ sides[0])
    wrist = _on_sight(elbow, last, bones[1], _beyond(middle, last) ^ sides[1])
    tip = _on_sight(wrist, end, bones[2], _beyond(last, end) ^ sides[1]) if hand else wrist + end - last
    return np.stack([first, elbow, wrist, tip], 1)


def _beyond(root: Array, at: Array) -> Flags:
    """(T,) whether joints are farther along their lines of sight than where those pass `root`."""
    return np.asarray(np.linalg.norm(at, axis=-1) > (root * direction(at)).sum(-1))


def _on_sight(root: Array, at: Array, length: Array, beyond: Flags) -> Array:
    """(T,3) the point on the line of sight of `at` that is `length` from `root`, the farther or the nearer of the two; the nearest point of
    the line where none is."""
    line = direction(at)
    along = (root * line).sum(-1)
    half = np.sqrt(np.maximum(length**2 - (root**2).sum(-1) + along**2, 0.0))
    return np.asarray((along + np.where(beyond, half, -half))[:, None] * line)


def _beyond_joints(place: int, world: Array, body: Proportions) -> Flags:
    """(T,) whether hip or shoulder would have to go farther than they do; world (T,24,3,3): every joint's rotation."""
    limb, joints = list(LIMBS)[place], _LIMB_JOINTS[place]
    kind, side = limb.split(".")
    rest = direction(body.rest_offsets[joints[1]])
    local = world[:, _CHEST if kind == "arm" else 0].swapaxes(1, 2) @ world[:, joints[0]]
    line = local @ rest
    if kind == "leg":  # one that is raised to the side or over the head is not judged
        backwards: Array = np.degrees(np.arctan2(line[:, 1], np.abs(line[:, 2]) + np.abs(line[:, 0])))
        return np.asarray(backwards > BACKWARDS[kind])
    axis, habit = ELBOW_AXIS[side], ARM_HABIT[side]
    level = swing(rest, line) @ axis
    turn = np.degrees(np.arctan2((np.cross(level, local @ axis) * line).sum(-1), (level * (local @ axis)).sum(-1)))
    off = np.abs((turn - habit.level - habit.rise * line[:, 2] + 180.0) % 360.0 - 180.0)
    forearm = world[:, joints[1]] @ direction(body.rest_offsets[joints[2]])
    bent = (forearm * (world[:, joints[0]] @ rest)).sum(-1) < np.cos(BENT)
    return np.asarray((np.degrees(np.arcsin(np.clip(line[:, 1], -1, 1))) > BACKWARDS[kind]) | (bent & (off > TURNED)))


def _within_trunk(at: Array, joints: list[int], stature: float) -> Flags:
    """(T,) whether the elbow, the wrist or the middle between them is."""
    pelvis, line = at[:, :1], at[:, [_NECK]] - at[:, :1]
    points = np.concatenate([at[:, joints], at[:, joints].mean(1, keepdims=True)], 1)
    share = np.clip(((points - pelvis) * line).sum(-1) / np.maximum((line**2).sum(-1), 1e-9), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - pelvis - share[..., None] * line, axis=-1).min(1) < TRUNK * stature)


def _stretches(apart: Floats, possible: Flags, timeline: Timeline) -> Iterator[slice]:
    """The frames in which a reading of a limb, so far `apart` (T,) and `possible` (T,), is another one and one that people do."""
    for run in timeline.runs:
        for part in stretches(apart[run] > SAME):
            wholly = apart[run][part] > OTHER
            if wholly.sum() >= SHORTEST_SECONDS * timeline.fps and (~possible[run][part][wholly]).mean() < BADLY:
                yield slice(run.start + part.start, run.start + part.stop)


def _blended(own: Floats, other: Floats, apart: Floats) -> npt.NDArray[np.float32]:
    """(F,3,4) wxyz: from the motion's `own` rotations (F,3,4) to the `other` ones as far as they lie `apart` (F,) metres, and with a key's
    signs."""
    share = np.clip((apart.astype(float) - SAME) / (OTHER - SAME), 0.0, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    from_here, to_there = (Rotation.from_quat(np.asarray(turns, float)[..., [1, 2, 3, 0]].reshape(-1, 4)) for turns in (own, other))
    way = (from_here.inv() * to_there).as_rotvec() * np.repeat(share, own.shape[1])[:, None]
    turned = (from_here * Rotation.from_rotvec(way)).as_quat()[:, [3, 0, 1, 2]].reshape(own.shape)
    return continuous(turned).astype(np.float32)
