"""Renders people whose every joint is known, and writes what the detector says about them: pairs to train the lifter and the refiner on.

    python -m engine.datasets.rendering --humans FOLDER --mocap FOLDER -o pairs.npz --segments 100 --seed 0

A segment: one of the skinned humans (.glb) driven by a piece of motion capture, one still camera (any azimuth, tilted and rolled, 35 to
85 degrees wide), a room, a lamp, clothes of other colours, noise, now and then a box in front. Rendering is OpenGL without a window
(EGL; Mesa's processor renderer will do: apt-get install libegl1 libgl1-mesa-dri). The layout written is the one that
`detections.load_detections` reads; truth is in camera axes (x right, y down, z forward).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import ExitCode, Failure
from contract.skeleton import BODY_22
from engine.datasets.drive_human import Drive, drive, heads
from engine.datasets.human import Human, joints, read_human
from engine.datasets.mocap import MocapClip, load_mocap
from engine.detector import Detector
from engine.video import Frame

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

FPS = 30.0
LENGTHS = (60, 100)  # frames of a segment, both included
SIZES = ((640, 480), (480, 640), (640, 360), (560, 560))
FOV = (35.0, 85.0)  # degrees along the longer side
ELEVATION = (-8.0, 25.0)  # degrees above the person's middle that the camera stands: from the knee to a high shelf
ROLL = 4.0  # degrees, standard deviation; one camera in ROLLED_ONE lies on its side or is held badly
ROLLED_ONE, ROLLED = 12, 35.0
FILL = (0.6, 1.3)  # of the shorter side: the reach of the person over the segment; above 1 parts leave the picture now and then
OCCLUDED = 0.3  # share of segments with a box in front
NOISE = (1.0, 12.0)  # standard deviation of the picture's noise, of 255
MAX_BONES = 48  # uniforms of the shader
NEAR, FAR = 0.1, 60.0  # metres
ROOM = 7.0  # metres from the person to the walls, at least
MIRRORED = tuple(BODY_22.index(_name[:-1] + {"L": "R", "R": "L"}[_name[-1]] if _name[-2] == "." else _name) for _name in BODY_22.joints)

_VERTEX = f"""
#version 330
uniform mat4 camera; uniform mat4 bone[{MAX_BONES}]; uniform vec3 colour[8];
in vec3 place; in vec3 normal; in float part; in vec4 owner; in vec4 share;
out vec3 n; out vec3 c; out vec3 p;
void main() {{
    mat4 m = share.x * bone[int(owner.x)] + share.y * bone[int(owner.y)] + share.z * bone[int(owner.z)] + share.w * bone[int(owner.w)];
    vec4 w = m * vec4(place, 1.0);
    p = w.xyz; n = mat3(m) * normal; c = colour[int(part)];
    gl_Position = camera * w;
}}"""
_FRAGMENT = """
#version 330
uniform vec3 lamp; uniform float ambient; uniform float pattern; uniform bool flat_white;
in vec3 n; in vec3 c; in vec3 p; out vec4 result;
void main() {
    if (flat_white) { result = vec4(1.0); return; }
    float lit = ambient + (1.0 - ambient) * max(dot(normalize(n), normalize(lamp - p)), 0.0);
    float check = mod(floor(p.x * 2.0) + floor(p.y * 2.0) + floor(p.z * 2.0), 2.0);
    result = vec4(c * lit * (1.0 - pattern * check), 1.0);
}"""


@dataclass(frozen=True)
class Camera:
    """rotation (3,3): world -> camera axes (x right, y down, z forward); position (3,) metres; focal in pixels; size (width, height)."""

    rotation: Array
    position: Array
    focal: float
    size: tuple[int, int]
    roll: float
    elevation: float

    def axes(self, points: Array) -> Array:
        """World (...,3) -> camera axes."""
        return (points - self.position) @ self.rotation.T

    def pixels(self, points: Array) -> Array:
        """World (...,3) -> (...,2) from the picture's upper left corner."""
        seen = self.axes(points)
        return self.focal * seen[..., :2] / seen[..., 2:] + np.array(self.size) / 2

    def clip(self) -> npt.NDArray[np.float32]:
        """(4,4) world -> OpenGL's clip coordinates."""
        view = np.eye(4)
        view[:3, :3], view[:3, 3] = self.rotation, -self.rotation @ self.position
        width, height = self.size
        depth = (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
        lens = np.array([
            [2 * self.focal / width, 0, 0, 0], [0, -2 * self.focal / height, 0, 0], [0, 0, depth[0], depth[1]], [0, 0, 1, 0],
        ])  # fmt: skip
        return (lens @ view).astype(np.float32)


@dataclass(frozen=True)
class Look:
    """Colours (parts and surroundings), the lamp, and boxes (centre and half size, (K,2,3)): the room last, seen from inside."""

    clothes: Array
    lamp: Array
    ambient: float
    pattern: float
    boxes: Array
    box_colours: Array
    noise: float


@dataclass(frozen=True)
class Shot:
    """One segment before it is rendered. truth (T,22,3): world, metres."""

    human: Human
    pose: Drive
    truth: Array
    camera: Camera
    look: Look
    clip: MocapClip
    first: int
    mirrored: bool


def make_shot(humans: Sequence[Human], clips: Sequence[MocapClip], random: np.random.Generator) -> Shot:
    """A random person in a random piece of motion before a random camera."""
    human = humans[random.integers(len(humans))]
    # every frame is as likely as any other, whichever clip it is in
    weights = np.array([max(0, len(clip.positions) - LENGTHS[0] + 1) for clip in clips], dtype=float)
    if not weights.sum():
        raise Failure("bad_input", f"No clip of the motion capture has {LENGTHS[0]} frames; give longer ones.")
    clip = clips[random.choice(len(clips), p=weights / weights.sum())]
    length = min(int(random.integers(LENGTHS[0], LENGTHS[1] + 1)), len(clip.positions))
    first = int(random.integers(len(clip.positions) - length + 1))
    places = clip.positions[first : first + length].astype(float)
    mirrored = bool(random.random() < 0.5)
    if mirrored:
        places = places[:, MIRRORED] * [-1.0, 1.0, 1.0]
    places[..., :2] -= places[:, 0, :2].mean(axis=0)
    pose = drive({name: places[:, j] for j, name in enumerate(BODY_22.joints)}, human.rest)
    truth = joints(human, pose)
    camera = _camera(truth, random)
    return Shot(human, pose, truth, camera, _look(truth, camera, len(human.parts), random), clip, first, mirrored)


def _camera(truth: Array, random: np.random.Generator) -> Camera:
    size = SIZES[random.integers(len(SIZES))]
    fov = np.radians(random.uniform(*FOV))
    focal = max(size) / 2 / np.tan(fov / 2)
    middle = (truth.min(axis=(0, 1)) + truth.max(axis=(0, 1))) / 2
    radius = np.linalg.norm(truth - middle, axis=-1).max()
    azimuth, elevation = random.uniform(0, 2 * np.pi), np.radians(random.uniform(*ELEVATION))
    roll = np.radians(random.normal(0, ROLL if random.integers(ROLLED_ONE) else ROLLED))
    distance = focal * 2 * radius / (random.uniform(*FILL) * min(size)) + 0.2 * radius
    away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    position = middle + distance * away
    position[2] = max(position[2], 0.15)  # above the floor
    # it does not aim exactly at the person
    aim = middle + random.normal(0, 0.06 * radius, 3)
    forward = (aim - position) / np.linalg.norm(aim - position)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward])
    return Camera(turned, position, float(focal), size, float(roll), float(np.arcsin(-forward[2])))


def _look(truth: Array, camera: Camera, parts: int, random: np.random.Generator) -> Look:
    clothes = random.uniform(0.05, 0.95, (parts, 3))
    clothes[0] = np.array([0.85, 0.62, 0.5]) * random.uniform(0.3, 1.1)  # skin
    reach = np.abs(np.concatenate([truth.reshape(-1, 3), camera.position[None]])).max(axis=0) + ROOM * random.uniform(0.4, 1.0)
    boxes = [np.stack([[0, 0, reach[2]], [reach[0], reach[1], reach[2]]])]
    middle = truth.mean(axis=(0, 1))
    for _ in range(int(random.integers(0, 5))):  # furniture about, not where the person moves
        at = random.uniform(-1, 1, 3) * reach * 0.9
        half = random.uniform(0.1, 0.6, 3)
        clear = np.linalg.norm(truth[..., :2] - at[:2], axis=-1).min() > 1.2
        between = np.dot(at[:2] - middle[:2], camera.position[:2] - middle[:2]) > 0
        if clear and not between:
            boxes.insert(0, np.stack([[at[0], at[1], half[2]], half]))
    if random.random() < OCCLUDED:
        near = middle + (camera.position - middle) * random.uniform(0.25, 0.6)
        half = random.uniform(0.05, 0.3, 3)
        boxes.insert(0, np.stack([near + random.normal(0, 0.3, 3) * [1, 1, 0.6], half]))
    colours = random.uniform(0.1, 0.9, (len(boxes), 3))
    lamp = np.array([*random.uniform(-3, 3, 2), random.uniform(2, 5)])
    return Look(
        clothes, lamp, random.uniform(0.35, 0.8), random.uniform(0, 0.4), np.array(boxes), colours, float(random.uniform(*NOISE))
    )


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
        self._bodies: dict[str, Any] = {}
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
        for matrices in _bone_matrices(shot):
            picture = self._draw(shot, matrices, False)
            y, x = random.integers(0, 64, 2)  # noise that is new in every frame and costs nothing
            noisy = picture.astype(np.float32) + grain[y : y + height, x : x + width]
            yield np.clip(noisy, 0, 255).astype(np.uint8)

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
        look, program = shot.look, self._program
        program["camera"].write(np.ascontiguousarray(shot.camera.clip().T).tobytes())
        program["lamp"].value, program["ambient"].value = tuple(look.lamp), look.ambient
        program["flat_white"].value = person_only
        program["pattern"].value = 0.0
        program["bone"].write(matrices.tobytes())
        program["colour"].write(_padded(look.clothes))
        self._body(shot.human).render()
        if not person_only:
            program["pattern"].value = look.pattern
            for (centre, half), colour in zip(look.boxes, look.box_colours, strict=True):
                view = np.eye(4)
                view[:3, :3], view[:3, 3] = np.diag(half), centre
                bone = np.tile(np.eye(4, dtype=np.float32), (MAX_BONES, 1, 1))  # a box hangs on the first alone
                bone[0] = view.T
                program["bone"].write(bone.tobytes())
                program["colour"].write(_padded(colour[None]))
                self._box.render()
        pixels = np.frombuffer(target.read(components=3, alignment=1), np.uint8).reshape(shot.camera.size[1], shot.camera.size[0], 3)
        return pixels[::-1]

    def _body(self, human: Human) -> Any:
        if human.name not in self._bodies:
            self._bodies[human.name] = self._array(human.vertices, human.normals, human.faces, human.part, (human.bones, human.weights))
        return self._bodies[human.name]

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


def _padded(colours: Array) -> bytes:
    """The shader's eight colours."""
    return np.concatenate([colours, np.zeros((8 - len(colours), 3))]).astype("<f4").tobytes()


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


def render_pairs(humans: Path, mocap: Path, segments: int, seed: int, quiet: bool = True) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file of pairs. Raises Failure."""
    paths = sorted(humans.glob("*.glb"))
    if not paths:
        raise Failure("no_such_file", f"There are no humans (.glb) in {humans}; check the path.")
    people, clips = [read_human(path) for path in paths], load_mocap(mocap)
    random = np.random.default_rng(seed)
    detector = Detector()
    rows: dict[str, list[Any]] = {name: [] for name in ("image", "visibility", "world", "truth", "detected")}
    about: dict[str, list[Any]] = {name: [] for name in _ABOUT}
    began, done = time.perf_counter(), 0
    with Renderer() as renderer:
        for segment in range(segments):
            shot = make_shot(people, clips, random)
            pictures = (Frame(k, k / FPS, picture) for k, picture in enumerate(renderer.frames(shot, random)))
            found = [row for _, row in detector.rows(pictures)]
            _append(rows, about, shot, found)
            done += len(found)
            if not quiet:
                rate = done / (time.perf_counter() - began)
                print(f"{segment + 1} of {segments} segments, {done} frames, {rate:.1f} frames/s", file=sys.stderr, flush=True)
    arrays = {name: np.concatenate(parts) for name, parts in rows.items()}
    arrays |= {name: np.array(values, dtype=_ABOUT[name]) for name, values in about.items()}
    arrays["segment_start"] = np.cumsum([0, *(len(part) for part in rows["detected"])])
    arrays["joint_names"], arrays["fps"] = np.array(BODY_22.joints), np.array(FPS)
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
    parser.add_argument("--segments", type=int, default=100, metavar="N", help="of 60 to 100 frames (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(argv)
    beside = options.output.with_name(f".{options.output.name}.part.npz")
    try:
        if options.segments < 1:
            raise Failure("bad_arguments", f"--segments is {options.segments}; give at least 1.")
        if not options.output.absolute().parent.is_dir():
            raise Failure("not_writable", f"The folder of {options.output} does not exist; make it or choose another.")
        arrays = render_pairs(options.humans, options.mocap, options.segments, options.seed, quiet=False)
        np.savez_compressed(beside, **arrays)  # type: ignore[arg-type, unused-ignore]
        os.replace(beside, options.output)  # noqa: PTH105
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    finally:
        beside.unlink(missing_ok=True)
    found = float(arrays["detected"].mean())
    print(f"Wrote {options.output}: {len(arrays['detected'])} frames in {options.segments} segments, a person found in {found:.0%}.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
