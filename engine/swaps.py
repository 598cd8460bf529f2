"""Undoing the detector's exchanges of left and right.

On people seen from behind, or sideways, the detector takes the left limbs for the right ones for up to half a second and back again. The
joints do not jump then, only their names do: of the two ways to name the limbs in each frame, the smoothest sequence is the right one.
It is found exactly, by the Viterbi algorithm over two states (as named, exchanged), for the arms, the legs and the face at once or apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .landmarks import LANDMARK_MIRROR, LANDMARKS
from .track import Track

_ARMS_FROM, _LEGS_FROM = LANDMARKS.index("shoulder.L"), LANDMARKS.index("hip.L")
# What it costs to exchange the names between two frames, and to keep them exchanged for a second, in trunk lengths a joint: enough that
# limbs that pass each other keep their names, and that the names the detector gives most of the time are the right ones.
_CHANGE_COST = 0.12
_EXCHANGED_COST = 0.25


def undo_swaps(track: Track) -> tuple[Track, npt.NDArray[np.bool_]]:
    """The track with left and right put right, and (T,2) bool: frames in which the arms (with the face) and the legs were exchanged."""
    exchanged = np.zeros((len(track.times), 2), dtype=bool)
    for run in track.runs:
        place = _places(track, run)
        for part, (a, b) in enumerate(((_ARMS_FROM, _LEGS_FROM), (_LEGS_FROM, len(LANDMARKS)))):
            exchanged[run, part] = _exchanged(place[:, a:b], [m - a for m in LANDMARK_MIRROR[a:b]], track.fps)
    image, visibility, world = track.image.copy(), track.visibility.copy(), track.world.copy()
    for part, marks in enumerate((range(_LEGS_FROM), range(_LEGS_FROM, len(LANDMARKS)))):
        rows, columns = np.flatnonzero(exchanged[:, part])[:, None], list(marks)
        mirrored = [LANDMARK_MIRROR[m] for m in columns]
        for new, old in ((image, track.image), (visibility, track.visibility), (world, track.world)):
            new[rows, columns] = old[rows, mirrored]
    return replace(track, image=image, visibility=visibility, world=world), exchanged


def _places(track: Track, run: slice) -> npt.NDArray[np.float64]:
    """(T,33,5) where each landmark is, in the picture and in the world landmarks, both in trunk lengths."""
    image, world = track.image[run].astype(np.float64), track.world[run].astype(np.float64)
    shoulders, hips = [LANDMARKS.index(f"shoulder.{s}") for s in "LR"], [LANDMARKS.index(f"hip.{s}") for s in "LR"]
    scaled = []
    for points in (image, world):
        middle = points[:, hips].mean(1, keepdims=True)
        trunk = np.linalg.norm(points[:, shoulders].mean(1) - points[:, hips].mean(1), axis=-1)
        scaled.append((points - middle) / max(float(np.median(trunk)), 1e-6))
    return np.concatenate(scaled, axis=-1)


def _exchanged(place: npt.NDArray[np.float64], mirror: list[int], fps: float) -> npt.NDArray[np.bool_]:
    """(T,) True where the names must be exchanged, for one set of landmarks (T,K,5) and their mirror order."""
    frames = len(place)
    if frames < 2:
        return np.zeros(frames, dtype=bool)
    other = place[:, mirror]
    same = np.linalg.norm(np.diff(place, axis=0), axis=-1).mean(-1)
    crossed = np.linalg.norm(other[1:] - place[:-1], axis=-1).mean(-1) + _CHANGE_COST
    stay = np.array([0.0, _EXCHANGED_COST / fps])
    cost = stay.copy()
    came_from = np.zeros((frames, 2), dtype=np.int64)
    for t in range(1, frames):
        step = np.array([[same[t - 1], crossed[t - 1]], [crossed[t - 1], same[t - 1]]])  # [from, to]
        total = cost[:, None] + step
        came_from[t] = total.argmin(0)
        cost = total.min(0) + stay
    state = np.zeros(frames, dtype=np.int64)
    state[-1] = int(cost.argmin())
    for t in range(frames - 1, 0, -1):
        state[t - 1] = came_from[t, state[t]]
    return state.astype(bool)
