"""Several people in one world: that of the first one, through whose camera and on whose ground the others are seen.

A person's size and distance cannot be told apart by one camera; feet on a common ground tell them. Seen from somebody who is taken for too
tall the camera is too high over her ground by as much: so her stature follows, as surely as her feet and the ground are known.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from contract.camera_path import SECONDS, CameraPath
from contract.motion_file import Motion

if TYPE_CHECKING:
    from engine.cameras.turning import Turning

Array = npt.NDArray[np.float64]

RAISED: Final = 50.0  # metres: so high over the ground nobody's feet are taken to stand on it
_LOWEST: Final = 0.3  # metres of the camera over the ground, below which the ground tells nothing of statures
_STATURES: Final = 0.08  # logarithm, by which people differ (one standard deviation)
_FEET: Final = 0.03  # metres, likewise, of the ground by the feet of each
_LEVEL: Final = math.radians(1.5)  # likewise, of up: of people at different distances, feet at different heights
_STANDS: Final = 0.1  # share of the frames in which a foot stands, below which nothing is known
_SHORTEST, _TALLEST = 0.5, 2.3  # metres that are believed


@dataclass(frozen=True)
class Stature:
    """A person's `height`, metres, with its standard `error`; `by_ground`: by the common ground, else as it was given for all."""

    height: float
    error: float
    by_ground: bool


def camera_of(motion: Motion, matrix: Array, turning: Turning) -> CameraPath:
    """The camera of that motion, of that `matrix` (3,3), which turned, zoomed or slid so."""
    size, times = motion.image_size, np.zeros(1) if turning.times is None else np.asarray(turning.times, float)
    places = np.tile(motion.camera_to_world.astype(float), (len(times), 1, 1))
    if (turns := turning.turns) is not None:
        first = turns[int(np.abs(times - motion.times[0]).argmin())]
        places[:, :3, :3] = motion.camera_to_world[:3, :3] @ first.T @ turns
    lenses = turning.lenses(times, matrix)
    lenses = matrix[None] if lenses is None else lenses
    lens = np.stack([lenses[:, 0, 0] / max(size), lenses[:, 0, 2] / size[0], lenses[:, 1, 2] / size[1]], 1)
    return CameraPath(SECONDS, times, places, np.broadcast_to(lens, (len(times), 3)).copy())


def camera_in(motion: Motion) -> CameraPath:
    """The same as the file of the motion has it, at its frames."""
    moves = motion.camera_path is not None or motion.camera_lenses is not None
    times, size = motion.times if moves else np.zeros(1), motion.image_size
    places = motion.camera_to_world if motion.camera_path is None else motion.camera_path
    lenses = motion.camera_matrix if motion.camera_lenses is None else motion.camera_lenses
    lenses = np.broadcast_to(lenses, (len(times), 3, 3))
    lens = np.stack([lenses[:, 0, 0] / max(size), lenses[:, 0, 2] / size[0], lenses[:, 1, 2] / size[1]], 1)
    return CameraPath(SECONDS, np.asarray(times, float), np.broadcast_to(places, (len(times), 4, 4)).astype(float), lens.astype(float))


def fingerprint(camera: CameraPath) -> str:
    """The same for the same camera, and for no other."""
    told = hashlib.sha256(camera.unit.encode())
    for array in (camera.at, camera.camera_to_world, camera.lens):
        told.update(np.ascontiguousarray(array, np.float64).tobytes())
    return told.hexdigest()


def raised(camera: CameraPath) -> CameraPath:
    """From where the ground is not where it is known to be, so that a person's own feet tell where hers is."""
    places = camera.camera_to_world.copy()
    places[:, 2, 3] += RAISED
    return replace(camera, camera_to_world=places)


def stature_of(person: Motion, height: float, main: Motion, main_height: float) -> Stature:
    """How tall the person is whose motion was made with `height` metres through the `raised` camera of `main`, who has `main_height`."""
    unknown = Stature(height, height * _STATURES, False)
    hers, mains = _standing(person), _standing(main)
    over = float(main.camera_to_world[2, 3])
    if hers is None or mains is None or over < _LOWEST:
        return unknown
    # how far the toes are over the ground that they stand on
    clearance = float(np.median(mains[:, 2])) / main_height * height
    ground = float(np.median(hers[:, 2])) - RAISED - clearance
    if over - ground < _LOWEST:
        return unknown
    at = main.camera_to_world[:2, 3]
    away = [float(np.median(np.hypot(*(feet[:, :2] - at).T))) for feet in (hers, mains)]
    share = over / (over - ground)
    error = math.hypot(math.sqrt(2) * _FEET, _LEVEL * (away[0] * share - away[1])) / over
    believed = 1 / error**2 / (1 / error**2 + 1 / _STATURES**2)
    found = height * math.exp(believed * math.log(share))
    if not _SHORTEST <= found <= _TALLEST:
        return unknown
    return Stature(found, found * math.sqrt(1 / (1 / error**2 + 1 / _STATURES**2)), True)


def _standing(motion: Motion) -> Array | None:
    """(N,3) toes that stand, in the world; None where too few do."""
    toes = np.stack([motion.positions_world[:, motion.joint(f"toe.{side}")] for side in "LR"], 1).astype(float)
    stands = motion.contacts.astype(bool)
    return toes[stands] if stands.any(1).mean() >= _STANDS else None
