"""The graphs for ONNX Runtime: the same numbers as torch's, in git as the command makes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from contract.skeleton import BODY_22
from engine import weights_file
from engine.lifter.network import Lifter, LifterConfig
from engine.onnx_network import OnnxNetwork
from engine.refiner.network import Refiner, RefinerConfig

onnx_graph = pytest.importorskip("engine.refiner.fast.onnx_graph", reason="onnx, which makes graphs, is of the training extra")
SMALL = {"hidden": 32, "layers": 2, "guide_signs": [-1.0, 1.0, 1.0, -1.0, 1.0, 1.0]}


def session(graph: bytes, network: nn.Module, layout: dict[str, object] | None = None) -> OnnxNetwork:
    return OnnxNetwork(graph, {name: value.numpy() for name, value in network.state_dict().items()}, layout)


def drawn(network: nn.Module) -> nn.Module:
    """The network with weights that say something, ready to run."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (3, 5)])
def test_a_lifter_of_any_layout_and_length_gives_torchs_numbers(size: tuple[int, int]) -> None:
    layout = {"width": 32, "dilations": [1, 2, 4]}
    network = drawn(Lifter(LifterConfig.from_dict(layout)))
    features, base = torch.randn(*size, network.config.features), torch.randn(*size, 22, 3)
    found = session(onnx_graph.lifter_graph(layout), network, layout).run(features=features.numpy(), base=base.numpy())
    for mine, exact in zip(found, network.double().read(features.double(), base.double()), strict=True):
        np.testing.assert_allclose(mine, exact.numpy(), atol=1e-5)


@pytest.mark.parametrize("poses", [1, 7])
def test_a_refiner_of_any_layout_and_batch_gives_torchs_numbers(poses: int) -> None:
    network = drawn(Refiner(BODY_22, RefinerConfig.from_dict(SMALL)))
    x, p, t = torch.randn(poses, 22, 5), torch.randn(poses, 22, 6), torch.tensor([7])
    (found,) = session(onnx_graph.refiner_graph(SMALL), network, SMALL).run(x=x.numpy(), p=p.numpy(), t=t.numpy())
    np.testing.assert_allclose(found, network(x, t.expand(poses), p).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", ["lifter", "refiner"])
def test_the_graph_in_git_is_what_the_command_makes_and_knows_its_layout(name: str) -> None:
    folder = weights_file.FOLDER
    layout = weights_file.load_weights(folder / f"{name}.safetensors").header["layout"]
    made = onnx_graph.GRAPHS[name](layout)
    assert (folder / f"{name}.onnx").read_bytes() == made
    assert len(made) < 1_000_000  # no weights in it


def test_the_shipped_lifter_agrees_with_torch_in_float64() -> None:
    stored = weights_file.load_weights(weights_file.FOLDER / "lifter.safetensors")
    network = Lifter(LifterConfig.from_dict(stored.header["layout"])).eval().requires_grad_(False)
    network.load_state_dict(stored.part("lifter"))
    generator = torch.Generator().manual_seed(1)
    features, base = torch.randn(1, 90, network.config.features, generator=generator), torch.zeros(1, 90, 22, 3)
    graph = (weights_file.FOLDER / "lifter.onnx").read_bytes()
    pose, _ = session(graph, network, stored.header["layout"]).run(features=features.numpy(), base=base.numpy())
    exact, _ = network.double().read(features.double(), base.double())
    assert np.abs(pose - exact.numpy()).max() < 2e-5  # statures: 0.03 mm
