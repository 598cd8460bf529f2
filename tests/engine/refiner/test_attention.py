from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.refiner.attention import DEGREE_FLOOR, GraphAttention, LayerNorm, LearnedGraph, SelfAttention

Arrays = dict[str, np.ndarray]


pytestmark = pytest.mark.usefixtures("double_precision")


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    for name, parameter in module.named_parameters():
        if name.endswith("adjacency"):  # positive column sums, as near the start of a training, and not symmetric
            parameter.data = torch.eye(len(parameter)) + 0.1 * torch.rand_like(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.5)
    return module


def numbers(module: torch.nn.Module) -> Arrays:
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def norm(x: np.ndarray, gain: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return gain * (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, ddof=1, keepdims=True) + 1e-6) + shift


def attend(x: np.ndarray, w: Arrays, heads: int) -> np.ndarray:
    batch, nodes, channels = x.shape
    size = channels // heads
    query, key, value = np.split(x @ w["query_key_value.weight"].T + w["query_key_value.bias"], 3, axis=-1)
    joined = np.zeros_like(x)
    for b in range(batch):
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            for i in range(nodes):
                scores = np.array([query[b, i, part] @ key[b, j, part] for j in range(nodes)]) / np.sqrt(size)
                shares = np.exp(scores - scores.max())
                shares /= shares.sum()
                joined[b, i, part] = sum(shares[j] * value[b, j, part] for j in range(nodes))
    return joined @ w["out.weight"].T + w["out.bias"]


def learned_graph(x: np.ndarray, w: Arrays) -> np.ndarray:
    adjacency = w["adjacency"]
    degrees = adjacency.sum(axis=0) + 1e-5  # sums over columns, as the published code takes them
    laplacian = np.diag(degrees**-0.5) @ adjacency @ np.diag(degrees**-0.5)
    hidden = np.maximum(laplacian @ x @ w["widen.weight"].T + w["widen.bias"], 0)
    return laplacian @ hidden @ w["narrow.weight"].T + w["narrow.bias"]


def under(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix + "."): value for name, value in arrays.items() if name.startswith(prefix + ".")}


@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-13), (False, 1e-5)])
def test_layer_norm(exact: bool, tolerance: float) -> None:
    layer = randomised(LayerNorm(6, exact))
    x = np.random.default_rng(0).standard_normal((4, 5, 6)) + 3.0
    w = numbers(layer)
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), norm(x, w["gain"], w["shift"]), atol=tolerance)
    flat = layer(torch.full((1, 1, 6), 2.0))
    np.testing.assert_allclose(flat.detach().numpy()[0, 0], w["shift"], atol=1e-9)


@pytest.mark.parametrize("exact", [True, False])
def test_layer_norm_has_a_gradient_where_all_channels_are_equal(exact: bool) -> None:
    x = torch.full((1, 1, 6), 2.0, requires_grad=True)
    LayerNorm(6, exact)(x).square().sum().backward()
    assert x.grad is not None and bool(torch.isfinite(x.grad).all())


def test_self_attention_against_loops() -> None:
    layer = randomised(SelfAttention(8, 4, dropout=0.5)).eval()
    x = np.random.default_rng(1).standard_normal((2, 5, 8))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), attend(x, numbers(layer), 4), atol=1e-12)


def test_self_attention_does_not_care_for_the_order_of_nodes() -> None:
    layer = randomised(SelfAttention(8, 4, dropout=0.0))
    x = torch.randn(2, 6, 8)
    order = torch.randperm(6)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])


def test_channels_must_divide_into_heads() -> None:
    with pytest.raises(ValueError, match="heads"):
        SelfAttention(10, 4, 0.0)


@pytest.mark.parametrize("floor", [0.0, DEGREE_FLOOR])
def test_learned_graph_against_numpy(floor: float) -> None:
    layer = randomised(LearnedGraph(4, 5, floor))
    x = np.random.default_rng(2).standard_normal((3, 5, 4))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), learned_graph(x, numbers(layer)), atol=1e-12)


def test_learned_graph_starts_from_the_identity() -> None:
    layer = LearnedGraph(4, 5)
    x = torch.randn(2, 5, 4)
    alone = torch.cat([layer(x)[:, i : i + 1] for i in range(5)], dim=1)
    other = x.clone()
    other[:, 1:] = 0.0
    assert torch.equal(layer.adjacency, torch.eye(5))
    torch.testing.assert_close(layer(other)[:, 0], alone[:, 0])  # no node hears of another yet


def test_learned_graph_survives_negative_degrees() -> None:
    """Where a column's sum falls below 0 the published formula is NaN; ours goes on, and so does its gradient."""
    x = torch.randn(2, 5, 4)
    for floor, largest in ((DEGREE_FLOOR, 1e3), (0.0, 1e9)):
        layer = LearnedGraph(4, 5, floor)
        with torch.no_grad():
            layer.adjacency[:, 2] = -1.0
        with np.errstate(invalid="ignore"):
            assert np.isnan(learned_graph(x.numpy(), numbers(layer))).any()
        out = layer(x)
        out.sum().backward()
        assert bool((out.abs() < largest).all())
        assert layer.adjacency.grad is not None and bool(torch.isfinite(layer.adjacency.grad).all())


def test_the_whole_layer_against_numpy() -> None:
    layer = randomised(GraphAttention(8, 5, heads=2, dropout=0.3, attention_dropout=0.3, released=True)).eval()
    x = np.random.default_rng(3).standard_normal((2, 5, 8))
    w = numbers(layer)
    expected = x + attend(norm(x, w["norm_attention.gain"], w["norm_attention.shift"]), under("attention", w), 2)
    expected = expected + learned_graph(norm(expected, w["norm_graph.gain"], w["norm_graph.shift"]), under("graph", w))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), expected, atol=1e-11)
    ours = GraphAttention(8, 5, heads=2)
    ours.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach().numpy(), expected, atol=1e-4)


def test_dropout_works_in_training_only() -> None:
    x = torch.randn(2, 5, 8)
    for dropouts in ((0.5, 0.0), (0.0, 0.5)):
        layer = randomised(GraphAttention(8, 5, 2, *dropouts))
        assert not torch.equal(layer(x), layer(x))
        layer.eval()
        assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("released", [True, False])
def test_gradients(released: bool) -> None:
    layer = randomised(GraphAttention(4, 3, heads=2, released=released))
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(2, 3, 4, requires_grad=True)

    def call(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, (x, *layer.parameters()))
