"""Files that are recognisably Kinolift's, as far as their kind can tell.

A kind that another program changes in place (.blend, .usd) or that has no room for a mark (.bvh) is never recognised: what the user has
made of such a file is not ours to replace. Other programs that write .fbx, .glb, .mp4 or .safetensors anew drop the mark.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

SCHEMAS = ("kinolift.motion/", "kinolift.detection/")  # how the `schema` of a motion and of a detection file begins
# The end of a preview: an MP4 box of the type "free", which every reader skips.
_MP4_WORDS = b"Kinolift preview"
MP4_BOX = struct.pack(">I4s", 8 + len(_MP4_WORDS), b"free") + _MP4_WORDS
_HEADER_LIMIT = 2**24  # bytes of a header that are looked at: what is longer is not ours


def made_by_us(path: Path) -> bool:
    """Whether the file says itself that Kinolift wrote it; False for what cannot be read."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return False
    try:
        return reader(path)
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, struct.error, zipfile.BadZipFile):
        return False


def _npz(path: Path) -> bool:
    import numpy as np  # the commands that set up the environment run without it

    with zipfile.ZipFile(path) as archive, archive.open("schema.npy") as entry:
        value = np.lib.format.read_array(io.BytesIO(entry.read(4096)), allow_pickle=False)
    return value.dtype.kind == "U" and value.ndim == 0 and str(value).startswith(SCHEMAS)


def _mp4(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < len(MP4_BOX):
            return False
        file.seek(-len(MP4_BOX), os.SEEK_END)
        return file.read() == MP4_BOX


def _safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > _HEADER_LIMIT:
            return False
        header = json.loads(file.read(size))
    return "kinolift" in header.get("__metadata__", {})


def _zip(path: Path) -> bool:
    """The extension's own zip."""
    with zipfile.ZipFile(path) as archive, archive.open("blender_manifest.toml") as entry:
        return b'\nid = "kinolift"\n' in b"\n" + entry.read(65536).replace(b"\r\n", b"\n")


_READERS: dict[str, Callable[[Path], bool]] = {".npz": _npz, ".mp4": _mp4, ".safetensors": _safetensors, ".zip": _zip}
