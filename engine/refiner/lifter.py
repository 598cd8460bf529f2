"""The lifter: the first guess of the 3D pose, from the detector's 2D and world landmarks over about one and a half seconds.

A temporal convolution network over frames: it corrects a base pose that is a fixed linear map of the world landmarks, so an untrained
lifter is the detector's own reading. One forward pass gives every frame of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine.refiner import weights
from engine.refiner.codec import FEATURES, Encoded


@dataclass(frozen=True)
class LifterConfig:
    """Layout of the network; it stands in the weights file's metadata."""

    width: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)
    joints: int = len(BODY_22)
    features: int = FEATURES

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LifterConfig:
        """From a weights file's header."""
        return cls(**{**values, "dilations": tuple(values["dilations"])})

    @property
    def reach(self) -> int:
        """Frames before and after that a frame's pose depends on."""
        return sum(self.dilations)


class Block(nn.Module):
    """Residual: normalise, look at the neighbours in time, mix the channels.

    A convolution over three frames, written as one matrix product over the shifted copies: on a CPU that is several times faster.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.time = nn.Linear(3 * width, width)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y, d = self.norm(x), self.dilation
        frames = y.shape[1]
        before = torch.cat([y[:, :1].expand(-1, d, -1), y], 1)[:, :frames]  # the ends are repeated
        after = torch.cat([y, y[:, -1:].expand(-1, d, -1)], 1)[:, d:]
        return x + self.mix(nn.functional.gelu(self.time(torch.cat([before, y, after], -1))))


class Lifter(nn.Module):
    """features (B,T,F) and base (B,T,J,3) -> pose (B,T,J,3): statures, view axes, joint 0 at the origin."""

    def __init__(self, config: LifterConfig | None = None) -> None:
        super().__init__()
        self.config = config or LifterConfig()
        c = self.config
        self.enter = nn.Linear(c.features, c.width)
        self.blocks = nn.ModuleList(Block(c.width, d) for d in c.dilations)
        self.norm = nn.LayerNorm(c.width)
        self.leave = nn.Linear(c.width, 3 * c.joints)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, encoded: Encoded) -> Tensor:
        x = self.enter(encoded.features)
        for block in self.blocks:
            x = block(x)
        pose = encoded.base + self.leave(self.norm(x)).to(encoded.base.dtype).unflatten(-1, (self.config.joints, 3))
        return pose - pose[..., :1, :]


def load_lifter(path: Path) -> Lifter:
    """The lifter of a weights file, for inference. Raises Failure `bad_installation`, as `weights.load_weights` does."""
    stored = weights.load_weights(path)
    model = Lifter(LifterConfig.from_dict(stored.header["layout"]))
    weights.load_into(model, stored.part("lifter"), "lifter")
    return model.eval()
