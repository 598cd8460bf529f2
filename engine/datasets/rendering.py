"""Renders people whose every joint is known, and writes what the detector says about them: pairs to train the lifter and the refiner on.

    python -m engine.datasets.rendering --humans FOLDER --mocap FOLDER -o pairs.npz --segments 100 --seed 0

A segment: one of the skinned humans (.glb) driven by a piece of motion capture, one still camera (any azimuth, tilted and rolled, 35 to
85 degrees wide), a room, a lamp, clothes of other colours, noise, now and then a box in front. Rendering is OpenGL without a window
(EGL; Mesa's processor renderer will do: apt-get install libegl1 libgl1-mesa-dri). The layout written is the one that
`detections.load_detections` reads; truth is in camera axes (x right, y down, z forward).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import ExitCode, Failure
from contract.options import CHOICES, DEFAULT_DETECTOR
from contract.outputs import add_overwrite_argument, check_outputs, written_beside
from contract.skeleton import BODY_22
from engine.datasets.drive_human import heads
from engine.datasets.human import Human, read_human
from engine.datasets.look import BLOTCHES, CHECKS, STRIPES, Surface, worsen
from engine.datasets.mocap import load_mocap
from engine.datasets.shot import FPS, Shot, make_shot
from engine.datasets.split import HELD_OUT_HUMANS, HELD_OUT_SOURCES
from engine.detection.detector import Detector
from engine.footage.video import Frame

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

MAX_BONES, MAX_PARTS = 48, 8  # uniforms of the shader

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
uniform vec3 lamp; uniform float ambient; uniform bool flat_white;
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
    float facing = dot(normalize(n), normalize(lamp - p));
    float lit = ambient * (0.85 + 0.15 * normalize(n).z) + (1.0 - ambient) * max(facing, 0.0);
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
        self._targets: dict[tuple[int, int], Any] = {}

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def close(self) -> None:
        self._gl.release()

    def frames(self, shot: Shot, random: np.random.Generator) -> Iterator[Image]:
        """Every frame of the shot, (height, width, 3) RGB."""
        width, height = shot.camera.size
        grain = random.normal(0, shot.look.noise, (height + 64, width + 64, 1)).astype(np.float32)
        before: npt.NDArray[np.float32] | None = None
        for matrices in _bone_matrices(shot):
            picture = self._draw(shot, matrices, False).astype(np.float32)
            y, x = random.integers(0, 64, 2)  # noise that is new in every frame and costs nothing
            yield worsen(picture, before, shot.look, grain[y : y + height, x : x + width])
            before = picture

    def mask(self, shot: Shot, frame: int) -> npt.NDArray[np.bool_]:
        """(height, width) True where the person is, boxes in front left out of account."""
        return self._draw(shot, _bone_matrices(shot)[frame], True)[..., 0] > 127

    def _draw(self, shot: Shot, matrices: npt.NDArray[np.float32], person_only: bool) -> Image:
        target = self._targets.get(shot.camera.size)
        if target is None:
            target = self._targets[shot.camera.size] = self._gl.simple_framebuffer(shot.camera.size, components=4)
        target.use()
        target.clear(0.0, 0.0, 0.0, 1.0)
        self._gl.enable(self._gl.DEPTH_TEST)
        look, surface, program = shot.look, shot.look.box_surface, self._program
        program["camera"].write(np.ascontiguousarray(shot.camera.clip().T).tobytes())
        program["lamp"].value, program["ambient"].value = tuple(look.lamp), look.ambient
        program["flat_white"].value = person_only
        program["worn"].value = True
        program["bone"].write(matrices.tobytes())
        self._paint(look.clothes)
        self._dressed(shot.human).render()
        if not person_only:
            program["worn"].value = False
            for k, (centre, half) in enumerate(look.boxes):
                view = np.eye(4)
                view[:3, :3], view[:3, 3] = np.diag(half), centre
                bone = np.tile(np.eye(4, dtype=np.float32), (MAX_BONES, 1, 1))  # a box hangs on the first alone
                bone[0] = view.T
                program["bone"].write(bone.tobytes())
                self._paint(Surface(*(values[k : k + 1] for values in (surface.first, surface.second, surface.pattern))))
                self._box.render()
        pixels = np.frombuffer(target.read(components=3, alignment=1), np.uint8).reshape(shot.camera.size[1], shot.camera.size[0], 3)
        return pixels[::-1]

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


def render_pairs(
    humans: Path, mocap: Path, segments: int, seed: int, only: str = "all", quiet: bool = True, detector: str = DEFAULT_DETECTOR
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file of pairs. `only`: "training" leaves out the bodies and sources that are held out, "validation" uses nothing
    but those. `detector`: its model. Raises Failure."""
    paths = sorted(humans.glob("*.glb"))
    if not paths:
        raise Failure("no_such_file", f"There are no humans (.glb) in {humans}; check the path.")
    held_out = {"all": None, "training": False, "validation": True}[only]
    people = [human for human in map(read_human, paths) if held_out in (None, human.name in HELD_OUT_HUMANS)]
    clips = [clip for clip in load_mocap(mocap) if held_out in (None, clip.source in HELD_OUT_SOURCES)]
    if not people or not clips:
        raise Failure("bad_input", f"No body or no motion is left for --only {only}; see docs/data.md for the names that are held out.")
    random = np.random.default_rng(seed)
    seeing = Detector(detector)
    rows: dict[str, list[Any]] = {name: [] for name in ("image", "visibility", "world", "truth", "detected")}
    about: dict[str, list[Any]] = {name: [] for name in _ABOUT}
    began, done = time.perf_counter(), 0
    with Renderer() as renderer:
        for segment in range(segments):
            shot = make_shot(people, clips, random)
            pictures = (Frame(k, k / FPS, picture) for k, picture in enumerate(renderer.frames(shot, random)))
            found = [row for _, row in seeing.rows(pictures)]
            _append(rows, about, shot, found)
            done += len(found)
            if not quiet:
                rate = done / (time.perf_counter() - began)
                print(f"{segment + 1} of {segments} segments, {done} frames, {rate:.1f} frames/s", file=sys.stderr, flush=True)
    arrays = {name: np.concatenate(parts) for name, parts in rows.items()}
    arrays |= {name: np.array(values, dtype=_ABOUT[name]) for name, values in about.items()}
    arrays["segment_start"] = np.cumsum([0, *(len(part) for part in rows["detected"])])
    arrays["joint_names"], arrays["fps"], arrays["detector"] = np.array(BODY_22.joints), np.array(FPS), np.array(detector)
    return arrays


_ABOUT: dict[str, Any] = {
    "source": np.str_, "clip": np.int64, "first_frame": np.int64, "mirrored": np.bool_, "human": np.str_, "focal": np.float32,
    "image_size": np.int64, "camera_roll": np.float32, "camera_elevation": np.float32, "stature": np.float32,
}  # fmt: skip


def _append(rows: dict[str, list[Any]], about: dict[str, list[Any]], shot: Shot, found: list[npt.NDArray[np.float32] | None]) -> None:
    camera = shot.camera
    detected = np.array([row is not None for row in found])
    values = np.stack([np.zeros((33, 6), np.float32) if row is None else row for row in found])
    values[detected, :, :2] -= np.array(camera.size, np.float32) / 2
    rows["image"].append(values[..., :2].astype(np.float16))
    rows["visibility"].append(np.round(np.clip(values[..., 2], 0, 1) * 255).astype(np.uint8))
    rows["world"].append(np.round(values[..., 3:] * 1000).astype(np.int16))
    rows["truth"].append(np.round(camera.axes(shot.truth) * 1000).astype(np.int16))
    rows["detected"].append(detected)
    said = (shot.clip.source, shot.clip.index, shot.first, shot.mirrored, shot.human.name, camera.focal, camera.size, camera.roll)
    for name, value in zip(_ABOUT, (*said, camera.elevation, shot.human.stature), strict=True):
        about[name].append(value)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.datasets.rendering", description="Renders pairs of detections and truth.")
    parser.add_argument("--humans", type=Path, required=True, metavar="FOLDER", help="skinned humans (.glb); see docs/data.md")
    parser.add_argument("--mocap", type=Path, required=True, metavar="FOLDER", help="motion capture (.npz); see docs/data.md")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    add_overwrite_argument(parser)
    parser.add_argument("--segments", type=int, default=100, metavar="N", help="of 60 to 100 frames (default %(default)s)")
    parser.add_argument("--only", choices=("all", "training", "validation"), default="all", help="which bodies and sources of motion")
    parser.add_argument("--detector", choices=CHOICES["detector"], default=DEFAULT_DETECTOR, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(argv)
    try:
        if options.segments < 1:
            raise Failure("bad_arguments", f"--segments is {options.segments}; give at least 1.")
        sources = [path for folder in (options.humans, options.mocap) if folder.is_dir() for path in folder.rglob("*")]
        (output,) = check_outputs([options.output], sources, (".npz",), options.overwrite)
        arrays = render_pairs(options.humans, options.mocap, options.segments, options.seed, options.only, False, options.detector)
        with written_beside(output) as beside:
            np.savez_compressed(beside, **arrays)  # type: ignore[arg-type, unused-ignore]
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    found = float(arrays["detected"].mean())
    print(f"Wrote {options.output}: {len(arrays['detected'])} frames in {options.segments} segments, a person found in {found:.0%}.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
