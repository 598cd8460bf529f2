import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.floor import GPUS, floor_seconds, fused, least, of_fixed_graph, pose_bytes, written
from contract.skeleton import BODY_22, H36M_17
from engine.refiner.network import Refiner, RefinerConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22])
@pytest.mark.parametrize("config", [RefinerConfig(), RefinerConfig(hidden=48, layers=2, guide_signs=(-1.0, 1.0, 1.0, -1.0, 1.0, 1.0))])
def test_torch_counts_the_same(skeleton, config):
    network, joints = Refiner(skeleton, config).eval(), len(skeleton)
    for batch in (1, 3):
        x, t, p = torch.zeros(batch, joints, 5), torch.zeros(batch), torch.zeros(batch, joints, len(config.guide_signs))
        # Written out as products, attention is counted wherever it runs.
        with torch.inference_mode(False), torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            network(x, t, p)
        assert counter.get_total_flops() == batch * written(config, joints).total


def test_what_is_left_out_is_two_products_of_weights_the_identity_and_the_step():
    config, n = RefinerConfig(), 34
    gone = {part: written(config, 17).parts[part] - count for part, count in least(config, 17).parts.items()}
    assert gone == {
        "self-attention": 0, "learned graph": 0, "convolutions": 18 * 2 * (2 * n * 96 * 96 + n * n * 96), "embedding": 2 * n * n * 96,
        "guidance's embedding": 2 * 17 * 17 * 96, "readout": 2 * n * n * 3, "step": 2 * (96 * 384 + 384 * 384 + 9 * 384 * 96),
    }  # fmt: skip
    assert 0 < of_fixed_graph(config, 17) < 0.11 * least(config, 17).total


def test_tiles_only_add():
    for joints in (17, 22):
        for rows in (64, 128):
            assert fused(RefinerConfig(), joints, rows).total > least(RefinerConfig(), joints).total


def test_many_poses_are_bound_by_the_matrix_units_and_one_by_the_weights():
    gpu, config = GPUS[0], RefinerConfig()
    many = floor_seconds(gpu, "fp16", config, 17, 4096, 1_779_675)
    assert many == pytest.approx(4096 * least(config, 17).total / 989e12)
    one = floor_seconds(gpu, "fp16", config, 17, 1, 1_779_675)
    assert one == pytest.approx((2 * 1_779_675 + pose_bytes(config, 17)) / 4.8e12)


def test_the_command_prints_the_tables():
    done = subprocess.run([sys.executable, "benchmarks/floor.py"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "self-attention" in done.stdout and "H200" in done.stdout
