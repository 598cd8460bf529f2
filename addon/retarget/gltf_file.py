"""What a glTF file says of itself (.glb, .vrm, .gltf), read with limits, before Blender's importer believes it. No bpy here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ...contract.reading import LARGEST_JSON, parse_json

_HEADER: Final = 20  # bytes of a binary file before its JSON
MOST_NODES: Final = 200_000
DEEPEST: Final = 500  # nodes below one another: the importer follows them by recursion
LARGEST_EMPTY: Final = 2**24  # values of accessors without data, which the importer makes up
_LISTS: Final = ("accessors", "bufferViews", "buffers", "nodes", "skins", "meshes", "animations", "scenes", "materials", "images")


def document(path: Path) -> dict[str, Any]:
    """The JSON of the file. Raises OSError, or ValueError for a file that is none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if path.suffix.lower() == ".gltf":
            text = file.read(LARGEST_JSON + 1)
        else:
            header = file.read(_HEADER)
            length = int.from_bytes(header[12:16], "little")
            if len(header) < _HEADER or header[:4] != b"glTF" or header[16:20] != b"JSON":
                raise ValueError("it is no binary glTF file")
            if length > min(size - _HEADER, LARGEST_JSON):
                raise ValueError("it is cut off")
            text = file.read(length)
    content = parse_json(text.decode("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("its JSON is no object")
    return content


def check(path: Path) -> None:
    """Raises OSError, or ValueError for a file that is none, or that would make the importer take memory or time without bound."""
    content = document(path)
    for name in _LISTS:
        entries = content.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError(f"its {name} are not a list of objects")
    counts = [accessor.get("count", 0) for accessor in content.get("accessors", [])]
    if not all(isinstance(count, int) and 0 <= count < 2**40 for count in counts):
        raise ValueError("it has an accessor without a count")
    empty = [accessor["count"] for accessor in content.get("accessors", []) if "bufferView" not in accessor]
    if sum(empty) > LARGEST_EMPTY:
        raise ValueError("its accessors count more values than the file holds")
    _check_tree(content.get("nodes", []))


def _check_tree(nodes: list[dict[str, Any]]) -> None:
    """Nodes have one parent at most, and none is above itself."""
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it has more than {MOST_NODES} nodes")
    parent: dict[int, int] = {}
    for above, node in enumerate(nodes):
        children = node.get("children", [])
        if not isinstance(children, list) or not all(isinstance(child, int) and 0 <= child < len(nodes) for child in children):
            raise ValueError("a node has children that there are not")
        for child in children:
            if parent.setdefault(child, above) != above:
                raise ValueError("a node hangs on two others")
    depth: dict[int, int] = {}
    for start in range(len(nodes)):
        way: list[int] = []
        at = start
        while at in parent and at not in depth and len(way) <= DEEPEST:
            way.append(at)
            at = parent[at]
        below = depth.get(at, 0)
        if len(way) + below > DEEPEST:
            raise ValueError("its nodes hang in a circle, or too deep")
        for steps, one in enumerate(reversed(way), 1):
            depth[one] = below + steps
