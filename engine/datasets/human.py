"""A skinned human out of a .glb: body, weights and rest pose, in metres, Z up, facing -Y; what the person wears; and the 22 joints while
it is driven.

The body's mesh is the first of the file. Further meshes are things that are worn (`clothes_...`, `shoes_...`, `hair_...`, `eyes`); each
is kept by where it stands off the skin, so that it fits every body of the same mesh. Normals are computed, across seams.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

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


CLOTHES, SHOES = 1, 2  # bits of what hides the body: _HIDDEN of a file
NEAR_SKIN: Final = 8  # points of the skin that a point of the clothes follows
CLOSE: Final = 0.006  # metres: points of the skin nearer than this count alike


@dataclass(frozen=True)
class Worn:
    """One thing on somebody. kind: "clothes", "shoes", "hair" or "eyes"; part: whose colour it has (clothes_top, ...), one a vertex.

    near, share (W,K): points of the body, and their shares; off (W,3): how far a vertex is from their mean; faces (F,3), bones and
    weights (W,4) as a Human's; seam (W,): vertices at one place have one number; hides (V,) bool: the body's vertices beneath it.
    """

    kind: str
    parts: tuple[str, ...]
    part: npt.NDArray[np.int32]
    near: npt.NDArray[np.int32]
    share: Array
    off: Array
    faces: npt.NDArray[np.int32]
    bones: npt.NDArray[np.int32]
    weights: Array
    seam: npt.NDArray[np.int32]
    hides: npt.NDArray[np.bool_]

    def fitted(self, body: Array) -> Array:
        """(W,3) on a body (V,3) of the mesh it was made for."""
        return np.asarray(self.off + np.einsum("wk,wkc->wc", self.share, body[self.near]))


@dataclass(frozen=True)
class Human:
    """vertices, normals (V,3); faces (F,3); part (V,) index into `parts` (skin, shirt, ...); bones, weights (V,4) by `bone_names`.

    seam (V,): vertices at one place have one number. body: how many vertices, the first ones, are the body's. wardrobe: what this
    person has to wear and has not put on; outfit: whose clothes it wears.
    """

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
    seam: npt.NDArray[np.int32]
    body: int
    wardrobe: tuple[Worn, ...] = ()
    outfit: str = "painted"

    @property
    def stature(self) -> float:
        """Metres, of the bare body."""
        height = self.vertices[: self.body, 2]
        return float(height.max() - height.min())


def smooth_normals(vertices: Array, faces: npt.NDArray[np.int32], seam: npt.NDArray[np.int32]) -> Array:
    """(V,3) unit normals of vertices (V,3); those of one `seam` (V,) share theirs."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros((int(seam.max()) + 1, 3))
    for corner in range(3):
        at = seam[faces[:, corner]]
        for axis in range(3):
            total[:, axis] += np.bincount(at, across[:, axis], len(total))
    return np.asarray((total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))[seam])


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

    def mesh(number: int) -> _Mesh:
        columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("vertices", "faces", "part", "bones", "weights", "hidden")}
        parts: list[str] = []
        count = 0
        for piece in file["meshes"][number]["primitives"]:
            attributes = piece["attributes"]
            places = numbers(attributes["POSITION"]).astype(float) @ _UPRIGHT.T
            material = str(file["materials"][piece["material"]]["name"])
            if material not in parts:
                parts.append(material)
            share = numbers(attributes["WEIGHTS_0"]).astype(float)
            hidden = numbers(attributes["_HIDDEN"])[:, 0] if "_HIDDEN" in attributes else np.zeros(len(places))
            row = (
                places, numbers(piece["indices"]).astype(np.int32).reshape(-1, 3) + count,
                np.full(len(places), parts.index(material), np.int32),
                numbers(attributes["JOINTS_0"]).astype(np.int32), share / share.sum(axis=1, keepdims=True), hidden.astype(np.int32),
            )  # fmt: skip
            for name, values in zip(columns, row, strict=True):
                columns[name].append(values)
            count += len(places)
        arrays = {name: np.concatenate(values) for name, values in columns.items()}
        seam = np.unique(np.round(arrays["vertices"], 6), axis=0, return_inverse=True)[1].ravel().astype(np.int32)
        return _Mesh(str(file["meshes"][number].get("name", "body")), tuple(parts), seam=seam, **arrays)

    body = mesh(0)
    points, owner, share = body.vertices, body.bones, body.weights
    tree = cKDTree(points)
    wardrobe = tuple(_worn(mesh(k), body, tree) for k in range(1, len(file["meshes"])))
    floor = points[:, 2].min()
    points = points - [0, 0, floor]
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
        path.stem, points, smooth_normals(points, body.faces, body.seam), body.faces, body.part, body.parts, owner, share, names,
        Rest(head, tail, parent), body.seam, len(points), wardrobe,
    )  # fmt: skip


@dataclass(frozen=True)
class _Mesh:
    name: str
    parts: tuple[str, ...]
    vertices: Array
    faces: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    bones: npt.NDArray[np.int32]
    weights: Array
    hidden: npt.NDArray[np.int32]
    seam: npt.NDArray[np.int32]


def _worn(mesh: _Mesh, body: _Mesh, tree: Any) -> Worn:
    distance, near = tree.query(mesh.vertices, k=min(NEAR_SKIN, len(body.vertices)))
    share = 1 / (distance + CLOSE) ** 2
    share /= share.sum(axis=1, keepdims=True)
    kind = mesh.name.split("_")[0]
    off = mesh.vertices - np.einsum("wk,wkc->wc", share, body.vertices[near])
    bit = 0 if mesh.name == "clothes_hat" else {"clothes": CLOTHES, "shoes": SHOES}.get(kind, 0)
    return Worn(
        "hair" if mesh.name == "clothes_hat" else kind, mesh.parts, mesh.part, near.astype(np.int32), share, off, mesh.faces, mesh.bones,
        mesh.weights, mesh.seam, (body.hidden & bit) > 0,
    )  # fmt: skip
