"""Between the detector's landmarks and the networks' space, as a pair: `encode` and `decode`.

Both networks see the person through a virtual camera that looks straight at the person, because the detector does too (it works on a crop):
its world landmarks have that camera's axes, and a pose seen at the picture's edge looks like the same pose in the middle. Lengths are in
statures, so that the person's height enters once, in `decode`. All tensors are (B,T,...): B runs of T frames at NETWORK_FPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

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


@dataclass
class Encoded:
    """features (B,T,FEATURES); base (B,T,22,3) first guess from the world landmarks, in statures, pelvis at the origin, view axes;
    points (B,T,22,2) the joints in the picture, in the same scale as `base`; rotation (B,T,3,3) view axes -> camera axes."""

    features: Tensor
    base: Tensor
    points: Tensor
    rotation: Tensor


@lru_cache(maxsize=8)
def body_matrix(dtype: torch.dtype, device: torch.device) -> Tensor:
    """BODY_FROM_LANDMARKS (22,33) as a tensor."""
    return torch.tensor(BODY_FROM_LANDMARKS, dtype=dtype, device=device)


def view_rotation(centre: Tensor, roll: Tensor | float = 0.0) -> Tensor:
    """(...,2) image coordinates over the focal length -> (...,3,3): its columns are the axes of a camera that looks there, rolled."""
    z = functional.normalize(torch.cat([centre, torch.ones_like(centre[..., :1])], -1), dim=-1)
    down = torch.tensor([0.0, 1.0, 0.0], dtype=z.dtype, device=z.device).expand_as(z)
    x = functional.normalize(torch.linalg.cross(down, z), dim=-1)
    y = torch.linalg.cross(z, x)
    look = torch.stack([x, y, z], -1)
    roll = torch.as_tensor(roll, dtype=z.dtype, device=z.device).expand(z.shape[:-1])
    return look @ roll_matrix(roll)


def roll_matrix(angle: Tensor) -> Tensor:
    """(...,) radians -> (...,3,3) rotation about z."""
    c, s, o, i = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([torch.stack([c, -s, o], -1), torch.stack([s, c, o], -1), torch.stack([o, o, i], -1)], -2)


def upright_roll(rays: Tensor) -> Tensor:
    """(B,T,33,2) -> (B,) radians, a multiple of 90 degrees: the roll after which the person stands most nearly upright over the run.

    People film with the phone on its side; the networks know people who mostly stand.
    """
    up = (rays[..., _SHOULDERS, :].mean(-2) - rays[..., _HIPS, :].mean(-2)).mean(1)
    angle = torch.atan2(up[:, 0], -up[:, 1])  # 0 where up is up (y down); positive where the head leans to the right
    return torch.round(angle / (math.pi / 2)) * (math.pi / 2)


def _running_mean(x: Tensor, window: int) -> Tensor:
    """(B,T,C) -> the mean over `window` frames around each, the ends repeated."""
    half = window // 2
    padded = functional.pad(x.transpose(1, 2), (half, half), mode="replicate")
    return functional.avg_pool1d(padded, window, stride=1).transpose(1, 2)


def encode(rays: Tensor, visibility: Tensor, world: Tensor, detected: Tensor, roll: Tensor | None = None) -> Encoded:
    """Landmarks of B runs -> what the networks see.

    rays (B,T,33,2): (pixel - principal point) / focal length; visibility (B,T,33); world (B,T,33,3) metres as the detector gives them;
    detected (B,T) bool or 0/1; roll (B,): extra roll of the virtual camera, `upright_roll(rays)` where None.
    """
    if roll is None:
        roll = upright_roll(rays)
    centre = (rays[..., _HIPS, :].mean(-2) + rays[..., _SHOULDERS, :].mean(-2)) / 2
    centre = _running_mean(centre, CENTRE_WINDOW)
    rotation = view_rotation(centre, roll[:, None])
    seen = torch.cat([rays, torch.ones_like(rays[..., :1])], -1) @ rotation  # row vectors times R = R^T applied to columns
    flat = seen[..., :2] / seen[..., 2:].clamp_min(0.1)
    limbs = flat[..., _LIMBS, :]
    size = (limbs - limbs.mean(-2, keepdim=True)).square().sum(-1).mean(-1, keepdim=True).sqrt()
    size = _running_mean(size, SIZE_WINDOW).clamp_min(1e-3)
    points = flat / size[..., None]
    world = (world - world[..., _HIPS, :].mean(-2, keepdim=True)) @ roll_matrix(roll)[:, None]
    turned = torch.cat([centre, torch.zeros_like(centre[..., :1])], -1)[..., None, :] @ roll_matrix(roll)[:, None]
    extras = [2.0 * size.log() + 3.0, turned[..., 0, :2], detected[..., None].to(rays.dtype), visibility.mean(-1, keepdim=True)]
    features = torch.cat([points.flatten(-2), visibility - 0.5, 2.0 * world.flatten(-2), *extras], -1)
    body = body_matrix(rays.dtype, rays.device)
    base = WORLD_TO_STATURE * (body @ world)
    body_points = body @ points
    body_points = (body_points - body_points[..., :1, :]) * _POINTS_TO_STATURE
    return Encoded(features, base - base[..., :1, :], body_points, rotation)


# Points are in units of the limbs' rms distance from their middle; this brings them to the scale of a pose in statures.
_POINTS_TO_STATURE = 0.27


def decode(pose: Tensor, rotation: Tensor, height: float | Tensor) -> Tensor:
    """(B,T,J,3) pose in statures and view axes -> metres in camera axes, for a person of that height."""
    return pose @ rotation.transpose(-1, -2) * height


def encode_truth(truth: Tensor, rotation: Tensor, stature: Tensor) -> Tensor:
    """The inverse of `decode` for absolute truth (B,T,J,3): rooted at joint 0, in statures, view axes. stature: (B,) metres."""
    rooted = truth - truth[..., :1, :]
    return rooted @ rotation / stature[:, None, None, None]
