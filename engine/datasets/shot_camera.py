"""Cameras as people hold them: still, turned after somebody, or in a hand that shakes; and how much of the person they see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from engine.datasets.flexion import angle_between

Array = npt.NDArray[np.float64]

# The detector takes 256 points square: these are enough, and the small ones stand for soft pictures. Footage is mostly 16:9.
SIZES: Final = ((480, 270), (270, 480), (480, 360), (360, 480), (420, 420), (320, 240), (240, 320))
SIZE_SHARES: Final = (0.27, 0.27, 0.12, 0.14, 0.08, 0.06, 0.06)
PHONE_FOV, ANY_FOV, PHONES = (55.0, 75.0), (30.0, 85.0), 0.6  # degrees along the longer side, and the share of the first
STILL, TURNING, IN_HAND = "still", "turning", "in_hand"
MOVEMENTS: Final = {STILL: 0.75, TURNING: 0.15, IN_HAND: 0.10}
ELEVATION: Final = (6.0, 8.5, -12.0, 27.0)  # degrees that the camera stands above the person's middle: mean, deviation, lowest, highest
FROM_ABOVE, ABOVE = 0.1, (25.0, 60.0)  # share of cameras that look down steeply, and degrees
LOWEST: Final = 0.3  # metres of a camera above the ground
UPRIGHT_SHARE, UPRIGHT_ROLL = 0.75, 0.9  # of the cameras are level but for this deviation in degrees
ROLL, MOST_ROLL = 6.0, 15.0  # degrees of the others: deviation, largest
ON_ITS_SIDE: Final = 0.03  # of the cameras is turned by a quarter
FILL: Final = (0.45, 0.97)  # of the picture: how much of it the person and the ways walked take
TALLEST, SMALLEST = 0.95, 0.25  # of the picture's height that the person takes; who walks far leaves the picture instead
CUT_OFF, CUT_NEARER = 0.12, 1.5  # of segments show a part of the person, which is so much larger
TRIES, SEEN = 8, 1.15  # so many directions are tried until no more than this of the half picture is needed
DISTANCES: Final = np.geomspace(0.9, 30.0, 40)  # metres
CLOSEST: Final = 0.5  # metres from any joint to the camera
FEWER: Final = 4  # of so many frames one is looked at
MOST_TURN: Final = 40.0  # degrees
NEAR, FAR = 0.1, 60.0  # metres


@dataclass(frozen=True)
class Camera:
    """One camera over T frames. rotation (T,3,3): world -> camera axes (x right, y down, z forward); position (T,3) metres; focal in
    pixels; size (width, height); roll and elevation (above 0 looking down): radians, of the middle frame."""

    rotation: Array
    position: Array
    focal: float
    size: tuple[int, int]
    roll: float
    elevation: float
    movement: str = STILL

    def axes(self, points: Array) -> Array:
        """World (T,...,3) -> camera axes, frame by frame."""
        middle = (1,) * (points.ndim - 2)
        away = points - self.position.reshape(len(self.position), *middle, 3)
        turned = self.rotation.reshape(len(self.rotation), *middle, 3, 3) @ away[..., None]
        return np.asarray(turned[..., 0])

    def pixels(self, points: Array) -> Array:
        """World (T,...,3) -> (T,...,2) from the picture's upper left corner."""
        seen = self.axes(points)
        return np.asarray(self.focal * seen[..., :2] / seen[..., 2:] + np.array(self.size) / 2)

    def to_world(self) -> npt.NDArray[np.float32]:
        """(T,4,4) camera axes -> world."""
        result = np.tile(np.eye(4), (len(self.position), 1, 1))
        result[:, :3, :3], result[:, :3, 3] = self.rotation.swapaxes(1, 2), self.position
        return result.astype(np.float32)

    def clip(self) -> npt.NDArray[np.float32]:
        """(T,4,4) world -> OpenGL's clip coordinates."""
        view = np.tile(np.eye(4), (len(self.position), 1, 1))
        view[:, :3, :3] = self.rotation
        view[:, :3, 3] = -(self.rotation @ self.position[..., None])[..., 0]
        width, height = self.size
        depth = (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
        lens = np.array([
            [2 * self.focal / width, 0, 0, 0], [0, -2 * self.focal / height, 0, 0], [0, 0, depth[0], depth[1]], [0, 0, 1, 0],
        ])  # fmt: skip
        return np.asarray(lens @ view, dtype=np.float32)


def draw_camera(truth: Array, random: np.random.Generator) -> Camera:
    """A camera for joints truth (T,22,3): world, metres, Z up, the floor at 0."""
    size = SIZES[random.choice(len(SIZES), p=SIZE_SHARES)]
    fov = np.radians(random.uniform(*(PHONE_FOV if random.random() < PHONES else ANY_FOV)))
    focal = float(max(size) / 2 / np.tan(fov / 2))
    movement = str(random.choice(list(MOVEMENTS), p=list(MOVEMENTS.values())))
    centre = truth.mean(axis=1)
    middle = (truth.min(axis=(0, 1)) + truth.max(axis=(0, 1))) / 2
    cut = bool(random.random() < CUT_OFF)
    elevation, roll, fill = _elevation(random), _roll(random), random.uniform(*FILL) * (CUT_NEARER if cut else 1.0)
    target = gaussian_filter1d(centre, 12.0, axis=0, mode="nearest") if movement == TURNING else np.tile(middle, (len(truth), 1))
    offset = random.normal(0, 0.05, 2)  # nobody aims exactly
    for _ in range(TRIES):  # from the side, somebody who walks far leaves the picture
        azimuth = random.uniform(0, 2 * np.pi)
        along = _look(-_away(azimuth, elevation)[None], roll)[0]
        distance, extent = _distance((truth - target[:, None]) @ along.T, focal, size, fill, TALLEST * (CUT_NEARER if cut else 1.0))
        if cut or extent < SEEN:
            break
    position = middle + distance * _away(azimuth, elevation)
    position[2] = max(position[2], LOWEST)
    forward = _aim(target, position, random if movement == TURNING else None)
    rotation = _look(forward, roll)
    shift = offset * np.array(size) / 2
    if cut:
        shift = _cut(truth, rotation, position, focal, size, random)
    rotation = Rotation.from_euler("yx", [-np.arctan2(shift[0], focal), np.arctan2(shift[1], focal)]).as_matrix() @ rotation
    places = np.tile(position, (len(truth), 1))
    if movement == IN_HAND:
        rotation = _shake(len(truth), random) @ rotation
        places = places + _wander(len(truth), 3, 8.0, random) * random.uniform(0.003, 0.015)
    half = len(truth) // 2
    return Camera(rotation, places, focal, size, float(roll), float(np.arcsin(np.clip(-rotation[half, 2, 2], -1, 1))), movement)


def _elevation(random: np.random.Generator) -> float:
    if random.random() < FROM_ABOVE:
        return float(np.radians(random.uniform(*ABOVE)))
    mean, deviation, lowest, highest = ELEVATION
    return float(np.radians(np.clip(random.normal(mean, deviation), lowest, highest)))


def _roll(random: np.random.Generator) -> float:
    kind = random.random()
    if kind < ON_ITS_SIDE:
        return float(np.radians(random.choice([-90.0, 90.0]) + random.normal(0, 2.0)))
    if kind < ON_ITS_SIDE + UPRIGHT_SHARE:
        return float(np.radians(random.normal(0, UPRIGHT_ROLL)))
    return float(np.radians(np.clip(random.normal(0, ROLL), -MOST_ROLL, MOST_ROLL)))


def _away(azimuth: float, elevation: float) -> Array:
    return np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])


def _look(forward: Array, roll: float) -> Array:
    """(T,3,3) world -> axes of cameras that look along forward (T,3), turned by `roll` radians about it."""
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-9)
    down = np.cross(forward, right)
    return np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward], axis=1)


def _distance(seen: Array, focal: float, size: tuple[int, int], fill: float, tallest: float) -> tuple[float, float]:
    """Metres to what is aimed at, and how much of the picture is filled then. seen (T,22,3): joints along the camera's axes, from there.

    The person and the ways walked fill as much of the picture as they should, while the person itself is no taller than `tallest` and,
    whoever walks out of the picture for it, no smaller than SMALLEST.
    """
    far = DISTANCES[:, None, None]
    depth = far + seen[None, ::FEWER, :, 2]
    places = np.abs(seen[None, ::FEWER, :, :2]) / np.maximum(depth, 1e-3)[..., None] * focal / (np.array(size) / 2)
    extent = np.percentile(places.max(-1), 97, axis=(1, 2))
    span = np.ptp(seen[None, ::FEWER, :, :2] / np.maximum(depth, 1e-3)[..., None] * focal, axis=2)
    tall = np.median((span / np.array(size)).max(-1), axis=1)
    free = depth.min(axis=(1, 2)) > CLOSEST
    fits = np.flatnonzero(free & (extent <= fill) & (tall <= tallest))
    chosen = int(fits[0]) if len(fits) else len(DISTANCES) - 1
    large = np.flatnonzero(free & (np.median(span.max(-1), axis=1) / size[1] >= SMALLEST))
    if len(large) and large[-1] < chosen:
        chosen = int(large[-1])
    return float(DISTANCES[chosen]), float(extent[chosen])


def _aim(target: Array, position: Array, random: np.random.Generator | None) -> Array:
    """(T,3) unit directions to the target (T,3); a hand that turns after somebody does not keep up, nor turn further than MOST_TURN."""
    along = target - position
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    if random is None:
        return np.asarray(along)
    mean = along.mean(axis=0)
    follows = random.uniform(0.6, 1.05)
    turned = mean + follows * (along - mean)
    spread = np.degrees(angle_between(turned, np.broadcast_to(mean, turned.shape)))
    turned = mean + (turned - mean) * min(1.0, MOST_TURN / 2 / max(float(spread.max()), 1e-6))
    side = np.cross(mean, [0.0, 0.0, 1.0])
    swing = np.radians(random.uniform(0, 6)) * np.sin(np.linspace(0, random.uniform(1, 4), len(target)) + random.uniform(0, 2 * np.pi))
    turned = turned + swing[:, None] * side
    return np.asarray(turned / np.linalg.norm(turned, axis=-1, keepdims=True))


def _cut(truth: Array, rotation: Array, position: Array, focal: float, size: tuple[int, int], random: np.random.Generator) -> Array:
    """(2,) pixels by which the picture is moved for its edge to cut through the person: feet, all below the hips, or one side."""
    seen = (truth - position) @ rotation.swapaxes(1, 2)
    places = focal * seen[..., :2] / np.maximum(seen[..., 2:], 0.3)
    low, high = np.median(places.min(axis=1), axis=0), np.median(places.max(axis=1), axis=0)
    width, height = size
    kind = random.integers(3)
    if kind < 2:  # the lower edge so far up the person
        share = random.uniform(0.08, 0.25) if kind == 0 else random.uniform(0.35, 0.55)
        return np.array([random.normal(0, 0.04) * width, high[1] - share * (high[1] - low[1]) - height / 2])
    share = random.uniform(0.2, 0.5)
    edge = high[0] - share * (high[0] - low[0]) - width / 2
    return np.array([edge if random.random() < 0.5 else low[0] + share * (high[0] - low[0]) + width / 2, 0.0])


def _shake(frames: int, random: np.random.Generator) -> Array:
    """(T,3,3) what a hand turns a camera by: a slow drift and a faster tremor, together some tenths of a degree to two."""
    drift = _wander(frames, 3, 18.0, random) * np.radians(random.uniform(0.3, 1.8))
    tremor = _wander(frames, 3, 2.0, random) * np.radians(random.uniform(0.05, 0.35))
    return Rotation.from_rotvec((drift + tremor) * [1.0, 1.0, 0.6]).as_matrix()


def _wander(frames: int, width: int, sigma: float, random: np.random.Generator) -> Array:
    """(T,width) smooth noise of deviation one."""
    longer = int(6 * sigma)
    noise = gaussian_filter1d(random.normal(size=(frames + 2 * longer, width)), sigma, axis=0)[longer : longer + frames]
    return np.asarray(noise * np.sqrt(2 * np.sqrt(np.pi) * sigma))
