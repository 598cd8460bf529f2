"""The graphs for ONNX Runtime: the same numbers as torch's, in git as the command makes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from contract.skeleton import BODY_22
from engine import torch_weights, weights_file
from engine.lifter.codec import FEATURES
from engine.lifter.gravity import GravityNetwork
from engine.lifter.layout import GravityLayout, LifterConfig
from engine.lifter.network import Lifter
from engine.onnx_network import OnnxNetwork
from engine.refiner.layout import WindowConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.window import WindowRefiner

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


@pytest.mark.parametrize("size", [(1, 1), (2, 40)])
def test_the_network_that_finds_up_gives_torchs_numbers(size: tuple[int, int]) -> None:
    layout = {"width": 16, "dilations": [1, 2], "joints": 22, "features": FEATURES}
    network = drawn(GravityNetwork(GravityLayout.from_dict(layout)))
    given = {"features": torch.randn(*size, FEATURES), "guess": torch.randn(*size, 22, 3), "level": torch.randn(*size, 3)}
    found = session(onnx_graph.gravity_graph(layout), network, layout).run(**{name: value.numpy() for name, value in given.items()})
    for mine, exact in zip(found, network.double()(*(value.double() for value in given.values())), strict=True):
        np.testing.assert_allclose(mine, exact.numpy(), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 31])
def test_the_refiner_over_windows_gives_torchs_numbers(frames: int) -> None:
    layout = WindowConfig(hidden=4, width=16, dilations=((1,), (2,)), hints=5).to_dict()
    network = drawn(WindowRefiner(WindowConfig.from_dict(layout)))
    told = {"features": (FEATURES,), "hints": (5,), "guess": (22, 3), "up": (3,), "error": (), "level": (3,)}
    sizes = {"x": (22, 5), "guide": (22, 6)} | told
    given = {name: torch.randn(1, frames, *size) for name, size in sizes.items()}
    given["up"], given["error"] = nn.functional.normalize(given["up"], dim=-1), given["error"].abs()
    (found,) = session(onnx_graph.window_graph(layout), network, layout).run(
        t=np.array([16]), **{name: value.numpy() for name, value in given.items()}
    )
    x, guide, *others = (value.double() for value in given.values())
    exact = network.double().clean(x, torch.tensor([16]), guide, *others)
    np.testing.assert_allclose(found, exact.numpy(), atol=2e-4)


@pytest.mark.parametrize("name", ["lifter", "refiner", "gravity", "window"])
def test_the_graph_in_git_is_what_the_command_makes_and_knows_its_layout(name: str) -> None:
    shipped = onnx_graph.GRAPHS[name]
    header = weights_file.load_weights(weights_file.FOLDER / f"{shipped.weights}.safetensors").header
    made = shipped.make(header[shipped.layout])
    assert (weights_file.FOLDER / f"{name}.onnx").read_bytes() == made
    assert len(made) < 1_000_000  # no weights in it


def test_the_shipped_lifter_agrees_with_torch_in_float64() -> None:
    stored = torch_weights.load_weights(weights_file.FOLDER / "lifter.safetensors")
    network = Lifter(LifterConfig.from_dict(stored.header["layout"])).eval().requires_grad_(False)
    network.load_state_dict(stored.part("lifter"))
    generator = torch.Generator().manual_seed(1)
    features, base = torch.randn(1, 90, network.config.features, generator=generator), torch.zeros(1, 90, 22, 3)
    graph = (weights_file.FOLDER / "lifter.onnx").read_bytes()
    pose, _ = session(graph, network, stored.header["layout"]).run(features=features.numpy(), base=base.numpy())
    exact, _ = network.double().read(features.double(), base.double())
    assert np.abs(pose - exact.numpy()).max() < 2e-5  # statures: 0.03 mm
