from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22, H36M_17
from engine.refiner.graph_lifter import GraphLifter, GraphLifterConfig
from tests.engine.refiner.test_network import Plain, walk_laplacian

pytestmark = pytest.mark.usefixtures("double_precision")

SMALL = GraphLifterConfig(hidden=8, layers=2, heads=2)


class PlainLifter(Plain):
    """The forward pass once more, in plain numpy, by name of parameter."""

    def __init__(self, network: GraphLifter) -> None:
        self.w = {name: value.detach().numpy() for name, value in network.state_dict().items()}
        self.config = network.config  # type: ignore[assignment]
        self.graph = walk_laplacian(len(network.skeleton), list(network.skeleton.edges))

    def lift(self, points: np.ndarray) -> np.ndarray:
        x = self.cheb(points, "enter", self.graph)
        for i in range(self.config.layers):
            x = self.attention(x, f"attentions.{i}")
            hidden = np.maximum(self.cheb(x, f"convolutions.{i}.conv1", self.graph), 0)
            x = x + np.maximum(self.cheb(hidden, f"convolutions.{i}.conv2", self.graph), 0)
        pose = self.cheb(x, "leave", self.graph)
        return pose - pose[:, :1]


def randomised(network: GraphLifter) -> GraphLifter:
    for name, parameter in network.named_parameters():
        if name.endswith("adjacency"):
            parameter.data = torch.eye(len(parameter)) + 0.05 * torch.rand_like(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22], ids=lambda skeleton: skeleton.name)
def test_forward_against_numpy(skeleton) -> None:
    network = randomised(GraphLifter(skeleton, SMALL))
    points = np.random.default_rng(0).standard_normal((3, len(skeleton), 2))
    expected = PlainLifter(network).lift(points)
    assert np.abs(expected).max() > 0.1
    # ours keeps the epsilon of the normalisation inside the root
    np.testing.assert_allclose(network(torch.from_numpy(points)).detach().numpy(), expected, atol=2e-5)


def test_the_published_parameters() -> None:
    assert sum(p.numel() for p in GraphLifter(H36M_17).parameters()) == 654_344


def test_gradients_and_that_every_parameter_is_used() -> None:
    network = randomised(GraphLifter(H36M_17, GraphLifterConfig(hidden=4, layers=1, heads=2)))
    assert torch.autograd.gradcheck(network, (torch.randn(1, 17, 2, requires_grad=True),))
    network(torch.randn(4, 17, 2)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def test_settings_survive_a_checkpoint() -> None:
    assert GraphLifterConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ValueError, match="wings"):
        GraphLifterConfig.from_dict({"wings": 2})
