"""Between the detector's landmarks and the networks' space, as a pair: `encode` and `decode`.

Both networks see the person through a virtual camera that looks straight at the person, because the detector does too (it works on a crop):
its world landmarks have that camera's axes, and a pose seen at the picture's edge looks like the same pose in the middle. Lengths are in
statures, so that the person's height enters once, in `decode`. All arrays, numpy's or torch's, are (B,T,...): B runs of T frames at
NETWORK_FPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.arrays import Array, constant, flat, namespace, unit
from engine.detection.landmarks import BODY_FROM_LANDMARKS, LANDMARKS

NETWORK_FPS = 30.0  # the training data's rate; tracks of another rate are resampled
WORLD_TO_STATURE = 0.575  # median of truth / world landmarks, in statures, on the rendered pairs: the detector assumes one body
_L = len(LANDMARKS)
_HIPS = (LANDMARKS.index("hip.L"), LANDMARKS.index("hip.R"))
_SHOULDERS = (LANDMARKS.index("shoulder.L"), LANDMARKS.index("shoulder.R"))
_LIMBS = tuple(i for i, name in enumerate(LANDMARKS) if i > 10 and name[:5] not in ("pinky", "index", "thumb"))
CENTRE_WINDOW = 7  # frames over which the virtual camera's direction is averaged, so that it does not tremble with the hips
SIZE_WINDOW = 15  # frames over which the person's size is averaged
FEATURES = 2 * _L + _L + 3 * _L + 5
CAMERA_UP = (0.0, -1.0, 0.0)  # of a camera held level, camera axes


@dataclass
class Encoded:
    """features (B,T,FEATURES); base (B,T,22,3) first guess from the world landmarks, in statures, pelvis at the origin, view axes;
    points (B,T,22,2) the joints in the picture, in the same scale as `base`; rotation (B,T,3,3) view axes -> camera axes."""

    features: Array
    base: Array
    points: Array
    rotation: Array


def body_matrix(like: Array) -> Array:
    """BODY_FROM_LANDMARKS (22,33), of the kind of `like`."""
    return constant(BODY_FROM_LANDMARKS, like)


def view_rotation(centre: Array, roll: Array | float = 0.0) -> Array:
    """(...,2) image coordinates over the focal length -> (...,3,3): its columns are the axes of a camera that looks there, rolled."""
    xp = namespace(centre)
    z = unit(xp.concat([centre, xp.ones_like(centre[..., :1])], axis=-1))
    x = unit(xp.stack([z[..., 2], xp.zeros_like(z[..., 0]), -z[..., 0]], axis=-1))  # down x z
    y = xp.stack([z[..., 1] * x[..., 2], z[..., 2] * x[..., 0] - z[..., 0] * x[..., 2], -z[..., 1] * x[..., 0]], axis=-1)  # z x x
    return xp.stack([x, y, z], axis=-1) @ roll_matrix(roll + xp.zeros_like(z[..., 0]))


def roll_matrix(angle: Array) -> Array:
    """(...,) radians -> (...,3,3) rotation about z."""
    xp = namespace(angle)
    c, s, o, i = xp.cos(angle), xp.sin(angle), xp.zeros_like(angle), xp.ones_like(angle)
    rows = (xp.stack([c, -s, o], axis=-1), xp.stack([s, c, o], axis=-1), xp.stack([o, o, i], axis=-1))
    return xp.stack(rows, axis=-2)


def upright_roll(rays: Array) -> Array:
    """(B,T,33,2) -> (B,) radians, a multiple of 90 degrees: the roll after which the person stands most nearly upright over the run.

    People film with the phone on its side; the networks know people who mostly stand.
    """
    xp = namespace(rays)
    up = xp.mean(_middle(rays, _SHOULDERS) - _middle(rays, _HIPS), axis=1)
    angle = xp.atan2(up[:, 0], -up[:, 1])  # 0 where up is up (y down); positive where the head leans to the right
    return xp.round(angle / (math.pi / 2)) * (math.pi / 2)


def _middle(points: Array, landmarks: tuple[int, int]) -> Array:
    """(...,33,C) -> (...,C): half way between two landmarks."""
    return (points[..., landmarks[0], :] + points[..., landmarks[1], :]) / 2


def _running_mean(x: Array, window: int) -> Array:
    """(B,T,C) -> the mean over `window` frames around each, the ends repeated."""
    half, frames = window // 2, x.shape[1]
    padded = namespace(x).concat([x[:, :1]] * half + [x] + [x[:, -1:]] * half, axis=1)
    total = padded[:, :frames]
    for k in range(1, window):
        total = total + padded[:, k : k + frames]
    return total / window


def encode(rays: Array, visibility: Array, world: Array, detected: Array, roll: Array | None = None) -> Encoded:
    """Landmarks of B runs -> what the networks see.

    rays (B,T,33,2): (pixel - principal point) / focal length; visibility (B,T,33); world (B,T,33,3) metres as the detector gives them;
    detected (B,T) bool or 0/1; roll (B,): extra roll of the virtual camera, `upright_roll(rays)` where None.
    """
    xp = namespace(rays)
    if roll is None:
        roll = upright_roll(rays)
    level = roll_matrix(roll)[:, None]
    centre = _running_mean((_middle(rays, _HIPS) + _middle(rays, _SHOULDERS)) / 2, CENTRE_WINDOW)
    rotation = view_rotation(centre, roll[:, None])
    seen = xp.concat([rays, xp.ones_like(rays[..., :1])], axis=-1) @ rotation  # row vectors times R = R^T applied to columns
    picture = seen[..., :2] / xp.clip(seen[..., 2:], min=0.1)
    limbs = picture[..., _LIMBS, :]
    around = limbs - xp.mean(limbs, axis=-2, keepdims=True)
    size = xp.sqrt(xp.mean(xp.sum(around * around, axis=-1), axis=-1, keepdims=True))
    size = xp.clip(_running_mean(size, SIZE_WINDOW), min=1e-3)
    points = picture / size[..., None]
    world = (world - _middle(world, _HIPS)[..., None, :]) @ level
    turned = xp.concat([centre, xp.zeros_like(centre[..., :1])], axis=-1)[..., None, :] @ level
    there = xp.astype(detected[..., None], rays.dtype)
    extras = [2.0 * xp.log(size) + 3.0, turned[..., 0, :2], there, xp.mean(visibility, axis=-1, keepdims=True)]
    features = xp.concat([flat(points), visibility - 0.5, 2.0 * flat(world), *extras], axis=-1)
    body = body_matrix(rays)
    base = WORLD_TO_STATURE * (body @ world)
    body_points = body @ points
    body_points = (body_points - body_points[..., :1, :]) * _POINTS_TO_STATURE
    return Encoded(features, base - base[..., :1, :], body_points, rotation)


def camera_up(rotation: Array) -> Array:
    """(B,T,3): the up of a camera held level, in the view axes of `rotation` (B,T,3,3), view axes -> camera axes."""
    return constant(CAMERA_UP, rotation) @ rotation


# Points are in units of the limbs' rms distance from their middle; this brings them to the scale of a pose in statures.
_POINTS_TO_STATURE = 0.27


def decode(pose: Array, rotation: Array, height: float | Array) -> Array:
    """(B,T,J,3) pose in statures and view axes -> metres in camera axes, for a person of that height."""
    return pose @ namespace(rotation).matrix_transpose(rotation) * height


def encode_truth(truth: Array, rotation: Array, stature: Array) -> Array:
    """The inverse of `decode` for absolute truth (B,T,J,3): rooted at joint 0, in statures, view axes. stature: (B,) metres."""
    rooted = truth - truth[..., :1, :]
    return rooted @ rotation / stature[:, None, None, None]
