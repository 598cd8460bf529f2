from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import H36M_17
from engine.refiner.graph import Graph
from engine.refiner.guidance import ContextGuidance

PLAIN = Graph.of_skeleton(H36M_17)


pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.mark.parametrize("channels", [2, 6])
def test_input_against_numpy(channels: int) -> None:
    branch = ContextGuidance(channels, 5, PLAIN, 34, [], [])
    w = {name: value.numpy() for name, value in branch.state_dict().items()}
    context = np.random.default_rng(0).standard_normal((3, 17, channels))
    laplacian = PLAIN.laplacian().numpy()
    terms = [np.eye(17), laplacian, 2 * laplacian @ laplacian - np.eye(17)]
    features = sum(terms[k] @ context @ w["conv.weight"][k, 0] for k in range(3)) + w["conv.bias"]
    expected = np.zeros((3, 34, 5))
    for node in range(34):  # every node is a sum over all joints, the same for every channel
        expected[:, node] = np.tensordot(features, w["expand.weight"][node], axes=(1, 0)) + w["expand.bias"][node]
    np.testing.assert_allclose(branch(torch.from_numpy(context)).detach().numpy(), expected, atol=1e-12)


def test_parameters_and_gradients() -> None:
    branch = ContextGuidance(2, 96, PLAIN, 34, [], [])
    assert [sum(p.numel() for p in part.parameters()) for part in (branch.conv, branch.expand)] == [672, 612]
    small = ContextGuidance(2, 3, Graph(3, ((0, 1), (1, 2))), 6, [], [])
    assert torch.autograd.gradcheck(small, (torch.randn(2, 3, 2, requires_grad=True),))
