"""Damaged and odd files for every parser: `python benchmarks/fuzz.py --minutes N` prints how many were told, read, and went wrong.

Each parser runs in a child process with a limit of memory, and is ended where one file takes longer than it may. A file is told where the
parser raises a Failure with one printable sentence and exit code 3 (5 for the installation's own files); anything else but a plain reading
is a crash, and is kept under --keep.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.failure import ExitCode, Failure
from contract.options import real, whole
from contract.reading import DAMAGE, reading

SECONDS: Final = 20.0  # a file may take, on a busy machine
MEMORY: Final = 2**30  # bytes more than the parser's own libraries
LEAST: Final = 1.0  # seconds for each parser, whatever the others took
LONGEST_SENTENCE: Final = 1000
FRAMES: Final = 4

Write = Callable[[], bytes]
Read = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """A parser: the file's name, a whole example, and what reads it. `beside`: other files that it needs in the same folder."""

    name: str
    example: Write
    read: Read
    beside: tuple[tuple[str, Write], ...] = ()


# ---- whole examples


def _npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _motion() -> bytes:
    from contract.motion_file import SCHEMA
    from contract.skeleton import ARMATURE_24

    joints, rng = len(ARMATURE_24), np.random.default_rng(1)
    places = rng.normal(size=(FRAMES, joints, 3)).astype(np.float32)
    return _npz({
        "schema": np.array(SCHEMA), "joint_names": np.array(ARMATURE_24.joints), "parents": np.array(ARMATURE_24.parents),
        "fps": np.array(30.0), "times": np.arange(FRAMES) / 30, "positions_camera": places, "positions_world": places,
        "rest_offsets": places[0], "rotations": rng.normal(size=(FRAMES, joints, 4)).astype(np.float32), "root_translation": places[:, 0],
        "image_points": places[..., :2], "confidence": np.ones((FRAMES, joints), np.float32),
        "spread": np.zeros((FRAMES, joints), np.float32), "contacts": np.zeros((FRAMES, 2), bool), "camera_matrix": np.eye(3),
        "camera_to_world": np.eye(4), "image_size": np.array([640, 480]), "detected": np.ones(FRAMES, bool),
        "provenance": np.array(json.dumps({"quality": {"acceleration": 1.0, "unsure": []}})),
    })  # fmt: skip


def _detection() -> bytes:
    from contract.detection_file import SCHEMA

    facts = {
        "name": "a.mp4", "sha256": "0", "bytes": 9, "width": 640, "height": 480, "fps": 30.0, "frame_count": FRAMES, "duration": 0.1,
        "rotation": 0, "variable_rate": False, "fov_degrees": None, "file_fps": 30.0, "mirrored": False, "first": 0, "span": [0.0, 0.1],
        "start": "", "end": "", "detector": "full", "weights": "0", "versions": {"mediapipe": "1"}, "cores": 2,
        "warnings": [["truncated", "It is."]], "people": 4,
    }  # fmt: skip
    places = np.arange(FRAMES, dtype=np.int32)
    return _npz({
        "other_frame": places, "other_slot": places * 0 + 1, "other_low": np.ones((33, 6, FRAMES), np.uint8),
        "other_high": np.ones((33, 6, FRAMES), np.uint16), "dressed": places, "wearer": places * 0,
        "colours": np.ones((FRAMES, 40), np.uint8),
        "schema": np.array(SCHEMA), "times": np.arange(FRAMES) / 30, "skipped": np.zeros(FRAMES, bool),
        "frame": np.arange(FRAMES, dtype=np.int32), "low": np.ones((33, 6, FRAMES), np.uint8), "high": np.ones((33, 6, FRAMES), np.uint16),
        "facts": np.array(json.dumps(facts)),
    })  # fmt: skip


def _camera() -> bytes:
    return _npz({
        "schema": np.array("kinolift.camera/2"), "unit": np.array("seconds"), "at": np.arange(3.0),
        "camera_to_world": np.tile(np.eye(4), (3, 1, 1)), "lens": np.full((3, 3), 0.5),
    })  # fmt: skip


def _takes() -> bytes:
    return _npz({"positions_3d": {"S1": {"Walking": np.zeros((FRAMES, 32, 3), np.float32)}, "S5": {"Eating": [np.ones((2, 2))]}}})


def _amass() -> bytes:
    rng = np.random.default_rng(3)
    return _npz({"trans": np.zeros((FRAMES, 3)), "joints": rng.normal(size=(FRAMES, 22, 3)) * 0.4, "mocap_framerate": np.array(120.0)})


def _mocap() -> bytes:
    from contract.skeleton import BODY_22

    return _npz({
        "joint_names": np.array(BODY_22.joints), "delta": np.zeros((FRAMES, 22, 3), np.int16), "clip_start": np.array([0, FRAMES]),
        "clip_name": np.array(["a"]), "subject": np.array(["b"]), "floor_ok": np.array([True]), "fps": np.array(30.0),
    })  # fmt: skip


def _detections() -> bytes:
    from contract.skeleton import BODY_22

    count = 20
    return _npz({
        "joint_names": np.array(BODY_22.joints), "image": np.zeros((count, 33, 2), np.float16),
        "visibility": np.zeros((count, 33), np.uint8), "world": np.zeros((count, 33, 3), np.int16),
        "truth": np.ones((count, 22, 3), np.int16), "detected": np.ones(count, bool), "segment_start": np.array([0, count]),
        "source": np.array(["a"]), "clip": np.array([0]), "human": np.array(["h"]), "focal": np.array([900.0]),
        "stature": np.array([1.7]), "fps": np.array(30.0),
    })  # fmt: skip


def _bvh() -> bytes:
    lines, values = ["HIERARCHY", "ROOT Hips", "{", "OFFSET 0 90 0"], 6
    lines.append("CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation")
    limbs = (["UpLeg", "Leg", "Foot", "ToeBase"], ["Arm", "ForeArm", "Hand"])
    for side, across in (("Left", 1), ("Right", -1)):
        for height, limb in zip((0, 40), limbs, strict=True):
            for i, name in enumerate(limb):
                place = "OFFSET 0 -40 2" if i else f"OFFSET {across * 10} {height} 0"
                lines += [f"JOINT {side}{name}", "{", place, "CHANNELS 3 Zrotation Xrotation Yrotation"]
                values += 3
            lines += ["End Site", "{", "OFFSET 0 0 8", "}"] + ["}"] * len(limb)
    row = " ".join(["0.0"] * values)
    lines += ["}", "MOTION", f"Frames: {FRAMES}", "Frame Time: 0.0333333", *[row] * FRAMES]
    return "\n".join(lines).encode()


_ACCLAIM: Final = ("femur", "tibia", "foot", "toes", "humerus", "radius", "wrist", "hand")


def _asf() -> bytes:
    bones = [f"{side}{name}" for side in "lr" for name in _ACCLAIM]
    text = ":units\nlength 1.0\nangle deg\n:root\norder TX TY TZ RX RY RZ\naxis XYZ\nposition 0 0 0\norientation 0 0 0\n:bonedata\n"
    for name in bones:
        text += f"begin\nid 1\nname {name}\ndirection 0 -1 0.1\nlength 16\naxis 0 0 0 XYZ\ndof rx ry rz\nend\n"
    text += ":hierarchy\nbegin\n"
    for side in "lr":
        text += f"root {side}femur {side}humerus\n{side}femur {side}tibia\n{side}tibia {side}foot\n{side}foot {side}toes\n"
        text += f"{side}humerus {side}radius\n{side}radius {side}wrist\n{side}wrist {side}hand\n"
    return (text + "end\n").encode()


def _amc() -> bytes:
    bones = [f"{side}{name}" for side in "lr" for name in _ACCLAIM]
    frame = "root 0 0 0 0 0 0\n" + "".join(f"{name} 1 2 3\n" for name in bones)
    return (":FULLY-SPECIFIED\n:DEGREES\n" + "".join(f"{i + 1}\n{frame}" for i in range(FRAMES))).encode()


def _mat() -> bytes:
    from scipy.io import savemat

    file, cell = io.BytesIO(), np.empty((14, 1), object)
    places, millimetres = np.empty((14, 1), object), np.random.default_rng(4).normal(size=(14, FRAMES, 84)) * 500
    cell[:, 0], places[:, 0] = [np.full((FRAMES, 56), 3.0) for _ in range(14)], list(millimetres)
    savemat(file, {"annot2": cell, "annot3": places}, do_compression=True)
    return file.getvalue()


def _hdf() -> bytes:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as made:
        made["annot2"] = np.ones((FRAMES, 1, 17, 2))
        made["annot3"] = np.random.default_rng(5).normal(size=(FRAMES, 1, 17, 3)) * 500
        made["valid_frame"] = np.ones((FRAMES, 1))
    return file.getvalue()


def _preset() -> bytes:
    from_file = Path(__file__).resolve().parents[1] / "addon" / "retarget" / "rigs" / "mixamo.json"
    return from_file.read_bytes()


def _vrm() -> bytes:
    nodes = [{"name": f"b{i}", "children": [i + 1]} for i in range(5)] + [{"name": "end"}]
    bones = {bone: {"node": i} for i, bone in enumerate(("hips", "spine", "chest", "neck", "head"))}
    extensions = {"VRMC_vrm": {"humanoid": {"humanBones": bones}}}
    text = json.dumps({"asset": {"version": "2.0"}, "nodes": nodes, "extensions": extensions}).encode()
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text


def _toml() -> bytes:
    return b'[lifter]\nsteps = 100\nlearning_rate = 1e-3\n[lifter_layout]\nwidth = 64\ndilations = [1, 2]\n'


def _sums() -> bytes:
    return b"".join(b"%064x  %s.safetensors\n" % (k, name) for k, name in enumerate((b"lifter", b"refiner")))


def _weights() -> bytes:
    from safetensors.numpy import save

    return save({"lifter.a": np.zeros((3, 4), np.float32)}, {"kinolift": json.dumps({"layout": {"width": 4}, "format": "x"})})


# ---- readers


def _read_detection(path: Path) -> object:
    from contract.detection_file import load_detection

    return load_detection(path).rows


def _read_motion(path: Path) -> object:
    from contract.motion_file import load_motion

    return load_motion(path).frame_numbers


def _read_camera(path: Path) -> object:
    from contract.camera_path import load_camera

    return load_camera(path).times(30.0)


def _read_takes(path: Path) -> object:
    from engine.datasets.human36m import read_takes

    return read_takes(path, "positions_3d")


def _read_folder(path: Path) -> object:
    from engine.datasets.motions import load_motions

    return load_motions(path.parent)


def _read_detections(path: Path) -> object:
    from engine.datasets.detections import load_detections

    return load_detections(path.parent)


def _read_3dhp(split: Any) -> Read:
    def read(path: Path) -> object:
        from engine.datasets.benchmark import Source
        from engine.datasets.mpi_inf_3dhp import load_3dhp

        try:
            return load_3dhp(Source("mpi_inf_3dhp", path.parents[1 if split == "test" else 2], universal=False, held_out=("S2",)), split)
        except Failure as failure:
            if failure.code == "no_such_file":  # the other sequences, which are not made: this one was read
                return None
            raise

    return read


def _read_preset(path: Path) -> object:
    return _addon("presets").read_preset(path).fit(["mixamorig:Hips", "a" * 100])


def _read_vrm(path: Path) -> object:
    with reading(path, "rig file", "export it again"):  # as `load_rig` does, before Blender's importer sees it
        _addon("gltf_file").check(path)
    return _addon("vrm").human_bones(path)


def _read_toml(path: Path) -> object:
    from engine.lifter.layout import LifterConfig
    from engine.training.lifter import LifterRecipe
    from engine.training.settings import fill, read_toml

    tables = read_toml(path, ("lifter", "lifter_layout"))
    return fill(LifterRecipe, tables["lifter"], "lifter"), fill(LifterConfig, tables["lifter_layout"], "lifter_layout")


def _read_sums(path: Path) -> object:
    from engine.weights_file import read_sums

    return read_sums(path.parent)


def _read_pose_model(path: Path) -> object:
    from engine.refiner.pose_model import load_pose_model

    return load_pose_model(path)


def _addon(module: str) -> Any:
    import importlib

    import kinolift

    kinolift.load_extension()
    return importlib.import_module(f"{kinolift.EXTENSION}.addon.retarget.{module}")


TARGETS: Final = (
    Target("take.npz", _motion, _read_motion),
    Target("take.detection.npz", _detection, _read_detection),
    Target("camera.npz", _camera, _read_camera),
    Target("data_3d_h36m.npz", _takes, _read_takes),
    Target("amass.npz", _amass, _read_folder),
    Target("mocap.npz", _mocap, _read_folder),
    Target("pairs.npz", _detections, _read_detections),
    Target("walk.bvh", _bvh, _read_folder),
    Target("07.asf", _asf, _read_folder, (("07_01.amc", _amc),)),
    Target("07_01.amc", _amc, _read_folder, (("07.asf", _asf),)),
    Target("S1/Seq1/annot.mat", _mat, _read_3dhp("train")),
    Target("TS1/annot_data.mat", _hdf, _read_3dhp("test")),
    Target("preset.json", _preset, _read_preset),
    Target("avatar.vrm", _vrm, _read_vrm),
    Target("settings.toml", _toml, _read_toml),
    Target("SHA256SUMS", _sums, _read_sums),
    Target("model.safetensors", _weights, _read_pose_model),
)

# ---- mutators

_WORDS: Final = (
    b"NaN", b"Infinity", b"-1", b"0", b"1" + b"0" * 400, b"9" * 5000, b"1e999", b"-1e308", b"}", b"{", b"[" * 20_000, b"null", b"\xff\xfe",
    b"\x00", b"\\ud800", b"", b"True", b"'", b'"', b"(a+)+$",
)  # fmt: skip


def mutated(data: bytes, draw: random.Random) -> bytes:
    """The data damaged in one of the ways in which files are damaged, or made to do harm."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [_flip, _cut, _fill, _repeat, _swap_word, _numbers, _sizes]
    if data[:2] == b"PK":
        ways += [_inside_zip, _inside_zip, _inside_zip, _other_arrays, _other_arrays]
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = draw.choice(ways)(data, draw)
    return data


def _flip(data: bytes, draw: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(draw.choice((1, 3, 20)) if out else 0):
        out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
    return bytes(out)


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _fill(data: bytes, draw: random.Random) -> bytes:
    at, size = draw.randrange(len(data) + 1), draw.choice((1, 4, 8, 200))
    return data[:at] + draw.choice((b"\0", b"\xff", b"A")) * size + data[at + size :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    a, b = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return data[:b] + data[a:b] * draw.choice((1, 1, 3)) + data[b:]


def _swap_word(data: bytes, draw: random.Random) -> bytes:
    words = data.split(b" ")
    words[draw.randrange(len(words))] = draw.choice(_WORDS)
    return b" ".join(words)


def _numbers(data: bytes, draw: random.Random) -> bytes:
    """Another number in the place of one that is written out."""
    places = [i for i, c in enumerate(data) if 48 <= c < 58]
    if not places:
        return _swap_word(data, draw)
    at = draw.choice(places)
    return data[:at] + draw.choice(_WORDS) + data[at + 1 :]


def _sizes(data: bytes, draw: random.Random) -> bytes:
    """An enormous number in the place of four or eight bytes."""
    size = draw.choice((4, 8))
    at = draw.randrange(max(len(data) - size, 0) + 1)
    value = draw.choice((2**31 - 1, 2**32 - 1, 2**24, 10**9)) if size == 4 else draw.choice((2**63 - 1, 2**40, 7 * 10**9))
    return data[:at] + value.to_bytes(size, draw.choice(("little", "little", "big"))) + data[at + size :]


def _entries(data: bytes) -> dict[str, bytes]:
    """What is in the archive; nothing where an earlier mutation has damaged it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except DAMAGE:
        return {}


def _inside_zip(data: bytes, draw: random.Random) -> bytes:
    """One entry of the archive changed, the rest and all checksums whole."""
    entries = _entries(data)
    if not entries:
        return _flip(data, draw)
    name = draw.choice(sorted(entries))
    entries[name] = draw.choice((_flip, _cut, _fill, _numbers, _sizes))(entries[name], draw)
    return _zipped(entries, draw)


def _other_arrays(data: bytes, draw: random.Random) -> bytes:
    """One array in the place of another: of other shapes, types and values, or far larger than the file."""
    entries = _entries(data)
    if not entries:
        return _flip(data, draw)
    name, file = draw.choice(sorted(entries)), io.BytesIO()
    array: Any = draw.choice((
        np.array(1.0), np.array(np.nan), np.array("x"), np.zeros(0), np.zeros((0, 22, 3)), np.full((4, 24, 3), np.inf), np.arange(6),
        np.full(7, 1e308), np.array(["\x1b[31m"]), np.zeros((2, 2), bool), np.full(3, -(2**62)), np.zeros((4, 22, 3), np.complex64),
        np.zeros(70 * 2**20, np.uint8), np.array([{"a": [1]}], dtype=object), np.zeros(4, "V8"), np.zeros((1,) * 20),
    ))  # fmt: skip
    np.save(file, array, allow_pickle=True)
    entries[name] = file.getvalue()
    if draw.random() < 0.2:
        del entries[draw.choice(sorted(entries))]
    return _zipped(entries, draw)


def _zipped(entries: dict[str, bytes], draw: random.Random) -> bytes:
    file = io.BytesIO()
    kind = draw.choice((zipfile.ZIP_DEFLATED,) * 6 + (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)  # an entry of its own has no clock in it
    return file.getvalue()


# ---- running them


def outcome(target: Target, data: bytes, folder: Path) -> str:
    """ "read", "told", or what went wrong."""
    for name, write in target.beside:
        (folder / name).write_bytes(write())
    path = folder / target.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        target.read(path)
    except Failure as failure:
        return fault(failure) or "told"
    except Exception as error:
        # of a parser in the extension the Failure is another class of the same name
        if type(error).__name__ == "Failure":
            return fault(error) or "told"
        return f"crash: {type(error).__name__}: {str(error)[:100]}"
    return "read"


def fault(failure: Any) -> str:
    """What is wrong with how a Failure tells, "" where it is right."""
    if failure.code == "out_of_memory":
        return "crash: it took the memory"
    if failure.exit_code not in (ExitCode.BAD_INPUT, ExitCode.NO_RESOURCES):
        return f"crash: the exit code {int(failure.exit_code)}"
    text = failure.message
    if not text.isprintable() or len(text) > LONGEST_SENTENCE or not text.endswith("."):
        return f"crash: no clear sentence: {text[:200]!r}"
    return ""


def _limit_memory() -> None:
    """Memory for the largest file beside what is there now."""
    if sys.platform != "linux":
        return
    import resource

    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def _child(name: str, files: Connection) -> None:
    """Reads what comes until the pipe is closed; the whole example first, with its libraries, before memory is limited."""
    target = next(target for target in TARGETS if target.name == name)
    with tempfile.TemporaryDirectory(prefix="kinolift-fuzz-") as made:
        files.send(outcome(target, target.example(), Path(made)))
        _limit_memory()
        while True:
            try:
                data = files.recv_bytes()
            except EOFError:
                return
            files.send(outcome(target, data, Path(made)))


class Runner:
    """One parser in a child process that is started anew where a file ended it. `first`: what became of the whole example."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_child, args=(self.target.name, other), daemon=True)
        self._process.start()
        other.close()
        self.first = self._answer(20 * SECONDS)

    def _answer(self, seconds: float) -> str:
        try:
            return str(self._pipe.recv()) if self._pipe.poll(seconds) else "crash: it took too long"
        except (EOFError, ConnectionError):
            self._process.join(5)
            return f"crash: the process ended ({self._process.exitcode})"

    def run(self, data: bytes) -> str:
        """What became of one file."""
        self._pipe.send_bytes(data)
        answer = self._answer(SECONDS)
        if answer.startswith(("crash: it took too long", "crash: the process ended")):
            self.close()
            self._start()
        return answer

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def fuzz(targets: Sequence[Target], seed: int, inputs: int, until: float, keep: Path | None = None) -> dict[str, Counter[str]]:
    """For each parser how many files were read, told, or what else; `inputs` files each, or as many as fit until `until` (monotonic)."""
    counts: dict[str, Counter[str]] = {}
    for i, target in enumerate(targets):
        draw, example, found = random.Random(f"{seed}/{target.name}"), target.example(), Counter[str]()
        runner = Runner(target)
        if runner.first.startswith("crash"):
            found[f"the whole example: {runner.first}"] += 1
        # what is left is shared out once the parser's libraries are there, which take long to load beside other work
        share, done = time.monotonic() + max(until - time.monotonic(), LEAST) / (len(targets) - i), 0
        while done < inputs and time.monotonic() < share:
            data = mutated(example, draw)
            answer = runner.run(data)
            found[answer] += 1
            done += 1
            if keep is not None and "crash" in answer:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{target.name.replace('/', '_')}.{done}").write_bytes(data)
        runner.close()
        counts[target.name] = found
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the counts; returns 1 where anything crashed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=real(0.01, 10_000.0), default=5.0, help="in all (default %(default)s)")
    parser.add_argument("--seed", type=whole(0, 2**32), default=0)
    parser.add_argument("--only", help="parsers whose file's name holds this")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="the files that crashed a parser are kept there")
    read = parser.parse_args(arguments)
    chosen = [target for target in TARGETS if not read.only or read.only in target.name]
    if not chosen:
        print(f"There is no parser with {read.only} in its file's name; there are {', '.join(t.name for t in TARGETS)}.", file=sys.stderr)
        return int(ExitCode.BAD_ARGUMENTS)
    counts = fuzz(chosen, read.seed, 10**9, time.monotonic() + 60 * read.minutes, read.keep)
    print(f"{'parser':22}{'inputs':>8}{'told':>8}{'read':>8}{'crashes':>9}")
    crashes = 0
    for name, found in counts.items():
        bad = sum(count for what, count in found.items() if "crash" in what)
        crashes += bad
        print(f"{name:22}{found.total():>8}{found['told']:>8}{found['read']:>8}{bad:>9}")
        for what, count in found.items():
            if "crash" in what:
                print(f"  {count} x {what}")
    total = sum((found for found in counts.values()), Counter[str]())
    print(f"{'all':22}{total.total():>8}{total['told']:>8}{total['read']:>8}{crashes:>9}")
    return int(ExitCode.DONE if not crashes else ExitCode.INTERNAL)


if __name__ == "__main__":
    sys.exit(main())
