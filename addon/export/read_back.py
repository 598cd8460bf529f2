"""What was written, read again by a reader that is not the writer, before it is called done.

An exporter that finds nothing to write (an armature below a parent that is not on its stage) writes a whole, empty file and tells nobody.
.glb, .fbx and .bvh are read here, as far as is needed; .usd and .blend by a second Blender.
"""

from __future__ import annotations

import json
import math
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...contract.failure import Failure
from ...contract.reading import DAMAGE, reason

_SECOND = Path(__file__).with_name("second_blender.py")
TIMEOUT = 300.0  # seconds: a Blender without a window starts in one or two; a heavy character takes longer to read


@dataclass(frozen=True)
class Contents:
    """What a file holds: bones of its armatures, clips that move them, frames of the longest one, meshes that bones deform."""

    bones: int = 0
    clips: int = 0
    frames: int = 0
    skins: int = 0

    @classmethod
    def of(cls, scene: bpy.types.Scene, armature: bpy.types.Object, actions: Sequence[bpy.types.Action]) -> Contents:
        """What a file with the armature, the stage's meshes and the actions has to hold. An action of one frame need not be a clip."""
        lengths = [math.floor(action.frame_range[1] - action.frame_range[0] + 1e-3) + 1 for action in actions]
        names = {bone.name for bone in armature.data.bones}
        skins = sum(
            any(modifier.type == "ARMATURE" and modifier.object == armature for modifier in thing.modifiers)
            and bool(thing.data.polygons)
            and not names.isdisjoint(thing.vertex_groups.keys())
            for thing in scene.objects
            if thing.type == "MESH"
        )
        return cls(len(names), sum(length > 1 for length in lengths), max(lengths, default=0), skins)


def check_written(path: Path, wanted: Contents, found: Contents | None = None) -> None:
    """Raises Failure `internal` where the file lacks bones, clips, frames of the longest clip, or the skins of its meshes.

    wanted: whose skins count for nothing in a .bvh, which has none. found: what the file holds, where somebody has read it already.
    """
    try:
        found = found or _READERS[path.suffix.lower()](path)
    except DAMAGE as error:
        why = reason(error)
        raise Failure("internal", f"Blender wrote {path.name}, and it cannot be read again ({why}); report it with the log.") from error
    if found.bones < wanted.bones:
        lacks = f"{wanted.bones - found.bones} of {wanted.bones} bones" if found.bones else "the armature"
    elif found.clips < wanted.clips:
        lacks = f"{wanted.clips - found.clips} of {wanted.clips} clips" if wanted.clips > 1 else "the animation"
    elif wanted.clips and found.frames < wanted.frames:
        lacks = f"{wanted.frames - found.frames} of {wanted.frames} frames"
    elif path.suffix.lower() != ".bvh" and found.skins < wanted.skins:
        lacks = "the skin of the meshes"
    else:
        return
    raise Failure("internal", f"Blender's exporter left out {lacks} in {path.name}; export another kind of file, and report it.")


def _glb(path: Path) -> Contents:
    content = path.read_bytes()
    magic, _, length = struct.unpack_from("<4sII", content)
    if magic != b"glTF" or length != len(content):
        raise ValueError("it is no whole glTF file")
    (size,) = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + size])
    animations = [each for each in document.get("animations", []) if each["channels"]]
    moved = {channel["target"]["node"] for each in animations for channel in each["channels"] if "node" in channel["target"]}
    joints = {joint for skin in document.get("skins", []) for joint in skin["joints"]} | moved
    inputs = [sampler["input"] for each in animations for sampler in each["samplers"]]
    frames = max((document["accessors"][index]["count"] for index in inputs), default=0)
    skinned = sum("skin" in node and "mesh" in node for node in document.get("nodes", []))
    return Contents(len(joints), len(animations), frames, skinned)


def _fbx(path: Path) -> Contents:
    content = path.read_bytes()
    if not content.startswith(b"Kaydara FBX Binary  \x00"):
        raise ValueError("it is no binary FBX")
    (version,) = struct.unpack_from("<I", content, 23)
    bones = clips = frames = skins = 0
    for name, _, _, inside, end in _fbx_nodes(content, 27, len(content), version):
        if name != b"Objects":
            continue
        for kind, place, many, within, stop in _fbx_nodes(content, inside, end, version):
            last = _fbx_texts(content, place, many)[-1:]
            bones += kind == b"Model" and last == [b"LimbNode"]
            clips += kind == b"AnimationStack"
            skins += kind == b"Deformer" and last == [b"Skin"]
            if kind == b"AnimationCurve":
                times = (at for name, at, *_ in _fbx_nodes(content, within, stop, version) if name == b"KeyTime")
                frames = max(frames, *(struct.unpack_from("<I", content, at + 1)[0] for at in times))
    return Contents(bones, clips, frames, skins)


def _fbx_nodes(content: bytes, at: int, end: int, version: int) -> Iterator[tuple[bytes, int, int, int, int]]:
    """The nodes in a stretch of a binary FBX: name, where the properties start, how many, where the nodes inside start, where it ends."""
    head, size = ("<QQQB", 25) if version >= 7500 else ("<IIIB", 13)
    while at < end:
        stop, count, length, letters = struct.unpack_from(head, content, at)
        if not stop:
            return
        if not at < stop <= len(content):
            raise ValueError("it is cut off")
        first = at + size + letters
        yield content[at + size : first], first, count, first + length, stop
        at = stop


def _fbx_texts(content: bytes, at: int, count: int) -> list[bytes]:
    """The texts among the plain properties that start here."""
    texts = []
    for _ in range(count):
        letter, at = content[at : at + 1], at + 1
        if letter in b"SR":
            (many,) = struct.unpack_from("<I", content, at)
            texts.append(content[at + 4 : at + 4 + many])
            at += 4 + many
        else:
            at += {b"L": 8, b"D": 8, b"I": 4, b"F": 4, b"Y": 2, b"C": 1}[letter]
    return texts


def _bvh(path: Path) -> Contents:
    text = path.read_text(encoding="utf-8")
    frames = re.search(r"^Frames:\s*(\d+)", text, re.MULTILINE)
    rows = [line for line in text.partition("Frame Time:")[2].split("\n")[1:] if line.strip()]
    if frames is None or int(frames[1]) != len(rows):
        raise ValueError("its frames are not as many as it says")
    return Contents(len(re.findall(r"^\s*(?:ROOT|JOINT)\s", text, re.MULTILINE)), 1 if rows else 0, len(rows))


def run_second_blender(*words: str) -> Contents:
    """Runs `second_blender.py` in a Blender like this one, without a window; the user's stays as it is.

    Returns what it read. Raises RuntimeError with its last words where it fails.
    """
    if bpy.app.binary_path:
        program = [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(_SECOND), "--"]
    else:
        program = [sys.executable, str(_SECOND), "--"]  # Blender as a module of Python
    try:
        done = subprocess.run([*program, *words], capture_output=True, text=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"a second Blender did not run: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        full = [line for line in (done.stderr + done.stdout).splitlines() if "No space left" in line]
        raise RuntimeError((full or lines or [f"code {done.returncode}"])[-1])
    return Contents(**json.loads(done.stdout[done.stdout.rindex("{") : done.stdout.rindex("}") + 1]))


def _usd(path: Path) -> Contents:
    return run_second_blender("read", str(path))


# a .blend is read by the second Blender that saves it
_READERS: dict[str, Callable[[Path], Contents]] = {".glb": _glb, ".fbx": _fbx, ".bvh": _bvh, ".usd": _usd, ".usda": _usd}
