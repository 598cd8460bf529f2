"""Which precision refines on a CPU, and that the caller's poses decide it."""

from __future__ import annotations

import pytest
import torch

from contract.skeleton import BODY_22
from engine.refiner.fast.cpu import CpuRefiner, multiplies_bfloat16
from engine.refiner.fast.fused import FusedRefiner
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim, WholeSampler, refine
from engine.refiner.schedule import Schedule

SCHEDULE, TIMES = Schedule(), [6, 0]


@pytest.fixture(scope="module")
def network() -> Refiner:
    torch.manual_seed(0)
    made = Refiner(BODY_22, RefinerConfig(hidden=16, layers=2, heads=2)).eval()
    for parameter in made.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return made


@pytest.fixture
def poses() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return 0.3 * torch.randn(40, 22, 5, generator=generator), 0.3 * torch.randn(40, 22, 2, generator=generator)


def test_bfloat16_stays_where_the_joints_do(network, poses):
    chosen = CpuRefiner(network, native=lambda: True, tolerance=1.0)
    assert isinstance(chosen, WholeSampler) and chosen.fused.dtype == torch.float32
    got = chosen.sample(SCHEDULE, *poses, TIMES)
    assert chosen.fused.dtype == torch.bfloat16
    exact = Ddim(SCHEDULE).sample(network, *poses, TIMES)
    assert 0.0 < (got - exact).abs().max() < 0.05 and got.dtype == torch.float32
    assert torch.equal(got, chosen.sample(SCHEDULE, *poses, TIMES))


@pytest.mark.parametrize(("native", "tolerance"), [(False, 1.0), (True, 0.0)])
def test_float32_goes_on_otherwise(network, poses, native, tolerance):
    chosen = CpuRefiner(network, native=lambda: native, tolerance=tolerance)
    got = chosen.sample(SCHEDULE, *poses, TIMES)
    assert chosen.fused.dtype == torch.float32
    torch.testing.assert_close(got, Ddim(SCHEDULE).sample(network, *poses, TIMES), atol=1e-4, rtol=1e-4)


def test_poses_that_are_no_numbers_and_no_poses_at_all_decide_nothing_bad(network, poses):
    x, guide = poses
    chosen = CpuRefiner(network, native=lambda: True, tolerance=1.0)
    assert chosen.sample(SCHEDULE, x[:0], guide[:0], TIMES).shape == (0, 22, 5)
    bad = x.clone()
    bad[3] = float("nan")
    got = chosen.sample(SCHEDULE, bad, guide, TIMES)
    assert chosen.fused.dtype == torch.float32
    assert got[3].isnan().all() and got[[*range(3), *range(4, 40)]].isfinite().all()


def test_noise_and_refining_go_through_it(network, poses):
    x, guide = poses
    chosen = CpuRefiner(network, native=lambda: True, tolerance=1.0)
    t = torch.full((len(x),), 6)
    with torch.inference_mode():
        torch.testing.assert_close(chosen(x, t, guide), network(x, t, guide), atol=1e-4, rtol=1e-4)
    results = [refine(model, BODY_22, Ddim(SCHEDULE), x[None], guide, TIMES, flip=True).pose for model in (network, chosen)]
    assert chosen.fused.dtype == torch.bfloat16 and (results[0] - results[1]).abs().max() < 0.05


def test_the_processor_says_what_it_can(monkeypatch):
    assert multiplies_bfloat16() in (True, False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False}, raising=False)
    assert not multiplies_bfloat16()
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not multiplies_bfloat16()


def test_without_instructions_for_it_the_arithmetic_still_holds(network, poses):
    x, guide = poses
    t = torch.full((len(x),), 6)
    with torch.inference_mode():
        noise, exact = FusedRefiner(network, dtype=torch.bfloat16)(x, t, guide), network(x, t, guide)
    assert (noise - exact).abs().max() < 0.05 * exact.abs().max()
