"""Chebyshev graph convolution and the residual block made of two of them."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.refiner.graph import Graph


def chebyshev_polynomials(laplacian: Tensor, order: int) -> Tensor:
    """(order + 1, N, N): T_0 = I, T_1 = L, T_k = 2 L T_(k-1) - T_(k-2)."""
    terms = [torch.eye(len(laplacian), dtype=laplacian.dtype), laplacian]
    while len(terms) <= order:
        terms.append(2.0 * laplacian @ terms[-1] - terms[-2])
    return torch.stack(terms[: order + 1])


@lru_cache(maxsize=8)
def _mixing(graph: Graph, order: int) -> Tensor:
    """(N, N (order + 1)) float64: row m, column n (order + 1) + k holds T_k[m, n], the order in which `ChebConv` lays its terms."""
    with torch.inference_mode(False):
        return chebyshev_polynomials(graph.laplacian(), order).permute(1, 2, 0).reshape(graph.nodes, -1)


class ChebConv(nn.Module):
    """y = sum_k T_k(L) x W_k + b over the nodes of a fixed graph: (B, N, in) to (B, N, out).

    `weight` is (order + 1, 1, in, out), as in the published network, and Xavier initialisation sees that shape: the
    deviation is sqrt(2 / ((order + 2) in out)), far below the usual one, so that a residual block starts near the identity.
    """

    mixing: Tensor

    def __init__(self, in_channels: int, out_channels: int, graph: Graph, order: int = 2) -> None:
        super().__init__()
        self.graph = graph
        self.weight = nn.Parameter(torch.empty(order + 1, 1, in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.xavier_normal_(self.weight)
        self.register_buffer("mixing", _mixing(graph, order).to(torch.get_default_dtype(), copy=True), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # Channels first, nodes after: one product for all terms' weights, one for all polynomials, nothing moved in between.
        terms, _, in_channels, out_channels = self.weight.shape
        weight = self.weight[:, 0].transpose(0, 1).reshape(in_channels, terms * out_channels)
        weighted = torch.matmul(x, weight).view(x.shape[0], -1, out_channels)
        return torch.matmul(self.mixing, weighted) + self.bias


class TimedResidual(nn.Module):
    """x + conv2(conv1(x) + Linear(swish(time))), each convolution followed by ReLU and dropout."""

    def __init__(self, channels: int, time_channels: int, graph: Graph, dropout: float) -> None:
        super().__init__()
        self.conv1 = ChebConv(channels, channels, graph)
        self.conv2 = ChebConv(channels, channels, graph)
        self.time = nn.Linear(time_channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, swish_time: Tensor) -> Tensor:
        """x: (B, N, channels); swish_time: (B, time_channels), swish already applied, as every block needs the same one."""
        # The published block applies a second ReLU after the dropout: dropout keeps signs, so it changes nothing.
        hidden = self.dropout(functional.relu(self.conv1(x)))
        hidden = hidden + self.time(swish_time)[:, None, :]
        return x + self.dropout(functional.relu(self.conv2(hidden)))
