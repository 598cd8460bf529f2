"""The refiner's forward pass written straight from the paper's description, one operation after another: what speed is measured against.

It takes the parameters of an `engine.refiner.network.Refiner` of the full layout (both the cross-channel embedding and the guidance) and
computes the same noise. Nothing is fused, folded or reordered; graphs are made once, at the start, as any implementation would.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.refiner.graph import Graph
from engine.refiner.network import Refiner


def chebyshev_terms(graph: Graph) -> Tensor:
    """I, L and 2 L^2 - I, (3, 1, N, N), of the random-walk Laplacian with self loops."""
    laplacian = graph.laplacian().to(torch.get_default_dtype())
    unit = torch.eye(graph.nodes)
    return torch.stack([unit, laplacian, 2.0 * laplacian @ laplacian - unit])[:, None]


class PlainRefiner(nn.Module):
    """`forward(x, t, p)` as `Refiner.forward`. ValueError for a network without the embedding or the guidance."""

    def __init__(self, network: Refiner) -> None:
        super().__init__()
        config = network.config
        if not (config.use_cce and config.use_cag) or config.guide_from_noisy:
            raise ValueError("only the full layout is written out here")
        self.config = config
        self.weights = {name: value.detach() for name, value in network.state_dict().items()}
        self.bones = chebyshev_terms(Graph.of_skeleton(network.skeleton))
        self.graph = chebyshev_terms(Graph.cross_channel(network.skeleton, config.use_bridges))
        self.floor = 0.0 if config.released else 0.1

    def forward(self, x: Tensor, t: Tensor, p: Tensor) -> Tensor:
        flat, solid = x[..., :2], x[..., 2:]
        swish_time = self.time(t)
        out = self.cheb(torch.cat((self.linear(flat, "embed.lift"), solid), dim=1), "embed.conv", self.graph)
        guide = self.cheb(p, "guidance.conv", self.bones)
        guide = self.linear(guide.transpose(1, 2), "guidance.expand").transpose(1, 2)
        out = out + guide
        for i in range(self.config.layers - 1):
            out = self.attend(out, f"attentions.{i}")
            guide = self.attend(guide, f"guidance.attentions.{i}")
            out = out + guide
            guide = guide + out
            out = self.convolve(out, swish_time, f"convolutions.{i}")
            guide = self.convolve(guide, swish_time, f"guidance.convolutions.{i}")
        last = self.config.layers - 1
        out = self.attend(out, f"attentions.{last}") + self.attend(guide, f"guidance.attentions.{last}")
        out = self.convolve(out, swish_time, f"convolutions.{last}")
        out = self.cheb(out, "readout.conv", self.graph)
        joints = x.shape[1]
        return self.linear(torch.cat((out[:, :joints], out[:, joints:]), dim=2), "readout.mix")

    def linear(self, x: Tensor, name: str) -> Tensor:
        """x W^T + b."""
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def time(self, t: Tensor) -> Tensor:
        """swish(Linear(swish(Linear(sinusoid)))), (B, 4 hidden)."""
        half = self.config.hidden // 2
        rates = torch.exp(torch.arange(half, dtype=self.weights["time.first.weight"].dtype) * (-math.log(10000.0) / (half - 1)))
        angles = t.to(rates.dtype)[:, None] * rates
        hidden = self.linear(torch.cat((torch.sin(angles), torch.cos(angles)), dim=1), "time.first")
        hidden = self.linear(hidden * torch.sigmoid(hidden), "time.second")
        return hidden * torch.sigmoid(hidden)

    def cheb(self, x: Tensor, name: str, terms: Tensor) -> Tensor:
        """The sum over k of T_k x W_k, plus the bias; the weight is (3, 1, in, out), made to be multiplied by all terms at once."""
        return (terms @ x @ self.weights[f"{name}.weight"]).sum(dim=0) + self.weights[f"{name}.bias"]

    def convolve(self, x: Tensor, swish_time: Tensor, name: str) -> Tensor:
        """The residual block of two convolutions with the step's embedding between them."""
        hidden = torch.relu(torch.relu(self.cheb(x, f"{name}.conv1", self.graph)))
        hidden = hidden + self.linear(swish_time, f"{name}.time")[:, None, :]
        hidden = torch.relu(torch.relu(self.cheb(hidden, f"{name}.conv2", self.graph)))
        return x + hidden

    def norm(self, x: Tensor, name: str) -> Tensor:
        """a (x - mean) / (std + 1e-6) + b, std the unbiased deviation."""
        mean, std = x.mean(dim=-1, keepdim=True), x.std(dim=-1, keepdim=True)
        return self.weights[f"{name}.gain"] * (x - mean) / (std + 1e-6) + self.weights[f"{name}.shift"]

    def attend(self, x: Tensor, name: str) -> Tensor:
        """Self-attention, then the learned graph, each behind a normalisation and inside a residual."""
        x = x + self.self_attention(self.norm(x, f"{name}.norm_attention"), f"{name}.attention")
        return x + self.learned_graph(self.norm(x, f"{name}.norm_graph"), f"{name}.graph")

    def self_attention(self, x: Tensor, name: str) -> Tensor:
        """Four heads: softmax(q k^T / sqrt(d)) v, then the output's linear layer."""
        batch, nodes, channels = x.shape
        heads, width = self.config.heads, channels // self.config.heads
        weight = self.weights[f"{name}.query_key_value.weight"].chunk(3)
        bias = self.weights[f"{name}.query_key_value.bias"].chunk(3)
        query, key, value = ((x @ w.T + b).view(batch, nodes, heads, width).transpose(1, 2) for w, b in zip(weight, bias, strict=True))
        scores = query @ key.transpose(2, 3) / math.sqrt(width)
        mixed = torch.softmax(scores, dim=-1) @ value
        return self.linear(mixed.transpose(1, 2).contiguous().view(batch, nodes, channels), f"{name}.out")

    def learned_graph(self, x: Tensor, name: str) -> Tensor:
        """Linear(L ReLU(Linear(L x))), L = D^-1/2 A D^-1/2 of the learned A."""
        adjacency = self.weights[f"{name}.adjacency"]
        degree = (adjacency.sum(dim=0).clamp(min=self.floor) + 1e-5) ** -0.5
        laplacian = torch.diag(degree) @ adjacency @ torch.diag(degree)
        hidden = torch.relu(self.linear(laplacian @ x, f"{name}.widen"))
        return self.linear(laplacian @ hidden, f"{name}.narrow")
