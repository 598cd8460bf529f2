"""The graph attention layer: self-attention over the nodes, then a graph network whose adjacency is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STD_EPSILON = 1e-6
DEGREE_EPSILON = 1e-5
# A learned degree below this is held there: 1 / sqrt(degree) turns NaN below zero and explodes just above it.
# The identity, where training starts, has degrees of 1.
DEGREE_FLOOR = 0.1


class LayerNorm(nn.Module):
    """gain (x - mean) / (std + 1e-6) + shift over the last axis, std the unbiased deviation (divided by channels - 1).

    With `exact` false the epsilon goes into the root, gain (x - mean) / sqrt(std^2 + 1e-12): one fused operation instead of
    six, equal where the deviation is 0 and to 1e-6 of it elsewhere.
    """

    def __init__(self, channels: int, exact: bool = False) -> None:
        super().__init__()
        self.exact = exact
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        channels = len(self.gain)
        unbiased = channels / (channels - 1)
        if not self.exact:
            epsilon = STD_EPSILON**2 / unbiased
            return functional.layer_norm(x, (channels,), self.gain * unbiased**-0.5, self.shift, epsilon)
        centred = x - x.mean(dim=-1, keepdim=True)
        # The norm rather than std(): several times faster, and its gradient is 0, not NaN, where all channels are equal.
        std = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / (channels - 1) ** 0.5
        return torch.addcmul(self.shift, centred / (std + STD_EPSILON), self.gain)


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention of every node to every node: (B, N, channels) to the same.

    `bias` (heads, N, N) is added to the logits.
    """

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be shared by {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        batch, nodes, channels = x.shape
        packed = self.query_key_value(x).view(batch, nodes, 3, self.heads, channels // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, bias, dropout_p=self.dropout if self.training else 0.0)
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
        hidden = functional.relu(self.widen(torch.matmul(laplacian, x)))
        # W (L h) = L (W h): mixing the nodes after narrowing is half the work.
        return torch.matmul(laplacian, functional.linear(hidden, self.narrow.weight)) + self.narrow.bias


class GraphAttention(nn.Module):
    """Pre-norm residual self-attention followed by a pre-norm residual learned graph: (B, N, channels) to the same.

    `released`: the published arithmetic to the letter, no floor under the learned degrees and the epsilon beside the deviation.
    """

    def __init__(
        self, channels: int, nodes: int, heads: int, dropout: float = 0.0, attention_dropout: float = 0.0, released: bool = False
    ) -> None:
        super().__init__()
        self.norm_attention = LayerNorm(channels, exact=released)
        self.attention = SelfAttention(channels, heads, attention_dropout)
        self.norm_graph = LayerNorm(channels, exact=released)
        self.graph = LearnedGraph(channels, nodes, floor=0.0 if released else DEGREE_FLOOR)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x)))
        return x + self.dropout(self.graph(self.norm_graph(x)))
