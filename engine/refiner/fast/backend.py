"""Which implementation of the refiner's network runs on a device of torch: one seam for all the fast ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.refiner.fast.cuda import CudaRefiner
from engine.refiner.network import Refiner
from engine.refiner.sampler import Model

Say = Callable[[str, str], None]  # takes a warning's code and its message, as Progress.warning does


def choose(model: Refiner, device: torch.device, say: Say) -> Model:
    """What to call in place of `model`, which is in evaluation mode on `device`: the same results from the fastest that works here.

    Where a faster one should work and does not, the plain network runs and `say` tells why, now or at the first call.
    """
    return CudaRefiner(model, say) if device.type == "cuda" else model


def choose_exact(model: Refiner, device: torch.device) -> Model:
    """As `choose`, but of those that agree with the network to float32's accuracy: for tables that others are to get again to the digit.

    On the processor that is ONNX Runtime.
    """
    if device.type != "cpu":
        return model
    from engine.refiner.fast.exported import ExportedRefiner  # needs onnx, which a capture on CUDA does without

    return ExportedRefiner(model)
