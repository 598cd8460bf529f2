"""What glTF files say of themselves, within limits."""

from __future__ import annotations

import json
import struct

import pytest
from kinolift_extension.addon.retarget import gltf_file
from kinolift_extension.addon.retarget.source import load_rig
from kinolift_extension.contract.failure import Failure


def glb(path, text, length=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    head = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text) if length is None else length, b"JSON")
    path.write_bytes(head + text)
    return path


def test_the_json_comes_out_of_both_kinds_of_file(tmp_path):
    assert gltf_file.document(glb(tmp_path / "a.glb", {"nodes": []})) == {"nodes": []}
    (tmp_path / "a.gltf").write_text('{"nodes": []}')
    assert gltf_file.document(tmp_path / "a.gltf") == {"nodes": []}


CHAIN = [{"children": [i + 1]} for i in range(600)] + [{}]


@pytest.mark.parametrize(
    ("content", "length", "said"),
    [
        (b"{}", 2**32 - 1, "cut off"),
        (b"[" * 100_000, None, "nested too deep"),
        (b"\xff", None, "UTF-8|utf-8"),
        ([], None, "no object"),
        ({"nodes": {}}, None, "nodes are not a list"),
        ({"accessors": [{"count": 10**9}]}, None, "more values than the file holds"),
        ({"accessors": [{"count": 10**400}]}, None, "without a count"),
        ({"accessors": [{"count": "a"}]}, None, "without a count"),
        ({"nodes": [{"children": [0]}]}, None, "circle"),
        ({"nodes": [{"children": [1]}, {"children": [0]}]}, None, "circle"),
        ({"nodes": [{"children": [2]}, {"children": [2]}, {}]}, None, "two others"),
        ({"nodes": [{"children": [7]}]}, None, "there are not"),
        ({"nodes": CHAIN}, None, "too deep"),
        ({"nodes": CHAIN[::-1]}, None, "there are not|too deep|two others"),
    ],
)
def test_a_file_that_would_lead_the_importer_astray_is_one_sentence(tmp_path, content, length, said):
    path = glb(tmp_path / "a.glb", content, length)
    with pytest.raises(ValueError, match=said):
        gltf_file.check(path)
    import bpy

    with pytest.raises(Failure, match=r"Blender cannot read a\.glb") as caught:
        load_rig(path, bpy.context.scene)
    assert caught.value.exit_code == 3


def test_a_real_character_passes(shared):
    for path in sorted((shared / "data").glob("*/*.glb")):
        gltf_file.check(path)
