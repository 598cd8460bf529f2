from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import H36M_17
from engine.refiner.embedding import CrossChannelEmbedding, CrossChannelReadout
from engine.refiner.graph import Graph

GRAPH = Graph.cross_channel(H36M_17)


pytestmark = pytest.mark.usefixtures("double_precision")


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    laplacian = GRAPH.laplacian().numpy()
    terms = [np.eye(34), laplacian, 2 * laplacian @ laplacian - np.eye(34)]
    return sum(terms[k] @ x @ weight[k, 0] for k in range(3)) + bias


def test_embedding_against_numpy() -> None:
    layer = CrossChannelEmbedding(7, GRAPH)
    w = {name: value.numpy() for name, value in layer.state_dict().items()}
    state = np.random.default_rng(0).standard_normal((4, 17, 5))
    nodes = np.zeros((4, 34, 3))
    for joint in range(17):
        nodes[:, joint] = state[:, joint, :2] @ w["lift.weight"].T + w["lift.bias"]
        nodes[:, 17 + joint] = state[:, joint, 2:]
    expected = convolve(nodes, w["conv.weight"], w["conv.bias"])
    np.testing.assert_allclose(layer(torch.from_numpy(state)).detach().numpy(), expected, atol=1e-12)


def test_readout_against_numpy() -> None:
    layer = CrossChannelReadout(7, GRAPH)
    w = {name: value.numpy() for name, value in layer.state_dict().items()}
    features = np.random.default_rng(1).standard_normal((4, 34, 7))
    nodes = convolve(features, w["conv.weight"], w["conv.bias"])
    expected = np.zeros((4, 17, 5))
    for joint in range(17):
        six = np.concatenate([nodes[:, joint], nodes[:, 17 + joint]], axis=-1)
        expected[:, joint] = six @ w["mix.weight"].T + w["mix.bias"]
    np.testing.assert_allclose(layer(torch.from_numpy(features)).detach().numpy(), expected, atol=1e-12)


def test_parameters_and_gradients() -> None:
    embed, readout = CrossChannelEmbedding(96, GRAPH), CrossChannelReadout(96, GRAPH)
    assert [sum(p.numel() for p in part.parameters()) for part in (embed.lift, embed.conv, readout.conv, readout.mix)] == [9, 960, 867, 35]
    small = Graph(4, ((0, 1), (2, 3), (0, 2), (1, 3)))
    assert torch.autograd.gradcheck(CrossChannelEmbedding(3, small), (torch.randn(2, 2, 5, requires_grad=True),))
    assert torch.autograd.gradcheck(CrossChannelReadout(3, small), (torch.randn(2, 4, 3, requires_grad=True),))
