from __future__ import annotations

import pytest
import torch

from contract.skeleton import BODY_22
from engine.refiner.fast.backend import choose, choose_exact
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import Schedule


def test_the_choice_gives_the_networks_results() -> None:
    torch.manual_seed(0)
    network = Refiner(BODY_22, RefinerConfig(hidden=8, layers=2, heads=2)).eval()
    said: list[tuple[str, str]] = []
    chosen = choose(network, torch.device("cpu"), lambda code, message: said.append((code, message)))
    x, t, p = torch.randn(3, 22, 5), torch.tensor([6, 6, 6]), torch.randn(3, 22, 2)
    with torch.inference_mode():
        torch.testing.assert_close(chosen(x, t, p), network(x, t, p), atol=1e-4, rtol=1e-4)
    assert not said


@pytest.mark.parametrize("layout", [{}, {"use_cag": False}, {"guide_from_noisy": True}, {"use_cce": False}])
def test_the_exact_choice_is_the_network_to_single_precision(layout: dict[str, bool]) -> None:
    pytest.importorskip("onnx", reason="onnx, which makes graphs, is of the training extra")
    torch.manual_seed(0)
    network = Refiner(BODY_22, RefinerConfig(hidden=8, layers=2, heads=2, **layout)).eval()
    fast, x, p = choose_exact(network, torch.device("cpu")), torch.randn(40, 22, 5), torch.randn(40, 22, 2)
    with torch.inference_mode():
        clean = [Ddim(Schedule()).sample(model, x, p, [6, 3, 0]) for model in (fast, network)]
    assert fast is not network
    torch.testing.assert_close(clean[0], clean[1], atol=1e-5, rtol=1e-5)
    assert choose_exact(network, torch.device("meta")) is network
