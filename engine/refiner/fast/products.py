"""The matrix products of the refiner on a CPU, in float32 or bfloat16, through oneDNN's one-pass operations where torch has them."""

from __future__ import annotations

import platform

import torch
from torch import Tensor
from torch.nn import functional

# torch's compiler puts a linear layer and what follows it into this operation of oneDNN. Builds without oneDNN lack it, and on other
# processors than x86 oneDNN hands over to other libraries, which nobody has tried here.
ONE_PASS = (
    torch.backends.mkldnn.is_available()
    and platform.machine().lower() in ("x86_64", "amd64")
    and all(hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight"))
)
# Without AVX-512 oneDNN refuses bfloat16, which torch's own products then imitate.
ONE_PASS_BFLOAT16 = ONE_PASS and torch.ops.mkldnn._is_mkldnn_bf16_supported()
ROWS = 2048  # for which weights are laid out: 48 poses. Any number of rows gives the right product


def one_pass(values: Tensor) -> bool:
    """Whether oneDNN multiplies such values, and adds and clips in the same pass."""
    return values.device.type == "cpu" and (ONE_PASS_BFLOAT16 if values.dtype == torch.bfloat16 else ONE_PASS)


class Product:
    """(rows, in) -> (rows, out): x W^T + b in the type `dtype`, to which the weights are brought once."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self.weight = weight.detach().to(dtype).contiguous()
        if one_pass(self.weight):
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight, ROWS)
        self.bias = None if bias is None else bias.detach().to(dtype)

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """x of the type `dtype`, `relu` after it."""
        return product(x, self.weight, self.bias, relu=relu)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """x W^T + b, and then ReLU if wanted, in one pass over the result where that can be; all of one type."""
    if one_pass(x):
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "relu" if relu else "none", [], "")
        return result
    result = functional.linear(x, weight, bias)
    return result.relu_() if relu else result


def mix(matrix: Tensor, x: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """(M, N) matrix over the nodes of x (N, B, C) -> (M, B, C), plus a bias (C,), and then ReLU if wanted; all of one type.

    Written as a linear layer whose weights are the features: oneDNN multiplies these shapes faster than torch's own product, and neither
    bias nor ReLU costs a pass of its own.
    """
    nodes, batch, channels = x.shape
    tiled = None if bias is None else bias.repeat(batch)
    return product(matrix, x.view(nodes, -1).T, tiled, relu=relu).view(len(matrix), batch, channels)
