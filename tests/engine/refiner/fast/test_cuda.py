"""The choice between fused kernels and the plain network, with something else in the place of a GPU; and on one where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from contract.skeleton import H36M_17
from engine.refiner.fast.cuda import CODE, CudaRefiner, bucket, displacement
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import Schedule

pytest.importorskip("triton", reason="Triton, which the fused kernels are written in, is not installed here")

SCHEDULE = Schedule()
TIMES = [6, 0]
Said = list[tuple[str, str]]


@pytest.fixture(scope="module")
def model() -> Refiner:
    torch.manual_seed(0)
    return Refiner(H36M_17, RefinerConfig(hidden=8, layers=2, heads=2)).eval()


class Fake:
    """What TritonRefiner offers, computed by the plain network and off by `error` metres in one direction of every joint but the root."""

    def __init__(self, model: Refiner, error: float = 0.0) -> None:
        self.model, self.error, self.loops = model, error, 0

    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        return self.model(x, t, p) + 1.0

    def time_table(self, times: Sequence[int]) -> Tensor:
        return torch.tensor(list(times))

    def loop(self, x: Tensor, guide: Tensor | None, table: Tensor, steps: Sequence[tuple[float, float]]) -> Tensor:
        self.loops += 1
        assert len(steps) == len(table)
        return self.sample(SCHEDULE, x, guide, table.tolist())

    def sample(self, schedule: Schedule, x: Tensor, guide: Tensor | None, times: Sequence[int]) -> Tensor:
        out = Ddim(schedule).sample(self.model, x, guide, times)
        out[:, 1:, 3] += self.error
        return out


class Recorder:
    """In the place of CUDA graphs: runs the work again, as a replay does, into the same memory."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.recorded += 1
        out = work()

        def replay() -> Tensor:
            self.replayed += 1
            return out.copy_(work())

        return replay


def refiner(model: Refiner, said: Said, make: Callable[[Refiner, str], object], **given: object) -> CudaRefiner:
    options = {"why_not": lambda device: None, "capture": Recorder()} | given
    return CudaRefiner(model, lambda code, text: said.append((code, text)), make=make, **options)  # type: ignore[arg-type]


def inputs(batch: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 17, 5, generator=generator), torch.randn(batch, 17, 2, generator=generator)


def plain(model: Refiner, x: Tensor, p: Tensor) -> Tensor:
    with torch.inference_mode():
        return Ddim(SCHEDULE).sample(model, x, p, TIMES)


def test_kernels_that_agree_are_used(model: Refiner) -> None:
    said: Said = []
    fakes: list[Fake] = []

    def make(model: Refiner, precision: str) -> Fake:
        fakes.append(Fake(model, 5e-5))
        return fakes[-1]

    chosen, (x, p) = refiner(model, said, make), inputs(5)
    got = chosen.sample(SCHEDULE, x, p, TIMES)
    assert (chosen.precision, len(fakes), said) == ("fp16", 1, [])
    assert fakes[0].loops > 0
    torch.testing.assert_close(got[:, 1:, 3] - plain(model, x, p)[:, 1:, 3], torch.full((5, 16), 5e-5), rtol=0.05, atol=0.0)
    t = torch.zeros(5)
    with torch.inference_mode():
        torch.testing.assert_close(chosen(x, t, p), model(x, t, p) + 1.0)


def test_the_next_precision_where_the_first_moves_the_joints_too_far(model: Refiner) -> None:
    said: Said = []
    chosen = refiner(model, said, lambda model, precision: Fake(model, {"fp16": 2e-4, "tf32": 5e-5}[precision]))
    chosen.sample(SCHEDULE, *inputs(3), TIMES)
    assert chosen.precision == "tf32" and not said


def fails(error: Exception) -> Callable[[Refiner, str], object]:
    def make(model: Refiner, precision: str) -> object:
        raise error

    return make


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fails(ImportError("no module named triton")), "Triton"),
        (fails(ValueError("the fused kernels do not know 40 hidden channels")), "40 hidden channels"),
        (fails(RuntimeError("PassManager::run failed\nmore")), "tf32: RuntimeError: PassManager::run failed"),
        (lambda model, precision: Fake(model, 2e-3), "joints would move by"),
        (lambda model, precision: Fake(model, float("nan")), "inf mm"),
    ],
)
def test_falling_back_gives_the_plain_result_and_is_said_once(model: Refiner, make: Callable[[Refiner, str], object], reason: str) -> None:
    said: Said = []
    chosen, (x, p) = refiner(model, said, make), inputs(3)
    for _ in range(2):
        torch.testing.assert_close(chosen.sample(SCHEDULE, x, p, TIMES), plain(model, x, p))
    assert chosen.fused is None and chosen.precision == "plain"
    assert len(said) == 1 and said[0][0] == CODE and reason in said[0][1]
    with torch.inference_mode():
        assert torch.equal(chosen(x, torch.zeros(3), p), model(x, torch.zeros(3), p))


def test_an_older_gpu_is_said(model: Refiner) -> None:
    said: Said = []
    chosen = refiner(model, said, fails(AssertionError("not to be made")), why_not=lambda device: "Quadro K600 is older than they need")
    x, p = inputs(2)
    torch.testing.assert_close(chosen.sample(SCHEDULE, x, p, TIMES), plain(model, x, p))
    assert "Quadro K600" in said[0][1]


def test_graphs_serve_all_sizes_up_to_their_own(model: Refiner) -> None:
    """Recorded once a size and steps; what an earlier, larger call left behind is cleared."""
    recorder, said = Recorder(), []
    chosen = refiner(model, said, lambda model, precision: Fake(model), capture=recorder)
    chosen.batch = 8
    for batch, recorded in ((7, 1), (5, 1), (8, 1), (1, 2), (3, 3), (20, 3)):
        x, p = inputs(batch, seed=batch)
        got = chosen.sample(SCHEDULE, x, p, TIMES)
        torch.testing.assert_close(got, plain(model, x, p))
        assert recorder.recorded == recorded
    still_x = next(iter(chosen._graphs.values()))[0]
    chosen.sample(SCHEDULE, *inputs(5), TIMES)
    assert not still_x[5:].any()
    chosen.sample(SCHEDULE, *inputs(3), [6])
    assert recorder.recorded == 4


def test_a_graph_that_fails_is_said_and_not_tried_again(model: Refiner) -> None:
    said: Said = []

    def capture(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        raise RuntimeError("operation not permitted when stream is capturing")

    chosen, (x, p) = refiner(model, said, lambda model, precision: Fake(model), capture=capture), inputs(3)
    for _ in range(2):
        torch.testing.assert_close(chosen.sample(SCHEDULE, x, p, TIMES), plain(model, x, p))
    assert len(said) == 1 and "stream is capturing" in said[0][1] and chosen.fused is not None


def test_buckets() -> None:
    assert [bucket(n) for n in (1, 2, 3, 64, 65, 4096)] == [1, 2, 4, 64, 128, 4096]


def test_displacement_is_of_joints_about_the_root() -> None:
    first = torch.zeros(2, 3, 5)
    second = first.clone()
    second[..., 2:] += 1.0
    second[:, 2, 4] += 0.03
    second[..., :2] += 9.0
    assert displacement(first, second) == pytest.approx(0.01)
    second[0, 1, 2] = float("nan")
    assert displacement(first, second) == float("inf")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_the_gpu() -> None:
    torch.manual_seed(0)
    network = Refiner(H36M_17, RefinerConfig()).eval().cuda()
    said: Said = []
    chosen = CudaRefiner(network, lambda code, text: said.append((code, text)))
    for batch in (1, 3, 500):
        x, p = (values.cuda() for values in inputs(batch))
        assert displacement(chosen.sample(SCHEDULE, x, p, TIMES), plain(network, x, p)) < 1e-4
    assert chosen.fused is not None and not said
