"""Drives a rigged human with the joint positions of a motion: bone rotations and feet that stay on the floor.

A motion gives joint positions of somebody with other proportions. The trunk takes its orientation from the hip and shoulder
lines, the arms their bones' directions; the legs are solved by two-bone inverse kinematics for ankles that stand where the
motion's ankles stand, so that no foot slides. The pelvis is as high as a standing leg needs that is bent as the motion's is (between
straight and bent by ten degrees lie four millimetres), and sinks where a leg would be too short.
All arrays: metres, Z up, the human at rest faces -Y with the left hand at +X.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from engine.datasets.flexion import ON_GROUND, STRAIGHT, angle_between, raise_to, reach

Array = npt.NDArray[np.float64]

UP = np.array([0.0, 0.0, 1.0])
LEAST_SINE = 1e-6  # of a bend: a plane is read from no smaller one
LIFTED = 0.04  # metres: a foot higher than this does not bend its toes on the ground
REACH = 0.9995  # a leg is never stretched further than this share of its length: 0.9993 is a knee bent by 4.3 degrees, 0.995 by 11.5
COMES_ALONG = 0.01  # metres that a foot leaves its place before the pelvis sinks, and with it the other knee bends
STRETCHED = np.radians((1.5, 6.0))  # of the knee of a leg that is stretched to its foot
ROLLING = np.radians(8)  # of a foot's pitch: up to this it stands flat, at twice as much it rolls off
# The collar bone rises with the arm (scapulohumeral rhythm; Inman, Saunders and Abbott 1944): by this share of what it is raised more.
SHRUG, HANGING = 0.15, np.radians(15.0)
UPRIGHT = (0.6, 0.85)  # of the leg's length: a pelvis lower than the first lies or sits on something, one above the second is carried


@dataclass(frozen=True)
class Rest:
    """The human's rest pose: heads and tails of its bones (metres), parents by name, parent before child."""

    head: Mapping[str, Array]
    tail: Mapping[str, Array]
    parent: Mapping[str, str | None]


@dataclass(frozen=True)
class Drive:
    """Per bone the world rotation from rest (T,3,3), and the root bone's head (T,3) in metres."""

    rotation: dict[str, Array]
    root: Array


def drive(motion: Mapping[str, Array], rest: Rest, lift: Array | float = 0.0) -> Drive:
    """The human's pose for every frame of `motion` (joint name -> (T,3) metres, Z up, floor at z=0; 22 joints with .L and .R).

    lift: metres (T,) by which the pelvis is put higher than the motion has it, where the body would be in the floor or above it.
    """
    scale, turn = _upper_body(motion, rest)
    root = scale * motion["pelvis"]
    # the human's ankle stands higher or lower over its sole, and its hip joints lower or higher in the pelvis
    low_ankle = np.percentile(np.concatenate([motion["ankle.L"], motion["ankle.R"]])[:, 2], 10)
    root[:, 2] += rest.head["LeftFoot"][2] - scale * low_ankle + rest.head["Hips"][2] - rest.head["LeftUpLeg"][2]
    feet = {side: _foot(motion, rest, side, letter, scale) for side, letter in (("Left", "L"), ("Right", "R"))}
    root[:, 2] += _raise(motion, rest, turn, root, feet) + lift
    root[:, 2] -= _sink(rest, turn, root, feet)
    for side in ("Left", "Right"):
        _solve_leg(rest, turn, root, feet[side], side)
    return _whole(turn, root, rest)


def drive_lying(motion: Mapping[str, Array], rest: Rest) -> Drive:
    """As `drive`, of somebody who need not stand on the feet: legs and feet turn as the motion's bones do, as arms do. How high the body is
    has to be seen from its skin (`shot.lowest_point`)."""
    scale, turn = _upper_body(motion, rest)
    for side, letter in (("Left", "L"), ("Right", "R")):
        knee, ankle = motion[f"knee.{letter}"], motion[f"ankle.{letter}"]
        thigh, shin = knee - motion[f"hip.{letter}"], ankle - knee
        normal, known = _bend(_unit(thigh), _unit(shin))
        left = turn["Hips"] @ (rest.head["LeftUpLeg"] - rest.head["RightUpLeg"])
        hinge = _unit(gaussian_filter1d(known[:, None] * normal + (1 - known[:, None]) * _unit(left), 1.0, axis=0))
        rest_left = _leg_turns(rest, turn, side, thigh, shin, hinge)
        along = rest.tail[f"{side}ToeBase"] - rest.head[f"{side}Foot"]
        turn[f"{side}Foot"] = turn[f"{side}ToeBase"] = _frame(motion[f"toe.{letter}"] - ankle, hinge) @ _frame(along, rest_left).T
    return _whole(turn, scale * motion["pelvis"], rest)


def heads(pose: Drive, rest: Rest) -> dict[str, Array]:
    """The bones' heads (T,3) by forward kinematics."""
    at: dict[str, Array] = {}
    for name, parent in rest.parent.items():
        at[name] = pose.root if parent is None else at[parent] + pose.rotation[parent] @ (rest.head[name] - rest.head[parent])
    return at


@dataclass(frozen=True)
class _Foot:
    ankle: Array  # (T,3) where the ankle has to be
    turn: Array  # (T,3,3) of the foot
    toes: Array  # (T,3,3) of the toes
    hinge: Array  # (T,3) the knee's axis, to the person's left
    clearance: Array  # (T,) metres over the floor
    bent: Array  # (T,) radians that the motion's knee is bent
    planted: Array  # (T,) 1: it stands flat, 0: it is in the air or on its toes


def _upper_body(motion: Mapping[str, Array], rest: Rest) -> tuple[float, dict[str, Array]]:
    """How much larger the human is than the motion's, and the turns (T,3,3) of trunk, arms and hips."""
    turn: dict[str, Array] = {}
    _trunk(motion, rest, turn)
    for side, letter in (("Left", "L"), ("Right", "R")):
        _arm(motion, rest, turn, side, letter)
        turn[f"{letter}HipJoint"] = turn["Hips"]
    return _leg(rest, "Left")[2] / _motion_leg(motion), turn


def _whole(turn: dict[str, Array], root: Array, rest: Rest) -> Drive:
    """Bones that nothing turns follow the one that carries them."""
    for name, parent in rest.parent.items():
        if name not in turn:
            turn[name] = turn[parent] if parent else turn["Hips"]
    return Drive(turn, root)


def _trunk(motion: Mapping[str, Array], rest: Rest, turn: dict[str, Array]) -> None:
    left = rest.head["LeftUpLeg"] - rest.head["RightUpLeg"]
    pelvis = _frame(motion["spine"] - motion["pelvis"], motion["hip.L"] - motion["hip.R"]) @ _frame(UP, left).T
    chest = _frame(motion["neck"] - motion["spine"], motion["shoulder.L"] - motion["shoulder.R"]) @ _frame(UP, left).T
    turn["Hips"] = pelvis
    for name, share in (("LowerBack", 1 / 3), ("Spine", 2 / 3), ("Spine1", 1.0)):
        turn[name] = np.stack([Slerp([0, 1], Rotation.from_matrix([a, b]))(share).as_matrix() for a, b in zip(pelvis, chest, strict=True)])
    # the skull's direction is the only thing known of the head: it follows the chest's turn, half of its tilt by the neck
    head = _swing(chest, UP, motion["head_top"] - motion["head"])
    turn["Neck"] = np.stack([Slerp([0, 1], Rotation.from_matrix([a, b]))(0.5).as_matrix() for a, b in zip(chest, head, strict=True)])
    turn["Neck1"] = turn["Head"] = head


def _arm(motion: Mapping[str, Array], rest: Rest, turn: dict[str, Array], side: str, letter: str) -> None:
    upper = _unit(motion[f"elbow.{letter}"] - motion[f"shoulder.{letter}"])
    fore = _unit(motion[f"wrist.{letter}"] - motion[f"elbow.{letter}"])
    rest_upper = rest.head[f"{side}ForeArm"] - rest.head[f"{side}Arm"]
    rest_fore = rest.head[f"{side}Hand"] - rest.head[f"{side}ForeArm"]
    rest_hand = rest.head[f"{side}FingerBase"] - rest.head[f"{side}Hand"]
    swung = _swing(turn["Spine1"], rest_upper, upper)
    # the elbow's plane says how the upper arm is twisted, as far as the elbow is bent
    normal, known = _bend(upper, fore)
    hinged = _frame(upper, normal) @ _frame(rest_upper, np.cross(rest_upper, rest_fore)).T
    twist = _angle_about(upper, hinged @ np.swapaxes(swung, -1, -2))
    twist = np.unwrap(twist)
    twist -= 2 * np.pi * np.round(np.average(twist, weights=known + 1e-6) / (2 * np.pi))
    twist = gaussian_filter1d(known * twist, 2.0) / np.maximum(gaussian_filter1d(known, 2.0), 0.2)
    turn[f"{side}Arm"] = Rotation.from_rotvec(upper * twist[:, None]).as_matrix() @ swung
    turn[f"{side}ForeArm"] = _swing(turn[f"{side}Arm"], rest_fore, fore)
    turn[f"{side}Hand"] = _swing(turn[f"{side}ForeArm"], rest_hand, motion[f"hand.{letter}"] - motion[f"wrist.{letter}"])
    turn[f"{side}Shoulder"] = _shrugged(turn["Spine1"], upper, 1.0 if side == "Left" else -1.0)


def _shrugged(chest: Array, upper: Array, side: float) -> Array:
    """(T,3,3) of the collar bone: an arm (its direction (T,3)) that is raised lifts its shoulder, by three or four centimetres when it is
    level and twice as much overhead."""
    raised = np.arccos(np.clip(-(upper * chest[..., 2]).sum(-1), -1.0, 1.0))
    angle = side * SHRUG * np.maximum(raised - HANGING, 0.0)
    return np.asarray(Rotation.from_rotvec(-chest[..., 1] * angle[:, None]).as_matrix() @ chest)


def _foot(motion: Mapping[str, Array], rest: Rest, side: str, letter: str, scale: float) -> _Foot:
    ankle, toe = motion[f"ankle.{letter}"], motion[f"toe.{letter}"]
    low_ankle, low_toe = np.percentile(ankle[:, 2], 10), np.percentile(toe[:, 2], 10)
    along = toe - ankle
    pitch = np.arctan2(-along[:, 2], np.hypot(along[:, 0], along[:, 1]))
    flat = (ankle[:, 2] < low_ankle + 0.015) & (toe[:, 2] < low_toe + 0.015)
    # 0: flat on the floor, above: the heel is up; a foot that never stands flat counts from its own middle
    pitch = pitch - np.median(pitch[flat] if flat.any() else pitch)
    pitch[np.abs(pitch) < np.radians(4)] = 0.0  # the skeleton's noise would rock a standing foot
    pitch = gaussian_filter1d(pitch, 1.0)
    heading = _unit(along * [1, 1, 0])
    left = np.cross(UP, heading)
    rest_along = _unit((rest.tail[f"{side}ToeBase"] - rest.head[f"{side}Foot"]) * [1, 1, 0])
    yaw = _frame(heading, left) @ _frame(rest_along, np.cross(UP, rest_along)).T
    foot = Rotation.from_rotvec(left * pitch[:, None]).as_matrix() @ yaw
    clearance = scale * np.maximum(0.0, np.minimum(ankle[:, 2] - low_ankle, toe[:, 2] - low_toe))
    clearance = np.where(clearance < 0.012, 0.0, clearance - 0.012)
    bent = np.clip(pitch, 0, np.radians(50)) * np.clip(1 - clearance / LIFTED, 0, 1)
    toes = Rotation.from_rotvec(left * (pitch - bent)[:, None]).as_matrix() @ yaw
    # the sole as three points: heel, ball, tip of the toes
    ankle_rest, ball, tip = rest.head[f"{side}Foot"], rest.head[f"{side}ToeBase"], rest.tail[f"{side}ToeBase"]
    floor = [1.0, 1.0, 0.0]
    heel = (ankle_rest - 0.06 * rest_along) * floor
    ball_at = foot @ (ball - ankle_rest)
    sole = [foot @ (heel - ankle_rest), foot @ (ball * floor - ankle_rest), ball_at + toes @ (tip * floor - ball)]
    lowest = np.min([point[:, 2] for point in sole], axis=0)
    target = scale * ankle
    target[:, 2] = clearance - lowest
    normal, known = _bend(_unit(motion[f"knee.{letter}"] - motion[f"hip.{letter}"]), _unit(ankle - motion[f"knee.{letter}"]))
    hinge = _unit(gaussian_filter1d(known[:, None] * normal + (1 - known[:, None]) * left, 1.0, axis=0))
    bent_knee = angle_between(motion[f"knee.{letter}"] - motion[f"hip.{letter}"], ankle - motion[f"knee.{letter}"])
    planted = np.exp(-((clearance / ON_GROUND) ** 2)) * np.clip(2 - np.abs(pitch) / ROLLING, 0, 1)
    return _Foot(target, foot, toes, hinge, clearance, bent_knee, planted)


def _raise(motion: Mapping[str, Array], rest: Rest, turn: Mapping[str, Array], root: Array, feet: Mapping[str, _Foot]) -> Array:
    """(T,) how much higher the pelvis has to be for the legs that stand to be bent as the motion's are; nothing for who sits or lies."""
    hips = np.stack([root + turn["Hips"] @ (rest.head[f"{side}UpLeg"] - rest.head["Hips"]) for side in feet], axis=1)
    wanted = np.stack([reach(*_leg(rest, side)[:2], foot.bent) for side, foot in feet.items()], axis=1)
    ankles, bent, clear = (np.stack([getattr(foot, name) for foot in feet.values()], axis=1) for name in ("ankle", "bent", "clearance"))
    low, high = UPRIGHT
    carried = np.clip((motion["pelvis"][:, 2] / _motion_leg(motion) - low) / (high - low), 0, 1)
    return raise_to(hips, ankles, wanted, bent, clear) * gaussian_filter1d(carried, 4.0)


def _sink(rest: Rest, turn: Mapping[str, Array], root: Array, feet: Mapping[str, _Foot]) -> Array:
    """(T,) how far the pelvis has to sink for the feet that stand flat to be reached but for COMES_ALONG, smooth. A foot that rolls off
    comes along instead, or every step would bend the other knee."""
    drop = np.zeros(len(root))
    for side, foot in feet.items():
        across = foot.ankle - (root + turn["Hips"] @ (rest.head[f"{side}UpLeg"] - rest.head["Hips"]))
        reach = REACH * _leg(rest, side)[2]
        high = np.sqrt(np.maximum(reach**2 - across[:, 0] ** 2 - across[:, 1] ** 2, 0))
        drop = np.maximum(drop, foot.planted * (-across[:, 2] - high) - COMES_ALONG)
    wide = np.max([np.roll(drop, k) for k in range(-2, 3)], axis=0)
    return gaussian_filter1d(wide, 1.5)


def _solve_leg(rest: Rest, turn: dict[str, Array], root: Array, foot: _Foot, side: str) -> None:
    thigh, shin, _ = _leg(rest, side)
    hip = root + turn["Hips"] @ (rest.head[f"{side}UpLeg"] - rest.head["Hips"])
    axis = foot.ankle - hip
    # a leg that does not reach its foot is as straight as the motion's, not straight as a stick
    far = np.minimum(np.linalg.norm(axis, axis=-1), reach(thigh, shin, np.clip(foot.bent, *STRETCHED)))
    axis = _unit(axis)
    hinge = _unit(foot.hinge - (foot.hinge * axis).sum(-1, keepdims=True) * axis)
    along = (thigh**2 - shin**2 + far**2) / (2 * far)
    out = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    knee = hip + along[:, None] * axis + out[:, None] * np.cross(axis, hinge)
    ankle = hip + far[:, None] * axis
    _leg_turns(rest, turn, side, knee - hip, ankle - knee, hinge)
    turn[f"{side}Foot"], turn[f"{side}ToeBase"] = foot.turn, foot.toes


def _leg_turns(rest: Rest, turn: dict[str, Array], side: str, thigh: Array, shin: Array, hinge: Array) -> Array:
    """Turns thigh and shin along these directions (T,3), with the knee's axis `hinge` (T,3); the axis (3,) at rest is returned."""
    rest_left = np.cross(UP, rest.tail[f"{side}ToeBase"] - rest.head[f"{side}Foot"])
    for name, end, direction in ((f"{side}UpLeg", f"{side}Leg", thigh), (f"{side}Leg", f"{side}Foot", shin)):
        turn[name] = _frame(direction, hinge) @ _frame(rest.head[end] - rest.head[name], rest_left).T
    return np.asarray(rest_left)


def _leg(rest: Rest, side: str) -> tuple[float, float, float]:
    hip, knee, ankle = (rest.head[f"{side}{bone}"] for bone in ("UpLeg", "Leg", "Foot"))
    thigh, shin = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
    return thigh, shin, thigh + shin


def _motion_leg(motion: Mapping[str, Array]) -> float:
    thigh = np.linalg.norm(motion["knee.L"] - motion["hip.L"], axis=-1)
    return float(np.median(thigh + np.linalg.norm(motion["ankle.L"] - motion["knee.L"], axis=-1)))


def _bend(a: Array, b: Array) -> tuple[Array, Array]:
    """The unit normal of the plane of two bones, and how far it can be trusted (0..1)."""
    normal = np.cross(a, b)
    sine = np.linalg.norm(normal, axis=-1)
    any_way = np.cross(a, np.where(np.abs(a[:, :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    normal = np.where(sine[:, None] < LEAST_SINE, LEAST_SINE * _unit(any_way), normal)  # of a limb as straight as a stick
    sine = np.maximum(sine, LEAST_SINE)
    x = np.clip((sine - STRAIGHT[0]) / (STRAIGHT[1] - STRAIGHT[0]), 0, 1)
    return normal / sine[:, None], x * x * (3 - 2 * x)


def _unit(v: Array) -> Array:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def _frame(primary: Array, secondary: Array) -> Array:
    """(...,3,3) with the columns: secondary made square to primary, primary, and their cross product."""
    y = _unit(primary)
    x = _unit(secondary - (secondary * y).sum(-1, keepdims=True) * y)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _swing(base: Array, rest_direction: Array, direction: Array) -> Array:
    """`base` (T,3,3) turned by the shortest way so that the bone's rest direction points along `direction` (T,3)."""
    a, b = _unit(base @ rest_direction), _unit(direction)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1)
    angle = np.arctan2(sine, (a * b).sum(-1))
    return Rotation.from_rotvec(axis / np.maximum(sine, 1e-9)[:, None] * angle[:, None]).as_matrix() @ base


def _angle_about(axis: Array, turn: Array) -> Array:
    """(T,) the angle of rotations (T,3,3) that turn about the unit `axis` (T,3)."""
    rotvec = Rotation.from_matrix(turn).as_rotvec()
    return (rotvec * axis).sum(-1)
