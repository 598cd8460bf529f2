"""Products against float64, through oneDNN and without it."""

from __future__ import annotations

import pytest
import torch

from engine.refiner.fast import products
from engine.refiner.fast.products import Product, mix

EXACT = {torch.float32: 1e-6, torch.bfloat16: 2.0**-8}  # of the largest value; the results too are rounded to their type
TYPES = pytest.mark.parametrize("dtype", EXACT, ids=str)


@pytest.fixture(params=[True, False], ids=["one pass", "plain torch"])
def one_pass(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "ONE_PASS", request.param and products.ONE_PASS)


def near(got: torch.Tensor, wanted: torch.Tensor) -> bool:
    return bool((got.double() - wanted).abs().max() <= EXACT[got.dtype] * wanted.abs().max())


@TYPES
@pytest.mark.parametrize("rows", [1, 5, 272, 4352])
def test_a_product_of_any_number_of_rows(rows: int, dtype: torch.dtype, one_pass: None) -> None:
    generator = torch.Generator().manual_seed(rows)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in ((rows, 24), (40, 24), (40,)))
    x, weight, bias = (values.to(dtype).float() for values in (x, weight, bias))  # what the type can hold: then products are the only error
    wanted = x.double() @ weight.double().T + bias.double()
    with torch.inference_mode():
        made = Product(weight, bias, dtype)
        assert near(made(x.to(dtype)), wanted)
        assert near(made(x.to(dtype), relu=True), wanted.clamp_min(0.0))
        assert near(Product(weight, None, dtype)(x.to(dtype)), wanted - bias.double())


@TYPES
@pytest.mark.parametrize(("nodes", "batch"), [(3, 1), (34, 7), (44, 32)])
def test_nodes_are_mixed_pose_by_pose(nodes: int, batch: int, dtype: torch.dtype, one_pass: None) -> None:
    generator = torch.Generator().manual_seed(nodes)
    matrix, x, bias = (torch.randn(shape, generator=generator) for shape in ((nodes, nodes), (nodes, batch, 24), (24,)))
    matrix, x, bias = (values.to(dtype).float() for values in (matrix, x, bias))
    wanted = torch.einsum("mn,nbc->mbc", matrix.double(), x.double())
    with torch.inference_mode():
        assert near(mix(matrix.to(dtype), x.to(dtype)), wanted)
        assert near(mix(matrix.to(dtype), x.to(dtype), bias.to(dtype), relu=True), (wanted + bias.double()).clamp_min(0.0))


def test_a_pose_that_is_no_number_spoils_no_other(one_pass: None) -> None:
    x = torch.ones(34, 5, 24)
    x[3, 2, 7] = float("nan")
    with torch.inference_mode():
        mixed = mix(torch.ones(34, 34), x)
    assert mixed[:, [0, 1, 3, 4]].isfinite().all() and mixed[:, 2, 7].isnan().all()
