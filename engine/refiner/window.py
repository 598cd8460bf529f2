"""The product's refiner: the paper's cross-channel state of a whole window of frames, refined together, where down is known.

Every frame has the paper's embedding (2D and 3D nodes in one graph) and its context attention guidance; between the blocks the frames
look at one another through a trunk of convolutions over time, which also carries what the paper's network cannot know: the detector's
landmarks, what the lifter made of them, up and how sure it is, and how high every joint is over the lowest foot. It predicts the clean
pose, from which the diffusion's noise follows.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from contract.skeleton import BODY_22, Skeleton
from engine.lifter.network import TemporalBlock
from engine.refiner.attention import GraphAttention
from engine.refiner.chebyshev import TimedResidual
from engine.refiner.embedding import CrossChannelEmbedding, CrossChannelReadout
from engine.refiner.graph import Graph
from engine.refiner.guidance import ContextGuidance
from engine.refiner.layout import STATE_CHANNELS, WindowConfig
from engine.refiner.network import TimeEmbedding

FEET: Final = tuple(BODY_22.index(f"{name}.{side}") for name in ("ankle", "toe") for side in "LR")


def gravity_axes(up: Tensor) -> Tensor:
    """(B,T,3) up in view axes -> (B,T,3,3): its columns are a level camera's axes (right, down, forward) that looks the same way."""
    down = -functional.normalize(up, dim=-1)
    forward = torch.zeros_like(down)
    forward[..., 2] = 1.0
    forward = forward + 1e-3 * torch.tensor([0.0, 1.0, 0.0], dtype=up.dtype, device=up.device)  # where the view is along the vertical
    ahead = functional.normalize(forward - (forward * down).sum(-1, keepdim=True) * down, dim=-1)
    return torch.stack([torch.linalg.cross(down, ahead), down, ahead], -1)


def conditions(features: Tensor, hints: Tensor, guess: Tensor, up: Tensor, error: Tensor, level: Tensor) -> Tensor:
    """(B,T,C): what the trunk is told beside the state.

    features (B,T,F) of the codec; hints (B,T,H) of the lifter; guess (B,T,22,3) statures, view axes; up (B,T,3) unit, view axes, with its
    error (B,T) radians; level (B,T,3): the camera's own up.
    """
    upright = guess @ gravity_axes(up)
    lowest = upright[..., list(FEET), 1].amax(-1, keepdim=True)
    sure = torch.exp(-8.0 * error)[..., None]
    return torch.cat([features, hints, guess.flatten(-2), upright.flatten(-2), lowest - upright[..., 1], up, level, sure], -1)


class WindowRefiner(nn.Module):
    """Predicts the clean state of the poses of whole runs; untrained, the state as it is."""

    def __init__(self, config: WindowConfig | None = None, skeleton: Skeleton = BODY_22) -> None:
        super().__init__()
        self.config = c = config or WindowConfig()
        plain, graph = Graph.of_skeleton(skeleton), Graph.cross_channel(skeleton)
        layers, time = len(c.dilations), 4 * c.hidden
        self.time = TimeEmbedding(c.hidden, time)
        self.embed = CrossChannelEmbedding(c.hidden, graph)
        self.attentions = nn.ModuleList(GraphAttention(c.hidden, graph.nodes, c.heads, c.dropout) for _ in range(layers))
        self.convolutions = nn.ModuleList(TimedResidual(c.hidden, time, graph, c.dropout) for _ in range(layers))
        self.guidance = ContextGuidance(
            c.guide, c.hidden, plain, graph.nodes,
            [GraphAttention(c.hidden, graph.nodes, c.heads, c.dropout) for _ in range(layers)],
            [TimedResidual(c.hidden, time, graph, c.dropout) for _ in range(layers - 1)],
        )  # fmt: skip
        flat = graph.nodes * c.hidden
        self.enter = nn.Linear(c.conditions, c.width)
        self.enter_time = nn.Linear(time, c.width)
        self.down = nn.ModuleList(nn.Linear(flat, c.width) for _ in range(layers))
        self.trunk = nn.ModuleList(nn.Sequential(*(TemporalBlock(c.width, d) for d in group)) for group in c.dilations)
        self.up = nn.ModuleList(nn.Linear(c.width, flat) for _ in range(layers))
        self.norm = nn.LayerNorm(c.width)
        self.leave = nn.Linear(c.width, len(skeleton) * STATE_CHANNELS)
        self.readout = CrossChannelReadout(c.hidden, graph)
        self.drop = nn.Dropout(c.dropout)
        for layer in (*self.up, self.leave, self.readout.mix):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def clean(self, x: Tensor, t: Tensor, guide: Tensor, *told: Tensor) -> Tensor:
        """As `forward`, of what `conditions` takes."""
        return self(x, t, guide, conditions(*told))

    def forward(self, x: Tensor, t: Tensor, guide: Tensor, conditions: Tensor) -> Tensor:
        """The clean state of `x` (B,T,22,5), noisy as at the steps t (B,); guide (B,T,22,channels), conditions (B,T,C)."""
        batch, frames = x.shape[:2]
        swish = functional.silu(self.time(t))
        each = swish.repeat_interleave(frames, 0)
        out = self.embed(x.flatten(0, 1))
        context = self.guidance(guide.flatten(0, 1))
        out = out + context
        z = self.drop(self.enter(conditions) + self.enter_time(swish)[:, None])
        last = len(self.attentions) - 1
        for i, (attention, convolution) in enumerate(zip(self.attentions, self.convolutions, strict=True)):
            out = attention(out)
            context = self.guidance.attentions[i](context)
            out = out + context
            if i < last:
                context = self.guidance.convolutions[i](context + out, each)
            out = convolution(out, each)
            z = z + self.down[i](out.flatten(1)).unflatten(0, (batch, frames))
            z = self.drop(self.trunk[i](z))
            out = out + self.up[i](z).flatten(0, 1).unflatten(-1, (out.shape[1], out.shape[2]))
        change = self.readout(out).unflatten(0, (batch, frames)) + self.leave(self.norm(z)).unflatten(-1, (x.shape[2], STATE_CHANNELS))
        return x + change
