"""The kernels compile for GPUs that are not here, and fit them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

triton = pytest.importorskip("triton", reason="Triton, which the fused kernels are written in, is not installed here")
PTXAS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
if not PTXAS.is_file() or sys.platform != "linux":
    pytest.skip("this Triton has no compiler for NVIDIA GPUs", allow_module_level=True)

from benchmarks.cuda_compile import BLOCK_SHARED, compile_kernel  # noqa: E402
from engine.refiner.network import RefinerConfig  # noqa: E402

ALL = [(name, rows, "fp16") for rows in (64, 128) for name in ("embed", "attention", "convolution", "readout")]
ALL += [(name, 64, "tf32") for name in ("attention", "convolution")]  # the others are the same


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize(("name", "rows", "precision"), ALL)
def test_fits_a_multiprocessor_of_an_h100(name: str, rows: int, precision: str) -> None:
    """Hardly anything spills, shared memory suffices, and the products are the newest matrix instructions."""
    kernel = compile_kernel(name, 17, rows, precision, RefinerConfig())
    assert kernel.shared <= BLOCK_SHARED and kernel.blocks >= 1
    assert kernel.spilled <= (0 if precision == "fp16" else 64)
    assert kernel.wgmma > 0


@pytest.mark.parametrize("name", ["embed", "readout"])
def test_a_batch_of_one_compiles(name: str) -> None:
    """The number of poses is then a constant in the program."""
    assert compile_kernel(name, 17, 64, "fp16", RefinerConfig(), one=True).registers > 0


@pytest.mark.parametrize("name", ["attention", "convolution"])
def test_fits_smaller_gpus(name: str) -> None:
    """A GeForce of compute capability 8.6 gives a block 99 kB."""
    kernel = compile_kernel(name, 22, 64, "fp16", RefinerConfig(), capability=86)
    assert kernel.shared <= 101376 and kernel.mma > 0
