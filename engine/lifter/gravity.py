"""Which way is down: a small network over time reads it from the landmarks, the lifter's guess and the camera's own level.

Lifter and codec see view axes and know nothing of gravity; a leg that is read 10 degrees off the vertical is bent to them as soon as it
is straight. What this network says of every frame is averaged over a run, as a camera that stands still has one up, and goes into the
refiner beside how sure it is.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from contract.skeleton import BODY_22
from engine.lifter.codec import FEATURES
from engine.lifter.network import TemporalLayout, TemporalNetwork

# Its own guess beside what it reads: a camera that is held level.
CAMERA_UP = (0.0, -1.0, 0.0)
# Degrees of error that it can claim: nothing is surer than a spirit level, and nothing vaguer than a guess.
LEAST_ERROR, LARGEST_ERROR = 1.0, 40.0
LARGER = 2.0  # a claim is widened by this much for the network's inputs: footage is read worse than renderings


@dataclass(frozen=True)
class GravityLayout(TemporalLayout):
    """Layout of the network that finds up."""

    width: int = 160
    joints: int = len(BODY_22)
    features: int = FEATURES

    @property
    def inputs(self) -> int:
        """Features of the codec, the guess, and the camera's own up."""
        return self.features + 3 * self.joints + 3

    def to_dict(self) -> dict[str, Any]:
        """For a weights file's header."""
        return asdict(self)


def camera_up(rotation: Tensor) -> Tensor:
    """(B,T,3): the up of a camera held level, in the view axes of `rotation` (B,T,3,3), view axes -> camera axes."""
    return rotation.new_tensor(CAMERA_UP) @ rotation


class GravityNetwork(nn.Module):
    """Encoded runs and the guess (B,T,22,3) of their poses -> up (B,T,3), unit, view axes; and its error (B,T), radians an axis."""

    def __init__(self, layout: GravityLayout | None = None) -> None:
        super().__init__()
        self.layout = layout or GravityLayout()
        self.network = TemporalNetwork(self.layout.inputs, 4, self.layout)

    def forward(self, features: Tensor, guess: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """features (B,T,F) of the codec, guess in statures, level (B,T,3): the camera's own up in view axes."""
        out = self.network.through(torch.cat([features, guess.flatten(-2), level], -1))
        up = functional.normalize(level + out[..., :3], dim=-1)
        low, high = math.log(math.radians(LEAST_ERROR)), math.log(math.radians(LARGEST_ERROR))
        error = torch.exp(low + (high - low) * torch.sigmoid(out[..., 3]))
        return up, error


def mean_up(up: Tensor, error: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """(B,3) and (B,): ups (B,T,3) of view axes brought to camera axes and averaged, sure frames counting most.

    The frames of a run err alike, so the mean is believed no more than its frames are.
    """
    weight = error.square().reciprocal()[..., None]
    seen = (up[..., None, :] @ rotation.transpose(-1, -2))[..., 0, :]
    mean = functional.normalize((weight * seen).sum(1), dim=-1)
    return mean, (weight[..., 0] * error).sum(1) / weight[..., 0].sum(1)


def gravity_loss(up: Tensor, error: Tensor, truth: Tensor) -> Tensor:
    """Negative log-likelihood of the true up (B,T,3), view axes, under an error of Laplace's shape, as few frames are far off."""
    angle = (up - truth).norm(dim=-1)
    return (angle / error + 2.0 * error.log()).mean()
