"""One segment before it is rendered: a person, a motion, a still camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.blended_human import draw_blend, dress
from engine.datasets.drive_human import Drive, drive
from engine.datasets.human import Human, joints
from engine.datasets.look import Look, draw_look
from engine.datasets.mixed_motion import Mixing, draw_mixed
from engine.datasets.mocap import MocapClip

Array = npt.NDArray[np.float64]

FPS = 30.0
LENGTHS = (60, 100)  # frames of a segment, both included
# The detector takes 256 points square: these are enough, and the small ones stand for soft pictures.
SIZES = ((480, 360), (360, 480), (480, 270), (420, 420), (270, 480), (320, 240), (240, 320))
FOV = (35.0, 85.0)  # degrees along the longer side
ELEVATION = (8.0, 15.0, -30.0, 60.0)  # degrees above the person's middle that the camera stands: mean, deviation, lowest, highest
ROLL = 4.0  # degrees, standard deviation; one camera in ROLLED_ONE lies on its side or is held badly
ROLLED_ONE, ROLLED = 12, 35.0
FILL = (0.55, 1.35)  # of the shorter side: the reach of the person over the segment; above 1 parts leave the picture now and then
NEAR, FAR = 0.1, 60.0  # metres
MIRRORED = BODY_22.mirror


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
class Shot:
    """One segment before it is rendered. truth (T,22,3): world, metres. Clip, first frame and mirroring are those of the legs."""

    human: Human
    pose: Drive
    truth: Array
    camera: Camera
    look: Look
    clip: MocapClip
    first: int
    mirrored: bool


class _Clips:
    """Draws stretches, every frame as likely as any other whichever clip it is in, and remembers where the first came from."""

    def __init__(self, clips: Sequence[MocapClip], random: np.random.Generator) -> None:
        self.clips, self.random = clips, random
        self.lengths = np.array([len(clip.positions) for clip in clips])
        if self.lengths.max(initial=0) < LENGTHS[0]:
            raise Failure("bad_input", f"No clip of the motion capture has {LENGTHS[0]} frames; give longer ones.")
        self.legs: tuple[MocapClip, int, bool] | None = None

    def draw(self, frames: int) -> Array:
        """(frames,22,3), fewer where no clip is so long; mirrored as often as not."""
        frames = min(frames, int(self.lengths.max()))
        weights = np.maximum(0, self.lengths - frames + 1).astype(float)
        clip = self.clips[self.random.choice(len(self.clips), p=weights / weights.sum())]
        first = int(self.random.integers(len(clip.positions) - frames + 1))
        places = clip.positions[first : first + frames].astype(float)
        mirrored = bool(self.random.random() < 0.5)
        if mirrored:
            places = places[:, MIRRORED] * [-1.0, 1.0, 1.0]
        self.legs = self.legs or (clip, first, mirrored)
        return places


def make_shot(humans: Sequence[Human], clips: Sequence[MocapClip], random: np.random.Generator, mixing: Mixing | None = None) -> Shot:
    """A random person in a random, mixed motion before a random camera. Raises Failure `bad_input` where all clips are too short."""
    human = dress(draw_blend(humans, random), random)
    source = _Clips(clips, random)
    places = draw_mixed(source.draw, int(random.integers(LENGTHS[0], LENGTHS[1] + 1)), mixing or Mixing(), random)
    places[..., :2] -= places[:, 0, :2].mean(axis=0)
    pose = drive({name: places[:, j] for j, name in enumerate(BODY_22.joints)}, human.rest)
    truth = joints(human, pose)
    camera = _camera(truth, random)
    assert source.legs is not None  # draw_mixed draws at least once
    return Shot(human, pose, truth, camera, draw_look(truth, camera.position, len(human.parts), random), *source.legs)


def _camera(truth: Array, random: np.random.Generator) -> Camera:
    size = SIZES[random.integers(len(SIZES))]
    fov = np.radians(random.uniform(*FOV))
    focal = max(size) / 2 / np.tan(fov / 2)
    middle = (truth.min(axis=(0, 1)) + truth.max(axis=(0, 1))) / 2
    radius = np.linalg.norm(truth - middle, axis=-1).max()
    mean, deviation, lowest, highest = ELEVATION
    azimuth, elevation = random.uniform(0, 2 * np.pi), np.radians(np.clip(random.normal(mean, deviation), lowest, highest))
    roll = np.radians(random.normal(0, ROLL if random.integers(ROLLED_ONE) else ROLLED))
    distance = focal * 2 * radius / (random.uniform(*FILL) * min(size)) + 0.2 * radius
    away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    position = middle + distance * away
    # it does not aim exactly at the person
    aim = middle + random.normal(0, 0.06 * radius, 3)
    forward = (aim - position) / np.linalg.norm(aim - position)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward])
    return Camera(turned, position, float(focal), size, float(roll), float(np.arcsin(-forward[2])))
