"""In what the networks' products are rounded during training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

PRECISIONS = ("bf16", "float32")


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 and torch uses them: without them it is slower than float32."""
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)  # older torch does not tell
    return torch.backends.mkldnn.is_available() and ask().get("avx512_bf16") is True


def products(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which matrix products are in bfloat16 for `bf16`, on any device but a processor that does not multiply it itself: there
    a product takes thirty times as long as in float32 (measured on x86 with AVX2: 1.6 against 51 GFLOP/s), so float32 stays."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16" and (device.type != "cpu" or multiplies_bfloat16()))
