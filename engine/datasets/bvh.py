"""BVH files: a hierarchy of joints with offsets, and a frame a line of angles in degrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.reading import read_limited, reading
from engine.datasets.joint_names import END, LARGEST_TEXT, MOST_NODES, Array, Nodes, check_rate, check_size

_AXES = {"X": 0, "Y": 1, "Z": 2}
MOST_CHANNELS = 12
FARTHEST = 1e9  # of any number in a file: kilometres in millimetres, thousands of turns in degrees


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
    with reading(path, "BVH file", "export it again"):
        text = read_limited(path, LARGEST_TEXT).decode("utf-8", "replace")
        head, motion, numbers = text.partition("MOTION")
        words = _Words(head.split())
        joints = _hierarchy(words)
        if not motion:
            raise ValueError("it has no MOTION")
        _restore_cmu(joints)
        frames, seconds, values = _motion(numbers, sum(len(j.channels) for j in joints))
        check_size(frames, len(joints), len(text))
        fps = check_rate(1.0 / seconds)
        positions = _positions(joints, values.reshape(frames, -1))
    names = tuple(joint.name for joint in joints)
    parents = tuple(joint.parent for joint in joints)
    return Bvh(Nodes(names, parents, positions), fps)


class _Words:
    """The words of a text, one after another."""

    def __init__(self, words: list[str]) -> None:
        self._words = iter(words)

    def more(self) -> str | None:
        """The next word, None at the end."""
        return next(self._words, None)

    def word(self) -> str:
        """The next word; EOFError at the end."""
        found = self.more()
        if found is None:
            raise EOFError("it is cut off")
        return found

    def number(self) -> float:
        """The next word as a number that is one."""
        value = float(self.word())
        if not abs(value) < FARTHEST:
            raise ValueError(f"it has an offset of {value}")
        return value


def _hierarchy(words: _Words) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int] = []
    if words.word() != "HIERARCHY":
        raise ValueError("it does not begin with HIERARCHY")
    while (word := words.more()) is not None:
        if word in ("ROOT", "JOINT"):
            if (word == "ROOT") == bool(joints):
                raise ValueError("it has two roots, or none; export one person a file")
            joints.append(_Joint(words.word(), _innermost(open_joints) if joints else -1, [0.0] * 3, []))
        elif word == "End":
            words.word()  # Site
            parent = _innermost(open_joints)
            joints.append(_Joint(joints[parent].name + END, parent, [0.0] * 3, []))
        elif word == "{":
            if not joints:
                raise ValueError("a { stands before its first joint")
            open_joints.append(len(joints) - 1)
        elif word == "}":
            _innermost(open_joints)
            open_joints.pop()
        elif word == "OFFSET":
            joints[_innermost(open_joints)].offset = [words.number() for _ in range(3)]
        elif word == "CHANNELS":
            count = int(words.word())
            if not 0 <= count <= MOST_CHANNELS:
                raise ValueError(f"it has a joint of {count} channels")
            joints[_innermost(open_joints)].channels = [words.word() for _ in range(count)]
        else:
            raise ValueError(f"it has {word!r} in its hierarchy")
        if len(joints) > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES} joints")
    if not joints or open_joints:
        raise ValueError("it is cut off: its hierarchy is not complete")
    return joints


def _innermost(open_joints: list[int]) -> int:
    """The joint whose braces are open."""
    if not open_joints:
        raise ValueError("its braces do not match")
    return open_joints[-1]


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


def _motion(text: str, channels: int) -> tuple[int, float, Array]:
    """(frames, seconds a frame, all numbers) of what stands after MOTION."""
    head = text.split(maxsplit=5)
    if len(head) < 5:
        raise EOFError("it is cut off")
    if head[0] != "Frames:" or head[2:4] != ["Frame", "Time:"]:
        raise ValueError("it has no Frames: and Frame Time: after MOTION")
    frames, seconds = int(head[1]), float(head[4])
    values = np.array((head[5] if len(head) > 5 else "").split(), dtype=np.float64)
    if len(values) != frames * channels:
        what = "it is cut off: " if len(values) < frames * channels else ""
        raise ValueError(f"{what}it holds {len(values)} numbers for {frames} frames of {channels} channels")
    if not seconds > 0 or frames < 1 or not (np.abs(values) < FARTHEST).all():
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
                raise ValueError(f"it has the unknown channel {channel!r}")
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
