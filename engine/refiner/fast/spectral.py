"""Chebyshev graph convolutions in the modes of their graph: one product of weights a node where the polynomials need three.

A polynomial of L = V diag(l) V^-1 is V diag(T_k(l)) V^-1, so sum_k T_k(L) x W_k = V y with y_i = (V^-1 x)_i (sum_k T_k(l_i) W_k): the
sum in the brackets is one matrix a mode, made once. Nothing is left out or approximated; the graph is fixed, hence V too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.refiner.chebyshev import ChebConv, TimedResidual
from engine.refiner.fast.products import mix

ABSENT = 1e-9  # a mode whose share in a constant is below this (of 1) is not in it but for rounding


class SpectralConvolution:
    """ChebConv on (N, B, C), ReLU behind it, in the type `dtype`."""

    def __init__(self, conv: ChebConv, dtype: torch.dtype) -> None:
        values, to_modes, from_modes = conv.graph.modes()
        weight = conv.weight.detach()[:, 0].double().cpu()
        terms = [torch.ones_like(values), values]
        while len(terms) < len(weight):
            terms.append(2.0 * values * terms[-1] - terms[-2])
        polynomials = torch.stack(terms[: len(weight)])
        device = conv.weight.device
        self.to_modes, self.from_modes = (m.to(device, dtype).contiguous() for m in (to_modes, from_modes))
        self.weight = torch.einsum("kn,kio->nio", polynomials, weight).to(device, dtype)
        self.bias = conv.bias.detach().to(dtype)
        # What is the same at every node is in few modes, one for each part of the graph that hangs together.
        constant = to_modes.sum(dim=1)
        self.constant = [(i, float(share)) for i, share in enumerate(constant) if abs(share) > ABSENT]

    def __call__(self, x: Tensor, everywhere: Tensor | None = None) -> Tensor:
        """relu(conv(x + everywhere)); everywhere: (1 or B, C), the same at all nodes."""
        modes = mix(self.to_modes, x)
        if everywhere is not None:
            for i, share in self.constant:
                modes[i].add_(everywhere, alpha=share)
        return mix(self.from_modes, torch.bmm(modes, self.weight), self.bias, relu=True)


class SpectralResidual:
    """TimedResidual on (N, B, C) float32, in place; its convolutions in the type `dtype`."""

    def __init__(self, block: TimedResidual, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.conv1, self.conv2 = SpectralConvolution(block.conv1, dtype), SpectralConvolution(block.conv2, dtype)

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        """time: (1 or B, C), the block's own linear layer of the step's embedding."""
        return x.add_(self.conv2(self.conv1(x.to(self.dtype)), time.to(self.dtype)))
