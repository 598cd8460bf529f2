"""The graph attention layer: self-attention over the nodes, then a graph network whose adjacency is learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD_EPSILON = 1e-6
DEGREE_EPSILON = 1e-5
# A learned degree below this is held there: 1 / sqrt(degree) turns NaN below zero and explodes just above it.
# The identity, where training starts, has degrees of 1.
DEGREE_FLOOR = 0.1


class LayerNorm(nn.Module):
    """gain (x - mean) / (std + 1e-6) + shift over the last axis, with the unbiased deviation (divided by channels - 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        # The norm rather than std(): several times faster here, and its gradient is 0, not NaN, where all channels are equal.
        std = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / math.sqrt(x.shape[-1] - 1)
        return torch.addcmul(self.shift, centred / (std + STD_EPSILON), self.gain)


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention of every node to every node: (B, N, channels) to the same."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be shared by {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, nodes, channels = x.shape
        packed = self.query_key_value(x).view(batch, nodes, 3, self.heads, channels // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).reshape(batch, nodes, channels))


class LearnedGraph(nn.Module):
    """Two graph layers, C to 2C with ReLU and back to C, over one adjacency that is learned from the identity.

    L = D^-1/2 A D^-1/2 with D the column sums of A plus 1e-5; each layer is Linear(L x). Column sums below `floor` are
    raised to it. With a floor of 0 the result equals the published one wherever that is a number.
    """

    def __init__(self, channels: int, nodes: int, floor: float = DEGREE_FLOOR) -> None:
        super().__init__()
        self.floor = floor
        self.adjacency = nn.Parameter(torch.eye(nodes))
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = (self.adjacency.sum(dim=0).clamp(min=self.floor) + DEGREE_EPSILON).rsqrt()
        laplacian = scale[:, None] * self.adjacency * scale
        hidden = F.relu(self.widen(torch.matmul(laplacian, x)))
        # W (L h) = L (W h): mixing the nodes after narrowing is half the work.
        return torch.matmul(laplacian, F.linear(hidden, self.narrow.weight)) + self.narrow.bias


class GraphAttention(nn.Module):
    """Pre-norm residual self-attention followed by a pre-norm residual learned graph."""

    def __init__(
        self, channels: int, nodes: int, heads: int, dropout: float, attention_dropout: float, floor: float = DEGREE_FLOOR
    ) -> None:
        super().__init__()
        self.norm_attention = LayerNorm(channels)
        self.attention = SelfAttention(channels, heads, attention_dropout)
        self.norm_graph = LayerNorm(channels)
        self.graph = LearnedGraph(channels, nodes, floor)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x)))
        return x + self.dropout(self.graph(self.norm_graph(x)))
