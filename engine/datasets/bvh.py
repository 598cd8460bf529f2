"""BVH files: a hierarchy of joints with offsets, and a frame a line of angles in degrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.failure import Failure
from engine.datasets.joint_names import END, Array, Nodes

_AXES = {"X": 0, "Y": 1, "Z": 2}


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float]
    channels: list[str]


@dataclass(frozen=True)
class Bvh:
    """A motion's nodes (the tips of its end sites too), in the file's units and axes, and its rate."""

    nodes: Nodes
    fps: float


def read_bvh(path: Path) -> Bvh:
    """Reads a file and works out where its joints are. Raises Failure `bad_input` saying what is wrong with it."""
    try:
        words = iter(path.read_text(encoding="utf-8", errors="replace").split())
        joints = _hierarchy(words)
        _restore_cmu(joints)
        frames, seconds, values = _motion(words, sum(len(j.channels) for j in joints))
    except (OSError, ValueError, StopIteration) as error:
        raise Failure("bad_input", f"{path} is cut off or no BVH ({error or 'it ends too soon'}).") from error
    names = tuple(joint.name for joint in joints)
    parents = tuple(joint.parent for joint in joints)
    return Bvh(Nodes(names, parents, _positions(joints, values.reshape(frames, -1))), 1.0 / seconds)


def _hierarchy(words: object) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int] = []
    following = iter(words)  # type: ignore[call-overload]
    if next(following) != "HIERARCHY":
        raise ValueError("it does not begin with HIERARCHY")
    for word in following:
        if word in ("ROOT", "JOINT"):
            if word == "ROOT" and joints:
                raise ValueError("it has two roots; export one person a file")
            joints.append(_Joint(next(following), open_joints[-1] if open_joints else -1, [0.0] * 3, []))
        elif word == "End":
            next(following)  # Site
            joints.append(_Joint(joints[open_joints[-1]].name + END, open_joints[-1], [0.0] * 3, []))
        elif word == "{":
            open_joints.append(len(joints) - 1)
        elif word == "}":
            open_joints.pop()
        elif word == "OFFSET":
            joints[-1].offset = [float(next(following)) for _ in range(3)]
        elif word == "CHANNELS":
            joints[-1].channels = [next(following) for _ in range(int(next(following)))]
        elif word == "MOTION":
            if not joints or open_joints:
                raise ValueError("its hierarchy is not complete")
            return joints
        else:
            raise ValueError(f"it has {word!r} in its hierarchy")
    raise ValueError("it has no MOTION")


def _restore_cmu(joints: list[_Joint]) -> None:
    """Puts back the two bones that the usual conversion of CMU's motions to BVH has lost, in place.

    It set the offset of the first joint after a branching to zero, which shortens the body by the thorax (1.004 of the bone below it) and
    the last third of each forearm (half of the radius), as the lengths in CMU's own skeletons show.
    """
    named = {joint.name: joint for joint in joints}
    if not {"LowerBack", "Spine1", "Neck", "LeftShoulder", "RightShoulder"} <= named.keys() or any(named["Neck"].offset):
        return
    lost = [(name, "Spine1", 1.004) for name in ("Neck", "LeftShoulder", "RightShoulder")]
    lost += [(f"{side}FingerBase", f"{side}Hand", 0.5) for side in ("Left", "Right")]
    for name, like, share in lost:
        if name in named and like in named and not any(named[name].offset):
            named[name].offset = [share * value for value in named[like].offset]


def _motion(words: object, channels: int) -> tuple[int, float, Array]:
    following = iter(words)  # type: ignore[call-overload]
    if next(following) != "Frames:":
        raise ValueError("its motion does not begin with Frames:")
    frames = int(next(following))
    if (next(following), next(following)) != ("Frame", "Time:"):
        raise ValueError("it has no Frame Time:")
    seconds = float(next(following))
    values = np.array([float(word) for word in following])
    if len(values) != frames * channels:
        raise ValueError(f"it holds {len(values)} numbers for {frames} frames of {channels} channels")
    if not seconds > 0 or not np.isfinite(values).all() or not frames:
        raise ValueError("its frame time or its numbers make no sense")
    return frames, seconds, values


def axis_rotation(axis: int, degrees: Array) -> Array:
    """(..,) degrees to (..,3,3) about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.zeros((*np.shape(degrees), 3, 3))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1.0
    matrix[..., a, a], matrix[..., b, b], matrix[..., b, a], matrix[..., a, b] = c, c, s, -s
    return matrix


def _positions(joints: list[_Joint], values: Array) -> Array:
    """(T,N,3) by forward kinematics: angles act in the order of their channels, a position channel replaces the offset."""
    frames = len(values)
    positions, rotations = np.zeros((frames, len(joints), 3)), np.zeros((frames, len(joints), 3, 3))
    column = 0
    for i, joint in enumerate(joints):
        local = np.tile(np.array(joint.offset), (frames, 1))
        turn = np.broadcast_to(np.eye(3), (frames, 3, 3))
        for channel in joint.channels:
            axis, kind = _AXES.get(channel[0].upper(), -1), channel[1:].lower()
            if axis < 0 or kind not in ("position", "rotation"):
                raise Failure("bad_input", f"The BVH has the unknown channel {channel}.")
            if kind == "position":
                local[:, axis] = values[:, column]
            else:
                turn = turn @ axis_rotation(axis, values[:, column])
            column += 1
        if joint.parent < 0:
            positions[:, i], rotations[:, i] = local, turn
        else:
            above = rotations[:, joint.parent]
            positions[:, i] = positions[:, joint.parent] + (above @ local[..., None])[..., 0]
            rotations[:, i] = above @ turn
    return positions
