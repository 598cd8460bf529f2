"""The list of bones in a VRM file, from files of a few bytes; whole avatars are in test_source."""

from __future__ import annotations

import json
import struct

import pytest
from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES, ROLES
from kinolift_extension.addon.retarget.vrm import HUMAN_BONES, human_bones


def glb(path, document):
    text = json.dumps(document).encode()
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 20 + len(text)) + struct.pack("<I4s", len(text), b"JSON") + text)
    return path


NODES = [{"name": "Kopf"}, {"name": "Becken"}, {"name": "Bauch"}, {"name": "Brust"}, {}]


def test_versions_0_and_1(tmp_path):
    listed = {"head": 0, "hips": 1, "spine": 2, "upperChest": 3}
    old = {"VRM": {"humanoid": {"humanBones": [{"bone": bone, "node": node} for bone, node in listed.items()]}}}
    new = {"VRMC_vrm": {"humanoid": {"humanBones": {bone: {"node": node} for bone, node in listed.items()}}}}
    for extensions in (old, new, old | new):
        path = glb(tmp_path / "a.vrm", {"nodes": NODES, "extensions": extensions})
        assert human_bones(path) == {"hips": ("Becken",), "spine": ("Bauch", "Brust"), "head": ("Kopf",)}


def test_every_role_but_the_root_has_a_name_in_the_specification():
    assert set(HUMAN_BONES) == set(ROLES) - {"root"} and set(REQUIRED_ROLES) <= set(HUMAN_BONES)
    assert HUMAN_BONES["forearm.R"] == ("rightLowerArm",) and HUMAN_BONES["toe.L"] == ("leftToes",)


@pytest.mark.parametrize(
    "document",
    [
        {}, {"nodes": NODES}, {"nodes": NODES, "extensions": {"VRM": {}}}, {"nodes": NODES, "extensions": []},
        {"nodes": NODES, "extensions": {"VRMC_vrm": {"humanoid": {"humanBones": {"hips": {"node": 99}}}}}},
        {"nodes": NODES, "extensions": {"VRMC_vrm": {"humanoid": {"humanBones": {"hips": {"node": 4}}}}}},
    ],
)  # fmt: skip
def test_a_list_that_is_broken_or_missing_is_none(tmp_path, document):
    assert human_bones(glb(tmp_path / "a.vrm", document)) == {}


def test_no_such_file_and_other_bytes(tmp_path):
    assert human_bones(tmp_path / "gone.vrm") == {}
    for content in (b"", b"glTF", b"PK" + bytes(40), struct.pack("<4sIII4s", b"glTF", 2, 20, 5, b"JSON") + b"{oops"):
        (tmp_path / "b.vrm").write_bytes(content)
        assert human_bones(tmp_path / "b.vrm") == {}
