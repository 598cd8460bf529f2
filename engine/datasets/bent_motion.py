"""Motions in which trunk, head and limbs are turned about their joints by angles that nobody recorded.

A few hours of motion capture show people who mostly stand upright and walk; footage shows them bent, reaching, leaning back.
For a run each part is turned by a constant angle and by one that swings slowly. Bones keep their lengths, knees bend as knees do, and
an arm that would be put through the body stays as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from contract.skeleton import BODY_22

Array = npt.NDArray[np.float64]
Carrier = tuple[int, int, int, int]  # joints: from, to, right, left


@dataclass(frozen=True)
class Part:
    """What turns about `pivot`: all of `joints`. carrier: whose axes the angles have (see `carrier_axes`).

    mean, sigma: degrees about those axes (the first bends a trunk forwards).
    """

    name: str
    pivot: int
    joints: tuple[int, ...]
    carrier: Carrier
    mean: tuple[float, float, float]
    sigma: tuple[float, float, float]


def _of(*names: str) -> tuple[int, ...]:
    return tuple(BODY_22.index(name) for name in names)


PELVIS: Final = (BODY_22.index("pelvis"), BODY_22.index("spine"), BODY_22.index("hip.R"), BODY_22.index("hip.L"))
CHEST: Final = (BODY_22.index("chest"), BODY_22.index("neck"), BODY_22.index("shoulder.R"), BODY_22.index("shoulder.L"))
TRUNK: Final = _of("spine", "chest", "neck", "head", "head_top")
ARMS: Final = {s: _of(f"elbow.{s}", f"wrist.{s}", f"hand.{s}") for s in "LR"}
SHOULDERS: Final = _of("shoulder.L", "shoulder.R")
UPPER_BODY: Final = (*TRUNK, *SHOULDERS, *ARMS["L"], *ARMS["R"])
LEGS: Final = {s: _of(f"knee.{s}", f"ankle.{s}", f"toe.{s}") for s in "LR"}

# Parents come first. People bend forwards further than back, and lift a thigh further forwards than back.
PARTS: Final = (
    Part("trunk", BODY_22.index("pelvis"), UPPER_BODY, PELVIS, (10.0, 0.0, 0.0), (22.0, 12.0, 9.0)),
    Part("chest", BODY_22.index("chest"), (*_of("neck", "head", "head_top"), *SHOULDERS, *ARMS["L"], *ARMS["R"]), CHEST, (3.0, 0.0, 0.0),
         (9.0, 9.0, 7.0)),
    Part("head", BODY_22.index("neck"), _of("head", "head_top"), CHEST, (4.0, 0.0, 0.0), (13.0, 5.0, 8.0)),
    *(Part(f"arm.{s}", BODY_22.index(f"shoulder.{s}"), ARMS[s], CHEST, (0.0, 0.0, 0.0), (35.0, 35.0, 35.0)) for s in "LR"),
    *(Part(f"forearm.{s}", BODY_22.index(f"elbow.{s}"), ARMS[s][1:], CHEST, (0.0, 0.0, 0.0), (28.0, 28.0, 28.0)) for s in "LR"),
    *(Part(f"leg.{s}", BODY_22.index(f"hip.{s}"), LEGS[s], PELVIS, (-8.0, 0.0, 0.0), (18.0, 12.0, 9.0)) for s in "LR"),
)  # fmt: skip
KNEE_SIGMA: Final = 25.0  # degrees by which a knee is bent further or, as often, straightened
DEEPEST_KNEE: Final = math.radians(150.0)  # no knee bends further than this
PART_SHARE: Final = 0.6  # of the parts are turned in a run that is bent
PERIOD: Final = (1.0, 5.0)  # seconds in which what swings comes back
SWING: Final = 0.5  # of the angle's size swings, and the rest is constant
FPS: Final = 30.0  # the motion capture's rate
# An arm whose elbow, wrist or hand is nearer than this to the line from pelvis to neck, or to the head, is in the body.
CLEAR_TRUNK, CLEAR_HEAD = 0.12, 0.13  # metres
LEAST: Final = 1e-9  # metres: nothing shorter has a direction


def draw_angles(frames: int, random: np.random.Generator) -> Array:
    """(frames,P+2,3) radians: of every part of PARTS a rotation vector in its carrier's axes, and the bends of the left and right knee,
    in the first of three. Zero for a part that is not turned."""
    count = len(PARTS) + 2
    mean, sigma = (np.radians([getattr(part, name) for part in PARTS]) for name in ("mean", "sigma"))
    still = np.zeros((count, 3))
    swing = np.zeros((count, 3))
    still[:-2] = mean + sigma * random.normal(size=mean.shape)
    swing[:-2] = SWING * sigma * random.normal(size=mean.shape)
    still[-2:, 0] = np.radians(KNEE_SIGMA) * random.normal(size=2)
    swing[-2:, 0] = SWING * still[-2:, 0] * random.uniform(-1, 1, 2)
    turned = random.random((count, 1)) < PART_SHARE
    period, phase = random.uniform(*PERIOD, (count, 1)), random.uniform(0, 2 * np.pi, (count, 1))
    wave = np.sin(2 * np.pi * np.arange(frames)[:, None, None] / FPS / period + phase)
    return np.asarray(turned * (still + swing * wave))


def bend(motion: Tensor, angles: Tensor) -> Tensor:
    """`motion` (...,T,22,3) metres, Z up, with its parts turned by `angles` (...,T,P+2,3) of `draw_angles`.

    Bones keep their lengths, and the lowest foot of a run is as low as it was.
    """
    bent = motion
    for k, part in enumerate(PARTS):
        if part.name.startswith("arm"):
            bent = _turn_arm(bent, angles, k)
        elif not part.name.startswith("forearm"):
            bent = _turn_part(bent, angles[..., k, :], part)
    for k, side in ((-2, "L"), (-1, "R")):
        bent = _bend_knee(bent, angles[..., k, 0], side)
    feet = list(_of("ankle.L", "ankle.R", "toe.L", "toe.R"))
    bent[..., 2] += (motion[..., feet, 2].amin((-2, -1)) - bent[..., feet, 2].amin((-2, -1)))[..., None, None]
    return bent


def carrier_axes(motion: Tensor, carrier: Carrier) -> Tensor:
    """(...,3,3) columns: to the person's left, along the carrier, and their cross product."""
    bottom, top, right, left = (motion[..., joint, :] for joint in carrier)
    along = _unit(top - bottom)
    across = left - right
    aside = _unit(across - (across * along).sum(-1, keepdim=True) * along)
    return torch.stack([aside, along, torch.linalg.cross(aside, along)], -1)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(...,3) rotation vectors in radians -> (...,3,3) (Rodrigues' formula)."""
    angle = vectors.norm(dim=-1)[..., None, None]
    x, y, z = functional.normalize(vectors, dim=-1).unbind(-1)
    o = torch.zeros_like(x)
    k = torch.stack([torch.stack([o, -z, y], -1), torch.stack([z, o, -x], -1), torch.stack([-y, x, o], -1)], -2)
    return torch.eye(3, dtype=vectors.dtype, device=vectors.device) + torch.sin(angle) * k + (1 - torch.cos(angle)) * (k @ k)


def _turn_part(motion: Tensor, angles: Tensor, part: Part) -> Tensor:
    axes = carrier_axes(motion, part.carrier)
    turn = rotation_matrices((axes @ angles[..., None])[..., 0])
    pivot = motion[..., part.pivot, None, :]
    result = motion.clone()
    joints = list(part.joints)
    result[..., joints, :] = pivot + (motion[..., joints, :] - pivot) @ turn.transpose(-1, -2)
    return result


def _turn_arm(motion: Tensor, angles: Tensor, k: int) -> Tensor:
    """Upper arm and forearm (two parts later), unless that puts the arm into the body anywhere in the run and it was not there before."""
    turned = _turn_part(_turn_part(motion, angles[..., k, :], PARTS[k]), angles[..., k + 2, :], PARTS[k + 2])
    inside, before = (_in_the_body(each, PARTS[k].joints) for each in (turned, motion))
    return torch.where((inside & ~before)[..., None, None, None], motion, turned)


def _in_the_body(motion: Tensor, arm: tuple[int, ...]) -> Tensor:
    """(...) whether a joint of the arm is in the trunk or the head in any frame of the run."""
    joints = motion[..., list(arm), :]
    pelvis, neck, head, top = (motion[..., BODY_22.index(name), None, :] for name in ("pelvis", "neck", "head", "head_top"))
    trunk = _distance(joints, pelvis, neck) < CLEAR_TRUNK
    skull = _distance(joints, head, top) < CLEAR_HEAD
    return (trunk | skull).any(-1).any(-1)


def _distance(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """(...) metres from points (...,3) to the stretch between two others."""
    along = end - start
    share = ((points - start) * along).sum(-1) / along.square().sum(-1).clamp_min(LEAST)
    return (points - start - share.clamp(0, 1)[..., None] * along).norm(dim=-1)


def _bend_knee(motion: Tensor, angle: Tensor, side: str) -> Tensor:
    """Shin and foot turned backwards by `angle` (...,T), or forwards until the leg is straight, about the knee's own axis, which is the
    pelvis's to the left for a straight leg."""
    hip, knee, ankle, toe = (BODY_22.index(f"{name}.{side}") for name in ("hip", "knee", "ankle", "toe"))
    thigh, shin = _unit(motion[..., knee, :] - motion[..., hip, :]), _unit(motion[..., ankle, :] - motion[..., knee, :])
    axis = _unit(torch.linalg.cross(thigh, shin) + 0.1 * carrier_axes(motion, PELVIS)[..., 0])
    bent = torch.arccos((thigh * shin).sum(-1).clamp(-1, 1))
    turn = rotation_matrices(axis * torch.minimum(angle, (DEEPEST_KNEE - bent).clamp_min(0.0)).maximum(-bent)[..., None])
    pivot = motion[..., knee, None, :]
    result = motion.clone()
    result[..., [ankle, toe], :] = pivot + (motion[..., [ankle, toe], :] - pivot) @ turn.transpose(-1, -2)
    return result


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(LEAST)
