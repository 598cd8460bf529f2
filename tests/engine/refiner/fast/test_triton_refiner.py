"""The fused kernels: their answers in Triton's interpreter on the CPU, and on a GPU where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton", reason="Triton, which the fused kernels are written in, is not installed here")

from contract.skeleton import BODY_22, H36M_17
from engine.refiner.fast.triton_refiner import LARGE_ROWS, SMALL_ROWS, TritonRefiner, best_rows, coefficients, launch
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import Schedule

ROOT = Path(__file__).resolve().parents[4]


def test_fused_equals_plain_in_the_interpreter(tmp_path: Path) -> None:
    """In a process of its own: Triton reads the variable once, at import."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/engine/refiner/triton_in_interpreter.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.parametrize("times", [[0], [50, 6, 0], [11, 4]])
def test_a_step_is_linear_in_the_state_and_the_noise(times: list[int]) -> None:
    schedule = Schedule()
    x, noise = torch.randn(2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 5, dtype=torch.float64)
    for (of_state, of_noise), t, before in zip(coefficients(schedule, times), times, [*times[1:], -1], strict=True):
        torch.testing.assert_close(of_state * x + of_noise * noise, Ddim(schedule).step(x, noise, t, before), rtol=1e-12, atol=1e-12)


def test_the_tile_is_the_fuller_one() -> None:
    assert best_rows(34, torch.float16) == LARGE_ROWS  # 102 of 128 against 34 of 64
    assert best_rows(44, torch.float16) == SMALL_ROWS  # as full, and less is multiplied
    assert best_rows(34, torch.float32) == SMALL_ROWS
    assert launch("attention", LARGE_ROWS, torch.float16) == {"num_warps": 8, "num_stages": 2}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22])
@pytest.mark.parametrize("rows", [SMALL_ROWS, LARGE_ROWS])
def test_fused_equals_plain_on_the_gpu(skeleton, rows) -> None:
    torch.manual_seed(0)
    model = Refiner(skeleton, RefinerConfig()).eval().cuda()
    fused = TritonRefiner(model, "fp16", rows)
    for batch in (1, 3, 64, 65, 1000):
        x, p = torch.randn(batch, len(skeleton), 5).cuda(), torch.randn(batch, len(skeleton), 2).cuda()
        t = torch.randint(0, 51, (batch,)).cuda()
        with torch.inference_mode():
            exact = model(x, t, p)
        torch.testing.assert_close(fused(x, t, p), exact, rtol=0.0, atol=0.01 * float(exact.abs().max()))
