"""Variations of the rendered pairs that keep what the detector got wrong: other builds, other facings, mirrored and rolled views.

A pair is (rays, visibility, world) beside (truth, stature). Where the truth is moved, every landmark moves with the joint that carries it,
in the picture by perspective and in the world landmarks by the same vector, so the detector's own error stays as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine.datasets.bent_motion import rotation_matrices
from engine.detection.landmarks import LANDMARK_JOINT, LANDMARK_MIRROR, LANDMARKS
from engine.lifter.codec import WORLD_TO_STATURE, view_rotation
from engine.lifter.mirror import mirrored_directions

BUILD_SIGMA = 0.09  # log-normal spread of each bone's length: adults' limb proportions vary by 4 to 5 %, and few bodies were rendered
# Factors beside that for the whole trunk from the pelvis to the neck, and for the hips' width: mean and deviation of their logs. Shoulders
# stand over the bodies' hips by 0.56 of a leg, over people's by 0.59 (Drillis and Contini 1966, as Winter prints it: shoulder at 0.818 of
# the stature, hip at 0.530, thigh and shank 0.491) and by 0.63 to 0.67 as triangulated keypoints have it; hips are 0.125 and 0.10 wide.
TRUNK_MEAN, TRUNK_SIGMA = math.log(1.06), 0.07
HIPS_MEAN, HIPS_SIGMA = math.log(0.92), 0.07
TURN_SIGMA = math.radians(15.0)  # the body turned about the vertical: more would need other errors of the detector
DEPTH_SIGMA = 0.15  # log of the distance: perspective changes, the person's size in the picture hardly matters to the detector
ROLL_SIGMA = math.radians(8.0)
WIDE_ROLL = math.radians(45.0)  # beyond that `upright_roll` turns the picture
WIDE_ROLL_SHARE = 0.2
FOCAL_SIGMA = 0.12  # log: people do not know their lens; the networks see rays that are wrong by this much

SWAP_SHARE = 0.05  # of the runs hold a stretch in which the detector takes left for right, as real footage does for up to half a second
SWAP_LONGEST = 20  # frames
# What the detector gets wrong about real people differs from what it gets wrong about rendered ones. So its reading is spoilt in ways that
# last for a whole run: without this, more training makes real footage worse while rendered footage gets better.
WORLD_TURN_SIGMA = math.radians(8.0)  # an axis
WORLD_SCALE_SIGMA, WORLD_DEPTH_SIGMA = 0.08, 0.2  # log
WORLD_OFFSET_SIGMA = 0.03  # metres a landmark
POINT_OFFSET_SIGMA = 0.014  # of the person's height in the picture, a landmark
# And it reads footage better: the heavy network's world landmarks are 104 mm off on the four real clips with a truth, 150 to 165 mm on
# rendered people. So of some runs a part of its errors is taken away, or a lifter learns to trust it less than it may.
CLEARED_SHARE, CLEARED_MOST = 0.75, 0.9
HIDDEN_SHARE = 0.4  # of the runs have a limb that is hidden for a while and guessed far off
HIDDEN_OFFSET_SIGMA = 0.12  # metres

CARRIER = list(LANDMARK_JOINT)
HIDEABLE = frozenset({"elbow", "wrist", "pinky", "index", "thumb", "knee", "ankle", "heel", "toe"})
ARMS_FROM, LEGS_FROM = LANDMARKS.index("shoulder.L"), LANDMARKS.index("hip.L")

# How much of the stature each bone of the vertical chain makes up (thigh and shin, trunk, neck and head).
_CHAIN = {"knee.L": 0.25, "ankle.L": 0.25, "spine": 0.09, "chest": 0.09, "neck": 0.1, "head": 0.06, "head_top": 0.16}
# Of each landmark the one that stands on the joint that carries it; of the face none does.
_STANDS = [
    LANDMARKS.index({"pinky": "wrist", "index": "wrist", "thumb": "wrist", "heel": "ankle"}.get(base, base) + side)
    for base, side in ((name.split(".")[0], name[name.index(".") :] if "." in name else "") for name in LANDMARKS)
]
_FACE = list(range(ARMS_FROM))
_SHOULDERS = [LANDMARKS.index(f"shoulder.{side}") for side in "LR"]
_TRUNK = [BODY_22.index(joint) for joint in ("spine", "chest", "neck")]
_HIPS = [BODY_22.index(f"hip.{side}") for side in "LR"]


@dataclass(frozen=True)
class Pairs:
    """A batch of runs: rays (B,T,33,2), visibility (B,T,33), world (B,T,33,3), detected (B,T), truth (B,T,22,3), stature (B,), up (B,T,3):
    unit, camera axes."""

    rays: Tensor
    visibility: Tensor
    world: Tensor
    detected: Tensor
    truth: Tensor
    stature: Tensor
    up: Tensor

    def runs(self, rows: Tensor) -> Pairs:
        """Those of the batch's runs."""
        return Pairs(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def viewed(truth: Tensor, stature: Tensor) -> Tensor:
    """(B,T,22,3) metres, camera axes -> rooted, in statures, in the axes of a camera that looks at the pelvis, as the detector does."""
    root = truth[:, :, :1]
    view = view_rotation(root[:, :, 0, :2] / root[:, :, 0, 2:])
    return (truth - root) @ view / stature[:, None, None, None]


def projected(truth: Tensor) -> Tensor:
    """(B,T,22,3) metres, camera axes -> (B,T,33,2): over the focal length, where the joint is that carries each landmark."""
    return (truth[..., :2] / truth[..., 2:])[:, :, CARRIER]


def carried(pairs: Pairs, truth: Tensor, stature: Tensor) -> Pairs:
    """The pairs with another truth (B,T,22,3) and stature (B,), to which every landmark moves along with the joint that carries it."""
    shift = (viewed(truth, stature) - viewed(pairs.truth, pairs.stature)) / WORLD_TO_STATURE
    rays = pairs.rays + projected(truth) - projected(pairs.truth)
    return replace(pairs, truth=truth, stature=stature, rays=rays, world=pairs.world + shift[:, :, CARRIER])


def augment(pairs: Pairs, generator: torch.Generator) -> tuple[Pairs, Tensor]:
    """Varied pairs and the roll (B,) to give to `encode`."""
    pairs = mirrored(pairs, generator)
    pairs = _reshape(pairs, generator)
    pairs = _clear(pairs, generator)
    pairs = _spoil(pairs, generator)
    pairs = _swap(pairs, generator)
    batch, device = len(pairs.stature), pairs.rays.device
    focal = torch.exp(FOCAL_SIGMA * torch.randn(batch, 1, 1, 1, generator=generator, device=device))
    pairs = replace(pairs, rays=pairs.rays * focal)
    wide = torch.rand(batch, generator=generator, device=device) < WIDE_ROLL_SHARE
    roll = torch.where(
        wide,
        (torch.rand(batch, generator=generator, device=device) * 2 - 1) * WIDE_ROLL,
        torch.randn(batch, generator=generator, device=device) * ROLL_SIGMA,
    )
    return pairs, roll


def mirrored(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """Half of the runs left-right mirrored."""
    flip = torch.rand(len(pairs.stature), generator=generator, device=pairs.rays.device) < 0.5
    marks, joints = list(LANDMARK_MIRROR), list(BODY_22.mirror)

    def other(x: Tensor, order: list[int], points: bool) -> Tensor:
        y = x[:, :, order]
        if points:
            y[..., 0] = -y[..., 0]
        return torch.where(flip.view(-1, *(1,) * (x.ndim - 1)), y, x)

    return replace(
        pairs, rays=other(pairs.rays, marks, True), visibility=other(pairs.visibility, marks, False),
        world=other(pairs.world, marks, True), truth=other(pairs.truth, joints, True),
        up=torch.where(flip[:, None, None], mirrored_directions(pairs.up), pairs.up),
    )  # fmt: skip


def _swap(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """Stretches in which left and right are taken for each other: of everything, of the legs or of the arms.

    On real clips the swapped world landmarks are the right ones with their names exchanged, so that is what is done here.
    """
    (batch, frames), device = pairs.rays.shape[:2], pairs.rays.device
    swapped = torch.rand(batch, generator=generator, device=device) < SWAP_SHARE
    start = torch.randint(0, frames, (batch, 1), generator=generator, device=device)
    length = torch.randint(1, SWAP_LONGEST + 1, (batch, 1), generator=generator, device=device)
    part = torch.randint(0, 4, (batch, 1, 1), generator=generator, device=device)  # 0, 1: everything; 2: legs; 3: arms
    frame = torch.arange(frames, device=device)[None]
    during = swapped[:, None] & (frame >= start) & (frame < start + length)
    mark = torch.arange(len(LANDMARK_MIRROR), device=device)
    legs, arms = mark >= LEGS_FROM, (mark >= ARMS_FROM) & (mark < LEGS_FROM)
    which = during[..., None] & ((part < 2) | ((part == 2) & legs) | ((part == 3) & arms))
    order = list(LANDMARK_MIRROR)
    return replace(
        pairs, rays=torch.where(which[..., None], pairs.rays[:, :, order], pairs.rays),
        visibility=torch.where(which, pairs.visibility[:, :, order], pairs.visibility),
        world=torch.where(which[..., None], pairs.world[:, :, order], pairs.world),
    )  # fmt: skip


def _clear(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """The detector's errors made smaller, of the whole run by the same share. What stands on no joint (face, fingers, heels) moves with the
    landmark that stands for what carries it."""
    batch, device = len(pairs.stature), pairs.rays.device
    share = CLEARED_MOST * torch.rand(batch, generator=generator, device=device)
    share = torch.where(torch.rand(batch, generator=generator, device=device) < CLEARED_SHARE, share, 0.0)[:, None, None, None]
    joints = viewed(pairs.truth, pairs.stature) / WORLD_TO_STATURE
    moved = {}
    for name, seen, exact in (("world", pairs.world, joints[:, :, CARRIER]), ("rays", pairs.rays, projected(pairs.truth))):
        off = seen - exact
        error = off[:, :, _STANDS]
        error[:, :, _FACE] = off[:, :, _SHOULDERS].mean(2, keepdim=True)
        moved[name] = seen - share * error
    return replace(pairs, **moved)


def _spoil(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """Errors of the detector that were not rendered: constant ones of the whole reading and of each landmark, and hidden limbs."""
    batch, frames, device = len(pairs.rays), pairs.rays.shape[1], pairs.rays.device
    landmarks = len(LANDMARKS)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=pairs.world.dtype, device=device)

    angles = WORLD_TURN_SIGMA * noise(batch, 3)
    turn = rotation_matrices(angles)
    scale = torch.exp(WORLD_SCALE_SIGMA * noise(batch, 1, 1, 1)).repeat(1, 1, 1, 3)
    scale[..., 2] *= torch.exp(WORLD_DEPTH_SIGMA * noise(batch, 1, 1))
    world = pairs.world @ turn.transpose(-1, -2)[:, None] * scale + WORLD_OFFSET_SIGMA * noise(batch, 1, landmarks, 3)
    height = (pairs.rays[..., 1].amax(-1) - pairs.rays[..., 1].amin(-1)).mean(1)[:, None, None, None]
    rays = pairs.rays + POINT_OFFSET_SIGMA * height * noise(batch, 1, landmarks, 2)
    marks = torch.tensor([name.split(".")[0] in HIDEABLE for name in LANDMARKS], device=device)
    side = torch.tensor([name.endswith(".L") for name in LANDMARKS], device=device)
    arm = torch.tensor([ARMS_FROM <= i < LEGS_FROM for i in range(landmarks)], device=device)
    left, upper = (torch.rand(batch, 1, generator=generator, device=device) < 0.5 for _ in range(2))
    limb = marks & (side == left) & (arm == upper)
    start = torch.randint(0, frames, (batch, 1), generator=generator, device=device)
    length = torch.randint(4, frames, (batch, 1), generator=generator, device=device)
    frame = torch.arange(frames, device=device)[None]
    hidden = (torch.rand(batch, 1, generator=generator, device=device) < HIDDEN_SHARE) & (frame >= start) & (frame < start + length)
    where = hidden[:, :, None] & limb[:, None]
    off = HIDDEN_OFFSET_SIGMA * noise(batch, 1, landmarks, 3)
    world = torch.where(where[..., None], world + off, world)
    rays = torch.where(where[..., None], rays + off[..., :2] * height / 1.7, rays)
    visibility = torch.where(where, pairs.visibility * 0.4, pairs.visibility)
    return replace(pairs, rays=rays, world=world, visibility=visibility)


def _reshape(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """Other bone lengths (the same left and right), another facing, another distance."""
    batch, device = len(pairs.stature), pairs.rays.device
    parents = BODY_22.parents
    scale = torch.exp(BUILD_SIGMA * torch.randn(batch, len(BODY_22), generator=generator, device=device))
    scale = torch.sqrt(scale * scale[:, list(BODY_22.mirror)])  # symmetric; the spread of paired bones shrinks, which is as well
    for bones, mean, sigma in ((_TRUNK, TRUNK_MEAN, TRUNK_SIGMA), (_HIPS, HIPS_MEAN, HIPS_SIGMA)):
        scale[:, bones] *= torch.exp(mean + sigma * torch.randn(batch, 1, generator=generator, device=device))
    truth = pairs.truth
    root = truth[:, :, :1]
    joints = [torch.zeros_like(truth[:, :, 0])]
    for j in range(1, len(BODY_22)):
        joints.append(joints[parents[j]] + (truth[:, :, j] - truth[:, :, parents[j]]) * scale[:, j, None, None])
    rooted = torch.stack(joints, 2)
    legs_and_trunk = sum(_CHAIN.values())
    grown = sum(share * scale[:, BODY_22.index(joint)] for joint, share in _CHAIN.items()) / legs_and_trunk
    about = torch.nn.functional.normalize(pairs.up.mean(1), dim=-1)  # gravity stays what it is to the body
    turn = TURN_SIGMA * torch.randn(batch, generator=generator, device=device)
    rooted = rooted @ rotation_matrices(about * turn[:, None]).transpose(-1, -2)[:, None]
    depth = torch.exp(DEPTH_SIGMA * torch.randn(batch, generator=generator, device=device))[:, None, None, None]
    moved = rooted + root * depth
    safe = (moved[..., 2].amin((1, 2)) > 0.3)[:, None, None, None]  # nobody is put behind the camera
    moved = torch.where(safe, moved, truth)
    stature = torch.where(safe[:, 0, 0, 0], pairs.stature * grown, pairs.stature)
    return carried(pairs, moved, stature)
