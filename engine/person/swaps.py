"""Undoing the detector's exchanges of left and right.

On people seen from behind, or sideways, the detector takes the left limbs for the right ones for up to half a second and back again. The
joints do not jump then, only their names do: of the two ways to name the limbs in each frame, the smoothest sequence is the right one.
It is found exactly, by the Viterbi algorithm over two states (as named, exchanged), for the arms, the legs and the face at once or apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from engine.detection.landmarks import LANDMARK_MIRROR, LANDMARKS
from engine.long_takes import gathered, mapped, scan
from engine.person.track import Track, filled_between, looked_at

_ARMS_FROM, _LEGS_FROM = LANDMARKS.index("shoulder.L"), LANDMARKS.index("hip.L")
_PARTS = ((_ARMS_FROM, _LEGS_FROM), (_LEGS_FROM, len(LANDMARKS)))
_SHOULDERS, _HIPS = ([LANDMARKS.index(f"{joint}.{side}") for side in "LR"] for joint in ("shoulder", "hip"))
# What it costs to exchange the names between two frames, and to keep them exchanged for a second, in trunk lengths a joint: enough that
# limbs that pass each other keep their names, and that the names the detector gives most of the time are the right ones.
_CHANGE_COST = 0.12
_EXCHANGED_COST = 0.25


def undo_swaps(track: Track) -> tuple[Track, npt.NDArray[np.bool_]]:
    """The track with left and right put right, and (T,2) bool: frames in which the arms (with the face) and the legs were exchanged.

    Frames that were read between others are read anew: between a frame and an exchanged one they would be a mixture of both sides.
    """
    if track.between is not None:
        seen, at_those = undo_swaps(looked_at(track))
        exchanged = at_those[np.cumsum(~track.between) - 1]
        return (filled_between(track, seen) if at_those.any() else track), exchanged
    exchanged = np.zeros((len(track.times), 2), dtype=bool)
    for run in track.runs:
        for part, (a, b) in enumerate(_PARTS):
            same, crossed = _steps(track, run, slice(a, b))
            exchanged[run, part] = _exchanged(same, crossed, track.fps)
    if not exchanged.any():
        return track, exchanged

    def put_right(columns: npt.NDArray[np.float32], wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        new = columns.copy()
        for side, marks in enumerate((range(_LEGS_FROM), range(_LEGS_FROM, len(LANDMARKS)))):
            rows, places = np.flatnonzero(wrong[:, side])[:, None], list(marks)
            new[rows, places] = columns[rows, [LANDMARK_MIRROR[m] for m in places]]
        return new

    image, visibility, world = (mapped(put_right, column, exchanged) for column in (track.image, track.visibility, track.world))
    return replace(track, image=image, visibility=visibility, world=world), exchanged


def _steps(track: Track, run: slice, marks: slice) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(T-1,) how far the landmarks `marks` move on average from each frame to the next, with the names as they are, and exchanged, in
    trunk lengths, in the picture and in the world landmarks together."""
    mirror = [m - marks.start for m in LANDMARK_MIRROR[marks]]
    trunks = [_trunk(points[run]) for points in (track.image, track.world)]

    def steps(image: npt.NDArray[np.float32], world: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        place = _places((image, world), trunks)[:, marks]
        same, crossed = place[1:] - place[:-1], place[1:, mirror] - place[:-1]
        return np.stack([np.linalg.norm(step, axis=-1).mean(-1) for step in (same, crossed)], 1)

    found = gathered(steps, track.image, track.world, runs=[run], ahead=1).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _trunk(points: npt.NDArray[np.float32]) -> float:
    """The median distance from the middle of the shoulders to that of the hips of landmarks (T,33,C)."""

    def lengths(some: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        upper, lower = (some[:, marks].astype(np.float64).mean(1) for marks in (_SHOULDERS, _HIPS))
        return np.asarray(np.linalg.norm(upper - lower, axis=-1))

    return max(float(np.median(gathered(lengths, points))), 1e-6)


def _places(landmarks: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], trunks: list[float]) -> npt.NDArray[np.float64]:
    """(T,33,5) where each landmark is from the hips, in the picture and in the world landmarks, both in trunk lengths."""
    parts = []
    for points, trunk in zip(landmarks, trunks, strict=True):
        values = points.astype(np.float64)
        parts.append((values - values[:, _HIPS].mean(1, keepdims=True)) / trunk)
    return np.concatenate(parts, axis=-1)


def _exchanged(same: npt.NDArray[np.float64], crossed: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.bool_]:
    """(T,) True where the names must be exchanged, from what each step (T-1,) costs with the names as they are, and exchanged."""
    stay = _EXCHANGED_COST / fps

    def steps(
        costs: tuple[float, float], keeps: npt.NDArray[np.float64], crosses: npt.NDArray[np.float64]
    ) -> tuple[tuple[float, float], npt.NDArray[np.bool_]]:
        named, other = costs
        came_from = np.empty((len(keeps), 2), bool)
        # plain numbers: an array of two costs forty times as long
        for t, (keep, cross) in enumerate(zip(keeps.tolist(), (crosses + _CHANGE_COST).tolist(), strict=True)):
            to_named, to_other = (named + keep, other + cross), (named + cross, other + keep)
            came_from[t] = to_named[1] < to_named[0], to_other[1] < to_other[0]
            named, other = min(to_named), min(to_other) + stay
        return (named, other), came_from

    (named, other), came_from = scan(steps, (0.0, stay), same, crossed)
    state = np.zeros(len(same) + 1, dtype=bool)
    state[-1] = other < named
    for t in range(len(same), 0, -1):
        state[t - 1] = came_from[t - 1, int(state[t])]
    return state
