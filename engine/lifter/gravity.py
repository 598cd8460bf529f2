"""Which way is down: a small network over time reads it from the landmarks, the lifter's guess and the camera's own level.

Lifter and codec see view axes and know nothing of gravity; a leg that is read 10 degrees off the vertical is bent to them as soon as it
is straight. What this network says of every frame is averaged over a run, as a camera that stands still has one up, and goes into the
refiner beside how sure it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.lifter.layout import GravityLayout
from engine.lifter.network import TemporalNetwork

# Degrees of error that it can claim: nothing is surer than a spirit level, and nothing vaguer than a guess.
LEAST_ERROR, LARGEST_ERROR = 1.0, 40.0


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
