"""Draws what people are seen doing, so that it is what people do in footage and not what was recorded longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.bent_motion import PARTS
from engine.datasets.flexion import scale_flexion
from engine.datasets.floor_motion import draw_floor_motion
from engine.datasets.gestures import draw_gestures, with_arms
from engine.datasets.mixed_motion import Mixing, Parts, choose_parts, put_together
from engine.datasets.mocap import MocapClip
from engine.datasets.motion_kind import FLOOR, FPS, KINDS, LOW, STANDING, UPRIGHT, WALKING, classify
from engine.datasets.posture import draw_opening, open_hips

Array = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int64]

# Of the segments drawn: at least half of what footage shows stands, walks or gestures.
SHARES: Final = {"standing": 0.42, "walking": 0.25, "upright": 0.13, "low": 0.11, "floor": 0.09}
# How often parts come from other motions and are turned, and whether the legs may be: a standing leg that is turned hangs in the air.
MIXING: Final = {
    STANDING: Mixing(0.25, 0.25, 0.25, 0.35), WALKING: Mixing(0.25, 0.25, 0.25, 0.35), UPRIGHT: Mixing(0.3, 0.3, 0.3, 0.4),
    LOW: Mixing(0.15, 0.3, 0.25, 0.3), FLOOR: Mixing(0.0, 0.1, 0.15, 0.2),
}  # fmt: skip
GESTURES: Final = {STANDING: 0.35, WALKING: 0.15, UPRIGHT: 0.15}  # how often arms are those of engine/datasets/gestures.py
LEGS_TURNED: Final = {STANDING: 0.1, WALKING: 0.1, UPRIGHT: 0.4, LOW: 0.2, FLOOR: 0.5}
GENTLE: Final = 0.35  # of the angles for who lies or crawls: more puts them through the floor
STEP: Final = 10  # frames between the stretches that can be drawn
SHORTEST: Final = 42  # frames: the shortest segment at the slowest speed
MOSTLY: Final = 0.6  # of a stretch is of its kind
# Factors by which knees and elbows are bent anew: most (lowest + span u**power) from straight to a little more bent; squats stay squats.
KNEES: Final = {STANDING: (0.1, 1.2, 1.7), WALKING: (0.2, 1.1, 1.4), UPRIGHT: (0.2, 1.1, 1.2), LOW: (0.8, 0.5, 1.0)}
ELBOWS: Final = (0.03, 1.27, 2.6)
UNCHANGED: Final = 0.2  # of segments keep the knees, or the elbows, that were recorded
LEAST_KNEE, LEAST_ELBOW = np.radians(5.0), np.radians(8.0)  # of a straight limb: people keep up to so much
WAVER: Final = 0.12  # of the factor: how much it changes within a segment


COMPOSED: Final = "composed"  # the source that a motion of `floor_motion` is said to come from


class MotionDraw:
    """Stretches of motion capture by kind; of what is on the floor `composed` is the share that is put together from poses
    (engine/datasets/floor_motion.py). Raises Failure `bad_input` where no clip is long enough."""

    def __init__(self, clips: Sequence[MocapClip], kinds: Sequence[str] = KINDS, composed: float = 0.0) -> None:
        self.clips, self.composed = clips, composed
        self._windows: dict[int, list[tuple[int, int]]] = {KINDS.index(name): [] for name in kinds}
        for number, clip in enumerate(clips):
            if len(clip.positions) < SHORTEST:
                continue
            classes = classify(clip.positions)
            for first in range(0, len(classes) - SHORTEST + 1, STEP):
                share = np.bincount(classes[first : first + SHORTEST], minlength=len(KINDS)) / SHORTEST
                kind = int(share.argmax())
                if share[kind] >= MOSTLY and kind in self._windows:
                    self._windows[kind].append((number, first))
        self.kinds = [kind for kind, windows in self._windows.items() if windows]
        if not self.kinds:
            raise Failure("bad_input", f"No clip of the motion capture has {SHORTEST} frames of {', '.join(kinds)}; give longer ones.")
        shares = np.array([SHARES[KINDS[kind]] for kind in self.kinds])
        self._shares = shares / shares.sum()
        # between by frames and by source: or else the longest source is seen throughout
        self._weights = {kind: self._weigh(self._windows[kind]) for kind in self.kinds}

    def kind(self, random: np.random.Generator) -> int:
        """What the next segment is to show."""
        return int(random.choice(self.kinds, p=self._shares))

    def stretch(self, kind: int, frames: int, random: np.random.Generator) -> tuple[Array, tuple[MocapClip, int, bool]]:
        """(frames,22,3) of a stretch that begins as that kind, fewer where the clip ends; with clip, first frame, and whether mirrored."""
        number, first = self._windows[kind][random.choice(len(self._windows[kind]), p=self._weights[kind])]
        clip = self.clips[number]
        first = max(0, min(first + int(random.integers(STEP)), len(clip.positions) - frames))
        places = clip.positions[first : first + frames].astype(float)
        mirrored = bool(random.random() < 0.5)
        if mirrored:
            places = places[:, BODY_22.mirror] * [-1.0, 1.0, 1.0]
        return places, (clip, first, mirrored)

    def _weigh(self, windows: list[tuple[int, int]]) -> Array:
        sources = [self.clips[number].source for number, _ in windows]
        _, index, count = np.unique(sources, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(count[index])
        return np.asarray(weights / weights.sum())


def draw_motion(
    draw: MotionDraw, frames: int, random: np.random.Generator, mixing: Mixing | None = None
) -> tuple[Array, int, tuple[MocapClip, int, bool]]:
    """(frames,22,3) metres, Z up: a mixed, bent and straightened motion with opened hips; its kind; and where its legs came from."""
    kind = draw.kind(random)
    if kind == FLOOR and draw.composed and random.random() < draw.composed:
        places = draw_floor_motion(frames, random)
        return places, kind, (MocapClip(COMPOSED, 0, "floor", "nobody", True, FPS, places.astype(np.float32)), 0, False)
    legs: list[tuple[MocapClip, int, bool]] = []

    def stretch(count: int) -> Array:
        others = [kind] if kind in (LOW, FLOOR) else [k for k in draw.kinds if k not in (LOW, FLOOR)]
        wanted = kind if not legs else others[random.integers(len(others))]
        places, where = draw.stretch(wanted, count, random)
        legs.append(where)
        return places

    parts = choose_parts(stretch, frames, mixing or MIXING[kind], random)
    motion = put_together(_calmed(parts, kind, random), frames)
    least = (0.0, 0.0) if kind == FLOOR else (random.uniform(0, LEAST_KNEE), random.uniform(0, LEAST_ELBOW))
    motion = scale_flexion(motion, *_factors(kind, frames, random), least)
    if random.random() < GESTURES.get(kind, 0.0):
        motion = with_arms(motion, draw_gestures(frames, random))
    return (motion if kind in (LOW, FLOOR) else open_hips(motion, draw_opening(kind, random))), kind, legs[0]


def _calmed(parts: Parts[Array], kind: int, random: np.random.Generator) -> Parts[Array]:
    """Angles that do not lift a standing person's feet off the ground, nor put a lying one through it."""
    if parts.angles is None:
        return parts
    angles = parts.angles * (GENTLE if kind == FLOOR else 1.0)
    if random.random() >= LEGS_TURNED[kind]:
        angles[:, [k for k, part in enumerate(PARTS) if part.name.startswith("leg")]] = 0.0
        angles[:, -2:] = 0.0  # the knees
    return replace(parts, angles=angles)


def _factors(kind: int, frames: int, random: np.random.Generator) -> tuple[Array, Array]:
    """(frames,2) each: by how much the left and right knee, and elbow, are bent beside what they were."""
    result = []
    for lowest, span, power in (KNEES.get(kind, ELBOWS), ELBOWS):
        if kind == FLOOR or random.random() < UNCHANGED:  # hands and knees that carry somebody stay where they are
            result.append(np.ones((frames, 2)))
            continue
        both = random.random()
        each = np.clip(both + 0.15 * random.normal(size=2), 0, 1)
        wave = np.sin(2 * np.pi * np.arange(frames)[:, None] / 30.0 / random.uniform(1.5, 5.0, 2) + random.uniform(0, 2 * np.pi, 2))
        result.append((lowest + span * each**power) * (1 + WAVER * wave))
    return result[0], result[1]
