"""In what the networks' products are rounded during training."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from engine.refiner.fast.cpu import multiplies_bfloat16

PRECISIONS = ("bf16", "float32")


def products(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which matrix products are in bfloat16 for `bf16`, on any device but a processor that does not multiply it itself: there
    a product takes thirty times as long as in float32 (measured on x86 with AVX2: 1.6 against 51 GFLOP/s), so float32 stays."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16" and (device.type != "cpu" or multiplies_bfloat16()))
