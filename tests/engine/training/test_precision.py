"""Products are rounded where that was asked for and pays."""

import pytest
import torch

from engine.training import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("asked", "native", "expected"), [
    ("bf16", True, torch.bfloat16), ("bf16", False, torch.float32), ("float32", True, torch.float32), ("float32", False, torch.float32),
])  # fmt: skip
def test_bfloat16_only_where_the_processor_multiplies_it(monkeypatch, asked, native, expected):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: native)
    with precision.products(CPU, asked):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


def test_other_devices_multiply_it(monkeypatch):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    asked = []
    monkeypatch.setattr(precision.torch, "autocast", lambda *args, **options: asked.append((args, options)))
    precision.products(torch.device("cuda"), "bf16")
    assert asked == [(("cuda", torch.bfloat16), {"enabled": True})]
