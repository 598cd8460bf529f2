from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from contract.skeleton import H36M_17
from engine.refiner.chebyshev import ChebConv, TimedResidual, chebyshev_polynomials
from engine.refiner.graph import Graph

GRAPH = Graph.cross_channel(H36M_17)
SMALL = Graph(4, ((0, 1), (1, 2), (1, 3)))


pytestmark = pytest.mark.usefixtures("double_precision")


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


@pytest.mark.parametrize("order", [1, 2, 4])
def test_polynomials_on_the_eigenvalues(order: int) -> None:
    """T_k(L) has L's eigenvectors, and as eigenvalues the scalar polynomial of L's."""
    laplacian = GRAPH.laplacian().numpy()
    values, vectors = np.linalg.eig(laplacian)
    back = np.linalg.inv(vectors)
    got = chebyshev_polynomials(torch.from_numpy(laplacian), order).numpy()
    assert got.shape == (order + 1, 34, 34)
    for k in range(order + 1):
        scalar = chebyshev.chebval(values, [0.0] * k + [1.0])
        np.testing.assert_allclose(got[k], (vectors * scalar @ back).real, atol=1e-10)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 7), (6, 2)])
def test_convolution_against_its_definition(inputs: int, outputs: int) -> None:
    layer = randomised(ChebConv(inputs, outputs, GRAPH))
    assert layer.weight.shape == (3, 1, inputs, outputs)
    x = np.random.default_rng(1).standard_normal((5, 34, inputs))
    laplacian = GRAPH.laplacian().numpy()
    terms = [np.eye(34), laplacian, 2 * laplacian @ laplacian - np.eye(34)]
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = np.zeros((5, 34, outputs))
    for sample in range(5):
        for k in range(3):
            expected[sample] += terms[k] @ x[sample] @ weight[k, 0]
        expected[sample] += bias
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), expected, atol=1e-12)


def test_initial_weights() -> None:
    """Xavier's normal distribution as it comes out for a tensor of shape (3, 1, in, out): fans of in out and 3 in out."""
    layer = ChebConv(96, 96, GRAPH)
    assert not layer.bias.any()
    assert float(layer.weight.detach().std()) == pytest.approx((2.0 / (96 * 96 + 3 * 96 * 96)) ** 0.5, rel=0.02)


def test_the_polynomials_stay_out_of_checkpoints_and_follow_the_type() -> None:
    layer = ChebConv(2, 2, GRAPH)
    assert set(layer.state_dict()) == {"weight", "bias"}
    assert layer.float()(torch.zeros(1, 34, 2, dtype=torch.float32)).dtype == torch.float32


def test_timed_residual_against_numpy() -> None:
    block = randomised(TimedResidual(4, 6, SMALL, dropout=0.5)).eval()
    rng = np.random.default_rng(2)
    x, time = rng.standard_normal((3, 4, 4)), rng.standard_normal((3, 6))
    numbers = {name: value.numpy() for name, value in block.state_dict().items()}
    laplacian = SMALL.laplacian().numpy()
    terms = [np.eye(4), laplacian, 2 * laplacian @ laplacian - np.eye(4)]

    def convolve(values: np.ndarray, name: str) -> np.ndarray:
        return sum(terms[k] @ values @ numbers[f"{name}.weight"][k, 0] for k in range(3)) + numbers[f"{name}.bias"]

    hidden = np.maximum(convolve(x, "conv1"), 0) + (time @ numbers["time.weight"].T + numbers["time.bias"])[:, None]
    expected = x + np.maximum(convolve(hidden, "conv2"), 0)
    np.testing.assert_allclose(block(torch.from_numpy(x), torch.from_numpy(time)).detach().numpy(), expected, atol=1e-12)


def test_dropout_works_in_training_only() -> None:
    block = randomised(TimedResidual(4, 6, SMALL, dropout=0.5))
    x, time = torch.randn(8, 4, 4), torch.randn(8, 6)
    assert not torch.equal(block(x, time), block(x, time))
    block.eval()
    assert torch.equal(block(x, time), block(x, time))


def test_gradients() -> None:
    layer = randomised(ChebConv(2, 3, SMALL))
    x = torch.randn(2, 4, 2, requires_grad=True)

    def convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(convolution, (x, layer.weight, layer.bias))
    block = randomised(TimedResidual(3, 2, SMALL, dropout=0.0))
    assert torch.autograd.gradcheck(block, (torch.randn(2, 4, 3, requires_grad=True), torch.randn(2, 2, requires_grad=True)))
