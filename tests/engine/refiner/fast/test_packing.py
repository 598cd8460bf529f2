from __future__ import annotations

import pytest
import torch

from contract.skeleton import BODY_22, H36M_17
from engine.refiner.fast.packing import (
    Tile,
    attention_matrix,
    learned_laplacian,
    pack_blocks,
    pack_tile,
    power,
    rounded,
    two_parts,
    why_not,
)
from engine.refiner.network import Refiner, RefinerConfig

pytestmark = pytest.mark.usefixtures("double_precision")


def test_powers_and_parts() -> None:
    assert [power(n) for n in (1, 16, 17, 24, 64, 66)] == [16, 16, 32, 32, 64, 128]
    assert [two_parts(n) for n in (96, 64, 48, 32, 40, 24, 16)] == [(64, 32), (32, 32), (32, 16), (16, 16), None, None, None]


def test_a_tile_repeats_the_matrix_along_its_diagonal() -> None:
    tile = Tile(34, 17, 128)
    assert (tile.poses, tile.joint_rows) == (3, 64)
    matrix = torch.randn(2, 34, 34)
    blocks = tile.blocks(matrix, 128, 128)
    x = torch.randn(128, 5)
    expected = torch.cat([matrix[1] @ x[34 * i : 34 * (i + 1)] for i in range(3)] + [torch.zeros(26, 5)])
    torch.testing.assert_close(blocks[1] @ x, expected)


def test_rounding_is_that_of_the_types() -> None:
    values = torch.randn(1000).float()
    assert torch.equal(rounded(values, torch.float32, 16), values.bfloat16().float())
    cut = rounded(values, torch.float32, 13)
    assert ((cut - values).abs() <= values.abs() * 2.0**-10).all() and (cut.abs() <= values.abs()).all() and not torch.equal(cut, values)
    assert torch.equal(rounded(values, torch.float32, 0), values)


def test_padded_heads_hold_the_same_attention() -> None:
    """Scores in powers of two from the padded weights, against the layer's own."""
    layer = Refiner(H36M_17, RefinerConfig(layers=1)).attentions[0]
    x = torch.randn(34, 96)
    per_head = attention_matrix(layer)[: 4 * 4 * 96 * 32].view(4, 4 * 96 * 32)
    query, key = (x @ layer.attention.query_key_value.weight[i * 96 : (i + 1) * 96].T for i in range(2))
    for head in range(4):
        part = slice(24 * head, 24 * (head + 1))
        q, k = (x @ per_head[head, i * 96 * 32 : (i + 1) * 96 * 32].view(96, 32) for i in range(2))
        assert not q[:, 24:].any()
        torch.testing.assert_close(torch.exp2(q @ k.T), torch.exp(query[:, part] @ key[:, part].T / 24**0.5))


@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22])
def test_maps_between_joints_and_nodes(skeleton) -> None:
    """Embedding, guidance's embedding and readout as sums of products, against the network's layers."""
    model = Refiner(skeleton, RefinerConfig(layers=1, hidden=32))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    packed = pack_tile(model, 64, torch.float32)
    joints, nodes = len(skeleton), 2 * len(skeleton)

    def apply(name: str, values: torch.Tensor, first: str) -> torch.Tensor:
        maps = getattr(packed, name)
        out = maps.bias.double()
        for mixing, weight in zip(maps.mixing.double(), maps.weight.double(), strict=True):
            if first == "mix":
                out = out + (mixing[:nodes, :joints] @ values) @ weight[: values.shape[1]]
            else:
                out = out + mixing[:joints, :nodes] @ (values @ weight)
        return out

    state, context, features = torch.randn(joints, 5), torch.randn(joints, 2), torch.randn(nodes, 32)
    assert model.guidance is not None
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(apply("state", state, "mix"), model.embed(state[None])[0], **close)
    torch.testing.assert_close(apply("guide", context, "mix"), model.guidance(context[None])[0], **close)
    torch.testing.assert_close(apply("noise", features, "weigh")[:, :5], model.readout(features[None])[0], **close)
    assert packed.learned.shape == (1, 2, 64, 64) and not packed.learned[..., nodes * packed.tile.poses :, :].any()


def test_the_last_convolution_of_the_guidance_is_empty() -> None:
    blocks = pack_blocks(Refiner(H36M_17, RefinerConfig(layers=2, hidden=32)), torch.float16)
    assert blocks.convolution_matrices.dtype == torch.float16 and blocks.convolution_vectors.dtype == torch.float32
    used = [[bool(matrix.any()) for matrix in layer] for layer in blocks.convolution_matrices]
    assert used == [[True, True], [True, False]]


def test_the_learned_graph_is_the_layers() -> None:
    layer = Refiner(H36M_17, RefinerConfig(layers=1, hidden=32)).attentions[0].graph
    layer.adjacency.data += 0.1 * torch.randn(34, 34)
    block = torch.nn.Module()
    block.graph = layer
    x = torch.randn(34, 32)
    graph = learned_laplacian(block)  # type: ignore[arg-type]
    torch.testing.assert_close(graph @ torch.relu(layer.widen(graph @ x)) @ layer.narrow.weight.T + layer.narrow.bias, layer(x[None])[0])


def test_layouts_that_are_not_known() -> None:
    assert why_not(Refiner(BODY_22, RefinerConfig(layers=1))) is None
    for settings, reason in (({"use_cag": False}, "branches"), ({"hidden": 40}, "40 hidden"), ({"use_cce": False}, "branches")):
        found = why_not(Refiner(BODY_22, RefinerConfig.from_dict(settings)))
        assert found is not None and reason in found
