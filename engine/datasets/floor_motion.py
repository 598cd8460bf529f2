"""Motions on the floor that nobody recorded: people who lie, sit, crawl, do push-ups and get up, put together from poses.

The motion capture has little more than a minute of it, and a network answers with what it has seen. A pose is a few angles drawn within
what joints allow; what stands on the floor then (hands and toes, hands and knees) decides how the body lies: the plane through those points
is the floor. A motion goes smoothly from pose to pose of one kind, or to a neighbouring kind, as people do who get up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from contract.skeleton import BODY_22
from engine.datasets.floor_poses import NEIGHBOURS, POSES, SHARES, Arm, Leg, Pose
from engine.datasets.motion_kind import FPS
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]

# Metres of somebody of 1.75: half the hips' and shoulders' width, thigh, shin, foot, upper arm, forearm, hand, and the trunk's joints.
HIP, SHOULDER, THIGH, SHIN, FOOT, UPPER, FORE, HAND = 0.09, 0.18, 0.43, 0.42, 0.17, 0.28, 0.25, 0.09
TRUNK: Final = {"spine": 0.12, "chest": 0.27, "neck": 0.48, "head": 0.58, "head_top": 0.77}
SHOULDERS_AT: Final = 0.45  # metres over the pelvis
THICK: Final = {  # metres of a body about its joints
    "pelvis": 0.10, "hip": 0.10, "spine": 0.10, "chest": 0.11, "shoulder": 0.08, "neck": 0.07, "head": 0.09, "head_top": 0.05,
    "knee": 0.06, "ankle": 0.05, "toe": 0.03, "elbow": 0.045, "wrist": 0.035, "hand": 0.02,
}  # fmt: skip
CHANGES: Final = 0.25  # how often the next pose is of a neighbouring kind
MOVES, STAYS = (0.35, 1.8), (0.0, 1.2)  # seconds from one pose to the next, and in it
REPEATED: Final = 0.6  # how often somebody goes to and fro between two poses, as in push-ups and crawling
STEADY: Final = 2.5  # frames over which a motion is smoothed
LEAST: Final = 1e-6  # metres: nothing shorter has a direction
SIDES: Final = (("L", 1.0), ("R", -1.0))


def draw_floor_motion(frames: int, random: np.random.Generator) -> Array:
    """(frames,22,3) metres, Z up, the floor about at 0, of a made-up motion on the floor, facing any way."""
    kinds = _kinds(frames, random)
    poses = [POSES[kind](random) for kind in kinds]
    if random.random() < REPEATED:
        poses = [poses[0], _like(poses[0], POSES[kinds[0]](random), random)] * (len(poses) // 2 + 1)
    at, when = [0.0], 0.0
    for _ in poses[1:]:
        when += FPS * (random.uniform(*MOVES) + random.uniform(*STAYS) * (random.random() < 0.5))
        at.append(when)
    start = random.uniform(0, max(when - frames, 0.0))
    angles = np.stack([numbers_of(pose) for pose in poses])
    turns = Rotation.from_matrix(np.stack([turn_of(pose) for pose in poses]))
    low, share = eased(start + np.arange(frames), np.array(at))
    between = (1 - share)[:, None] * angles[low] + share[:, None] * angles[low + 1]
    turn = Slerp(np.arange(len(at)), turns)(low + share).as_matrix()
    about = Rotation.from_rotvec([0.0, 0.0, random.uniform(0, 2 * np.pi)]).as_matrix()
    places = joints(between) @ np.swapaxes(about @ turn, -1, -2)
    carried = np.array([pose.carried for pose in poses])
    return put_on_floor(places, (1 - share) * carried[low] + share * carried[low + 1])


def eased(time: Array, at: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """For each of `time` (T,) which of the poses that stand at `at` (K,) comes before it, and 0..1 how far it is on the way to the next,
    which begins and ends gently; poses stay before the first and after the last."""
    time = np.clip(time, at[0], at[-1])
    low = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(at) - 2)
    share = (time - at[low]) / np.diff(at)[low]
    return low, share * share * (3 - 2 * share)


def _kinds(frames: int, random: np.random.Generator) -> list[str]:
    kinds = [list(SHARES)[random.choice(len(SHARES), p=list(SHARES.values()))]]
    while len(kinds) < 3 + frames // 30:
        near = NEIGHBOURS[kinds[-1]]
        kinds.append(near[random.integers(len(near))] if random.random() < CHANGES else kinds[-1])
    return kinds


def _like(pose: Pose, other: Pose, random: np.random.Generator) -> Pose:
    """Between the pose and another of its kind, supported as the first is."""
    share = random.uniform(0.3, 1.0)
    mixed = numbers_of(pose) + share * (numbers_of(other) - numbers_of(pose))
    return _pose(mixed, pose)


def numbers_of(pose: Pose) -> Array:
    """(24,) degrees of everything but how the body lies."""
    legs = [value for leg in pose.legs for value in (*leg.hip, leg.knee, leg.foot)]
    arms = [value for arm in pose.arms for value in (*arm.hand, arm.elbow, arm.elbow_out)]
    return np.array([*pose.trunk, *pose.head, *legs, *arms])


def _pose(numbers: Array, like: Pose) -> Pose:
    """The other way round; lying and supported as `like`."""
    values = [float(v) for v in numbers]
    legs = tuple(Leg((v[0], v[1], v[2]), v[3], v[4]) for v in (values[6:11], values[11:16]))
    arms = tuple(Arm((v[0], v[1]), v[2], v[3]) for v in (values[16:20], values[20:24]))
    trunk, head = (values[0], values[1], values[2]), (values[3], values[4], values[5])
    return Pose(like.lies, (legs[0], legs[1]), (arms[0], arms[1]), trunk, head, like.support)


def joints(numbers: Array) -> Array:
    """(T,22,3) metres of bodies whose angles are (T,24) degrees, `numbers_of` of a pose; the pelvis at 0, upright, facing -Y."""
    angle = np.radians(np.atleast_2d(numbers))
    count = len(angle)
    at: dict[str, Array] = {"pelvis": np.zeros((count, 3))}
    trunk = _about("z", angle[:, 2]) @ _about("y", -angle[:, 1]) @ _about("x", angle[:, 0])
    half = Rotation.from_rotvec(0.5 * Rotation.from_matrix(trunk).as_rotvec()).as_matrix()
    at["spine"] = half @ [0, 0, TRUNK["spine"]]
    for name in ("chest", "neck"):
        at[name] = at["spine"] + trunk @ [0, 0, TRUNK[name] - TRUNK["spine"]]
    skull = trunk @ _about("z", angle[:, 5]) @ _about("y", -angle[:, 4]) @ _about("x", angle[:, 3])
    at["head"] = at["neck"] + skull @ [0, -0.02, TRUNK["head"] - TRUNK["neck"]]
    at["head_top"] = at["head"] + skull @ [0, 0, TRUNK["head_top"] - TRUNK["head"]]
    for k, (side, out) in enumerate(SIDES):
        flex, aside, inwards, knee, foot = angle[:, 6 + 5 * k : 11 + 5 * k].T
        hip = np.array([out * HIP, 0.0, 0.0])
        thigh = _about("x", -flex) @ _about("y", -out * aside) @ _about("z", -out * inwards)
        shin = thigh @ _about("x", knee)
        at[f"hip.{side}"] = np.broadcast_to(hip, (count, 3))
        at[f"knee.{side}"] = at[f"hip.{side}"] + thigh @ [0, 0, -THIGH]
        at[f"ankle.{side}"] = at[f"knee.{side}"] + shin @ [0, 0, -SHIN]
        at[f"toe.{side}"] = at[f"ankle.{side}"] + shin @ _about("x", foot) @ [0, -FOOT, 0]
        shoulder = at["spine"] + trunk @ [out * SHOULDER, 0, SHOULDERS_AT - TRUNK["spine"]]
        upper, fore = arm_directions(angle[:, 16 + 4 * k : 20 + 4 * k], out)
        at[f"shoulder.{side}"] = shoulder
        at[f"elbow.{side}"] = shoulder + turned(trunk, UPPER * upper)
        at[f"wrist.{side}"] = at[f"elbow.{side}"] + turned(trunk, FORE * fore)
        at[f"hand.{side}"] = at[f"wrist.{side}"] + turned(trunk, HAND * fore)
    return np.stack([np.broadcast_to(at[name], (count, 3)) for name in BODY_22.joints], axis=1)


def arm_directions(angle: Array, out: float) -> tuple[Array, Array]:
    """Unit (T,3) of upper arm and forearm of arms (T,4) radians, as `floor_poses.Arm` has them, on a trunk that is upright and faces -Y;
    out: 1 of the left arm, -1 of the right one."""
    flex, aside, elbow, elbow_out = angle.T
    reach = _about("x", -flex) @ _about("y", -out * aside)
    far = np.sqrt(UPPER**2 + FORE**2 + 2 * UPPER * FORE * np.cos(elbow))
    along = (UPPER**2 - FORE**2 + far**2) / (2 * far)
    off = np.sqrt(np.maximum(UPPER**2 - along**2, 0.0))
    away = np.stack([out * np.sin(elbow_out), np.cos(elbow_out), np.zeros(len(angle))], -1)  # square to the hand's direction: back, aside
    to_elbow = turned(reach, off[:, None] * away + along[:, None] * [0, 0, -1.0])
    fore = (turned(reach, far[:, None] * [0, 0, -1.0]) - to_elbow) / FORE
    return to_elbow / UPPER, fore


def turn_of(pose: Pose) -> Array:
    """(3,3) how the body is turned: the plane through what supports it is the floor, below the pelvis."""
    given = np.asarray(Rotation.from_rotvec(np.radians(pose.lies)).as_matrix())
    if not pose.support:
        return given
    places = joints(numbers_of(pose))[0]
    points = np.stack([places[BODY_22.index(name)] for name in pose.support])
    middle = points.mean(0)
    normal = np.linalg.svd(points - middle)[2][2]
    normal *= np.sign(normal @ (places[BODY_22.index("pelvis")] - middle))
    # the shortest turn from where `lies` would have up
    up = given.T @ [0.0, 0.0, 1.0]
    axis, cosine = np.cross(normal, up), float(np.clip(normal @ up, -1, 1))
    size = np.linalg.norm(axis)
    if size < 1e-9:
        return given
    return given @ np.asarray(Rotation.from_rotvec(axis / size * np.arccos(cosine)).as_matrix())


def put_on_floor(places: Array, carried: Array) -> Array:
    """(T,22,3): as high as what lies on the floor or, as far as `carried` (T,) says, what stands on it; and nothing sticks in it: limbs of
    who lies lie along it. Bones keep their lengths."""
    result = np.array(places)
    thick = np.array([THICK[name.split(".")[0]] for name in BODY_22.joints])
    core, ends = (
        [j for j, name in enumerate(BODY_22.joints) if name.split(".")[0] in names]
        for names in (("pelvis", "hip", "shoulder", "chest", "knee"), ("ankle", "toe", "wrist", "elbow"))
    )
    lies, stands = ((result[:, chosen, 2] - thick[chosen]).min(1) for chosen in (core, ends))
    result[..., 2] -= (lies + carried * np.minimum(stands - lies, 0.0))[:, None]
    for joint in range(1, len(BODY_22.joints)):
        parent = BODY_22.parents[joint]
        bone = places[:, joint] - places[:, parent]
        length = np.linalg.norm(bone, axis=-1)
        rise = np.clip(np.maximum(bone[:, 2], thick[joint] - result[:, parent, 2]), -length, length)
        flat = np.linalg.norm(bone[:, :2], axis=-1)[:, None]
        way = np.where(flat > LEAST, bone[:, :2] / np.maximum(flat, LEAST), [0.0, 1.0])
        along = np.sqrt(np.maximum(length**2 - rise**2, 0.0))[:, None] * way
        result[:, joint] = result[:, parent] + np.concatenate([along, rise[:, None]], axis=1)
    return _steadied(result)


def _steadied(places: Array) -> Array:
    """(T,22,3) smoothed over a few frames, bones as long as before: a limb that pointed straight into the floor lies down one way or the
    other, and would do so from one frame to the next."""
    smooth = gaussian_filter1d(places, STEADY, axis=0, mode="nearest")
    result = np.array(smooth)
    for joint in range(1, len(BODY_22.joints)):
        parent = BODY_22.parents[joint]
        length = np.linalg.norm(places[:, joint] - places[:, parent], axis=-1, keepdims=True)
        result[:, joint] = result[:, parent] + length * direction(smooth[:, joint] - smooth[:, parent])
    return result


def _about(axis: str, angle: Array) -> Array:
    return np.asarray(Rotation.from_euler(axis, angle[:, None]).as_matrix())


def turned(turn: Array, vectors: Array) -> Array:
    """(...,3) vectors, each by its own (...,3,3) turn."""
    return np.asarray((turn @ vectors[..., None])[..., 0])
