"""The lifter: the first guess of the 3D pose, from the detector's 2D and world landmarks over about one and a half seconds.

A temporal convolution network over frames: it corrects a base pose that is a fixed linear map of the world landmarks, so an untrained
lifter is the detector's own reading. One forward pass gives every frame of a run.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from engine import torch_weights
from engine.lifter.codec import Encoded
from engine.lifter.layout import LifterConfig, TemporalLayout


class TemporalBlock(nn.Module):
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


class TemporalNetwork(nn.Module):
    """(B,T,inputs) -> (B,T,outputs) over frames, all zero before it is trained."""

    def __init__(self, inputs: int, outputs: int, layout: TemporalLayout, dropout: float = 0.0) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, layout.width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(TemporalBlock(layout.width, d) for d in layout.dilations)
        self.norm = nn.LayerNorm(layout.width)
        self.leave = nn.Linear(layout.width, outputs)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def hidden(self, x: Tensor) -> Tensor:
        """(B,T,width): what its layers make of the inputs, before the last one."""
        x = self.drop(self.enter(x))
        for block in self.blocks:
            x = self.drop(block(x))
        out: Tensor = self.norm(x)
        return out

    def through(self, x: Tensor) -> Tensor:
        """What all of its layers make of the inputs."""
        out: Tensor = self.leave(self.hidden(x))
        return out


class Lifter(TemporalNetwork):
    """features (B,T,F) and base (B,T,J,3) -> pose (B,T,J,3): statures, view axes, joint 0 at the origin."""

    def __init__(self, config: LifterConfig | None = None) -> None:
        self.config = config or LifterConfig()
        super().__init__(self.config.features, 3 * self.config.joints, self.config)

    def forward(self, encoded: Encoded) -> Tensor:
        return self.with_hints(encoded)[0]

    def with_hints(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """The pose, and the features (B,T,width) that it was read from."""
        return self.read(encoded.features, encoded.base)

    def read(self, features: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
        """As `with_hints`, of tensors alone."""
        hints = self.hidden(features)
        pose = base + self.leave(hints).to(base.dtype).unflatten(-1, (self.config.joints, 3))
        return pose - pose[..., :1, :], hints


def load_lifter(path: Path) -> Lifter:
    """The lifter of a weights file, for inference. Raises Failure as `torch_weights.load_weights` does."""
    stored = torch_weights.load_weights(path)
    model = Lifter(LifterConfig.from_dict(stored.header["layout"]))
    torch_weights.load_into(model, stored.part("lifter"), "lifter")
    return model.eval()
