"""What people do not do, found in a finished motion and told: hovering, a root too fast, a head that turns at once, no motion at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24
from engine.kinematics.contacts import stretches
from engine.kinematics.forward import rotation_matrices
from engine.kinematics.proportions import ANKLE_HEIGHT, TOE_HEIGHT
from engine.kinematics.trajectory import TOP_SPEED
from engine.long_takes import gathered

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

HOVER, HOVER_SECONDS = 0.05, 1.0  # metres over the ground, for so long; a leap takes less
BODY_HEIGHT = 0.06  # of the stature: joints other than the feet's lie so high over the ground that the body touches
# Of TOP_SPEED: a path's faster steps are cut to that, so what comes near it was too fast.
NEAR_TOP = 0.9
HEAD_TURN, HEAD_RATE = 90.0, 30.0  # degrees, from one frame to the next at that many a second
# Nobody holds as still as that (m/s, in the mean over the joints) for so long: who stands still sways by 4 cm/s.
MOTIONLESS, MOTIONLESS_SECONDS = 0.01, 1.0
FIGURES = {"hovering": "m", "root_speed": "m/s", "head_turn": "degrees", "motionless": "s"}

_SOLES = np.full(len(ARMATURE_24), BODY_HEIGHT)
for _side in "LR":
    _SOLES[ARMATURE_24.index(f"ankle.{_side}")], _SOLES[ARMATURE_24.index(f"toe.{_side}")] = ANKLE_HEIGHT, TOE_HEIGHT
_TO_HEAD = [ARMATURE_24.index("head")]
while ARMATURE_24.parents[_TO_HEAD[0]] >= 0:
    _TO_HEAD.insert(0, ARMATURE_24.parents[_TO_HEAD[0]])


def find_implausible(
    positions: Floats, rotations: Floats, runs: Sequence[slice], fps: float, times: Floats, height: float
) -> list[dict[str, Any]]:
    """The stretches of a motion that people do not do, by kind.

    Each says `what` (one of FIGURES), `start` and `end` in seconds, and the worst `value` in the unit of FIGURES.

    positions (T,24,3) metres, the ground at z=0; rotations (T,24,4) wxyz, each against its parent's; runs: without holes in time.
    """
    found: list[dict[str, Any]] = []
    step = max(1, round(fps / HEAD_RATE))
    for run in runs:
        over = gathered(lambda some: (some[..., 2] - height * _SOLES).min(1), positions, runs=[run])
        speed = gathered(lambda some: fps * np.linalg.norm(np.diff(some[:, 0], axis=0), axis=-1), positions, runs=[run], ahead=1)
        turn = gathered(lambda some: _turned(some, step), rotations, runs=[run], ahead=step)
        moves = gathered(lambda some: fps * np.linalg.norm(np.diff(some, axis=0), axis=-1).mean(1), positions, runs=[run], ahead=1)
        for what, values, limit, shortest, ahead in (
            ("hovering", over, HOVER, HOVER_SECONDS * fps, 0),
            ("root_speed", speed, NEAR_TOP * TOP_SPEED, 1, 1),
            ("head_turn", turn, HEAD_TURN, 1, step),
            ("motionless", -moves, -MOTIONLESS, MOTIONLESS_SECONDS * fps, 1),
        ):
            for part in stretches(values > limit):
                if part.stop - part.start >= shortest:
                    first, last = run.start + part.start, run.start + part.stop - 1 + ahead
                    start, end = round(float(times[first]), 3), round(float(times[last]) + 1 / fps, 3)
                    value = end - start if what == "motionless" else float(values[part].max())
                    found.append({"what": what, "start": start, "end": end, "value": round(value, 2)})
    return sorted(found, key=lambda one: (list(FIGURES).index(one["what"]), one["start"]))


def sentences(found: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """(code, sentence) for each kind that was found, with the worst stretch named."""
    said = []
    for what in FIGURES:
        ours = [one for one in found if one["what"] == what]
        if ours:
            worst = max(ours, key=lambda one: one["value"])
            where = f"at {worst['start']:.2f} to {worst['end']:.2f} s" + (f" and in {len(ours) - 1} more places" if len(ours) > 1 else "")
            said.append((what, _WORDS[what].format(where=where, value=worst["value"], centimetres=100 * worst["value"])))
    return said


_WORDS = {
    "hovering": "The person is {centimetres:.0f} cm over the ground {where}: right on a ladder or a chair, else the ground or up is wrong.",
    "root_speed": "The person moves at {value:.0f} m/s or more {where}, faster than people run: another person, or a cut?",
    "head_turn": "The head turns by {value:.0f} degrees in a frame {where}: look at it.",
    "motionless": "Nothing of the person moves {where}: a picture, a statue or a frozen video, and nobody alive?",
}


def _turned(rotations: Floats, step: int) -> Floats:
    """(T-step,) degrees by which the head is turned, in the world, from each frame to the one `step` later."""
    local = rotation_matrices(rotations[:, _TO_HEAD].astype(float))
    head = local[:, 0]
    for joint in range(1, len(_TO_HEAD)):
        head = head @ local[:, joint]
    between = np.einsum("tij,tij->t", head[:-step], head[step:])  # the trace of the turn from one to the other
    return np.asarray(np.degrees(np.arccos(np.clip((between - 1) / 2, -1, 1))))
