"""A folder of motion capture in any format that Kinolift reads, as clips of BODY_22: its own .npz, BVH, ASF/AMC, AMASS's .npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contract.failure import Failure
from contract.npz import open_npz
from contract.reading import reading
from contract.skeleton import BODY_22
from engine.datasets.amass import MODEL, is_amass, read_amass
from engine.datasets.asf_amc import read_amc, read_asf
from engine.datasets.bvh import read_bvh
from engine.datasets.joint_names import Array, body_22
from engine.datasets.mocap import MocapClip, load_mocap, load_mocap_file

FPS = 30.0
# Metres a unit, of the files that do not say: metres, centimetres, millimetres, inches, CMU's (inches / 0.45).
UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)
LEGS = 0.85  # metres of thigh and shin, by which the unit is told
SHORTEST, LONGEST = 0.45, 1.25
JUMP = 0.25  # metres in one frame at 30 a second: a T-pose before the motion
SOLE = 0.025  # metres of the toe joint above the ground
FLOOR_PERCENTILE = 5
FARTHEST = 1e5  # metres that anybody walks while being recorded
FORMATS = "Kinolift's own .npz, .bvh, .asf with .amc, AMASS's .npz"


def load_motions(folder: Path) -> list[MocapClip]:
    """Every clip below the folder, in the order of paths. Who is in a clip: the file's folder, or for files side by side the name's first
    part (`49_02.bvh` is subject 49), for AMC the skeleton's name.

    Where Kinolift's own files lie in the folder itself, they are all that is read: they were made from what lies below.
    Raises Failure `no_such_file` where there is none, `bad_input` for a file that cannot be read.
    """
    folder = Path(folder)
    if any("joint_names" in _names(path) for path in folder.glob("*.npz")):
        return load_mocap(folder)
    clips: list[MocapClip] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with reading(path, "motion of a person", "leave it out, or get it again"):
            clips += _clips(folder, path)
    if not clips:
        raise Failure("no_such_file", f"There is no motion capture in {folder}; it reads {FORMATS}.")
    return clips


def _clips(folder: Path, path: Path) -> list[MocapClip]:
    """Those of one file; none for a file that is no motion."""
    kind = path.suffix.lower()
    if kind == ".npz" and path.name != MODEL:
        return _npz(folder, path)
    if kind == ".bvh":
        motion = read_bvh(path)
        body = upright(in_metres(body_22(motion.nodes, path.name), path.name))
        return [_clip(folder, path, body, motion.fps, _subject(folder, path))]
    if kind == ".amc":
        asf = _skeleton_of(path)
        nodes, fps = read_amc(path, read_asf(asf))
        body = upright(in_metres(body_22(nodes, path.name), path.name))
        return [_clip(folder, path, body, fps, asf.stem)]
    return []


def _npz(folder: Path, path: Path) -> list[MocapClip]:
    names = _names(path)
    if is_amass(names):
        body, fps = read_amass(path)
        return [_clip(folder, path, body, fps, _subject(folder, path))]
    return [] if names == {"betas", "gender"} else load_mocap_file(path)  # AMASS's shape.npz of a subject


def _names(path: Path) -> set[str]:
    """The entries of an .npz."""
    with reading(path, "file of arrays", "get it again"), open_npz(path) as file:
        return set(file.names)


def _skeleton_of(path: Path) -> Path:
    """The .asf of an .amc: the one whose name begins the motion's (`49.asf` of `49_02.amc`), or the only one in its folder."""
    found = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    fitting = [p for p in found if path.stem == p.stem or path.stem.startswith(p.stem + "_")]
    if fitting:
        return max(fitting, key=lambda p: len(p.stem))
    if len(found) != 1:
        what = "no skeleton (.asf) in its folder" if not found else f"{len(found)} skeletons in its folder and none with its name"
        raise Failure("bad_input", f"{path} has {what}; put the one it was recorded with beside it.")
    return found[0]


def _subject(folder: Path, path: Path) -> str:
    inner = path.parent.relative_to(folder).as_posix()
    return path.stem.split("_")[0] if inner == "." else inner


def in_metres(body: Array, what: str) -> Array:
    """(T,22,3) in any unit to metres, told by the length of the legs; Failure where no unit makes legs of them."""
    legs = 0.0
    for side in "LR":
        hip, knee, ankle = (body[:, BODY_22.index(f"{j}.{side}")] for j in ("hip", "knee", "ankle"))
        legs += float(np.median(np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1))) / 2
    unit = min(UNITS, key=lambda u: abs(np.log(max(legs * u, 1e-9) / LEGS)))
    if not SHORTEST < legs * unit < LONGEST:
        raise Failure("bad_input", f"{what}: legs of {legs:.3g} units are a human's in no unit that is known (m, cm, mm, inch, CMU's).")
    return body * unit


def upright(body: Array) -> Array:
    """(T,22,3) Y up or Z up to Z up, told by where the head is above the feet most of the time."""
    feet = (body[:, BODY_22.index("ankle.L")] + body[:, BODY_22.index("ankle.R")]) / 2
    up = np.abs(np.median(body[:, BODY_22.index("head")] - feet, axis=0))
    return body if up[2] > up[1] else np.stack([body[..., 0], -body[..., 2], body[..., 1]], -1)


def _clip(folder: Path, path: Path, body: Array, fps: float, subject: str) -> MocapClip:
    """At about 30 frames a second, the ground at z = 0, the first pelvis at x = y = 0."""
    step = max(1, round(fps / FPS))
    if not (np.abs(body) < FARTHEST).all():
        raise ValueError("its joints stand at places that are none")
    if len(body) > 1:
        first = np.linalg.norm(body[1] - body[0], axis=-1).max()
        body = body[1:] if first > JUMP else body
    body = body[::step]
    toes = body[:, [BODY_22.index("toe.L"), BODY_22.index("toe.R")], 2].min(axis=1)
    ground = float(np.percentile(toes, FLOOR_PERCENTILE)) - SOLE
    moved = body - np.array([*body[0, 0, :2], ground])
    flat = bool(moved[..., 2].min() > -0.1)
    return MocapClip(
        folder.name, 0, path.relative_to(folder).with_suffix("").as_posix(), subject, flat, fps / step, moved.astype(np.float32)
    )
