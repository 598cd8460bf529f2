"""Cross-channel embedding (CCE): 2D and 3D joints become the nodes of one graph, and come apart again at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.refiner.chebyshev import ChebConv
from engine.refiner.graph import Graph
from engine.refiner.layout import IMAGE_CHANNELS, SPACE_CHANNELS, STATE_CHANNELS


class CrossChannelEmbedding(nn.Module):
    """(B, J, 5) to (B, 2J, hidden): lift (u, v) to three channels, stack both kinds along the joints, convolve."""

    def __init__(self, hidden: int, graph: Graph) -> None:
        super().__init__()
        self.lift = nn.Linear(IMAGE_CHANNELS, SPACE_CHANNELS)
        self.conv = ChebConv(SPACE_CHANNELS, hidden, graph)

    def forward(self, state: Tensor) -> Tensor:
        flat, solid = state.split((IMAGE_CHANNELS, SPACE_CHANNELS), dim=-1)
        return self.conv(torch.cat((self.lift(flat), solid), dim=-2))


class CrossChannelReadout(nn.Module):
    """(B, 2J, hidden) to (B, J, 5): convolve to three channels a node, put each joint's two nodes side by side, mix."""

    def __init__(self, hidden: int, graph: Graph) -> None:
        super().__init__()
        self.conv = ChebConv(hidden, SPACE_CHANNELS, graph)
        self.mix = nn.Linear(2 * SPACE_CHANNELS, STATE_CHANNELS)

    def forward(self, features: Tensor) -> Tensor:
        flat, solid = self.conv(features).chunk(2, dim=-2)
        return self.mix(torch.cat((flat, solid), dim=-1))
