"""The refiner's weights laid out for the kernels of triton_blocks: folded, padded to powers of two, one buffer a kind of block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.refiner.attention import DEGREE_EPSILON, GraphAttention
from engine.refiner.chebyshev import ChebConv, TimedResidual
from engine.refiner.embedding import CrossChannelEmbedding, CrossChannelReadout
from engine.refiner.guidance import ContextGuidance
from engine.refiner.layout import STATE_CHANNELS
from engine.refiner.network import Refiner

SMALLEST = 16  # the least that a matrix unit multiplies along any axis


def power(value: int) -> int:
    """The least power of two that is at least `value` and SMALLEST."""
    return max(SMALLEST, 1 << (value - 1).bit_length())


def two_parts(channels: int) -> tuple[int, int] | None:
    """`channels` as a sum of two powers of two, the greater first, the other at least SMALLEST; None where there is no such sum."""
    first = 1 << (channels.bit_length() - 1)
    if first == channels:
        first //= 2
    rest = channels - first
    return (first, rest) if rest >= SMALLEST and rest & (rest - 1) == 0 else None


def why_not(model: Refiner) -> str | None:
    """What about the network's layout the kernels do not know, or None."""
    config = model.config
    if not (config.use_cce and config.use_cag) or config.guide_from_noisy:
        return "a layout without one of the two branches, or with one that the noisy pose guides"
    if two_parts(config.hidden) is None:
        return f"{config.hidden} hidden channels"
    if len(config.guide_signs) > SMALLEST:
        return f"{len(config.guide_signs)} channels of context"
    if 2 * len(model.skeleton) > 64:
        return f"{2 * len(model.skeleton)} nodes"
    return None


@dataclass(frozen=True)
class Tile:
    """How poses lie in a tile: `poses` of `nodes` rows each in `rows` rows, of `joints` rows each in `joint_rows`."""

    nodes: int
    joints: int
    rows: int

    @property
    def poses(self) -> int:
        return self.rows // self.nodes

    @property
    def joint_rows(self) -> int:
        return power(self.poses * self.joints)

    def blocks(self, matrix: Tensor, height: int, width: int) -> Tensor:
        """(.., a, b) -> (.., height, width): the matrix once a pose along the diagonal, zeros elsewhere."""
        out = matrix.new_zeros(*matrix.shape[:-2], height, width)
        a, b = matrix.shape[-2:]
        for pose in range(self.poses):
            out[..., pose * a : (pose + 1) * a, pose * b : (pose + 1) * b] = matrix
        return out


@dataclass(frozen=True)
class Joints:
    """A map between joints and nodes: `mixing` (terms, to, from) block-diagonal, `weight` (terms, ..), `bias`; all float32."""

    mixing: Tensor
    weight: Tensor
    bias: Tensor

    @property
    def terms(self) -> int:
        return len(self.weight)


@dataclass(frozen=True)
class Blocks:
    """The layers of both branches. First axes: layer, branch (0 the main one, 1 the guidance; its last convolution is zeros and never run).

    Matrices are of the operands' type, vectors of float32.
    """

    attention_matrices: Tensor
    attention_vectors: Tensor
    convolution_matrices: Tensor
    convolution_vectors: Tensor
    time_weight: Tensor  # (layers * 2 * C, embedding)
    time_bias: Tensor


@dataclass(frozen=True)
class Packed:
    """What depends on the tile: matrices over the nodes, and the maps between joints and nodes."""

    tile: Tile
    learned: Tensor  # (layers, 2, rows, rows)
    polynomials: Tensor  # (2, rows, rows): T_1 and T_2 of the fixed graph
    state: Joints
    guide: Joints
    noise: Joints


def rounded(values: Tensor, dtype: torch.dtype, bits: int) -> Tensor:
    """Contiguous, of the operands' type, the lowest `bits` bits gone where products are only imitated (see triton_blocks)."""
    if bits == 16:
        values = values.to(torch.bfloat16).float()
    elif bits:
        values = ((values.float().view(torch.int32) >> bits) << bits).view(torch.float32)
    return values.to(dtype).contiguous()


def pack_blocks(model: Refiner, dtype: torch.dtype, bits: int = 0) -> Blocks:
    """The layers' weights for the kernels."""
    main, guide = _branches(model)
    attention_pairs = list(zip(main[0], guide[0], strict=True))
    conv_pairs = [(m, g) for m, g in zip(main[1], [*guide[1], None], strict=True)]
    matrices = torch.stack([torch.stack([attention_matrix(layer) for layer in pair]) for pair in attention_pairs])
    vectors = torch.stack([torch.stack([attention_vector(layer) for layer in pair]) for pair in attention_pairs])
    conv_matrices = torch.stack([torch.stack([convolution_matrix(c or m).mul(c is not None) for c in (m, g)]) for m, g in conv_pairs])
    conv_vectors = torch.stack([torch.stack([convolution_vector(c or m).mul(c is not None) for c in (m, g)]) for m, g in conv_pairs])
    times = [(c or m).time for m, g in conv_pairs for c in (m, g)]
    time_weight, time_bias = torch.cat([t.weight for t in times]), torch.cat([t.bias for t in times])
    return Blocks(
        rounded(matrices, dtype, bits), vectors.float().contiguous(),
        rounded(conv_matrices, dtype, bits), conv_vectors.float().contiguous(),
        time_weight.detach().float().contiguous(), time_bias.detach().float().contiguous(),
    )  # fmt: skip


Branch = tuple[list[GraphAttention], list[TimedResidual]]


def _branches(model: Refiner) -> tuple[Branch, Branch]:
    guidance = model.guidance
    assert isinstance(guidance, ContextGuidance)
    return _layers(model.attentions, model.convolutions), _layers(guidance.attentions, guidance.convolutions)


def _layers(attentions: nn.ModuleList, convolutions: nn.ModuleList) -> Branch:
    first = [layer for layer in attentions if isinstance(layer, GraphAttention)]
    second = [layer for layer in convolutions if isinstance(layer, TimedResidual)]
    return first, second


@torch.no_grad()
def attention_matrix(layer: GraphAttention) -> Tensor:
    """For each head: query, key and value weights (3, C, D), out weights (D, C); then widen (C, 2C) and narrow (2C, C); flat.

    D is the heads' width padded with zeros. The query is scaled so that exp2 of the scores is the softmax's exponential.
    """
    heads = layer.attention.heads
    channels = layer.attention.out.weight.shape[0]
    width = channels // heads
    query, key, value = layer.attention.query_key_value.weight.T.reshape(channels, 3, heads, width).unbind(1)
    out = layer.attention.out.weight.T.reshape(heads, width, channels)
    pad = power(width) - width
    parts = []
    for head in range(heads):
        for matrix in (query[:, head] * _log2_scale(width), key[:, head], value[:, head]):
            parts.append(functional.pad(matrix, (0, pad)).flatten())
        parts.append(functional.pad(out[head], (0, 0, 0, pad)).flatten())
    parts += [layer.graph.widen.weight.T.flatten(), layer.graph.narrow.weight.T.flatten()]
    return torch.cat(parts)


@torch.no_grad()
def attention_vector(layer: GraphAttention) -> Tensor:
    """gain, shift (C each), query bias (heads, D), out bias, gain, shift (C each), widen bias (2C), narrow bias (C).

    A key's bias adds the same to all scores of a query, which softmax does not see. A value's passes through the softmax, whose
    weights sum to 1, and is folded into the out bias.
    """
    attention = layer.attention
    channels = attention.out.weight.shape[0]
    width = channels // attention.heads
    query, _, value = attention.query_key_value.bias.view(3, channels)
    query = functional.pad(query.view(-1, width) * _log2_scale(width), (0, power(width) - width))
    return torch.cat((
        layer.norm_attention.gain, layer.norm_attention.shift, query.flatten(), attention.out.bias + attention.out.weight @ value,
        layer.norm_graph.gain, layer.norm_graph.shift, layer.graph.widen.bias, layer.graph.narrow.bias,
    ))  # fmt: skip


def _log2_scale(width: int) -> float:
    return math.log2(math.e) / math.sqrt(width)


@torch.no_grad()
def convolution_matrix(block: TimedResidual) -> Tensor:
    """Both convolutions' weights, (2, 3, C, C) flat."""
    return torch.cat((block.conv1.weight.flatten(), block.conv2.weight.flatten()))


@torch.no_grad()
def convolution_vector(block: TimedResidual) -> Tensor:
    """Both convolutions' biases (2, C), flat."""
    return torch.cat((block.conv1.bias, block.conv2.bias))


@torch.no_grad()
def learned_laplacian(layer: GraphAttention) -> Tensor:
    """(N, N) float64: what LearnedGraph.forward multiplies by."""
    adjacency = layer.graph.adjacency.double()
    scale = (adjacency.sum(dim=0).clamp(min=layer.graph.floor) + DEGREE_EPSILON).rsqrt()
    return scale[:, None] * adjacency * scale


@torch.no_grad()
def pack_tile(model: Refiner, rows: int, dtype: torch.dtype, bits: int = 0, noise_bits: int = 0) -> Packed:
    """What the kernels need for tiles of `rows` rows."""
    joints = len(model.skeleton)
    tile = Tile(2 * joints, joints, rows)
    main, guide = _branches(model)
    learned = torch.stack([torch.stack([learned_laplacian(layer) for layer in pair]) for pair in zip(main[0], guide[0], strict=True)])
    polynomials = _polynomials(main[1][0].conv1)[1:]
    blocks = [rounded(tile.blocks(m, rows, rows), dtype, bits) for m in (learned, polynomials)]
    noise = _pack_noise(model, tile, noise_bits)
    return Packed(tile, blocks[0], blocks[1], _pack_state(model, tile), _pack_guide(model, tile), noise)


def _polynomials(conv: ChebConv) -> Tensor:
    """(3, N, N) float64."""
    nodes = len(conv.mixing)
    return conv.mixing.double().view(nodes, nodes, -1).permute(2, 0, 1)


def _pack_state(model: Refiner, tile: Tile) -> Joints:
    """(u, v, x, y, z) to nodes: for each polynomial, its columns of the 2D nodes after the lift, and those of the 3D nodes."""
    layer = model.embed
    assert isinstance(layer, CrossChannelEmbedding)
    joints, polynomials, weight = tile.joints, _polynomials(layer.conv), layer.conv.weight[:, 0].double()
    lift = layer.lift.weight.double()
    weights = weight.new_zeros(2, 3, SMALLEST, weight.shape[-1])
    weights[0, :, :2] = lift.T @ weight
    weights[1, :, 2:5] = weight
    mixing = torch.stack((polynomials[..., :joints], polynomials[..., joints:])).flatten(0, 1)
    ones = polynomials[..., :joints].sum(-1)
    bias = torch.einsum("kn,kc->nc", ones, layer.lift.bias.double() @ weight) + layer.conv.bias.double()
    return _joints(tile.blocks(mixing, tile.rows, tile.joint_rows), weights.flatten(0, 1), bias)


def _pack_guide(model: Refiner, tile: Tile) -> Joints:
    """The context to nodes: the convolution over the skeleton and the linear layer along the joints in one."""
    layer = model.guidance
    assert isinstance(layer, ContextGuidance)
    weight, expand = layer.conv.weight[:, 0].double(), layer.expand.weight.double()
    weights = weight.new_zeros(3, SMALLEST, weight.shape[-1])
    weights[:, : weight.shape[1]] = weight
    bias = expand.sum(1)[:, None] * layer.conv.bias.double() + layer.expand.bias.double()[:, None]
    return _joints(tile.blocks(expand @ _polynomials(layer.conv), tile.rows, tile.joint_rows), weights, bias)


def _pack_noise(model: Refiner, tile: Tile, bits: int) -> Joints:
    """Nodes to noise: the rows of each joint's 2D and 3D node, each with its half of the last mixture of channels."""
    layer = model.readout
    assert isinstance(layer, CrossChannelReadout)
    joints, polynomials, weight = tile.joints, _polynomials(layer.conv), layer.conv.weight[:, 0].double()
    mix = layer.mix.weight.double()
    halves = torch.stack([weight @ mix[:, :3].T, weight @ mix[:, 3:].T]).flatten(0, 1)
    weights = functional.pad(halves, (0, SMALLEST - STATE_CHANNELS))
    conv_bias = layer.conv.bias.double()
    bias = layer.mix.bias.double() + mix @ torch.cat((conv_bias, conv_bias))
    gather = torch.stack((polynomials[:, :joints], polynomials[:, joints:])).flatten(0, 1)
    bias = functional.pad(bias, (0, SMALLEST - STATE_CHANNELS))
    packed = _joints(tile.blocks(gather, tile.joint_rows, tile.rows), weights, bias)
    return Joints(rounded(packed.mixing, torch.float32, bits), rounded(packed.weight, torch.float32, bits), packed.bias)


def _joints(mixing: Tensor, weight: Tensor, bias: Tensor) -> Joints:
    return Joints(mixing.float().contiguous(), weight.float().contiguous(), bias.float().contiguous())
