"""The refiner's forward pass arranged for a CPU: the same numbers from fewer and larger operations. For inference only.

What differs from `network.Refiner`, and why it pays:

* Features lie node by node, (N, B, C). The weights then multiply one matrix of N B rows, and a graph mixes the nodes of the whole batch in
  one product (N, N) (N, B C), where the usual order needs a small product for every pose.
* The first and the last layers are linear, whatever they are made of: each becomes one matrix, found by sending unit vectors through it.
* A convolution's first term needs no mixing (T_0 is the identity), so it is where the product of the others is added up; residuals and
  biases are where products start from instead of additions of their own.
* The graphs that are learned, and the square roots of their degrees, are computed once.
* The step's embedding is computed once where the whole batch is at the same step, as it always is when sampling.
* Attention is written out: at 34 nodes the fused kernel of torch is slower than two products and a softmax.
* The batch is shared out over threads that each run to the end, instead of every operation being shared out: nobody waits for anybody
  some hundred times a pass, which is what an operation shared by two threads costs on a machine that does something else as well.
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

from .attention import DEGREE_EPSILON, STD_EPSILON, GraphAttention, LayerNorm
from .chebyshev import ChebConv, TimedResidual
from .embedding import STATE_CHANNELS
from .network import Refiner

# torch's compiler puts a linear layer and what follows it into this operation of oneDNN; builds without oneDNN lack it.
ONE_PASS = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
TINY = 1e-24  # keeps a deviation of 0 from dividing
LEAST_SHARE = 8  # poses a thread: below that starting it costs more than it saves


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
    """x W^T + b, and then ReLU, or `add` added: one pass over the result where torch's own operation for that is there."""
    if ONE_PASS and x.device.type == "cpu":
        if add is not None:
            result: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, add, weight, bias, "add")
        else:
            result = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "relu" if relu else "none", [], "")
        return result
    result = functional.linear(x, weight, bias)
    if add is not None:
        result += add
    return result.relu_() if relu else result


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


class _Convolution:
    """ChebConv on (N, B, C)."""

    def __init__(self, conv: ChebConv) -> None:
        weight = conv.weight.detach()[:, 0].float()
        terms, nodes = len(weight), len(conv.mixing)
        polynomials = conv.mixing.detach().float().view(nodes, nodes, terms)
        self.first = weight[0].T.contiguous()
        self.rest = weight[1:].contiguous()
        self.bias = conv.bias.detach().float()
        self.mixing = polynomials[..., 1:].transpose(1, 2).reshape(nodes, -1).contiguous()  # [T_1 | T_2 | ..]

    def __call__(self, x: Tensor) -> Tensor:
        nodes, batch, channels = x.shape
        flat = x.view(-1, channels)
        total = _linear(flat, self.first, self.bias).view(nodes, -1)
        rest = torch.bmm(flat.expand(len(self.rest), -1, -1), self.rest).view(-1, total.shape[1])
        return total.addmm_(self.mixing, rest).view(nodes, batch, -1)


class _Residual:
    """TimedResidual on (N, B, C), in place."""

    def __init__(self, block: TimedResidual) -> None:
        self.conv1, self.conv2 = _Convolution(block.conv1), _Convolution(block.conv2)

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        """time: (1 or B, C), the block's own linear layer of the step's embedding."""
        hidden = self.conv1(x).relu_().add_(time)
        return x.add_(self.conv2(hidden).relu_())


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
    """GraphAttention on (N, B, C)."""

    def __init__(self, layer: GraphAttention) -> None:
        attention, graph = layer.attention, layer.graph
        self.heads = attention.heads
        channels = attention.out.in_features
        scale = torch.ones(3 * channels, device=attention.out.weight.device)
        scale[:channels] = (channels // self.heads) ** -0.5  # the scores' 1 / sqrt(d), put on the queries
        self.packed = (attention.query_key_value.weight.detach() * scale[:, None]).float()
        self.packed_bias = (attention.query_key_value.bias.detach() * scale).float()
        self.out = attention.out.weight.detach().float()
        self.out_bias = attention.out.bias.detach().float()
        adjacency = graph.adjacency.detach().double()
        degree = (adjacency.sum(dim=0).clamp(min=graph.floor) + DEGREE_EPSILON).rsqrt()
        self.laplacian = (degree[:, None] * adjacency * degree).float()
        self.widen, self.widen_bias = graph.widen.weight.detach().float(), graph.widen.bias.detach().float()
        self.narrow, self.narrow_bias = graph.narrow.weight.detach().float(), graph.narrow.bias.detach().float()
        self.norm_attention, self.norm_graph = _Norm(layer.norm_attention), _Norm(layer.norm_graph)

    def __call__(self, x: Tensor) -> Tensor:
        nodes, batch, channels = x.shape
        flat = x.view(-1, channels)
        packed = _linear(self.norm_attention(flat), self.packed, self.packed_bias)
        parts = packed.view(nodes, batch, 3, self.heads, -1).permute(2, 1, 3, 0, 4).contiguous()
        query, key, value = parts.view(3, batch * self.heads, nodes, -1)
        mixed = torch.bmm(torch.softmax(torch.bmm(query, key.transpose(1, 2)), -1), value)
        mixed = mixed.view(batch, self.heads, nodes, -1).permute(2, 0, 1, 3).reshape(-1, channels)
        flat = _linear(mixed, self.out, self.out_bias, add=flat)
        hidden = torch.mm(self.laplacian, self.norm_graph(flat).view(nodes, -1)).view(-1, channels)
        hidden = _linear(hidden, self.widen, self.widen_bias, relu=True)
        hidden = _linear(hidden, self.narrow)  # before the nodes are mixed, as that is half the work
        flat.add_(self.narrow_bias)
        return flat.view(nodes, -1).addmm_(self.laplacian, hidden.view(nodes, -1)).view(nodes, batch, channels)


class FusedRefiner:
    """Called as `Refiner.forward`, gives the same to float32's accuracy; keeps the weights that `network` has now.

    `threads`: how many share a batch; None for as many as torch uses when it is called.
    """

    def __init__(self, network: Refiner, threads: int | None = None) -> None:
        self.network = network
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        with torch.inference_mode():
            joints, nodes = len(network.skeleton), network.nodes
            hidden = network.config.hidden
            self._embed = _Affine(network.embed, (joints, STATE_CHANNELS))
            self._readout = _Affine(network.readout, (nodes, hidden))
            blocks = cast(list[TimedResidual], list(network.convolutions))
            self._attentions = [_Attention(layer) for layer in cast(list[GraphAttention], list(network.attentions))]
            self._convolutions = [_Residual(block) for block in blocks]
            self._guide: _Affine | None = None
            if network.guidance is not None:
                guiding = cast(list[TimedResidual], list(network.guidance.convolutions))
                self._guide = _Affine(network.guidance, (joints, len(network.config.guide_signs)))
                self._guide_attentions = [_Attention(layer) for layer in cast(list[GraphAttention], list(network.guidance.attentions))]
                self._guide_convolutions = [_Residual(block) for block in guiding]
                blocks += guiding
            # Every block's layer for the step's embedding, one below the other.
            self._time = torch.cat([block.time.weight.detach().float() for block in blocks])
            self._time_bias = torch.cat([block.time.bias.detach().float() for block in blocks])
            self._blocks = len(blocks)

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
