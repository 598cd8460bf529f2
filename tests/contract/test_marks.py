"""Which files are recognised as ours; whatever else is in a file, it is the user's."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from contract.marks import MP4_BOX, made_by_us


def test_motion_files(tmp_path: Path) -> None:
    for schema, ours in (("kinolift.motion/1", True), ("kinolift.motion/2", True), ("kinolift.camera/2", False), ("other/1", False)):
        np.savez(tmp_path / "a.npz", schema=np.array(schema), times=np.arange(3))
        assert made_by_us(tmp_path / "a.npz") is ours
    np.savez(tmp_path / "a.npz", positions=np.zeros(3))
    assert not made_by_us(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", schema=np.array(["kinolift.motion/1"], dtype=object))
    assert not made_by_us(tmp_path / "a.npz")


def test_previews(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"frames" * 10 + MP4_BOX)
    assert made_by_us(path)
    path.write_bytes(MP4_BOX + b"frames" * 10)
    assert not made_by_us(path)


def test_weights(tmp_path: Path) -> None:
    for metadata, ours in (({"kinolift": "{}"}, True), ({"format": "pt"}, False)):
        header = json.dumps({"__metadata__": metadata}).encode()
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        assert made_by_us(tmp_path / "a.safetensors") is ours


def test_the_extensions_zip(tmp_path: Path) -> None:
    for text, ours in (('schema_version = "1.0.0"\nid = "kinolift"\n', True), ('id = "kinolift_two"\n', False)):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("blender_manifest.toml", text)
        assert made_by_us(tmp_path / "a.zip") is ours


@pytest.mark.parametrize("kind", [".npz", ".mp4", ".safetensors", ".zip", ".blend", ".bvh", ".usd", ".fbx", ".glb", ""])
@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04" + bytes(40), b"\xff" * 100, struct.pack("<Q", 2**60), b"kinolift" * 20])
def test_anything_else_is_the_users(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / f"file{kind}"
    path.write_bytes(content)
    assert not made_by_us(path)
    assert not made_by_us(tmp_path / f"missing{kind}")
