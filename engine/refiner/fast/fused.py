"""The refiner's forward pass arranged for a CPU: the same numbers from fewer and larger operations. For inference only.

What differs from `network.Refiner`, and why it pays:

* Features lie node by node, (N, B, C). The weights then multiply one matrix of N B rows, and a graph mixes the nodes of the whole batch in
  one product (N, N) (N, B C), where the usual order needs a small product for every pose.
* Convolutions are done in the modes of their graph, with a third of the products of weights (see spectral.py).
* The first and the last layers are linear, whatever they are made of: each becomes one matrix, found by sending unit vectors through it.
* The graphs that are learned, and the square roots of their degrees, are computed once; biases and ReLU come with a product.
* The step's embedding is computed once where the whole batch is at the same step, as it always is when sampling.
* Attention is written out: at 34 nodes the fused kernel of torch is slower than two products and the exponentials.
* The batch is shared out over threads that each run to the end, instead of every operation being shared out: nobody waits for anybody
  some hundred times a pass, which is what an operation shared by two threads costs on a machine that does something else as well.

With bfloat16 the operands of the products are rounded, and their results; the residual stream, norms and both ends stay in float32. So do
the first attention of each branch and the last convolution, which pass most of the rounding on to the joints: 0.15 mm with
them in float32, 0.44 mm without.
"""

from __future__ import annotations

import copy
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.refiner.attention import DEGREE_EPSILON, STD_EPSILON, GraphAttention, LayerNorm
from engine.refiner.chebyshev import TimedResidual
from engine.refiner.embedding import STATE_CHANNELS
from engine.refiner.fast.products import Product, mix
from engine.refiner.fast.spectral import SpectralResidual
from engine.refiner.network import Refiner

ROOM = (1e-30, 1e30)  # sums of exponentials between these have lost nothing in float32
TINY = 1e-24  # keeps a deviation of 0 from dividing
LEAST_SHARE = 8  # poses a thread: below that starting it costs more than it saves


class _Affine:
    """An affine map of tensors (B, *shape) as one matrix (inputs, outputs) and a bias, both in float32 on the module's device."""

    def __init__(self, module: nn.Module, shape: tuple[int, int]) -> None:
        probe = copy.deepcopy(module).double()
        inputs = math.prod(shape)
        like = next(probe.parameters())
        at_zero = probe(like.new_zeros(1, *shape))
        units = torch.eye(inputs, dtype=like.dtype, device=like.device).view(inputs, *shape)
        self.outputs: tuple[int, int] = (at_zero.shape[1], at_zero.shape[2])
        self.matrix = (probe(units) - at_zero).flatten(1).float()
        self.bias = at_zero.flatten().float()

    def node_major(self, x: Tensor) -> Tensor:
        """(B, *shape) -> (N, B, C) where the map's outputs are (N, C)."""
        nodes, channels = self.outputs
        matrix = self.matrix.view(-1, nodes, channels).transpose(0, 1)
        return torch.baddbmm(self.bias.view(nodes, 1, channels), x.flatten(1).expand(nodes, -1, -1), matrix)

    def from_node_major(self, x: Tensor) -> Tensor:
        """(N, B, C) -> (B, *outputs) where the map's inputs are (N, C)."""
        flat = x.transpose(0, 1).reshape(x.shape[1], -1)
        return torch.addmm(self.bias, flat, self.matrix).view(-1, *self.outputs)


class _Norm:
    """The network's LayerNorm through torch's fused one, the published epsilon beside the deviation included."""

    def __init__(self, norm: LayerNorm) -> None:
        channels = len(norm.gain)
        self.exact = norm.exact
        self.unbiased = channels / (channels - 1)
        self.gain = (norm.gain.detach() * self.unbiased**-0.5).float()
        self.shift = norm.shift.detach().float()

    def __call__(self, x: Tensor) -> Tensor:
        if not self.exact:
            return functional.layer_norm(x, self.gain.shape, self.gain, self.shift, STD_EPSILON**2 / self.unbiased)
        scaled, _, inverse = torch.native_layer_norm(x, self.gain.shape, self.gain, None, TINY)
        # What was divided by the deviation is divided by it and the epsilon: times 1 / (1 + epsilon / deviation).
        share = (inverse * (STD_EPSILON * self.unbiased**-0.5)).add_(1.0).reciprocal_()
        return torch.addcmul(self.shift, scaled, share, out=scaled)


class _Attention:
    """GraphAttention on (N, B, C) float32, in place; its products in the type `dtype`."""

    def __init__(self, layer: GraphAttention, dtype: torch.dtype) -> None:
        attention, graph = layer.attention, layer.graph
        self.dtype = dtype
        self.heads = attention.heads
        channels = attention.out.in_features
        width = channels // self.heads
        # Outputs in the order (head; query, key, value; width): then poses and heads are one axis of the products, as they lie.
        order = torch.arange(3 * channels).view(3, self.heads, width).transpose(0, 1).flatten()
        scale = torch.ones(3, channels, device=attention.out.weight.device)
        scale[0] = width**-0.5  # the scores' 1 / sqrt(d), put on the queries
        scale = scale.flatten()
        weight = attention.query_key_value.weight.detach() * scale[:, None]
        self.packed = Product(weight[order], (attention.query_key_value.bias.detach() * scale)[order], dtype)
        self.out = Product(attention.out.weight, attention.out.bias, dtype)
        adjacency = graph.adjacency.detach().double()
        degree = (adjacency.sum(dim=0).clamp(min=graph.floor) + DEGREE_EPSILON).rsqrt()
        self.laplacian = (degree[:, None] * adjacency * degree).to(dtype)
        self.widen = Product(graph.widen.weight, graph.widen.bias, dtype)
        self.narrow = Product(graph.narrow.weight, None, dtype)
        self.narrow_bias = graph.narrow.bias.detach().to(dtype)
        self.norm_attention, self.norm_graph = _Norm(layer.norm_attention), _Norm(layer.norm_graph)

    def __call__(self, x: Tensor) -> Tensor:
        nodes, batch, channels = x.shape
        flat = x.view(-1, channels)
        mixed = self._attend(self.packed(self.norm_attention(flat).to(self.dtype)), nodes, batch)
        flat.add_(self.out(mixed.view(-1, channels)))
        hidden = mix(self.laplacian, self.norm_graph(flat).to(self.dtype).view(x.shape))
        # Narrowed before the nodes are mixed, as that is half the work.
        hidden = self.narrow(self.widen(hidden.view(-1, channels), relu=True))
        mixed = mix(self.laplacian, hidden.view(x.shape), self.narrow_bias)
        return flat.view(x.shape).add_(mixed)

    def _attend(self, packed: Tensor, nodes: int, batch: int) -> Tensor:
        """Outputs of `packed` -> (N, B H, width): each head's values, mixed."""
        lying = packed.view(nodes, batch * self.heads, 3, -1)
        query, key, value = lying.permute(2, 1, 0, 3).contiguous()
        scores = torch.bmm(query, key.transpose(1, 2))
        shares, sums = _exponentials(scores)
        if self.dtype == torch.float32:  # dividing at the end is the least to divide, but torch is slow at it in 16 bits
            mixed = torch.bmm(shares, value).transpose(0, 1)
            return torch.div(mixed, sums.transpose(0, 1), out=mixed.new_empty(mixed.shape))
        return torch.bmm(shares.mul_(sums.reciprocal_()), value).transpose(0, 1).contiguous()


def _exponentials(scores: Tensor) -> tuple[Tensor, Tensor]:
    """What softmax over the last axis divides, and by what: its greatest score need not be taken off first where exp has room."""
    shares = scores.exp()
    sums = torch.matmul(shares, shares.new_ones(shares.shape[-1], 1))  # faster than sum()
    least, greatest = (float(bound) for bound in torch.aminmax(sums))
    if least > ROOM[0] and greatest < ROOM[1]:
        return shares, sums
    return torch.softmax(scores, -1), torch.ones_like(sums)


def _attentions(layers: nn.ModuleList, dtype: torch.dtype) -> list[_Attention]:
    """A branch's attention layers, the first in float32 whatever the others are in."""
    made = cast(list[GraphAttention], list(layers))
    return [_Attention(made[0], torch.float32)] + [_Attention(layer, dtype) for layer in made[1:]]


class FusedRefiner:
    """Called as `Refiner.forward`, gives the same to float32's accuracy; keeps the weights that `network` has now.

    `threads`: how many share a batch; None for as many as torch uses when it is called. `dtype`: float32, or bfloat16, which is quicker
    where the processor multiplies it and then equal to two digits only.
    """

    def __init__(self, network: Refiner, threads: int | None = None, dtype: torch.dtype = torch.float32) -> None:
        self.network = network
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        with torch.inference_mode():
            self._embed = _Affine(network.embed, (len(network.skeleton), STATE_CHANNELS))
            self._readout = _Affine(network.readout, (network.nodes, network.config.hidden))
            self._guide: _Affine | None = None
            blocks = cast(list[TimedResidual], [*network.convolutions])
            if network.guidance is not None:
                self._guide = _Affine(network.guidance, (len(network.skeleton), len(network.config.guide_signs)))
                blocks += cast(list[TimedResidual], [*network.guidance.convolutions])
            # Every block's layer for the step's embedding, one below the other.
            self._time = torch.cat([block.time.weight.detach().float() for block in blocks])
            self._time_bias = torch.cat([block.time.bias.detach().float() for block in blocks])
            self._blocks = len(blocks)
            self._set_layers(dtype)

    def to(self, dtype: torch.dtype) -> FusedRefiner:
        """The same network in another type."""
        other = copy.copy(self)
        other._pool = None
        with torch.inference_mode():
            other._set_layers(dtype)
        return other

    def _set_layers(self, dtype: torch.dtype) -> None:
        network = self.network
        self.dtype = dtype
        blocks = cast(list[TimedResidual], list(network.convolutions))
        self._attentions = _attentions(network.attentions, dtype)
        self._convolutions = [SpectralResidual(block, dtype) for block in blocks[:-1]] + [SpectralResidual(blocks[-1], torch.float32)]
        if network.guidance is not None:
            guiding = cast(list[TimedResidual], list(network.guidance.convolutions))
            self._guide_attentions = _attentions(network.guidance.attentions, dtype)
            self._guide_convolutions = [SpectralResidual(block, dtype) for block in guiding]

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise in `x`; see `Refiner.forward`."""
        self.network.check(x)
        context = self.network.context(x, p) if self._guide is not None else None
        if len(x) == 0:
            return torch.empty_like(x)
        if len(t) > 1 and bool((t == t[0]).all()):
            t = t[:1]
        before = torch.get_num_threads()
        shares = min(self.threads or before, len(x) // LEAST_SHARE) if x.device.type == "cpu" else 1
        if shares < 2:
            return self._forward(x, t, context)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(os.cpu_count(), "refiner", torch.set_num_threads, (1,))
        torch.set_num_threads(1)  # of every operation: the threads are the shares
        try:
            times = [t] * shares if len(t) == 1 else t.chunk(shares)
            contexts = [None] * shares if context is None else context.chunk(shares)
            return torch.cat(list(self._pool.map(self._share, x.chunk(shares), times, contexts)))
        finally:
            torch.set_num_threads(before)

    @torch.inference_mode()  # which holds for one thread
    def _share(self, x: Tensor, t: Tensor, context: Tensor | None) -> Tensor:
        return self._forward(x, t, context)

    def _forward(self, x: Tensor, t: Tensor, context: Tensor | None) -> Tensor:
        swish_time = functional.silu(self.network.time(t))
        times = functional.linear(swish_time, self._time, self._time_bias).view(len(t), self._blocks, -1).unbind(1)
        out = self._embed.node_major(x)
        if self._guide is None or context is None:
            for i, (attention, convolution) in enumerate(zip(self._attentions, self._convolutions, strict=True)):
                out = convolution(attention(out), times[i])
            return self._readout.from_node_major(out)
        guide = self._guide.node_major(context)
        out += guide
        last = len(self._attentions) - 1
        for i in range(last + 1):
            out = self._attentions[i](out)
            guide = self._guide_attentions[i](guide)
            out += guide
            if i < last:
                guide += out
                guide = self._guide_convolutions[i](guide, times[last + 1 + i])
            out = self._convolutions[i](out, times[i])
        return self._readout.from_node_major(out)
