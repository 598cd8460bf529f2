"""Convolutions in the graph's modes against the Chebyshev convolution itself, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from contract.skeleton import BODY_22, H36M_17
from engine.refiner.chebyshev import ChebConv, TimedResidual
from engine.refiner.fast.spectral import SpectralConvolution, SpectralResidual
from engine.refiner.graph import Graph

GRAPHS = {
    "cross-channel": Graph.cross_channel(H36M_17),
    "two parts": Graph.cross_channel(BODY_22, bridges=False),
    "one node alone": Graph(4, ((0, 1), (1, 2))),
}
EXACT = {torch.float32: 1e-5, torch.bfloat16: 0.03}  # of the largest value
BATCH, CHANNELS, TIME = 6, 16, 8


def node_major(x: Tensor) -> Tensor:
    return x.transpose(0, 1).contiguous()


def off(got: Tensor, wanted: Tensor) -> float:
    return float((got.transpose(0, 1).double() - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_a_convolution(graph: Graph, order: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    conv = ChebConv(CHANNELS, CHANNELS, graph, order)
    conv.bias.data.normal_()
    x, everywhere = torch.randn(BATCH, graph.nodes, CHANNELS), torch.randn(BATCH, CHANNELS)
    with torch.inference_mode():
        fast = SpectralConvolution(conv, dtype)
        exact = conv.double()
        assert off(fast(node_major(x).to(dtype)), exact(x.double()).relu()) < EXACT[dtype]
        for added in (everywhere, everywhere[:1]):  # one for each pose, one for all
            wanted = exact(x.double() + added[:, None].double()).relu()
            assert off(fast(node_major(x).to(dtype), added.to(dtype)), wanted) < EXACT[dtype]


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_a_residual_block(graph: Graph, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    block = TimedResidual(CHANNELS, TIME, graph, dropout=0.0)
    for conv in (block.conv1, block.conv2):
        conv.weight.data.mul_(4.0)
        conv.bias.data.normal_()
    x, swish_time = torch.randn(BATCH, graph.nodes, CHANNELS), torch.randn(BATCH, TIME)
    with torch.inference_mode():
        time = block.time(swish_time)
        got = SpectralResidual(block, dtype)(node_major(x), time)
        assert got.dtype == torch.float32 and off(got, block.double()(x.double(), swish_time.double())) < EXACT[dtype]
