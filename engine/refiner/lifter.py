"""The lifter: the first guess of the 3D pose, from the detector's 2D and world landmarks over about one and a half seconds.

A temporal convolution network over frames: it corrects a base pose that is a fixed linear map of the world landmarks, so an untrained
lifter is the detector's own reading. One forward pass gives every frame of a run.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.refiner.codec import FEATURES, Encoded


@dataclass(frozen=True)
class LifterConfig:
    """Layout of the network; it stands in the weights file's metadata."""

    width: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)
    dropout: float = 0.1
    joints: int = len(BODY_22)
    features: int = FEATURES

    @property
    def reach(self) -> int:
        """Frames before and after that a frame's pose depends on."""
        return sum(self.dilations)


class _Block(nn.Module):
    """Residual: normalise, look at the neighbours in time, mix the channels."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, padding_mode="replicate")
        self.mix = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.time(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.drop(self.mix(nn.functional.gelu(y)))


class Lifter(nn.Module):
    """features (B,T,F) and base (B,T,J,3) -> pose (B,T,J,3): statures, view axes, joint 0 at the origin."""

    def __init__(self, config: LifterConfig | None = None) -> None:
        super().__init__()
        self.config = config or LifterConfig()
        c = self.config
        self.enter = nn.Linear(c.features, c.width)
        self.drop = nn.Dropout(c.dropout)
        self.blocks = nn.ModuleList(_Block(c.width, d, c.dropout) for d in c.dilations)
        self.norm = nn.LayerNorm(c.width)
        self.leave = nn.Linear(c.width, 3 * c.joints)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, encoded: Encoded) -> Tensor:
        x = self.drop(self.enter(encoded.features))
        for block in self.blocks:
            x = block(x)
        pose = encoded.base + self.leave(self.norm(x)).unflatten(-1, (self.config.joints, 3))
        return pose - pose[..., :1, :]
