"""The refiner on CUDA: the fused kernels where they work, the whole sampling replayed as one CUDA graph, and a way back.

Nothing is believed before it is seen here: at the first call the fused kernels refine some of that call's own poses beside the plain
network. If the joints differ by less than TOLERANCE on average the kernels stay; the error against any truth then changes by less than
that too, by the triangle inequality. Otherwise, or where Triton or the graph fails, the plain network goes on and a warning says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.refiner.layout import IMAGE_CHANNELS
from engine.refiner.network import Refiner
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import Schedule

if TYPE_CHECKING:
    from engine.refiner.fast.triton_refiner import TritonRefiner

TOLERANCE = 1e-4  # metres: the 0.1 mm by which the mean joint error may change
CHECKED = 64  # poses compared at the first call
BATCH = 4096
CAPABILITY = (8, 0)  # TF32 came with it
CODE = "slow_refiner"

log = logging.getLogger(__name__)

Say = Callable[[str, str], None]
Work = Callable[[], Tensor]
Capture = Callable[[Work], Work]  # runs the work once and gives back what runs it again on the same memory


def why_not_here(device: torch.device) -> str | None:
    """What about this machine keeps the fused kernels from it, or None."""
    if torch.version.hip is not None:
        return "this is not an NVIDIA GPU"
    if torch.cuda.get_device_capability(device) < CAPABILITY:
        return f"{torch.cuda.get_device_name(device)} is older than they need (compute capability {CAPABILITY[0]}.{CAPABILITY[1]})"
    return None


def make_fused(model: Refiner, precision: str) -> TritonRefiner:
    """The fused kernels over the model; ImportError where Triton is missing, ValueError for a layout they do not know."""
    from engine.refiner.fast.triton_refiner import TritonRefiner

    return TritonRefiner(model, precision)


def capture(work: Work) -> Work:
    """`work` as a CUDA graph. It must only launch kernels, on memory that stays; its result is overwritten at every replay."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # what is compiled or tuned at a first run may not be captured
        for _ in range(2):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = work()

    def replay() -> Tensor:
        graph.replay()
        return out

    return replay


class CudaRefiner:
    """A `sampler.WholeSampler` over a plain network on a CUDA device.

    precisions: those to try, the fastest first. tolerance: metres by which the joints may move on average. `fused` is None until the
    first call has shown that the kernels work, and stays so where they do not. The others are what tests put in the place of a GPU.
    """

    batch = BATCH

    def __init__(
        self,
        model: Refiner,
        say: Say,
        precisions: Sequence[str] = ("fp16", "tf32"),
        *,
        tolerance: float = TOLERANCE,
        why_not: Callable[[torch.device], str | None] = why_not_here,
        make: Callable[[Refiner, str], TritonRefiner] = make_fused,
        capture: Capture = capture,
    ) -> None:
        self.model = model
        self.fused: TritonRefiner | None = None
        self.precision = "plain"
        self._say = say
        self._precisions = tuple(precisions)
        self._tolerance = tolerance
        self._why_not, self._make, self._capture = why_not, make, capture
        self._checked = False
        self._graphs: dict[tuple[int, tuple[int, ...]], tuple[Tensor, Tensor | None, Work]] = {}
        self._may_capture = True

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise, as `Refiner.forward`; the kernels do it once `sample` has proved them."""
        return self.model(x, t, p) if self.fused is None else self.fused(x, t, p)

    @torch.inference_mode()
    def sample(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
        """What `Ddim.sample` gives with eta 0."""
        if not self._checked:
            self._checked = True
            self._choose(schedule, x[:CHECKED], None if guide is None else guide[:CHECKED], times)
        out = torch.empty_like(x)
        for start in range(0, len(x), self.batch):
            part = slice(start, start + self.batch)
            out[part] = self._run(schedule, x[part], None if guide is None else guide[part], times)
        return out

    def _choose(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> None:
        reason = self._why_not(x.device)
        if reason is not None:
            return self._slow(reason)
        plain = Ddim(schedule).sample(self.model, x, guide, times)
        reasons = []
        for precision in self._precisions:
            try:
                fused = self._make(self.model, precision)
                moved = displacement(fused.sample(schedule, x, guide, times), plain)
            except ImportError:
                return self._slow("Triton, which compiles them, is not installed")
            except ValueError as error:
                return self._slow(str(error))
            except Exception as error:  # a compiler's failures are of any class; all mean the same here, and the user is told
                log.warning("fused refiner, %s", precision, exc_info=True)
                reasons.append(f"{precision}: {_first_line(error)}")
                continue
            if moved < self._tolerance:
                self.fused, self.precision = fused, precision
                log.info("fused refiner in %s: joints differ by %.4f mm from the plain network's", precision, 1e3 * moved)
                return None
            reasons.append(f"{precision}: joints would move by {1e3 * moved:.2f} mm")
        return self._slow("; ".join(reasons))

    def _slow(self, reason: str) -> None:
        self._say(CODE, f"The refiner runs without its fused GPU kernels, which is slower but as exact ({reason}).")

    def _run(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
        if self._may_capture:
            size = bucket(len(x))
            key = size, tuple(times)
            try:
                if key not in self._graphs:
                    self._graphs[key] = self._record(schedule, x, guide, times, size)
                still_x, still_guide, replay = self._graphs[key]
            except RuntimeError as error:
                self._may_capture = False
                self._graphs.clear()
                log.warning("CUDA graph", exc_info=True)
                self._say(CODE, f"The refiner runs without a CUDA graph, which is slower but as exact ({_first_line(error)}).")
            else:
                _fill(still_x, x)
                if still_guide is not None and guide is not None:
                    _fill(still_guide, guide)
                return replay()[: len(x)]
        return self._work(schedule, x, guide, times)()

    def _record(
        self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int], size: int
    ) -> tuple[Tensor, Tensor | None, Work]:
        still_x = x.new_zeros(size, *x.shape[1:])
        still_guide = None if guide is None else guide.new_zeros(size, *guide.shape[1:])
        return still_x, still_guide, self._capture(self._work(schedule, still_x, still_guide, times))

    def _work(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Work:
        if self.fused is None:
            return lambda: Ddim(schedule).sample(self.model, x, guide, times)
        from engine.refiner.fast.triton_refiner import coefficients

        fused, table, steps = self.fused, self.fused.time_table(times), coefficients(schedule, times)
        return lambda: fused.loop(x, guide, table, steps)


def _fill(still: Tensor, values: Tensor) -> None:
    """The rest is cleared: poses of an earlier call that were not numbers would spoil those that share their tile."""
    still[: len(values)] = values
    still[len(values) :].zero_()


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def bucket(count: int) -> int:
    """The least power of two that is at least `count`: few graphs serve all sizes, and no more than half of one is idle."""
    return 1 << (count - 1).bit_length()


def displacement(first: Tensor, second: Tensor) -> float:
    """Mean distance of joints relative to the root, metres, between states (B, J, 5); infinite where one is not a number."""
    joints = [state[..., IMAGE_CHANNELS:] - state[:, :1, IMAGE_CHANNELS:] for state in (first, second)]
    distance = torch.linalg.vector_norm(joints[0] - joints[1], dim=-1).mean()
    return float(distance.detach()) if bool(distance.isfinite()) else float("inf")
