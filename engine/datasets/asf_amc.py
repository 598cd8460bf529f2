"""Acclaim's ASF (a skeleton) and AMC (motions of it), as CMU gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contract.reading import read_limited, reading
from engine.datasets.bvh import FARTHEST, axis_rotation
from engine.datasets.joint_names import END, LARGEST_TEXT, MOST_NODES, Array, Nodes, check_rate, check_size

INCH = 0.0254
_AXES = {"x": 0, "y": 1, "z": 2}
_DOF = {"tx", "ty", "tz", "rx", "ry", "rz", "l"}
LARGEST_SKELETON = 2**22  # bytes
AMC_FPS = 120.0  # where the file does not say: CMU's own rate


@dataclass
class _Bone:
    """`axis` (degrees, about x, y, z in the order `order`) turns into the bone's own frame, in which the angles of `dof` are given."""

    name: str
    direction: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    length: float = 0.0
    axis: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    order: str = "xyz"
    dof: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asf:
    """Bones by name, root first; the parent of each; metres a unit of length."""

    bones: dict[str, _Bone]
    parents: dict[str, str]
    unit: float
    degrees: bool


def read_asf(path: Path) -> Asf:
    """Reads a skeleton. Raises Failure `bad_input`."""
    with reading(path, "ASF skeleton", "get it again"):
        skeleton = _skeleton(read_limited(path, LARGEST_SKELETON).decode("utf-8", "replace"))
        _check(skeleton)
    return skeleton


def _check(skeleton: Asf) -> None:
    """ValueError for bones that hang in a circle, or that say what no bone can."""
    if len(skeleton.bones) > MOST_NODES:
        raise ValueError(f"it has more than {MOST_NODES} bones")
    if not 0 < skeleton.unit < FARTHEST:
        raise ValueError("its unit of length is none")
    reached = _from_the_root(skeleton)
    if len(reached) != len(skeleton.bones):
        raise ValueError("its hierarchy has bones that do not hang on the root")
    for bone in skeleton.bones.values():
        numbers = [*bone.direction, *bone.axis, bone.length]
        if len(bone.direction) != 3 or len(bone.axis) != 3 or not all(abs(number) < FARTHEST for number in numbers):
            raise ValueError(f"the bone {bone.name} has numbers that make no sense")
        if not set(bone.order) <= set(_AXES) or not set(bone.dof) <= _DOF or len(set(bone.dof)) != len(bone.dof):
            raise ValueError(f"the bone {bone.name} turns about axes that there are not")
    if not skeleton.bones["root"].dof:
        raise ValueError("its root does not move")


def _from_the_root(skeleton: Asf) -> list[str]:
    """The bones in an order with parents first; those that do not hang on the root are left out."""
    children: dict[str, list[str]] = {}
    for child, parent in skeleton.parents.items():
        children.setdefault(parent, []).append(child)
    order = ["root"]
    for name in order:  # grows while it is walked
        order += children.get(name, [])
    return order


def _skeleton(text: str) -> Asf:
    bones: dict[str, _Bone] = {"root": _Bone("root", dof=["tx", "ty", "tz", "rx", "ry", "rz"])}
    parents: dict[str, str] = {}
    section, bone, length, degrees = "", bones["root"], 1.0, True
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            section, bone = words[0], bones["root"]
        elif section == ":units" and words[0] == "length":
            length = float(words[1])
        elif section == ":units" and words[0] == "angle":
            degrees = words[1].lower().startswith("deg")
        elif section == ":root":
            if words[0] == "order":
                bone.dof = [w.lower() for w in words[1:]]
            elif words[0] == "axis":
                bone.order = words[1].lower()
            elif words[0] == "orientation":
                bone.axis = [float(w) for w in words[1:4]]
        elif section == ":bonedata":
            if words[0] == "begin":
                bone = _Bone("")
            elif words[0] == "name":
                bone.name = words[1]
                bones[bone.name] = bone
            elif words[0] == "direction":
                bone.direction = [float(w) for w in words[1:4]]
            elif words[0] == "length":
                bone.length = float(words[1])
            elif words[0] == "axis":
                bone.axis, bone.order = [float(w) for w in words[1:4]], words[4].lower()
            elif words[0] == "dof":
                bone.dof = [w.lower() for w in words[1:]]
        elif section == ":hierarchy" and words[0] not in ("begin", "end"):
            parents |= {child: words[0] for child in words[1:]}
    if not parents or any(child not in bones or parent not in bones for child, parent in parents.items()):
        raise ValueError("its hierarchy names bones that it does not describe")
    if set(bones) - {"root"} != set(parents):
        raise ValueError(f"no place in the hierarchy for {', '.join(sorted(set(bones) - {'root'} - set(parents)))}")
    return Asf(bones, parents, INCH / length, degrees)


def read_amc(path: Path, skeleton: Asf) -> tuple[Nodes, float]:
    """(nodes in metres, Y up as a rule; frames a second). A node stands where its bone begins, `.end` where a last one ends.

    Raises Failure `bad_input` for a motion that is not of this skeleton.
    """
    with reading(path, "AMC motion of its skeleton", "get both again"):
        text = read_limited(path, LARGEST_TEXT).decode("utf-8", "replace")
        frames, fps = _frames(text, skeleton)
        check_size(len(frames["root"]), 2 * len(skeleton.bones), len(text))
        return _positions(skeleton, frames), check_rate(fps)


def _frames(text: str, skeleton: Asf) -> tuple[dict[str, Array], float]:
    """Values of every bone (T, degrees of freedom)."""
    values: dict[str, list[list[float]]] = {name: [] for name, bone in skeleton.bones.items() if bone.dof}
    fps, count = AMC_FPS, 0
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].upper() == ":SAMPLES-PER-SECOND":
            fps = float(words[1])
        elif words[0].startswith(":"):
            continue
        elif len(words) == 1 and words[0].isdigit():
            count += 1
        else:
            numbers = [float(w) for w in words[1:]]
            if words[0] not in values:
                raise ValueError(f"a bone {words[0]} that the skeleton does not move")
            if len(numbers) != len(skeleton.bones[words[0]].dof):
                raise ValueError(f"{len(numbers)} numbers for {words[0]} in frame {count}")
            values[words[0]].append(numbers)
    if not count:
        raise EOFError("it is cut off: it has no frames")
    if any(len(rows) != count for rows in values.values()):
        short = [name for name, rows in values.items() if len(rows) != count]
        raise ValueError(f"{count} frames, not all of them with {', '.join(short[:3]) or 'anything'}")
    arrays = {name: np.array(rows) for name, rows in values.items()}
    if not all((np.abs(a) < FARTHEST).all() for a in arrays.values()):
        raise ValueError("it has numbers that make no sense")
    return arrays, fps


def _turn(order: str, angles: Array) -> Array:
    """(..,3) angles of x, y, z to (..,3,3): the first of `order` acts first, so xyz is Rz Ry Rx."""
    matrix = np.eye(3)
    for letter in order:
        matrix = axis_rotation(_AXES[letter], angles[..., _AXES[letter]]) @ matrix
    return matrix


def _positions(skeleton: Asf, frames: dict[str, Array]) -> Nodes:
    count = len(frames["root"])
    factor = 1.0 if skeleton.degrees else 180.0 / np.pi
    names: list[str] = []
    parents: list[int] = []
    places: list[Array] = []
    turns: dict[str, Array] = {}
    ends: dict[str, Array] = {}
    inner = set(skeleton.parents.values())
    places_of: dict[str, int] = {}
    for name in _from_the_root(skeleton):
        bone = skeleton.bones[name]
        angles, shift = np.zeros((count, 3)), np.zeros((count, 3))
        for column, dof in enumerate(bone.dof):
            if dof[0] == "r":
                angles[:, _AXES[dof[1]]] = frames[name][:, column] * factor
            elif dof[0] == "t":
                shift[:, _AXES[dof[1]]] = frames[name][:, column]
        rest = _turn(bone.order, np.array(bone.axis) * factor)
        # the letters of the degrees of freedom give the order of the angles, as those of `axis` do for the rest
        letters = "".join(d[1] for d in bone.dof if d[0] == "r")
        local = rest @ _turn(letters, angles) @ rest.T
        if name == "root":
            turns[name], ends[name], start = local, shift, shift
        else:
            parent = skeleton.parents[name]
            start = ends[parent]
            turns[name] = turns[parent] @ local
            ends[name] = start + turns[name] @ (np.array(bone.direction) * bone.length)
        places_of[name] = len(names)
        names.append(name)
        parents.append(-1 if name == "root" else places_of[skeleton.parents[name]])
        places.append(start)
        if name != "root" and name not in inner:
            names.append(name + END)
            parents.append(len(names) - 2)
            places.append(ends[name])
    return Nodes(tuple(names), tuple(parents), np.stack(places, axis=1) * skeleton.unit)
