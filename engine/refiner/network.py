"""The refiner's network: from a noisy pose, its step and the 2D context to the noise in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from contract.skeleton import Skeleton
from engine.refiner.attention import GraphAttention
from engine.refiner.chebyshev import ChebConv, TimedResidual
from engine.refiner.embedding import CrossChannelEmbedding, CrossChannelReadout
from engine.refiner.graph import Graph
from engine.refiner.guidance import ContextGuidance
from engine.refiner.layout import IMAGE_CHANNELS, STATE_CHANNELS, GraphLayout

LONGEST_PERIOD = 10000.0
Between = Callable[[int, Tensor], Tensor]


def unchanged(_: int, out: Tensor) -> Tensor:
    """Nothing between the blocks: the paper's network, which sees single frames."""
    return out


@dataclass(frozen=True)
class RefinerConfig(GraphLayout):
    """What the network is made of beside the layers that all have; the defaults are the paper's.

    `guide_signs` has one entry a channel of the context: -1 where a mirrored picture changes the channel's sign. Two
    channels are (u, v); more may follow (a confidence, another initial guess).
    `released` follows the published code to the letter: attention layers that start as copies of one another, no floor
    under the learned degrees, the epsilon of the normalisation beside the deviation.
    """

    use_cce: bool = True
    use_cag: bool = True
    use_bridges: bool = True
    guide_from_noisy: bool = False
    guide_signs: tuple[float, ...] = (-1.0, 1.0)
    released: bool = False

    @property
    def embedding(self) -> int:
        """Channels of the time embedding."""
        return 4 * self.hidden


def sinusoid(steps: Tensor, channels: int, dtype: torch.dtype) -> Tensor:
    """(B,) steps to (B, channels): sines, then cosines, of frequencies from 1 down to 1/10000 in even ratios."""
    half = channels // 2
    exponents = torch.arange(half, device=steps.device, dtype=dtype) * (-math.log(LONGEST_PERIOD) / (half - 1))
    angles = steps.to(dtype)[:, None] * exponents.exp()
    return functional.pad(torch.cat((angles.sin(), angles.cos()), dim=1), (0, channels % 2))


class TimeEmbedding(nn.Module):
    """Linear(swish(Linear(sinusoid(t)))): (B,) to (B, 4 hidden)."""

    def __init__(self, hidden: int, out: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.first = nn.Linear(hidden, out)
        self.second = nn.Linear(out, out)

    def forward(self, steps: Tensor) -> Tensor:
        return self.second(functional.silu(self.first(sinusoid(steps, self.hidden, self.first.weight.dtype))))


@torch.no_grad()
def start_as_published(branches: list[list[GraphAttention]]) -> None:
    """Make the attention layers start as the published ones do, equal to one another.

    One self-attention, its four projections equal, serves every layer of both branches; one learned graph every layer of a
    branch. The published convolutions are drawn independently, as ours are.
    """
    first = branches[0][0].attention
    first.query_key_value.weight.copy_(first.out.weight.repeat(3, 1))
    first.query_key_value.bias.copy_(first.out.bias.repeat(3))
    for branch in branches:
        for layer in branch:
            layer.attention.load_state_dict(first.state_dict())
            layer.graph.load_state_dict(branch[0].graph.state_dict())


class Refiner(nn.Module):
    """Predicts the noise of a pose of `skeleton`'s joints.

    With the cross-channel embedding the layers work on 2J nodes, without it on the skeleton's J nodes and 5 channels.
    """

    def __init__(self, skeleton: Skeleton, config: RefinerConfig | None = None) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.config = config = config or RefinerConfig()
        plain = Graph.of_skeleton(skeleton)
        graph = Graph.cross_channel(skeleton, config.use_bridges) if config.use_cce else plain
        self.nodes = graph.nodes
        self.time = TimeEmbedding(config.hidden, config.embedding)
        self.embed: nn.Module
        self.readout: nn.Module
        if config.use_cce:
            self.embed = CrossChannelEmbedding(config.hidden, graph)
            self.readout = CrossChannelReadout(config.hidden, graph)
        else:
            self.embed = ChebConv(STATE_CHANNELS, config.hidden, graph)
            self.readout = ChebConv(config.hidden, STATE_CHANNELS, graph)
        branches = [self._attentions(graph.nodes) for _ in range(2 if config.use_cag else 1)]
        if config.released:
            start_as_published(branches)
        self.attentions = nn.ModuleList(branches[0])
        self.convolutions = nn.ModuleList(self._convolutions(graph, config.layers))
        self.guidance: ContextGuidance | None = None
        if config.use_cag:
            # The guidance branch ends in the last attention: its last convolution would feed nothing.
            self.guidance = ContextGuidance(
                len(config.guide_signs),
                config.hidden,
                plain,
                graph.nodes,
                branches[1],
                self._convolutions(graph, config.layers - 1),
            )

    def _attentions(self, nodes: int) -> list[GraphAttention]:
        config = self.config
        return [
            GraphAttention(config.hidden, nodes, config.heads, config.dropout, config.attention_dropout, config.released)
            for _ in range(config.layers)
        ]

    def _convolutions(self, graph: Graph, count: int) -> list[TimedResidual]:
        config = self.config
        return [TimedResidual(config.hidden, config.embedding, graph, config.conv_dropout) for _ in range(count)]

    def forward(self, x: Tensor, t: Tensor, p: Tensor | None = None, between: Between = unchanged) -> Tensor:
        """Noise in `x`.

        x: (B, J, 5), the noisy state (u, v, x, y, z). t: (B,) diffusion steps. p: (B, J, channels of the context), the
        un-noised 2D pose first; with `guide_from_noisy` its (u, v) are taken from `x` instead, without guidance it is unused.
        between: what is done to the nodes (B, N, hidden) behind each block, by its number (see sequence.py).
        """
        self.check(x)
        swish_time = functional.silu(self.time(t))
        out = self.embed(x)
        if self.guidance is None:
            for i, (attention, convolution) in enumerate(zip(self.attentions, self.convolutions, strict=True)):
                out = between(i, convolution(attention(out), swish_time))
            return self.readout(out)

        guide = self.guidance(self.context(x, p))
        out = out + guide
        last = len(self.attentions) - 1
        for i, (attention, convolution) in enumerate(zip(self.attentions, self.convolutions, strict=True)):
            out = attention(out)
            guide = self.guidance.attentions[i](guide)
            out = out + guide
            if i < last:
                # After the line above: the guide receives out + 2 guide of this layer, as published.
                guide = guide + out
                guide = self.guidance.convolutions[i](guide, swish_time)
            out = between(i, convolution(out, swish_time))
        return self.readout(out)

    def check(self, x: Tensor) -> None:
        """ValueError where `x` is no state of the skeleton's joints."""
        if x.ndim != 3 or x.shape[1:] != (len(self.skeleton), STATE_CHANNELS):
            raise ValueError(f"expected x of shape (B, {len(self.skeleton)}, {STATE_CHANNELS}), not {tuple(x.shape)}")

    def context(self, x: Tensor, p: Tensor | None) -> Tensor:
        """What guides: `p`, with the (u, v) of `x` in it where the layout says so; ValueError where it has another shape."""
        channels = len(self.config.guide_signs)
        if self.config.guide_from_noisy:
            noisy = x[..., :IMAGE_CHANNELS]
            if channels == IMAGE_CHANNELS:
                return noisy
            if p is not None:
                p = torch.cat((noisy, p[..., IMAGE_CHANNELS:]), dim=-1)
        if p is None or p.shape != (*x.shape[:2], channels):
            raise ValueError(f"expected p of shape {(*x.shape[:2], channels)}, not {None if p is None else tuple(p.shape)}")
        return p

    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters())
