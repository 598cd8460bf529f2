"""The turn of a limb about its own line, over time: about which axis a knee or an elbow bends.

A bent limb shows its plane; a straight one does not, and then a few millimetres decide about half a turn. So the turn is found for a
whole stretch at once. Everything that speaks for a turn is a vector in the plane at right angles to the limb, as long as it is sure: the
plane of the limb, where the foot points, how such a limb is usually turned. First the Viterbi algorithm finds, on a coarse grid of turns
and time, the course that agrees with most of it and turns least; then the readings, each taken on the side of that course, are smoothed
as plain angles. Nothing is switched by a threshold, and no average ever passes through zero, where its direction would jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.kinematics.smoothing import penalty, whittaker
from engine.kinematics.turns import swing

Array = npt.NDArray[np.float64]

# A limb whose middle joint stands out this far from its line (m) shows its plane to within about a radian: joints err by as much.
CLEAR_PLANE = 0.03
# The turn of a straight limb follows its neighbours within about this frequency (hertz).
PLANE_HZ = 1.5
# A reading this far beyond what the joint allows counts half, degrees: it says more of its error than of the joint.
BEYOND = 30.0
# The coarse course: turns on the circle, steps a second, and what a turn of a radian in a second costs for a second, in the measure of
# the evidence. A limb that stands out by CLEAR_PLANE pulls its turn over in about a tenth of a second.
TURNS, STEPS_A_SECOND, TURN_COST = 72, 15.0, 0.005
# A reading a quarter turn off the coarse course counts (1/2) ** DOUBT, one that is opposite nothing.
DOUBT = 2


@dataclass(frozen=True)
class Habit:
    """How a limb is usually turned, and how far it can be.

    A turn is the angle about the limb from where the shortest swing out of the T pose leaves its hinge, in degrees: `level` for a limb
    at right angles to the trunk, `level + rise` for one that points up along it, `level - rise` for one that hangs. sureness: in the
    measure in which a limb that stands out by CLEAR_PLANE has 1. end_sureness: the same for the direction of the limb's end (the foot),
    0 where it says nothing. limit: farthest turn to either side.
    """

    level: float
    rise: float
    sureness: float
    end_sureness: float
    limit: float

    def mirrored(self) -> Habit:
        """The same for the other side of the body."""
        return Habit(-self.level, -self.rise, self.sureness, self.end_sureness, self.limit)


def steady_hinge(
    middle: Array, along: Array, end: Array | None, parent: Array, rest_direction: Array, axis: Array, habit: Habit,
    runs: list[slice], fps: float,
) -> Array:  # fmt: skip
    """(T,3) unit axis about which the limb bends, at right angles to `along`.

    middle (T,3) metres: the middle joint's goal from the first joint; along (T,3) unit: from the first to the last joint; end (T,3) metres:
    from the last joint to the limb's end, for a limb whose end points to the front in the T pose, as the hinge bends it;
    parent (T,3,3): the rotation that the limb hangs on; rest_direction, axis (3,) unit: the limb and its hinge in the T pose.
    """
    # in the parent's axes: when the whole body turns, straight limbs turn with it
    line, middle = _local(parent, along), _local(parent, middle)
    rest_axis = swing(rest_direction, line) @ axis
    evidence = _plane(middle, line, rest_axis, habit.limit)
    if end is not None:
        evidence = evidence + habit.end_sureness * _end(_local(parent, end), line, rest_axis, habit.limit)
    # opposite to the T pose the shortest swing is any one, and what is usual from there says nothing
    known = 0.5 + 0.5 * line @ rest_direction
    usual = np.radians(habit.level + habit.rise * line[:, 2])
    evidence = evidence + habit.sureness * known * np.exp(1j * usual)
    turn = np.angle(evidence)
    for run in runs:
        turn[run] = _course(evidence[run], line[run], rest_axis[run], np.radians(habit.limit), known[run], fps)
    hinge = np.cos(turn)[:, None] * rest_axis + np.sin(turn)[:, None] * np.cross(line, rest_axis)
    return np.einsum("tij,tj->ti", parent, hinge)


def _local(parent: Array, vectors: Array) -> Array:
    return np.einsum("tji,tj->ti", parent, vectors)


def _plane(middle: Array, line: Array, rest_axis: Array, limit: float) -> npt.NDArray[np.complex128]:
    """(T,) what the middle joint says of the turn; its length is the sureness."""
    out = middle - (middle * line).sum(-1)[:, None] * line
    clear = np.linalg.norm(out, axis=-1)
    return _reading(np.cross(out, line), line, rest_axis, (clear / CLEAR_PLANE) ** 2, limit)


def _end(end: Array, line: Array, rest_axis: Array, limit: float) -> npt.NDArray[np.complex128]:
    """(T,) what the limb's end says of the turn, of length 0..1."""
    out = end - (end * line).sum(-1)[:, None] * line
    square = (out**2).sum(-1)
    return _reading(np.cross(out, line), line, rest_axis, square / (square + (2 * CLEAR_PLANE) ** 2), limit)


def _reading(seen: Array, line: Array, rest_axis: Array, sureness: Array, limit: float) -> npt.NDArray[np.complex128]:
    angle = np.arctan2((seen * np.cross(line, rest_axis)).sum(-1), (seen * rest_axis).sum(-1))
    over = np.maximum(np.degrees(np.abs(angle)) - limit, 0.0)
    return np.asarray(sureness / (1 + (over / BEYOND) ** 2) * np.exp(1j * angle))


def _course(evidence: npt.NDArray[np.complex128], line: Array, rest_axis: Array, limit: float, known: Array, fps: float) -> Array:
    """(T,) radians: the turn of one run from its evidence (T,)."""
    if len(line) < 2:
        return np.asarray(np.angle(evidence))
    # Where a limb swings past the opposite of its T pose, rest_axis spins and the limb does not. So turns are counted from an axis that
    # is only carried along with the limb; `spin` is how far rest_axis has turned against it.
    carried = np.einsum("tij,tj->ti", swing(line[:-1], line[1:]), rest_axis[:-1])
    step = np.arctan2(
        (rest_axis[1:] * np.cross(line[1:], carried)).sum(-1),
        (rest_axis[1:] * carried).sum(-1),
    )
    spin = np.concatenate([[0.0], np.cumsum(step)])
    turned = evidence * np.exp(1j * spin)
    guide = _coarse(turned, spin, limit, known, fps)
    off = np.angle(turned * np.exp(-1j * guide))
    sureness = np.abs(turned) * (0.5 + 0.5 * np.cos(off)) ** DOUBT
    steady = whittaker((guide + off)[:, None], np.maximum(sureness, 1e-3), penalty(PLANE_HZ, fps))[:, 0]
    return np.asarray(steady - spin)


def _coarse(turned: npt.NDArray[np.complex128], spin: Array, limit: float, known: Array, fps: float) -> Array:
    """(T,) radians: the course that agrees with most of the evidence and turns least, by the Viterbi algorithm."""
    frames = len(turned)
    width = max(round(fps / STEPS_A_SECOND), 1)
    starts = np.arange(0, frames, width)
    seconds = width / fps
    turns = 2 * np.pi * np.arange(TURNS) / TURNS
    total = np.add.reduceat(turned, starts) / fps
    cost = -(total[:, None] * np.exp(-1j * turns)).real
    middle = np.minimum(starts + width // 2, frames - 1)
    over = np.maximum(np.abs(_wrapped(turns - spin[middle, None])) - limit, 0.0)
    cost += seconds * known[middle, None] * (over / np.radians(BEYOND)) ** 2
    change = TURN_COST * _wrapped(turns[:, None] - turns) ** 2 / seconds
    came_from = np.zeros((len(starts), TURNS), dtype=np.int16)
    best = cost[0]
    for s in range(1, len(starts)):
        through = best[:, None] + change
        came_from[s] = through.argmin(0)
        best = through[came_from[s], np.arange(TURNS)] + cost[s]
    chosen = np.zeros(len(starts), dtype=np.int64)
    chosen[-1] = int(best.argmin())
    for s in range(len(starts) - 1, 0, -1):
        chosen[s - 1] = came_from[s, chosen[s]]
    return np.interp(np.arange(frames), middle, np.unwrap(turns[chosen]))


def _wrapped(angle: Array) -> Array:
    """Radians from -pi to pi."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)
