"""A small skinned human as a .glb, made by computation: a thin box along every bone of a made-up body."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

CHILDREN = {
    "Hips": "LowerBack", "LowerBack": "Spine", "Spine": "Spine1", "Spine1": "Neck", "Neck": "Neck1", "Neck1": "Head",
    **{f"{side}{a}": f"{side}{b}" for side in ("Left", "Right") for a, b in (
        ("Shoulder", "Arm"), ("Arm", "ForeArm"), ("ForeArm", "Hand"), ("Hand", "FingerBase"),
        ("UpLeg", "Leg"), ("Leg", "Foot"), ("Foot", "ToeBase"))},
}  # fmt: skip


def write_body(path: Path, rest) -> Path:
    """`rest`: heads, tails and parents, metres, Z up (drive_human.Rest). Axes and units of the file: Y up, metres."""
    names = list(rest.head)
    up = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    places, normals, owners, weights, faces = [], [], [], [], []
    for k, name in enumerate(names):
        end = rest.head[CHILDREN[name]] if name in CHILDREN else rest.tail[name]
        start = rest.head[name]
        if name == "Head":
            end = start + np.array([0, 0, 0.2])
        along = end - start
        if np.linalg.norm(along) < 1e-6:
            continue
        side = np.cross(along, [0.3, 0.5, 0.8])
        side *= 0.04 / np.linalg.norm(side)
        other = np.cross(along, side)
        other *= 0.04 / np.linalg.norm(other)
        first = len(places)
        for point in (start - 0.02 * along, end):
            for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
                places.append(up @ (point + a * side + b * other))
                normals.append(up @ (a * side + b * other) / np.linalg.norm(a * side + b * other))
                owners.append([k, 0, 0, 0])
                weights.append([1.0, 0, 0, 0])
        for quad in ((0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)):
            a, b, c, d = (first + q for q in quad)
            faces += [a, b, c, a, c, d]
    bind = np.tile(np.eye(4), (len(names), 1, 1))
    bind[:, 3, :3] = [-up @ rest.head[name] for name in names]  # by columns, as glTF has matrices
    chunks, views, accessors = b"", [], []

    def add(values, kind, component, dtype):
        nonlocal chunks
        raw = np.asarray(values, dtype).tobytes()
        count = np.asarray(values).size // {"VEC3": 3, "VEC4": 4, "SCALAR": 1, "MAT4": 16}[kind]
        views.append({"buffer": 0, "byteOffset": len(chunks), "byteLength": len(raw)})
        accessors.append({"bufferView": len(views) - 1, "componentType": component, "count": count, "type": kind})
        chunks += raw + b"\x00" * (-len(raw) % 4)
        return len(accessors) - 1

    attributes = {
        "POSITION": add(places, "VEC3", 5126, "<f4"), "NORMAL": add(normals, "VEC3", 5126, "<f4"),
        "JOINTS_0": add(owners, "VEC4", 5121, "u1"), "WEIGHTS_0": add(weights, "VEC4", 5126, "<f4"),
    }  # fmt: skip
    nodes = [{"name": name, "children": [k for k, other in enumerate(names) if rest.parent[other] == name]} for name in names]
    document = {
        "asset": {"version": "2.0"}, "nodes": nodes, "materials": [{"name": "skin"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": add(faces, "SCALAR", 5123, "<u2"), "material": 0}]}],
        "skins": [{"joints": list(range(len(names))), "inverseBindMatrices": add(np.array(bind), "MAT4", 5126, "<f4")}],
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(chunks)}],
    }  # fmt: skip
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sIII4s", b"glTF", 2, 28 + len(text) + len(chunks), len(text), b"JSON")
    path.write_bytes(head + text + struct.pack("<I4s", len(chunks), b"BIN\x00") + chunks)
    return path
