"""The camera's place in the upright world, from the person's own motion: which way is up, where the ground is, when feet stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.kinematics import ground
from engine.kinematics.contacts import contacts_of, signs, standing
from engine.kinematics.proportions import Proportions
from engine.kinematics.resting import ground_under
from engine.kinematics.trajectory import Stand
from engine.kinematics.upright import SIGHT, balanced_up, believed_up, body_up, degrees_between, depth_lean
from engine.long_takes import Timeline, mapped, mapped_over_time, thinned

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

ANKLES = [BODY_22.index("ankle.L"), BODY_22.index("ankle.R")]
TOES = [BODY_22.index("toe.L"), BODY_22.index("toe.R")]

# A standing foot this far above or under the ground (m) counts half as standing on it: it may be on a step.
GROUND_REACH = 0.12

# Of two standing feet the lower one tells the ground, and the other if it is not higher than this above it (m).
LOWER_FOOT = 0.02

# Degrees between what the person's own axis says of up and what the networks have learnt of it, beyond which the person is taken to lie,
# crawl or hang: not at all within the first, wholly beyond the second. On clips of standing and walking people the two differ by 1 to 12,
# on those of lying and crawling ones by 57 to 83. In between it is a matter of degree: people sit, lean and kneel, and where one angle
# parted them a part of a take was straightened and the whole was not.
UPRIGHT_WITHIN, LIES_BEYOND = 20.0, 40.0

# What wrong depths make a body lean is read from so many seconds to either side of a frame, anew after so many. From all of a take, who sat
# and then stood half outside the picture was straightened by one angle throughout, and a part of the take by another. On 11 clips with a
# truth MPJPE is 0.3 mm lower so, on rendered people 0.2.
LEAN_SECONDS, LEAN_STEP = 1.0, 0.5

# In a scene with a known camera, feet that stand nearer to z=0 than this (m) stand on it: the depth of a person is not known better.
SCENE_GROUND = 0.3


@dataclass(frozen=True)
class World:
    """`camera_to_world` (4,4): Z up, the ground at z=0, the camera looking along +Y, the first pelvis at x=y=0;
    `contacts` (T,2): feet that stand on something."""

    camera_to_world: Array
    contacts: Flags


@dataclass(frozen=True)
class Up:
    """Up, unit vectors (3,): as the body alone has it (`read`), and as it is `believed` after the ground under the feet and the habits of
    cameras, each as sure as it is."""

    read: Array
    believed: Array


@dataclass(frozen=True)
class Lean:
    """Of each frame: up as the person's own body has it about then, `read` (T,3), and the part of its difference from up, in radians, that
    wrong depths of the joints make, `lean` (T,3)."""

    read: Array
    lean: Array


def find_world(
    relative: Floats, path: Array, confidence: Floats, body: Proportions, runs: list[slice], fps: float, seen: Floats | None = None,
    up: Array | None = None, lies: float = 0.0,
) -> World:  # fmt: skip
    """The world of joints `relative` (T,22,3) to the pelvis on its `path` (T,3), metres in camera axes; confidence (T,22);
    seen (T,2,2): how fast the ends of the feet move in the picture, see `contacts.seen_speed`; `up` (3,): in camera axes (`find_up`). None:
    the axes are those of a world already, whose Z is up, and nothing is turned or moved but up and down: the ground at z=0 is the one
    that the feet stand on, or, of who `lies` (0..1), the one that the body rests on.
    """
    camera_to_world = np.eye(4)
    if up is not None:
        camera_to_world[:3, :3] = ground.camera_rotation(up)

    def on_foot(near: Timeline, joints: Floats, path: Array, confidence: Floats, seen: Floats | None) -> tuple[Floats, Floats, Flags]:
        ankles, toes = _feet(joints, path, camera_to_world[:3, :3])
        soles, sure = np.minimum(ankles[..., 2] - body.ankle_height, toes[..., 2] - body.toe_height), _sure(confidence)
        # contacts against what is under the feet there and then: a step, or a ground that leans by an error of the depth
        local = np.zeros((len(soles), 1, 3))
        local[:, 0, 2] = ground.local_ground(soles, sure, near.runs, fps)
        return soles, sure, signs(ankles - local, toes - local, body.ankle_height, body.toe_height, near.runs, fps, seen)

    heights, surely, found = mapped_over_time(on_foot, Timeline(runs, fps), relative, path, confidence, seen)
    # a foot that the frame cuts off is guessed; one of a frame in which nobody was found stands as it did around it
    contacts = contacts_of(found, runs, fps) & ~mapped(_cut_off, confidence)
    level = ground.ground_height(heights, contacts, surely) if lies < 1.0 else 0.0
    if lies > 0.0:
        axis = camera_to_world[2, :3]
        over = mapped(lambda joints, place: (joints + place[:, None]) @ axis, relative, path, dtype=np.float32)
        level += lies * (ground_under(over, confidence, body.stature) - level)
    if up is None:
        # where the feet stand about at the scene's zero, that is the ground
        camera_to_world[2, 3] = 0.0 if abs(level) < SCENE_GROUND else -level
    else:
        first = camera_to_world[:3, :3] @ (relative[0, 0] + path[0])
        camera_to_world[:3, 3] = -first[0], -first[1], -level
    return World(camera_to_world, contacts)


def find_stand(relative: Floats, path: Array, world: World, body: Proportions, fps: float) -> Stand:
    """What the contacts say about the path, from the lower end of each foot."""
    up, height = world.camera_to_world[2, :3], float(world.camera_to_world[2, 3])

    def stand(_: Timeline, joints: Floats, path: Array, contacts: Flags) -> tuple[Floats, Floats, Floats]:
        soles = np.stack([joints[:, ANKLES] @ up - body.ankle_height, joints[:, TOES] @ up - body.toe_height])
        steps = np.zeros((2, len(joints), 2, 3))
        steps[:, :-1] = np.diff(np.stack([joints[:, ANKLES], joints[:, TOES]]), axis=1)
        # one end of a foot stands from a frame to the next: the one that is lower in both together
        of_pair = soles.copy()
        of_pair[:, :-1] += soles[:, 1:]
        step = np.take_along_axis(steps, of_pair.argmin(0)[None, ..., None], 0)[0]
        lowest = soles.min(0)
        above = (path @ up + height)[:, None] + lowest
        # in camera axes the ground lies at -height, and the pelvis as far above it as it is above the sole
        return step, -height - lowest, contacts / (1 + (above / GROUND_REACH) ** 2)

    # a step leads to the next frame
    steps, heights, grounded = mapped_over_time(stand, Timeline.of(len(relative), fps), relative, path, world.contacts, reach=1 / fps)
    return Stand(steps, world.contacts, up, heights, grounded)


def _sure(confidence: Floats) -> Floats:
    """(T,2) how surely the detector sees each foot, from its confidence (T,22)."""
    return np.minimum(confidence[:, ANKLES], confidence[:, TOES])


def _cut_off(confidence: Floats) -> Flags:
    """(T,2) whether neither end of a foot is seen in a frame in which the person is; confidence (T,22)."""
    foot = np.maximum(confidence[:, ANKLES], confidence[:, TOES])
    return np.asarray((foot <= 0) & (confidence.max(1, keepdims=True) > 0))


def _feet(relative: Floats, path: Array, rotation: Array) -> tuple[Array, Array]:
    """(T,2,3) ankles and (T,2,3) toes, turned by the matrix (3,3)."""
    ankles, toes = ((relative[:, ends] + path[:, None]) @ rotation.T for ends in (ANKLES, TOES))
    return ankles, toes


def lying(degrees: float) -> float:
    """0..1: how much a person lies whose axis and up are so far from each other."""
    share = min(max((degrees - UPRIGHT_WITHIN) / (LIES_BEYOND - UPRIGHT_WITHIN), 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


def agreed_up(found: Up, gravity: Array | None) -> tuple[Array, float]:
    """(3,) what the person's own axis, feet and balance say of up, unless that is far from `gravity` (3,), which the networks have learnt
    of people who lie and crawl too: then it is the body that is not upright. Of standing and walking people the first is the surer one. And
    0..1 how much the person lies by that."""
    if gravity is None:
        return found.believed, 0.0
    share = lying(degrees_between(found.believed, gravity))
    return between(found.believed, gravity, share), share


def between(first: Array, second: Array, share: float) -> Array:
    """(3,) the unit vector at this share (0..1) of the way from the first to the second."""
    if share <= 0.0 or share >= 1.0:
        return first if share <= 0.0 else second
    mean = (1.0 - share) * first + share * second
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9))


def find_lean(
    relative: Floats, path: Array, confidence: Floats, up: Array, runs: list[slice], fps: float, seen: Floats | None = None,
    sight: Array = SIGHT,
) -> Lean:  # fmt: skip
    """How the person leans against `up` (3,) by errors of the depth; else as for `find_up`. That goes with how she stands and what of her
    is seen, so each frame has its own, of LEAN_SECONDS to either side."""
    stands = _standing(relative, path, confidence, runs, fps, seen)
    reads, leans = np.zeros((len(relative), 3)), np.zeros((len(relative), 3))
    for run in runs:
        count, reach = run.stop - run.start, round(LEAN_SECONDS * fps)
        middles = np.unique(np.linspace(0, count - 1, max(1, math.ceil(count / fps / LEAN_STEP)) + 1).round().astype(int))
        found = []
        for middle in middles:
            rows = slice(run.start + max(middle - reach, 0), run.start + min(middle + reach + 1, count))
            read, covariance = balanced_up(relative[rows], confidence[rows], stands[rows], sight)
            found.append(np.concatenate([read, depth_lean(read, up, covariance, sight)]))
        said = np.stack([np.interp(np.arange(count), middles, column) for column in np.array(found).T], 1)
        reads[run], leans[run] = said[:, :3], said[:, 3:]
    return Lean(reads, leans)


def find_up(
    relative: Floats, path: Array, confidence: Floats, body: Proportions, runs: list[slice], fps: float, seen: Floats | None = None,
    sight: Array = SIGHT, known: Array | None = None,
) -> Up:  # fmt: skip
    """Up in the axes of the joints, where the camera looks along `sight` (3,); `known` (3,): up, where it is. Else as for `find_world`."""

    stands = _standing(relative, path, confidence, runs, fps, seen)
    read, read_covariance = body_up(relative, confidence, stands, sight)
    if known is not None:
        return Up(read, known)
    rotation = ground.camera_rotation(read)
    joints, places, trust = thinned(ground.every(len(relative)), relative, path, stands)
    ankles, toes = _feet(joints, places, rotation)
    ankles, toes = ankles - [0, 0, body.ankle_height], toes - [0, 0, body.toe_height]
    lower = np.where((toes[..., 2] < ankles[..., 2])[..., None], toes, ankles)
    trust = trust * (lower[..., 2] <= lower[..., 2].min(1)[:, None] + LOWER_FOOT)
    levelling, known = ground.level_by_feet(lower, trust, (rotation @ read_covariance @ rotation.T)[:2, :2])
    rotation = levelling @ rotation
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = known
    believed = believed_up(rotation[2], rotation.T @ covariance @ rotation)
    return Up(read, believed)


def _standing(relative: Floats, path: Array, confidence: Floats, runs: list[slice], fps: float, seen: Floats | None) -> Floats:
    """(T,2) 0..1: how surely each foot stands."""

    def surely_stands(near: Timeline, joints: Floats, path: Array, confidence: Floats, seen: Floats | None) -> Floats:
        return np.asarray(standing(*_feet(joints, path, np.eye(3)), near.runs, fps, seen) * _sure(confidence))

    return mapped_over_time(surely_stands, Timeline(runs, fps), relative, path, confidence, seen)
