from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22, H36M_17, Skeleton
from engine.refiner.network import Refiner, RefinerConfig, TimeEmbedding, sinusoid

Arrays = dict[str, np.ndarray]

CHAIN = Skeleton("CHAIN", ("root", "hip.L", "hip.R"), (-1, 0, 0))
TINY = RefinerConfig(hidden=4, layers=2, heads=2, dropout=0.0, attention_dropout=0.0, conv_dropout=0.0)


pytestmark = pytest.mark.usefixtures("double_precision")


def randomised(network: Refiner) -> Refiner:
    for name, parameter in network.named_parameters():
        if name.endswith("adjacency"):
            parameter.data = torch.eye(len(parameter)) + 0.05 * torch.rand_like(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.2)
    return network


# The whole network once more, from the paper's description, in plain numpy.


def walk_laplacian(nodes: int, edges: list[tuple[int, int]]) -> np.ndarray:
    matrix = np.eye(nodes)
    for a, b in edges:
        matrix[a, b] = matrix[b, a] = 1.0
    return np.eye(nodes) - np.diag(1.0 / matrix.sum(axis=1)) @ matrix


class Plain:
    """The forward pass by name of parameter."""

    def __init__(self, network: Refiner) -> None:
        self.w: Arrays = {name: value.detach().numpy() for name, value in network.state_dict().items()}
        self.config = network.config
        bones = list(network.skeleton.edges)
        self.joints = joints = len(network.skeleton)
        self.skeleton = walk_laplacian(joints, bones)
        both = bones + [(a + joints, b + joints) for a, b in bones]
        if self.config.use_bridges:
            both += [(i, i + joints) for i in range(joints)]
        self.graph = walk_laplacian(2 * joints, both) if self.config.use_cce else self.skeleton

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def cheb(self, x: np.ndarray, name: str, laplacian: np.ndarray) -> np.ndarray:
        weight = self.w[f"{name}.weight"]
        terms = [np.eye(len(laplacian)), laplacian, 2 * laplacian @ laplacian - np.eye(len(laplacian))]
        return sum(terms[k] @ x @ weight[k, 0] for k in range(3)) + self.w[f"{name}.bias"]

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, ddof=1, keepdims=True) + 1e-6)
        return self.w[f"{name}.gain"] * scaled + self.w[f"{name}.shift"]

    def attention(self, x: np.ndarray, name: str) -> np.ndarray:
        size = self.config.hidden // self.config.heads
        packed = self.linear(self.norm(x, f"{name}.norm_attention"), f"{name}.attention.query_key_value")
        query, key, value = np.split(packed, 3, axis=-1)
        heads = []
        for h in range(self.config.heads):
            part = slice(h * size, (h + 1) * size)
            scores = np.exp(query[..., part] @ key[..., part].transpose(0, 2, 1) / np.sqrt(size))
            heads.append(scores / scores.sum(axis=-1, keepdims=True) @ value[..., part])
        x = x + self.linear(np.concatenate(heads, axis=-1), f"{name}.attention.out")
        adjacency = self.w[f"{name}.graph.adjacency"]
        scale = (adjacency.sum(axis=0) + 1e-5) ** -0.5
        laplacian = scale[:, None] * adjacency * scale[None]
        hidden = np.maximum(self.linear(laplacian @ self.norm(x, f"{name}.norm_graph"), f"{name}.graph.widen"), 0)
        return x + self.linear(laplacian @ hidden, f"{name}.graph.narrow")

    def residual(self, x: np.ndarray, time: np.ndarray, name: str) -> np.ndarray:
        out = np.maximum(self.cheb(x, f"{name}.conv1", self.graph), 0)
        out = out + self.linear(time / (1 + np.exp(-time)), f"{name}.time")[:, None]
        return x + np.maximum(self.cheb(out, f"{name}.conv2", self.graph), 0)

    def time(self, t: np.ndarray) -> np.ndarray:
        half = self.config.hidden // 2
        angles = np.array([[step * 10000.0 ** (-i / (half - 1)) for i in range(half)] for step in t])
        first = self.linear(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), "time.first")
        return self.linear(first / (1 + np.exp(-first)), "time.second")

    def forward(self, x: np.ndarray, t: np.ndarray, p: np.ndarray) -> np.ndarray:
        time, last = self.time(t), self.config.layers - 1
        if self.config.use_cce:
            nodes = np.concatenate([self.linear(x[..., :2], "embed.lift"), x[..., 2:]], axis=1)
            out = self.cheb(nodes, "embed.conv", self.graph)
        else:
            out = self.cheb(x, "embed", self.graph)
        if self.config.use_cag:
            if self.config.guide_from_noisy:
                p = np.concatenate([x[..., :2], p[..., 2:]], axis=-1)
            guide = self.cheb(p, "guidance.conv", self.skeleton)
            guide = self.linear(guide.transpose(0, 2, 1), "guidance.expand").transpose(0, 2, 1)
            out = out + guide
        for i in range(self.config.layers):
            out = self.attention(out, f"attentions.{i}")
            if self.config.use_cag:
                guide = self.attention(guide, f"guidance.attentions.{i}")
                out = out + guide
                if i < last:
                    guide = self.residual(guide + out, time, f"guidance.convolutions.{i}")
            out = self.residual(out, time, f"convolutions.{i}")
        if not self.config.use_cce:
            return self.cheb(out, "readout", self.graph)
        out = self.cheb(out, "readout.conv", self.graph)
        return self.linear(np.concatenate([out[:, : self.joints], out[:, self.joints :]], axis=-1), "readout.mix")


VARIANTS = {
    "released": RefinerConfig(hidden=8, layers=3, heads=2, released=True),
    "ours": RefinerConfig(hidden=8, layers=3, heads=2),
    "odd sizes": RefinerConfig(hidden=12, layers=1, heads=3),
    "without embedding": RefinerConfig(hidden=8, layers=2, heads=2, use_cce=False),
    "without guidance": RefinerConfig(hidden=8, layers=2, heads=2, use_cag=False),
    "without either": RefinerConfig(hidden=8, layers=2, heads=2, use_cce=False, use_cag=False),
    "without bridges": RefinerConfig(hidden=8, layers=2, heads=2, use_bridges=False),
    "guided by the noisy pose": RefinerConfig(hidden=8, layers=2, heads=2, guide_from_noisy=True),
    "more context": RefinerConfig(hidden=8, layers=2, heads=2, guide_signs=(-1.0, 1.0, 1.0, -1.0)),
    "more context, noisy pose": RefinerConfig(hidden=8, layers=2, heads=2, guide_signs=(-1.0, 1.0, 1.0), guide_from_noisy=True),
}


@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22, CHAIN], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("name", VARIANTS)
def test_forward_against_numpy(name: str, skeleton: Skeleton) -> None:
    config = VARIANTS[name]
    network = randomised(Refiner(skeleton, config)).eval()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, len(skeleton), 5))
    p = rng.standard_normal((3, len(skeleton), len(config.guide_signs)))
    t = np.array([0, 6, 50])
    expected = Plain(network).forward(x, t, p)
    got = network(torch.from_numpy(x), torch.from_numpy(t), torch.from_numpy(p)).detach().numpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(got, expected, atol=1e-11 if config.released else 2e-5)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("released", [True, False])
def test_the_papers_parameters(released: bool) -> None:
    """1,872,990 in the published network, of which the guidance's last convolution and its output layer are never used."""
    network = Refiner(H36M_17, RefinerConfig(released=released))
    guidance = network.guidance
    assert guidance is not None
    assert count(network.convolutions) == 462_240
    assert count(network.attentions) == count(guidance.attentions) == 379_700
    assert count(guidance.convolutions) == 462_240 - 92_448
    assert count(network.time) == 185_088
    assert (count(network.embed.lift), count(network.embed.conv)) == (9, 960)
    assert (count(network.readout.mix), count(network.readout.conv)) == (35, 867)
    assert (count(guidance.expand), count(guidance.conv)) == (612, 672)
    unused = 92_448 + 867
    assert unused == 93_315
    assert network.parameter_count() == count(network) == 1_872_990 - unused


def test_every_parameter_is_used() -> None:
    for name, config in VARIANTS.items():
        network = randomised(Refiner(BODY_22, config)).eval()
        p = torch.randn(4, 22, len(config.guide_signs))
        network(torch.randn(4, 22, 5), torch.arange(4), p).square().sum().backward()
        idle = [parameter for parameter, value in network.named_parameters() if value.grad is None or not value.grad.any()]
        assert not idle, f"{name}: {idle}"


def test_published_start() -> None:
    """Attention layers start as copies of one another, the projections of one layer too; convolutions do not."""
    network = Refiner(H36M_17, RefinerConfig(released=True))
    assert network.guidance is not None
    first = network.attentions[0]
    for layer in (*network.attentions, *network.guidance.attentions):
        for name, value in layer.attention.state_dict().items():
            assert torch.equal(value, first.attention.state_dict()[name])
        query, key, value = layer.attention.query_key_value.weight.chunk(3)
        assert torch.equal(query, key) and torch.equal(query, value) and torch.equal(query, layer.attention.out.weight)
    for branch in (network.attentions, network.guidance.attentions):
        assert all(torch.equal(layer.graph.widen.weight, branch[0].graph.widen.weight) for layer in branch)
        assert branch[0].graph.widen.weight.data_ptr() != branch[1].graph.widen.weight.data_ptr()
    assert not torch.equal(first.graph.widen.weight, network.guidance.attentions[0].graph.widen.weight)
    assert not torch.equal(network.convolutions[0].conv1.weight, network.convolutions[1].conv1.weight)
    ours = Refiner(H36M_17)
    assert not torch.equal(ours.attentions[0].attention.out.weight, ours.attentions[1].attention.out.weight)


def test_time_embedding() -> None:
    waves = sinusoid(torch.tensor([3, 0]), 6, torch.float64).numpy()
    expected = [np.sin(3), np.sin(3 / 100), np.sin(3 / 10000), np.cos(3), np.cos(3 / 100), np.cos(3 / 10000)]
    np.testing.assert_allclose(waves[0], expected, atol=1e-14)
    np.testing.assert_allclose(waves[1], [0, 0, 0, 1, 1, 1], atol=1e-14)
    assert sinusoid(torch.tensor([3]), 7, torch.float64).shape == (1, 7)
    assert TimeEmbedding(96, 384)(torch.tensor([1.0, 2.0])).shape == (2, 384)


def test_poses_do_not_meet_in_a_batch() -> None:
    network = randomised(Refiner(BODY_22, VARIANTS["ours"])).eval()
    x, t, p = torch.randn(5, 22, 5), torch.arange(5) * 10, torch.randn(5, 22, 2)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(network(x[order], t[order], p[order]), network(x, t, p)[order])
    torch.testing.assert_close(network(x[2:3], t[2:3], p[2:3]), network(x, t, p)[2:3])


def test_guidance_matters_only_where_it_is_used() -> None:
    x, t = torch.randn(2, 3, 5), torch.tensor([1, 40])
    one, other = torch.randn(2, 3, 2), torch.randn(2, 3, 2)
    guided = randomised(Refiner(CHAIN, TINY)).eval()
    assert not torch.equal(guided(x, t, one), guided(x, t, other))
    for config in (VARIANTS["without guidance"], VARIANTS["guided by the noisy pose"]):
        network = randomised(Refiner(CHAIN, config)).eval()
        assert torch.equal(network(x, t, one), network(x, t))


def test_gradients() -> None:
    network = randomised(Refiner(CHAIN, TINY))
    t = torch.tensor([6, 30])

    def call(x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        return network(x, t, p)

    assert torch.autograd.gradcheck(call, (torch.randn(2, 3, 5, requires_grad=True), torch.randn(2, 3, 2, requires_grad=True)))


def test_types_follow_the_module() -> None:
    network = Refiner(CHAIN, TINY).float()
    out = network(torch.zeros(2, 3, 5, dtype=torch.float32), torch.tensor([0, 1]), torch.zeros(2, 3, 2, dtype=torch.float32))
    assert out.dtype == torch.float32


def test_wrong_shapes_are_named() -> None:
    network = Refiner(CHAIN, TINY)
    t = torch.tensor([0])
    with pytest.raises(ValueError, match=r"\(B, 3, 5\)"):
        network(torch.zeros(1, 4, 5), t, torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match=r"\(1, 3, 2\)"):
        network(torch.zeros(1, 3, 5), t, torch.zeros(1, 3, 3))
    with pytest.raises(ValueError, match="None"):
        network(torch.zeros(1, 3, 5), t)


def test_settings_survive_a_checkpoint() -> None:
    for config in VARIANTS.values():
        assert RefinerConfig.from_dict(config.to_dict()) == config
    # JSON knows no tuples.
    assert RefinerConfig.from_dict({"guide_signs": [-1, 1, 1]}).guide_signs == (-1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="wings"):
        RefinerConfig.from_dict({"wings": 2})
    network = Refiner(BODY_22, VARIANTS["ours"])
    again = Refiner(BODY_22, RefinerConfig.from_dict(network.config.to_dict()))
    again.load_state_dict(network.state_dict())
    x, t, p = torch.randn(1, 22, 5), torch.tensor([3]), torch.randn(1, 22, 2)
    assert torch.equal(again.eval()(x, t, p), network.eval()(x, t, p))
