"""Which implementation of the refiner's network runs on a device: one seam for all the fast ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.refiner.fast.cpu import CpuRefiner
from engine.refiner.fast.cuda import CudaRefiner
from engine.refiner.fast.fused import FusedRefiner
from engine.refiner.network import Refiner
from engine.refiner.sampler import Model

Say = Callable[[str, str], None]  # takes a warning's code and its message, as Progress.warning does


def choose(model: Refiner, device: torch.device, say: Say) -> Model:
    """What to call in place of `model`, which is in evaluation mode on `device`: the same results from the fastest that works here.

    Where a faster one should work and does not, the plain network runs and `say` tells why, now or at the first call.
    """
    if device.type == "cpu":
        return CpuRefiner(model)
    if device.type == "cuda":
        return CudaRefiner(model, say)
    return model


def choose_exact(model: Refiner, device: torch.device) -> Model:
    """As `choose`, but of those that agree with the network to float32's accuracy: for tables that others are to get again to the digit."""
    return FusedRefiner(model) if device.type == "cpu" else model
