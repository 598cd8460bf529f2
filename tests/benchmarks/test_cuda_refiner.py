import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.cuda_refiner import _variants, contenders, inputs, layout, measure, spread
from engine.refiner.fast.cuda import TOLERANCE, displacement
from engine.refiner.network import Refiner

ROOT = Path(__file__).resolve().parents[2]


def test_the_contenders_refine_alike():
    torch.manual_seed(0)
    skeleton, config = layout("released")
    model = Refiner(skeleton, config).eval()
    runs = contenders(model, torch.device("cpu"), [6, 0], [])
    poses = inputs(skeleton, config, 3, torch.device("cpu"))
    assert list(runs) == ["eager", "network", "fused"]
    wanted = runs["eager"](*poses)
    torch.testing.assert_close(runs["network"](*poses), wanted, rtol=0, atol=1e-4)
    assert displacement(runs["fused"](*poses), wanted) < TOLERANCE


def test_on_a_gpu_every_precision_and_tile_competes():
    pytest.importorskip("triton", reason="Triton is not installed here")
    skeleton, config = layout("released")
    names = list(_variants(Refiner(skeleton, config).eval(), [6], []))
    kernels = [f"fused {p} {r}" for p in ("fp16", "bf16", "tf32") for r in (64, 128)]
    assert names == [*kernels, "fused fp16 64 unsliced", "fused fp16 128 unsliced"]


def test_ratios_are_of_the_eager_network():
    found = measure("shipped", torch.device("cpu"), 2, 1, 2)
    rows = found["rows"]
    assert found["nodes"] == 44 and rows["eager"]["throughput_ratio"] == rows["eager"]["latency_ratio"] == 1.0
    for row in rows.values():
        assert row["poses_per_second"] == pytest.approx(2 / row["batch_seconds"]["median"])
        assert row["throughput_ratio"] == pytest.approx(rows["eager"]["batch_seconds"]["median"] / row["batch_seconds"]["median"])
        assert row["floor_share"] is None  # a CPU has none


def test_the_spread_is_the_quartiles():
    assert spread([3.0, 1.0, 2.0, 5.0, 4.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}
    assert spread([2.0])["high"] == 2.0


def test_the_command_writes_its_figures(tmp_path):
    out = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/cuda_refiner.py", "--device", "cpu", "--batch", "2", "--repetitions", "1", "--steps", "1",
               "--no-accuracy", "--json", str(out)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(out.read_text())["rows"]) == {"eager", "network", "fused"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_no_gpu_is_said():
    done = subprocess.run([sys.executable, "benchmarks/cuda_refiner.py"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "no torch here that finds a CUDA device" in done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_the_gpu_the_joints_stay():
    rows = measure("released", torch.device("cuda"), 300, 2, 2)["rows"]
    assert rows["fused"]["moved_mm"] < 0.1
