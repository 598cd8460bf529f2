"""A skinned human out of a .glb: mesh, weights and rest pose, in metres, Z up, facing -Y; and its 22 joints while it is driven."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.drive_human import Drive, Rest, heads

Array = npt.NDArray[np.float64]

_TYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # glTF's Y up, facing +Z -> Z up, facing -Y

# joint of BODY_22 -> the bone whose head it is; the others are worked out in `joints`
_BONES = {"neck": "Neck", "head": "Head"}
_LIMBS = {
    "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "FingerBase", "hip": "UpLeg", "knee": "Leg", "ankle": "Foot",
}  # fmt: skip
for _side, _letter in (("Left", "L"), ("Right", "R")):
    _BONES |= {f"{_joint}.{_letter}": f"{_side}{_bone}" for _joint, _bone in _LIMBS.items()}


@dataclass(frozen=True)
class Human:
    """vertices, normals (V,3); faces (F,3); part (V,) index into `parts` (skin, shirt, ...); bones, weights (V,4) by `bone_names`."""

    name: str
    vertices: Array
    normals: Array
    faces: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    parts: tuple[str, ...]
    bones: npt.NDArray[np.int32]
    weights: Array
    bone_names: tuple[str, ...]
    rest: Rest

    @property
    def stature(self) -> float:
        """Metres."""
        return float(self.vertices[:, 2].max() - self.vertices[:, 2].min())


def read_human(path: Path) -> Human:
    """Raises Failure `bad_input` for a file that holds no skinned human with the CMU names of bones."""
    try:
        return _read(path)
    except (OSError, KeyError, ValueError, IndexError, struct.error) as error:
        raise Failure("bad_input", f"{path} holds no skinned human of the documented kind ({error}); see docs/data.md.") from error


def joints(human: Human, pose: Drive) -> Array:
    """(T,22,3) BODY_22 in the world: where the driven human's joints are."""
    at = heads(pose, human.rest)

    def end(bone: str) -> Array:
        return at[bone] + pose.rotation[bone] @ (human.rest.tail[bone] - human.rest.head[bone])

    found = {joint: at[bone] for joint, bone in _BONES.items()}
    found |= {"head_top": end("Head"), "toe.L": end("LeftToeBase"), "toe.R": end("RightToeBase")}
    found["pelvis"] = (found["hip.L"] + found["hip.R"]) / 2
    chain = [found["pelvis"], at["LowerBack"], at["Spine"], at["Spine1"], found["neck"]]
    found["spine"], found["chest"] = _along(chain, 0.5), _along(chain, 0.75)
    return np.stack([found[name] for name in BODY_22.joints], axis=1)


def _along(chain: list[Array], share: float) -> Array:
    """(T,3) the point at this share of the length of a chain of points, each (T,3)."""
    points = np.stack(chain)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    ends = np.concatenate([np.zeros((1, lengths.shape[1])), np.cumsum(lengths, axis=0)])
    wanted = share * ends[-1]
    result = np.empty_like(chain[0])
    for t in range(points.shape[1]):
        for axis in range(3):
            result[t, axis] = np.interp(wanted[t], ends[:, t], points[:, t, axis])
    return result


def _read(path: Path) -> Human:
    content = path.read_bytes()
    if content[:4] != b"glTF":
        raise ValueError("not a .glb")
    size = struct.unpack_from("<I", content, 12)[0]
    file, start = json.loads(content[20 : 20 + size]), 28 + size

    def numbers(index: int) -> npt.NDArray[Any]:
        accessor = file["accessors"][index]
        view = file["bufferViews"][accessor["bufferView"]]
        width, offset = _WIDTHS[accessor["type"]], start + view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        return np.frombuffer(content, _TYPES[accessor["componentType"]], accessor["count"] * width, offset).reshape(-1, width)

    skin = file["skins"][0]
    nodes, names = file["nodes"], tuple(str(file["nodes"][k]["name"]) for k in skin["joints"])
    above = {child: k for k, node in enumerate(nodes) for child in node.get("children", ())}
    # a bone's place in the mesh's own space is what its inverse bind matrix takes back
    bound = np.linalg.inv(numbers(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2).astype(float))
    head = {name: _UPRIGHT @ matrix[:3, 3] for name, matrix in zip(names, bound, strict=True)}
    index = {node: name for node, name in zip(skin["joints"], names, strict=True)}

    vertices, normals, faces, part, bones, weights, parts = [], [], [], [], [], [], []
    count = 0
    (mesh,) = file["meshes"]
    for number, piece in enumerate(mesh["primitives"]):
        attributes = piece["attributes"]
        vertices.append(numbers(attributes["POSITION"]).astype(float) @ _UPRIGHT.T)
        normals.append(numbers(attributes["NORMAL"]).astype(float) @ _UPRIGHT.T)
        bones.append(numbers(attributes["JOINTS_0"]).astype(np.int32))
        weights.append(numbers(attributes["WEIGHTS_0"]).astype(float))
        faces.append(numbers(piece["indices"]).astype(np.int32).reshape(-1, 3) + count)
        part.append(np.full(len(vertices[-1]), number, np.int32))
        parts.append(str(file["materials"][piece["material"]]["name"]))
        count += len(vertices[-1])
    points, owner, share = np.concatenate(vertices), np.concatenate(bones), np.concatenate(weights)
    share /= share.sum(axis=1, keepdims=True)
    floor = points[:, 2].min()
    points[:, 2] -= floor
    head = {name: place - [0, 0, floor] for name, place in head.items()}

    parent: dict[str, str | None] = {}
    waiting = list(skin["joints"])
    while waiting:  # parents before children
        node = waiting.pop(0)
        over = index.get(above.get(node, -1))
        if over is not None and over not in parent:
            waiting.append(node)
        else:
            parent[index[node]] = over
    main = owner[np.arange(len(points)), np.argmax(share, axis=1)]
    tail = dict(head)
    tops = points[main == names.index("Head")]
    tail["Head"] = np.array([*head["Head"][:2], tops[:, 2].max()])
    for side in ("Left", "Right"):
        toes = points[main == names.index(f"{side}ToeBase")]
        tail[f"{side}ToeBase"] = toes[np.argmin(toes[:, 1])]
    if missing := set(_BONES.values()) - set(head):
        raise ValueError(f"it has no bone {', '.join(sorted(missing))}")
    return Human(
        path.stem, points, np.concatenate(normals), np.concatenate(faces), np.concatenate(part), tuple(parts), owner, share, names,
        Rest(head, tail, parent),
    )  # fmt: skip
