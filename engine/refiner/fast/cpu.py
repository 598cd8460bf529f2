"""The refiner on a CPU: the fused pass, in bfloat16 where the processor multiplies it itself and the joints stay where they are.

At the first sampling some of that call's own poses are refined both ways. If the joints differ by less than TOLERANCE on average bfloat16
stays, otherwise float32 goes on; either way every later call is done alike. What bfloat16 does to the error against a truth is measured by
benchmarks/cpu_refiner.py and stands in docs/performance.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.refiner.fast.cuda import displacement
from engine.refiner.fast.fused import FusedRefiner
from engine.refiner.fast.products import ONE_PASS
from engine.refiner.network import Refiner
from engine.refiner.sampler import BATCH, Ddim
from engine.refiner.schedule import Schedule

TOLERANCE = 5e-4  # metres: several times what rounding does to the joints (0.15 mm), a tenth of what a refiner moves them by
CHECKED = 32  # poses compared at the first sampling

log = logging.getLogger(__name__)


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 and torch uses them: without them it is slower than float32."""
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)  # older torch does not tell
    return ONE_PASS and ask().get("avx512_bf16") is True


class CpuRefiner:
    """A `sampler.WholeSampler` over a plain network on the CPU. `fused` is what runs: of float32 until bfloat16 has been seen to do.

    native: says whether the processor multiplies bfloat16; tests put another in its place. tolerance: metres.
    """

    batch = BATCH

    def __init__(self, model: Refiner, *, native: Callable[[], bool] = multiplies_bfloat16, tolerance: float = TOLERANCE) -> None:
        self.fused = FusedRefiner(model)
        self._tolerance = tolerance
        self._undecided = native()

    @property
    def precision(self) -> str:
        """`fp32` or `bf16`: what refines."""
        return {torch.float32: "fp32", torch.bfloat16: "bf16"}[self.fused.dtype]

    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise, as `Refiner.forward`."""
        return self.fused(x, t, p)

    @torch.inference_mode()
    def sample(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
        """What `Ddim.sample` gives with eta 0."""
        if self._undecided and len(x):
            self._undecided = False
            self._choose(schedule, x[:CHECKED], None if guide is None else guide[:CHECKED], times)
        return Ddim(schedule).sample(self.fused, x, guide, times)

    def _choose(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> None:
        short = self.fused.to(torch.bfloat16)
        exact, rounded = (Ddim(schedule).sample(fused, x, guide, times) for fused in (self.fused, short))
        moved = displacement(rounded, exact)
        if moved < self._tolerance:
            self.fused = short
        log.info("bfloat16 moves the joints by %.4f mm, so %s refines", 1e3 * moved, self.precision)
