"""What the person and the place look like: colours, patterns, lamp, furniture, things in front, and the picture's own faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Grain = npt.NDArray[np.int16]

OCCLUDED = 0.2  # share of segments with a box in front
STANDING_ON_FLOOR = 0.5  # of those boxes
HAIR = np.array([[0.06, 0.05, 0.04], [0.14, 0.09, 0.06], [0.3, 0.19, 0.11], [0.62, 0.48, 0.28], [0.6, 0.6, 0.6], [0.4, 0.16, 0.08]])
EYES = {"eyes": (0.9, 0.9, 0.88), "iris": (0.16, 0.12, 0.1)}
NOISE = (0.5, 8.0)  # standard deviation of the picture's noise, of 255
ROOM = 7.0  # metres from the person to the walls, at least
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


def draw_look(truth: Array, camera: Array, parts: Sequence[str], random: np.random.Generator) -> Look:
    """Surroundings of a person whose joints are truth (T,22,3), seen from camera (3,): world, metres, Z up, the floor at 0.

    parts: what the person's are called; skin, hair and eyes have colours that people have.
    """
    clothes = _clothes(parts, random)
    ground = 0.0
    reach = np.abs(np.concatenate([truth.reshape(-1, 3), camera[None]])).max(axis=0) + ROOM * random.uniform(0.4, 1.0)
    boxes = [np.stack([[0, 0, reach[2] + ground], reach])]
    middle = truth.mean(axis=(0, 1))
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
        at = near + random.normal(0, 0.3, 3) * [1, 1, 0.6]
        if random.random() < STANDING_ON_FLOOR:  # a table, a fence: it hides the legs
            top = max(0.2, at[2])
            half, at = np.array([*(2 * half[:2]), top / 2]), np.array([*at[:2], top / 2])
        boxes.insert(0, np.stack([at, half]))
    return Look(
        clothes, np.array([*random.uniform(-3, 3, 2), random.uniform(2, 5)]), float(random.uniform(0.45, 0.9)), np.array(boxes),
        draw_surface(len(boxes), 0.5, 12.0, random), float(random.uniform(*NOISE)),
        float(random.uniform(0, SHUTTER)) if random.random() < BLURRED else 0.0, float(random.uniform(*CONTRAST)),
        float(random.uniform(*BRIGHTNESS)),
    )  # fmt: skip


def _clothes(parts: Sequence[str], random: np.random.Generator) -> Surface:
    surface = draw_surface(len(parts), 8.0, 60.0, random)
    tone = np.array([0.85, 0.62, 0.5]) * random.uniform(0.25, 1.15)
    hair = HAIR[random.integers(len(HAIR))] * random.uniform(0.7, 1.2)
    for k, name in enumerate(parts):
        if name == "skin" or k == 0:
            surface.first[k], surface.second[k] = tone, tone * random.uniform(0.8, 1.1)
            surface.pattern[k] = [BLOTCHES, 30.0, 0.5, 0.0]
        elif name.startswith("hair"):  # the scalp beneath has the hair's colour, brows are darker
            dark = 0.6 if name == "hair_brows" else 1.0
            surface.first[k], surface.second[k] = dark * hair, dark * hair * 0.7
            surface.pattern[k] = [BLOTCHES, 60.0, 0.6, 0.0]
        elif name in EYES:
            surface.first[k] = surface.second[k] = EYES[name]
    return surface


def draw_surface(parts: int, coarse: float, fine: float, random: np.random.Generator) -> Surface:
    """Random colours and patterns of between `coarse` and `fine` waves a metre."""
    waves = np.exp(random.uniform(np.log(coarse), np.log(fine), parts))
    kinds = random.integers(PLAIN, BLOTCHES + 1, parts)
    pattern = np.stack([kinds, waves, random.uniform(0, 1, parts) ** 2, random.uniform(0, np.pi, parts)], axis=1)
    return Surface(_colours(parts, random), _colours(parts, random), pattern)


def _colours(count: int, random: np.random.Generator) -> Array:
    """(count,3), most of them not very colourful."""
    colours = random.uniform(0.05, 1.0, (count, 3)) ** 0.7
    grey = colours.mean(axis=1, keepdims=True)
    return np.asarray(grey + (colours - grey) * random.uniform(0.0, 1.0, (count, 1)))


def worsen(picture: Image, before: Image | None, look: Look, grain: Grain) -> Image:
    """A rendered picture (H,W,3) as a poor camera gives it: mixed with the one `before`, of other contrast, with noise (grain (H,W,3))."""
    if before is not None and look.blur:
        picture = cv2.addWeighted(picture, 1 - look.blur, before, look.blur, 0.0)
    tones = np.clip(look.contrast * (np.arange(256) - 127.5) + 127.5 + look.brightness, 0, 255).astype(np.uint8)
    return np.asarray(cv2.add(cv2.LUT(picture, tones), grain, dtype=cv2.CV_8U), np.uint8)
