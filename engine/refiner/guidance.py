"""Context attention guidance (CAG): a second branch that carries the 2D pose beside the diffusion's own features."""

from __future__ import annotations

from torch import Tensor, nn

from engine.refiner.attention import GraphAttention
from engine.refiner.chebyshev import ChebConv, TimedResidual
from engine.refiner.graph import Graph


class ContextGuidance(nn.Module):
    """The guidance branch: an input layer, and as many attention layers as the main branch with one convolution less.

    `attentions` and `convolutions` are called by the network, which adds the two branches to one another between them.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        skeleton_graph: Graph,
        nodes: int,
        attentions: list[GraphAttention],
        convolutions: list[TimedResidual],
    ) -> None:
        super().__init__()
        self.conv = ChebConv(channels, hidden, skeleton_graph)
        self.expand = nn.Linear(skeleton_graph.nodes, nodes)
        self.attentions = nn.ModuleList(attentions)
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, context: Tensor) -> Tensor:
        """(B, J, channels) to (B, nodes, hidden): a convolution over the skeleton, then a linear layer along the joints."""
        return self.expand(self.conv(context).transpose(1, 2)).transpose(1, 2)
