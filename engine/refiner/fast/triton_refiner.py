"""The refiner through the kernels of triton_blocks: twelve launches a step instead of some hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional

from engine.refiner.fast import triton_blocks as kernels
from engine.refiner.fast.packing import Joints, Packed, Tile, pack_blocks, pack_tile, power, two_parts, why_not
from engine.refiner.layout import STATE_CHANNELS
from engine.refiner.network import Refiner
from engine.refiner.schedule import CLEAN, Schedule

INTERPRETED = not isinstance(kernels.attention, triton.runtime.JITFunction)  # TRITON_INTERPRET=1: on the CPU, for tests
# Poses whose activations stay in a 50 MB L2 cache between two kernels: 26 kB a pose for both branches, as much for what a kernel writes.
SLICE = 768
BATCH = 4096
# Up to here every pose has a multiprocessor of its own, and the smallest tile answers first; beyond, a tile holds as many poses as it can.
FEW = 64
SMALL_ROWS, LARGE_ROWS = 64, 128
WARPS = {SMALL_ROWS: 4, LARGE_ROWS: 8}


@dataclass(frozen=True)
class Precision:
    """How the blocks multiply: the operands' type, and Triton's input_precision for float32 operands in each kind of kernel.

    Embedding and readout, a hundredth of the work, stay finer: there an error goes into the pose as it is.
    """

    dtype: torch.dtype
    blocks: str
    embed: str
    readout: str


# float16 runs at bfloat16's speed with eight times its resolution, in which the shipped weights are stored anyway. What its range does not
# hold becomes infinite, which the comparison with the plain network notices.
PRECISIONS = {
    "fp16": Precision(torch.float16, "tf32", "tf32x3", "tf32"),
    "bf16": Precision(torch.bfloat16, "tf32", "tf32x3", "tf32"),
    "tf32": Precision(torch.float32, "tf32", "tf32x3", "tf32"),
    "fp32": Precision(torch.float32, "ieee", "ieee", "ieee"),
}
TYPES: dict[torch.dtype, Any] = {torch.float16: tl.float16, torch.bfloat16: tl.bfloat16, torch.float32: tl.float32}
BFLOAT16_BITS, TF32_BITS = 16, 13  # that float32 has and they have not


class TritonRefiner:
    """Computes what `Refiner.forward` in evaluation mode and `Ddim.sample` do, on the device of the model, whose weights it copies.

    Raises ValueError for a layout that the kernels do not know.
    """

    batch = BATCH

    def __init__(self, model: Refiner, precision: str = "fp16", rows: int | None = None, slice_size: int = SLICE) -> None:
        reason = why_not(model)
        parts = two_parts(model.config.hidden)
        if reason is not None or parts is None:
            raise ValueError(f"the fused kernels do not know {reason}")
        self.model = model
        self.parts = parts
        self.precision = PRECISIONS[precision]
        self.rows = rows or best_rows(2 * len(model.skeleton), self.precision.dtype)
        self.slice = slice_size
        # The interpreter knows neither bfloat16 products nor TF32: it gets float32 operands with the bits taken away.
        self.dtype, self.bits, self.readout_bits = self.precision.dtype, 0, 0
        if INTERPRETED and self.dtype == torch.bfloat16:
            self.dtype, self.bits = torch.float32, BFLOAT16_BITS
        elif INTERPRETED and self.dtype == torch.float32 and self.precision.blocks == "tf32":
            self.bits = TF32_BITS
        if INTERPRETED and self.precision.readout == "tf32":
            self.readout_bits = TF32_BITS
        self.blocks = pack_blocks(model, self.dtype, self.bits)
        sizes = {SMALL_ROWS, self.rows}
        self.packed = {size: pack_tile(model, size, self.dtype, self.bits, self.readout_bits) for size in sizes}
        self.heads = model.config.heads
        self.layers = len(model.attentions)

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise in `x` (B, J, 5) at steps t (B,) in the context p (B, J, channels), float32."""
        self.model.check(x)
        context, times = self.model.context(x, p), self._time(t)
        out = self.empty(x.shape, x)
        for part in self._slices(x):
            guide = self._guide(context[part])
            self._step(x[part], guide, out[part], times[part], times.shape[1], 0.0, 1.0)
        return out

    @torch.inference_mode()
    def sample(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
        """What `Ddim.sample` gives with eta 0."""
        return self.loop(x, guide, self.time_table(times), coefficients(schedule, times))

    def time_table(self, times: Sequence[int]) -> Tensor:
        """(steps, layers * 2 * C): what the steps' times add in every block."""
        return self._time(torch.tensor(list(times), device=self.blocks.time_bias.device))

    def loop(self, x: Tensor, guide: Tensor | None, table: Tensor, steps: Sequence[tuple[float, float]]) -> Tensor:
        """All DDIM steps, with their `coefficients` and `time_table`; nothing here waits for the device."""
        self.model.check(x)
        context = self.model.context(x, guide)
        out = self.empty(x.shape, x)
        for part in self._slices(x):
            features, state = self._guide(context[part]), x[part]
            for i, (of_state, of_noise) in enumerate(steps):
                self._step(state, features, out[part], table[i : i + 1], 0, of_state, of_noise)
                state = out[part]
        return out

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Memory for a kernel to fill; tests poison it."""
        return torch.empty(tuple(shape), dtype=torch.float32, device=like.device)

    def _slices(self, x: Tensor) -> list[slice]:
        return [slice(start, min(start + self.slice, len(x))) for start in range(0, len(x), self.slice)]

    def _time(self, t: Tensor) -> Tensor:
        return functional.linear(functional.silu(self.model.time(t)), self.blocks.time_weight, self.blocks.time_bias)

    def _tile(self, poses: int) -> Packed:
        return self.packed[SMALL_ROWS if poses <= FEW else self.rows]

    def _guide(self, context: Tensor) -> Tensor:
        """(b, nodes, C) the guidance branch's first features."""
        packed = self._tile(len(context))
        out = self.empty((len(context), packed.tile.nodes, sum(self.parts)), context)
        self._embed(packed, packed.guide, context.contiguous(), out, out, 0)
        return out

    def _embed(self, packed: Packed, joints: Joints, values: Tensor, guide: Tensor, out: Tensor, branch_stride: int) -> None:
        tile, guided = packed.tile, branch_stride > 0
        poses, count, channels = values.shape
        kernels.embed[(_tiles(poses, tile),)](
            values, guide, out, joints.mixing, joints.weight, joints.bias, poses, branch_stride,
            count, channels, joints.terms, guided, *self._shape(tile, tile.joint_rows), self.precision.embed,
            **launch("embed", tile.rows, torch.float32),
        )  # fmt: skip

    def _shape(self, tile: Tile, *more: int) -> tuple[int, ...]:
        return (tile.nodes, tile.poses, tile.rows, *more, *self.parts)

    def _step(self, x: Tensor, guide: Tensor, out: Tensor, times: Tensor, pose_stride: int, of_state: float, of_noise: float) -> None:
        """out = of_state x + of_noise noise(x), for one slice."""
        packed, blocks, prec = self._tile(len(x)), self.blocks, self.precision
        tile, poses, channels = packed.tile, len(x), sum(self.parts)
        rows, tiles = poses * tile.nodes, _tiles(poses, tile)
        here, there = (self.empty((2, poses, tile.nodes, channels), x) for _ in range(2))
        stride = rows * channels
        x = x.contiguous()
        how = (TYPES[self.dtype], prec.blocks, self.bits)
        attend, convolve = (launch(block, tile.rows, self.dtype) for block in ("attention", "convolution"))
        self._embed(packed, packed.state, x, guide, here, stride)
        for i in range(self.layers):
            kernels.attention[(tiles, 2)](
                here, there, blocks.attention_matrices[i], blocks.attention_vectors[i], packed.learned[i],
                rows, stride, blocks.attention_matrices.shape[2], blocks.attention_vectors.shape[2], tile.rows**2,
                *self._shape(tile), self.heads, power(channels // self.heads), self.model.config.released, *how, **attend,
            )  # fmt: skip
            kernels.convolution[(tiles, 2 if i < self.layers - 1 else 1)](
                there, here, blocks.convolution_matrices[i], blocks.convolution_vectors[i], packed.polynomials,
                times[:, 2 * i * channels :],
                rows, stride, blocks.convolution_matrices.shape[2], blocks.convolution_vectors.shape[2], channels, pose_stride,
                *self._shape(tile), *how, **convolve,
            )  # fmt: skip
        kernels.readout[(tiles,)](
            here, x, out, packed.noise.mixing, packed.noise.weight, packed.noise.bias, poses, of_state, of_noise,
            tile.joints, STATE_CHANNELS, packed.noise.terms, *self._shape(tile, tile.joint_rows), prec.readout,
            self.readout_bits, **launch("readout", tile.rows, torch.float32),
        )  # fmt: skip


def best_rows(nodes: int, dtype: torch.dtype) -> int:
    """The tile for many poses: the large one where it is the fuller, and operands are of 16 bits (32 do not fit the registers)."""
    fill = {rows: rows // nodes * nodes / rows for rows in (SMALL_ROWS, LARGE_ROWS)}
    return LARGE_ROWS if dtype.itemsize == 2 and fill[LARGE_ROWS] > fill[SMALL_ROWS] else SMALL_ROWS


def launch(block: str, rows: int, dtype: torch.dtype) -> dict[str, int]:
    """Options of a kernel's launch: its warps, and how many loads of weights are in flight in its loops.

    Chosen by what the compiler says for sm_90: the most loads at which nothing spills and the shared memory suffices. float32 operands need
    twice the room of those of 16 bits, and leave none for a second load.
    """
    roomy = dtype.itemsize == 2 and (block == "attention" or rows == SMALL_ROWS)
    return {"num_warps": WARPS[rows], "num_stages": 2 if roomy else 1}


def coefficients(schedule: Schedule, times: Sequence[int]) -> list[tuple[float, float]]:
    """For each step of DDIM with eta 0 the factors of the state and of the noise: Ddim.step is linear in both."""
    factors = []
    for t, before in zip(times, (*times[1:], CLEAN), strict=True):
        now, then = schedule.alpha_bar(t), schedule.alpha_bar(before)
        kept = (then / now) ** 0.5
        factors.append((kept, max(1.0 - then, 0.0) ** 0.5 - kept * (1.0 - now) ** 0.5))
    return factors


def _tiles(poses: int, tile: Tile) -> int:
    return -(-poses // tile.poses)
