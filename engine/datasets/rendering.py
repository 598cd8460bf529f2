"""Renders people whose every joint is known, and writes what the detector says about them: pairs to train the lifter and the refiner on.

    python -m engine.datasets.rendering --humans FOLDER --mocap FOLDER --heavy PAIRS --files 10 --seed 1

A segment: one of the humans (.glb), or a blend of them, in the clothes of one, driven by a piece of motion capture; one camera, still,
turning or in a hand; a room, a lamp, colours, noise, now and then something in front. Rendering is OpenGL without a window (EGL; Mesa's
processor renderer will do: apt-get install libegl1 libgl1-mesa-dri). The layout written is the one that `detections.load_detections`
reads; truth is in camera axes (x right, y down, z forward). A frame is rendered once, whichever networks look at it. A file is named
after its seed and put in place whole; one that is there is not made again, so that a run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import CubicSpline

from contract.failure import ExitCode, Failure
from contract.options import CHOICES
from contract.outputs import check_outputs, written_beside
from contract.skeleton import BODY_22
from engine.datasets.drive_human import heads
from engine.datasets.human import Human, read_human
from engine.datasets.look import BLOTCHES, CHECKS, STRIPES, Surface, worsen
from engine.datasets.mocap import load_mocap
from engine.datasets.motion_draw import MotionDraw
from engine.datasets.motion_kind import KINDS
from engine.datasets.shot import FPS, Shot, make_shot
from engine.datasets.split import FOLDS, HELD_OUT_HUMANS, HELD_OUT_SOURCES, clips_of, people_of
from engine.detection.detector import Detector
from engine.detection.rows import Row
from engine.footage.video import Frame

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

BLURS_WITH = 2  # of pictures so many frames apart: of those further apart the earlier one would be a ghost

MAX_BONES, MAX_PARTS = 48, 18  # uniforms of the shader

_VERTEX = f"""
#version 330
uniform mat4 camera; uniform mat4 bone[{MAX_BONES}]; uniform bool worn;
in vec3 place; in vec3 normal; in float part; in vec4 owner; in vec4 share;
out vec3 n; out vec3 p; out vec3 cloth; flat out int k;
void main() {{
    mat4 m = share.x * bone[int(owner.x)] + share.y * bone[int(owner.y)] + share.z * bone[int(owner.z)] + share.w * bone[int(owner.w)];
    vec4 w = m * vec4(place, 1.0);
    p = w.xyz; n = mat3(m) * normal; k = int(part);
    cloth = worn ? place : p;  // a pattern moves with the person, and stays with the room
    gl_Position = camera * w;
}}"""
_FRAGMENT = f"""
#version 330
uniform vec3 lamp; uniform vec3 eye; uniform float ambient; uniform bool flat_white;
uniform vec3 first[{MAX_PARTS}]; uniform vec3 second[{MAX_PARTS}]; uniform vec4 pattern[{MAX_PARTS}];
in vec3 n; in vec3 p; in vec3 cloth; flat in int k; out vec4 result;
float lattice(vec3 q) {{ return fract(sin(dot(q, vec3(12.9, 78.2, 37.7))) * 4375.85); }}
float blotch(vec3 q) {{
    vec3 i = floor(q), f = fract(q); f = f * f * (3.0 - 2.0 * f);
    vec4 low = vec4(lattice(i), lattice(i + vec3(1, 0, 0)), lattice(i + vec3(0, 1, 0)), lattice(i + vec3(1, 1, 0)));
    i.z += 1.0;
    vec4 high = vec4(lattice(i), lattice(i + vec3(1, 0, 0)), lattice(i + vec3(0, 1, 0)), lattice(i + vec3(1, 1, 0)));
    vec4 z = mix(low, high, f.z); vec2 y = mix(z.xy, z.zw, f.y); return mix(y.x, y.y, f.x);
}}
void main() {{
    if (flat_white) {{ result = vec4(1.0); return; }}
    vec3 m = normalize(n);
    if (dot(m, eye - p) < 0.0) m = -m;  // cloth is a single layer that is seen from both sides
    float facing = dot(m, normalize(lamp - p));
    float lit = ambient * (0.85 + 0.15 * m.z) + (1.0 - ambient) * max(facing, 0.0);
    vec4 how = pattern[k];
    vec3 q = how.y * cloth;
    float c = cos(how.w), s = sin(how.w), share = 0.0;
    if (how.x == {STRIPES}.0) share = step(0.5, fract(c * q.z + s * (q.x + q.y)));
    if (how.x == {CHECKS}.0) share = mod(floor(c * q.x + s * q.z) + floor(q.y) + floor(c * q.z - s * q.x), 2.0);
    if (how.x == {BLOTCHES}.0) share = smoothstep(0.3, 0.7, 0.6 * blotch(q) + 0.4 * blotch(2.7 * q));
    result = vec4(lit * mix(first[k], second[k], how.z * share), 1.0);
}}"""


class Renderer:
    """An OpenGL context without a window. Close it, or use it in a `with`. Raises Failure `bad_installation` where there is none."""

    def __init__(self) -> None:
        try:
            import moderngl

            create: Any = moderngl.create_context  # its types leave the backend's name out
            self._gl: Any = create(standalone=True, backend="egl")
        except Exception as error:  # moderngl raises bare Exceptions
            raise Failure(
                "bad_installation",
                f"OpenGL without a window is not to be had ({error}); install moderngl and EGL "
                "(Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri).",
            ) from error
        self._program: Any = self._gl.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._body: tuple[Human, Any] | None = None  # of the shot that is being rendered
        self._box = self._array(*_cube(), None, None)
        self._targets: dict[tuple[tuple[int, int], str], Any] = {}

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def close(self) -> None:
        self._gl.release()

    def frames(self, shot: Shot, random: np.random.Generator, every: int = 1) -> Iterator[Image]:
        """Every frame of the shot, (height, width, 3) RGB; with `every` the first and each so many-th after it."""
        width, height = shot.camera.size
        noise = random.normal(0, shot.look.noise, (height + 64, width + 64, 1))
        grain = np.repeat(np.round(noise), 3, axis=2).astype(np.int16)
        before: Image | None = None
        views, matrices = shot.camera.clip(), _bone_matrices(shot)
        for frame in range(0, len(matrices), every):
            still = frame > 0 and np.array_equal(views[frame], views[frame - every])
            picture = self._draw(shot, frame, views[frame], matrices[frame], room=not still)
            y, x = random.integers(0, 64, 2)  # noise that is new in every frame and costs nothing
            yield worsen(picture, before, shot.look, grain[y : y + height, x : x + width])
            before = picture if every <= BLURS_WITH else None

    def mask(self, shot: Shot, frame: int) -> npt.NDArray[np.bool_]:
        """(height, width) True where the person is, boxes in front left out of account."""
        target = self._target(shot.camera.size, "picture")
        target.use()
        target.clear(0.0, 0.0, 0.0, 1.0)
        self._person(shot, frame, shot.camera.clip()[frame], _bone_matrices(shot)[frame], flat_white=True)
        return self._read(target)[..., 0] > 127

    def _draw(self, shot: Shot, frame: int, view: npt.NDArray[np.float32], matrices: npt.NDArray[np.float32], room: bool) -> Image:
        """`room`: whether it has to be drawn anew; a still camera sees the same one, with its depths, in every frame."""
        size = shot.camera.size
        behind, target = self._target(size, "room"), self._target(size, "picture")
        if room:
            behind.use()
            behind.clear(0.0, 0.0, 0.0, 1.0)
            self._room(shot, frame, view)
        self._gl.copy_framebuffer(target, behind)
        target.use()
        self._person(shot, frame, view, matrices, flat_white=False)
        return self._read(target)

    def _person(self, shot: Shot, frame: int, view: npt.NDArray[np.float32], matrices: npt.NDArray[np.float32], flat_white: bool) -> None:
        self._light(shot, frame, view)
        self._program["flat_white"].value, self._program["worn"].value = flat_white, True
        self._program["bone"].write(matrices.tobytes())
        self._paint(shot.look.clothes)
        self._dressed(shot.human).render()

    def _room(self, shot: Shot, frame: int, view: npt.NDArray[np.float32]) -> None:
        self._light(shot, frame, view)
        self._program["flat_white"].value, self._program["worn"].value = False, False
        surface = shot.look.box_surface
        for k, (centre, half) in enumerate(shot.look.boxes):
            place = np.eye(4)
            place[:3, :3], place[:3, 3] = np.diag(half), centre
            bone = np.tile(np.eye(4, dtype=np.float32), (MAX_BONES, 1, 1))  # a box hangs on the first alone
            bone[0] = place.T
            self._program["bone"].write(bone.tobytes())
            self._paint(Surface(*(values[k : k + 1] for values in (surface.first, surface.second, surface.pattern))))
            self._box.render()

    def _light(self, shot: Shot, frame: int, view: npt.NDArray[np.float32]) -> None:
        self._gl.enable(self._gl.DEPTH_TEST)
        self._program["camera"].write(np.ascontiguousarray(view.T).tobytes())
        self._program["lamp"].value, self._program["ambient"].value = tuple(shot.look.lamp), shot.look.ambient
        self._program["eye"].value = tuple(shot.camera.position[frame])

    def _target(self, size: tuple[int, int], use: str) -> Any:
        if (size, use) not in self._targets:
            self._targets[size, use] = self._gl.simple_framebuffer(size, components=4)
        return self._targets[size, use]

    @staticmethod
    def _read(target: Any) -> Image:
        width, height = target.size
        pixels = np.frombuffer(target.read(components=3, alignment=1), np.uint8).reshape(height, width, 3)
        return np.ascontiguousarray(pixels[::-1])

    def _paint(self, surface: Surface) -> None:
        for name, values in (("first", surface.first), ("second", surface.second), ("pattern", surface.pattern)):
            rows = np.zeros((MAX_PARTS, values.shape[1]), "<f4")
            rows[: len(values)] = values
            self._program[name].write(rows.tobytes())

    def _dressed(self, human: Human) -> Any:
        """The body on the graphics processor. Every shot has its own, so the one before is given back."""
        if self._body is None or self._body[0] is not human:
            if self._body is not None:
                self._body[1].release()
            self._body = human, self._array(human.vertices, human.normals, human.faces, human.part, (human.bones, human.weights))
        return self._body[1]

    def _array(self, places: Array, normals: Array, faces: Any, part: Any, skin: tuple[Any, Any] | None) -> Any:
        count = len(places)
        owner, share = skin if skin is not None else (np.zeros((count, 4)), np.tile([1.0, 0, 0, 0], (count, 1)))
        rows = np.concatenate([places, normals, (part if part is not None else np.zeros(count))[:, None], owner, share], axis=1)
        buffer, index = self._gl.buffer(rows.astype("<f4").tobytes()), self._gl.buffer(np.asarray(faces, "<i4").tobytes())
        return self._gl.vertex_array(self._program, [(buffer, "3f 3f 1f 4f 4f", "place", "normal", "part", "owner", "share")], index)


def _bone_matrices(shot: Shot) -> npt.NDArray[np.float32]:
    """(T,MAX_BONES,4,4) what moves the rest mesh, by columns as OpenGL wants it."""
    at = heads(shot.pose, shot.human.rest)
    result = np.tile(np.eye(4), (len(shot.truth), MAX_BONES, 1, 1))
    for k, name in enumerate(shot.human.bone_names):
        turn = shot.pose.rotation[name]
        result[:, k, :3, :3] = turn
        result[:, k, :3, 3] = at[name] - turn @ shot.human.rest.head[name]
    return np.ascontiguousarray(result.swapaxes(2, 3), dtype=np.float32)


def _cube() -> tuple[Array, Array, npt.NDArray[np.int32]]:
    """(places, normals, faces) of the cube from -1 to 1, each side with vertices of its own."""
    places: list[Array] = []
    normals: list[Array] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = sign * np.eye(3)[axis]
            u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
            first = len(places)
            places += [normal + a * u + b * v for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            normals += [normal] * 4
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    return np.array(places), np.array(normals), np.array(faces, np.int32)


class PairsRenderer:
    """Everything that rendering pairs needs, loaded once. Close it, or use it in a `with`. Raises Failure.

    only: "training" leaves out the people and sources that are held out, "validation" uses nothing but those, "people" the held-out
    people in motions that are trained on. kinds: of `motion_kind.KINDS`, what is drawn. fold: only people and motions of that one,
    0 to FOLDS - 1. every: of the frames one of so many is drawn and looked at, and what was seen is carried over to those between.
    composed: see `MotionDraw`.
    """

    def __init__(
        self, humans: Sequence[Path], mocap: Path, detectors: Sequence[str], only: str = "all", kinds: Sequence[str] = KINDS,
        fold: int | None = None, every: int = 1, composed: float = 0.0,
    ) -> None:  # fmt: skip
        paths = [path for folder in humans for path in sorted(folder.glob("*.glb"))]
        if not paths:
            raise Failure("no_such_file", f"There are no humans (.glb) in {', '.join(map(str, humans))}; check the path.")
        motions = load_mocap(mocap)
        if fold is not None:
            of_fold, motions = people_of([path.stem for path in paths], fold), clips_of(motions, fold)
            paths = [path for path in paths if path.stem in of_fold]
        unseen_people, unseen_sources = _ONLY[only]
        self.people = [read_human(path) for path in paths if unseen_people in (None, path.stem in HELD_OUT_HUMANS)]
        clips = [clip for clip in motions if unseen_sources in (None, clip.source in HELD_OUT_SOURCES)]
        if not self.people or not clips:
            raise Failure("bad_input", f"No body or no motion is left for --only {only}; see docs/data.md for the names that are held out.")
        self.motions = MotionDraw(clips, kinds, composed)
        self._every = every
        self._seeing = {name: Detector(name) for name in detectors}
        self._renderer = Renderer()

    def __enter__(self) -> PairsRenderer:
        return self

    def __exit__(self, *reason: object) -> None:
        self._renderer.close()

    def render(self, segments: int, seed: int, detectors: Sequence[str]) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """Of every detector the arrays of a file of pairs."""
        random = np.random.default_rng(seed)
        rows: dict[str, dict[str, list[Any]]] = {name: {column: [] for column in _COLUMNS} for name in detectors}
        about: dict[str, list[Any]] = {name: [] for name in _ABOUT}
        for _ in range(segments):
            shot = make_shot(self.people, self.motions, random)
            every = self._every
            drawn = self._renderer.frames(shot, random, every)
            pictures = [Frame(every * k, every * k / FPS, picture) for k, picture in enumerate(drawn)]
            for name in detectors:
                _append(rows[name], shot, filled([row for _, row in self._seeing[name].rows(pictures)], every))
            for column, value in _about(shot).items():
                about[column].append(value)
        return {name: self._arrays(rows[name], about, name) for name in detectors}

    @staticmethod
    def _arrays(rows: dict[str, list[Any]], about: dict[str, list[Any]], detector: str) -> dict[str, npt.NDArray[Any]]:
        arrays = {name: np.concatenate(parts) for name, parts in rows.items()}
        arrays |= {name: np.array(values, dtype=_ABOUT[name]) for name, values in about.items()}
        arrays["segment_start"] = np.cumsum([0, *(len(part) for part in rows["detected"])])
        arrays["joint_names"], arrays["fps"], arrays["detector"] = np.array(BODY_22.joints), np.array(FPS), np.array(detector)
        return arrays


# Of --only: whether the people, and the sources of motion, are those held out (None: all).
_ONLY: dict[str, tuple[bool | None, bool | None]] = {
    "all": (None, None), "training": (False, False), "validation": (True, True), "people": (True, False),
}  # fmt: skip
_COLUMNS = ("image", "visibility", "world", "truth", "detected", "camera_to_world")
_ABOUT: dict[str, Any] = {
    "source": np.str_, "clip": np.int64, "first_frame": np.int64, "mirrored": np.bool_, "human": np.str_, "focal": np.float32,
    "image_size": np.int64, "camera_roll": np.float32, "camera_elevation": np.float32, "stature": np.float32, "kind": np.str_,
    "moving_camera": np.bool_, "outfit": np.str_,
}  # fmt: skip


def _about(shot: Shot) -> dict[str, Any]:
    camera, human = shot.camera, shot.human
    return {
        "source": shot.clip.source, "clip": shot.clip.index, "first_frame": shot.first, "mirrored": shot.mirrored, "human": human.name,
        "focal": camera.focal, "image_size": camera.size, "camera_roll": camera.roll, "camera_elevation": camera.elevation,
        "stature": human.stature, "kind": shot.kind, "moving_camera": shot.moving_camera, "outfit": human.outfit,
    }  # fmt: skip


def filled(looked: Sequence[Row | None], every: int) -> list[Row | None]:
    """What was seen in every frame from the first to the last that was looked at, one of `every`: between two of them along the cubic
    through them and their neighbours (a straight line would cut the corners of what swings), and nothing where either saw nobody."""
    result: list[Row | None] = [None] * (every * (len(looked) - 1) + 1 if looked else 0)
    for seen, run in groupby(range(len(looked)), key=lambda k: looked[k] is not None):
        looks = list(run)
        if not seen:
            continue
        rows = np.stack([row for k in looks if (row := looked[k]) is not None])
        at = np.arange(every * (len(looks) - 1) + 1) / every
        curve = rows if len(rows) == 1 else CubicSpline(np.arange(len(rows)), rows)(at).astype(np.float32)
        result[every * looks[0] : every * looks[-1] + 1] = list(curve)
    return result


def _append(rows: dict[str, list[Any]], shot: Shot, found: Sequence[Row | None]) -> None:
    detected = np.array([row is not None for row in found])
    values = np.stack([np.zeros((33, 6), np.float32) if row is None else row for row in found])
    values[detected, :, :2] -= np.array(shot.camera.size, np.float32) / 2
    rows["image"].append(values[..., :2].astype(np.float16))
    rows["visibility"].append(np.round(np.clip(values[..., 2], 0, 1) * 255).astype(np.uint8))
    rows["world"].append(np.round(values[..., 3:] * 1000).astype(np.int16))
    rows["truth"].append(np.round(shot.camera.axes(shot.truth)[: len(found)] * 1000).astype(np.int16))
    rows["detected"].append(detected)
    rows["camera_to_world"].append(shot.camera.to_world()[: len(found)])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.datasets.rendering", description="Renders pairs of detections and truth.")
    parser.add_argument(
        "--humans", type=Path, required=True, action="append", metavar="FOLDER",
        help="skinned humans (.glb), may be repeated; see docs/data.md",
    )  # fmt: skip
    parser.add_argument("--mocap", type=Path, required=True, metavar="FOLDER", help="motion capture (.npz); see docs/data.md")
    for name in CHOICES["detector"]:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"for pairs that the {name} network reads")
    parser.add_argument("--files", type=int, default=1, metavar="N", help="default %(default)s")
    parser.add_argument("--segments", type=int, default=40, metavar="N", help="in a file, of 60 to 100 frames (default %(default)s)")
    parser.add_argument("--only", choices=tuple(_ONLY), default="all", help="which people and sources of motion")
    parser.add_argument("--kind", choices=KINDS, action="append", help="what people do, may be repeated (default: all, as footage has it)")
    parser.add_argument("--fold", type=int, choices=range(FOLDS), help="only people and motions of that half of those trained on")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N",
        help="look at one frame in N and carry over what was seen to those between: more people in the same hours (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--composed", type=float, default=0.0, metavar="SHARE",
        help="of what is on the floor so much is put together from poses (push-ups, crawling, lying, getting up; default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first file")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="from one file's seed to the next; default %(default)s")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # a process is for one core: start as many as there are cores
    os.environ.setdefault("LP_NUM_THREADS", "1")
    folders = {name: getattr(options, name) for name in CHOICES["detector"] if getattr(options, name) is not None}
    try:
        if min(options.segments, options.files, options.step, options.every) < 1:
            raise Failure("bad_arguments", "--segments, --files, --step and --every have to be 1 at least.")
        if not 0 <= options.composed <= 1:
            raise Failure("bad_arguments", f"--composed is a share from 0 to 1, not {options.composed}.")
        if not folders:
            raise Failure("bad_arguments", f"Give the folder of at least one network: --{', --'.join(CHOICES['detector'])}.")
        check_outputs([path for path in _paths(folders, options.seed).values() if not path.exists()], (), (".npz",))
        drawn = options.only, options.kind or KINDS, options.fold, options.every, options.composed
        with PairsRenderer(options.humans, options.mocap, tuple(folders), *drawn) as renderer:
            for file in range(options.files):
                _make_file(renderer, folders, options.segments, options.seed + file * options.step)
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    return int(ExitCode.DONE)


def _paths(folders: Mapping[str, Path], seed: int) -> dict[str, Path]:
    return {name: folder / f"pairs_{seed}.npz" for name, folder in folders.items()}


def _make_file(renderer: PairsRenderer, folders: Mapping[str, Path], segments: int, seed: int) -> None:
    """The files of one seed that are not there yet. Raises Failure."""
    missing = {name: path for name, path in _paths(folders, seed).items() if not path.exists()}
    if not missing:
        return
    check_outputs(list(missing.values()), (), (".npz",))
    began = time.perf_counter()
    for name, arrays in renderer.render(segments, seed, tuple(missing)).items():
        with written_beside(missing[name]) as beside:
            np.savez_compressed(beside, **arrays)  # type: ignore[arg-type, unused-ignore]
        frames, found = len(arrays["detected"]), float(arrays["detected"].mean())
        rate = frames / (time.perf_counter() - began)
        print(f"{missing[name]}: {frames} frames, a person found in {found:.0%}, {rate:.1f} frames/s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
