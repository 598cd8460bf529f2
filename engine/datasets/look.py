"""What the person and the place look like: colours, patterns, lamp, furniture, things in front, and the picture's own faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.float32]

OCCLUDED = 0.3  # share of segments with a box in front
NOISE = (1.0, 12.0)  # standard deviation of the picture's noise, of 255
ROOM = 7.0  # metres from the person to the walls, at least
GROUND = 0.2  # metres that the camera stands above the ground at least: below, the person stands on a platform
BLURRED, SHUTTER = 0.3, 0.5  # share of segments with motion blur, and the largest share of the frame before in a picture
CONTRAST, BRIGHTNESS = (0.6, 1.2), (-25.0, 25.0)
PLAIN, STRIPES, CHECKS, BLOTCHES = range(4)  # kinds of pattern


@dataclass(frozen=True)
class Surface:
    """Of each part (P,): two colours (P,3), and the pattern (P,4): its kind, waves a metre, how much of the second colour, its tilt."""

    first: Array
    second: Array
    pattern: Array


@dataclass(frozen=True)
class Look:
    """Surfaces of the person's parts and of the surroundings; the lamp; boxes (centre and half size, (K,2,3)): the room last, seen
    from inside; noise (of 255); blur: share of the frame before; contrast and brightness of the picture."""

    clothes: Surface
    lamp: Array
    ambient: float
    boxes: Array
    box_surface: Surface
    noise: float
    blur: float
    contrast: float
    brightness: float


def draw_look(truth: Array, camera: Array, parts: int, random: np.random.Generator) -> Look:
    """Surroundings of a person whose joints are truth (T,22,3), seen from camera (3,): world, metres, Z up, the floor at 0."""
    clothes = draw_surface(parts, 8.0, 60.0, random)
    clothes.first[0] = np.array([0.85, 0.62, 0.5]) * random.uniform(0.25, 1.15)  # skin
    clothes.second[0] = clothes.first[0] * random.uniform(0.8, 1.1)
    clothes.pattern[0] = [BLOTCHES, 30.0, 0.5, 0.0]
    ground = min(0.0, camera[2] - GROUND)
    reach = np.abs(np.concatenate([truth.reshape(-1, 3), camera[None]])).max(axis=0) + ROOM * random.uniform(0.4, 1.0)
    boxes = [np.stack([[0, 0, reach[2] + ground], reach])]
    middle = truth.mean(axis=(0, 1))
    if ground < 0:
        half = np.abs(truth[..., :2] - middle[:2]).max(axis=(0, 1)) + random.uniform(0.3, 1.0)
        boxes.insert(0, np.stack([[*middle[:2], ground / 2], [*half, -ground / 2]]))
    for _ in range(int(random.integers(0, 8))):  # furniture about, not where the person moves
        at = random.uniform(-1, 1, 3) * reach * 0.9
        half = random.uniform(0.1, 0.6, 3) * random.choice([1.0, 2.0])
        clear = np.linalg.norm(truth[..., :2] - at[:2], axis=-1).min() > half[:2].max() + 0.8
        between = np.dot(at[:2] - middle[:2], camera[:2] - middle[:2]) > 0
        if clear and not between:
            boxes.insert(0, np.stack([[at[0], at[1], ground + half[2] + random.choice([0.0, 1.0])], half]))
    if random.random() < OCCLUDED:
        near = middle + (camera - middle) * random.uniform(0.25, 0.6)
        half = random.uniform(0.05, 0.3, 3)
        boxes.insert(0, np.stack([near + random.normal(0, 0.3, 3) * [1, 1, 0.6], half]))
    return Look(
        clothes, np.array([*random.uniform(-3, 3, 2), random.uniform(2, 5)]), float(random.uniform(0.45, 0.9)), np.array(boxes),
        draw_surface(len(boxes), 0.5, 12.0, random), float(random.uniform(*NOISE)),
        float(random.uniform(0, SHUTTER)) if random.random() < BLURRED else 0.0, float(random.uniform(*CONTRAST)),
        float(random.uniform(*BRIGHTNESS)),
    )  # fmt: skip


def draw_surface(parts: int, coarse: float, fine: float, random: np.random.Generator) -> Surface:
    """Random colours and patterns of between `coarse` and `fine` waves a metre."""
    waves = np.exp(random.uniform(np.log(coarse), np.log(fine), parts))
    kinds = random.integers(PLAIN, BLOTCHES + 1, parts)
    pattern = np.stack([kinds, waves, random.uniform(0, 1, parts) ** 2, random.uniform(0, np.pi, parts)], axis=1)
    return Surface(random.uniform(0.05, 1.0, (parts, 3)) ** 0.7, random.uniform(0.05, 1.0, (parts, 3)) ** 0.7, pattern)


def worsen(picture: Picture, before: Picture | None, look: Look, grain: Picture) -> npt.NDArray[np.uint8]:
    """A rendered picture (H,W,3) of 255 as a poor camera gives it: mixed with the one `before`, of other contrast, with noise
    (grain (H,W,1))."""
    if before is not None and look.blur:
        picture = (1 - look.blur) * picture + look.blur * before
    return np.clip(look.contrast * (picture - 127.5) + 127.5 + look.brightness + grain, 0, 255).astype(np.uint8)
