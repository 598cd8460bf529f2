"""The fused kernels beside the plain network, in Triton's interpreter: run by test_triton_refiner.py in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from contract.skeleton import BODY_22, H36M_17, Skeleton
from engine.refiner.fast import triton_refiner
from engine.refiner.fast.cuda import TOLERANCE, displacement
from engine.refiner.fast.triton_refiner import LARGE_ROWS, SMALL_ROWS, TritonRefiner
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim
from engine.refiner.schedule import Schedule

assert triton_refiner.INTERPRETED
NAN = float("nan")
SENTINEL = 1234.5
SIX = (-1.0, 1.0, 1.0, -1.0, 1.0, 1.0)


class Poisoned(TritonRefiner):
    """Every buffer begins as NaN and lies in a longer one whose end must stay as it is."""

    def __init__(self, model: Refiner, precision: str, rows: int | None = None, slice_size: int = 768) -> None:
        super().__init__(model, precision, rows, slice_size)
        self.whole: list[tuple[Tensor, int]] = []

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        size = torch.Size(shape).numel()
        whole = torch.full((size + 20_000,), SENTINEL)
        whole[:size] = NAN
        self.whole.append((whole, size))
        return whole[:size].view(*shape)

    def intact(self) -> bool:
        return all(bool((whole[size:] == SENTINEL).all()) for whole, size in self.whole)


def network(skeleton: Skeleton, **settings: object) -> Refiner:
    torch.manual_seed(0)
    model = Refiner(skeleton, RefinerConfig.from_dict({"layers": 2, **settings})).eval()
    for name, parameter in model.named_parameters():
        noise = torch.randn_like(parameter)
        if name.endswith("adjacency"):
            parameter.data = torch.eye(len(parameter)) + 0.05 * noise.abs()
        else:
            # Large enough that every part matters, small enough that the result stays near 1.
            parameter.data += 0.03 * noise
    return model


def inside_nan(*shape: int) -> Tensor:
    """Random values with NaN before and behind them in memory: a kernel that reads a row too many shows it."""
    size = torch.Size(shape).numel()
    whole = torch.full((size + 8192,), NAN)
    whole[4096:-4096] = torch.randn(size)
    return whole[4096:-4096].view(*shape)


def check(model: Refiner, batch: int, rows: int, monkeypatch: pytest.MonkeyPatch, slice_size: int = 768) -> None:
    """The noise at mixed steps."""
    if rows == LARGE_ROWS:
        monkeypatch.setattr(triton_refiner, "FEW", 0)
    fused = Poisoned(model, "fp32", rows, slice_size)
    joints = len(model.skeleton)
    x, p, t = inside_nan(batch, joints, 5), inside_nan(batch, joints, len(model.config.guide_signs)), torch.arange(batch) * 9 % 51
    got = fused(x, t, p)
    with torch.inference_mode():
        torch.testing.assert_close(got, model(x, t, p), rtol=1e-5, atol=1e-4)
    assert fused.intact() and fused.whole


def test_34_nodes_one_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    check(network(H36M_17), 1, SMALL_ROWS, monkeypatch)


def test_34_nodes_three_a_tile_the_last_not_full(monkeypatch: pytest.MonkeyPatch) -> None:
    check(network(H36M_17), 5, LARGE_ROWS, monkeypatch)


def test_44_nodes_two_a_tile_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    check(network(BODY_22, hidden=48, guide_signs=SIX), 7, LARGE_ROWS, monkeypatch, slice_size=3)


def test_44_nodes_one_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    check(network(BODY_22, hidden=64, layers=1, heads=2, guide_signs=SIX), 3, SMALL_ROWS, monkeypatch)


def test_the_published_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    check(network(H36M_17, hidden=32, released=True, use_bridges=False), 3, LARGE_ROWS, monkeypatch)


def test_a_floor_under_the_learned_degrees(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network(H36M_17, hidden=32)
    for layer in model.attentions:
        layer.graph.adjacency.data[:, 3] = -0.1
    check(model, 2, SMALL_ROWS, monkeypatch)


def test_poses_of_a_tile_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pose far from the others does not change what they get; one that is no number spoils its own tile and no other."""
    monkeypatch.setattr(triton_refiner, "FEW", 0)
    fused = TritonRefiner(network(H36M_17, hidden=32), "fp32", LARGE_ROWS)
    x, p, t = torch.randn(6, 17, 5), torch.randn(6, 17, 2), torch.full((6,), 6)
    before = fused(x, t, p)
    x[1] = 1e4
    torch.testing.assert_close(fused(x, t, p)[[0, 2, 3, 4, 5]], before[[0, 2, 3, 4, 5]])
    x[1] = NAN
    assert torch.equal(fused(x, t, p)[3:], before[3:])


def test_the_whole_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of DDIM, the state updated where it lies."""
    model = network(BODY_22, hidden=32, guide_signs=SIX)
    fused = Poisoned(model, "fp32", SMALL_ROWS, 2)
    x, p = inside_nan(3, 22, 5), inside_nan(3, 22, 6)
    kept = x.clone()
    got = fused.sample(Schedule(), x, p, [9, 3])
    with torch.inference_mode():
        torch.testing.assert_close(got, Ddim(Schedule()).sample(model, x, p, [9, 3]), rtol=1e-5, atol=1e-5)
    assert torch.equal(x, kept) and fused.intact()


@pytest.mark.parametrize("precision", ["fp16", "bf16", "tf32"])
def test_coarser_operands_come_near_and_are_coarser(precision: str) -> None:
    model = network(H36M_17, hidden=32)
    x, p, t = torch.randn(2, 17, 5), torch.randn(2, 17, 2), torch.tensor([6, 20])
    with torch.inference_mode():
        exact = model(x, t, p)
    error = float((TritonRefiner(model, precision)(x, t, p) - exact).abs().max() / exact.abs().max())
    assert 1e-5 < error < 0.03


def test_wrong_shapes_and_layouts_are_named() -> None:
    fused = TritonRefiner(network(H36M_17, hidden=32), "fp32")
    with pytest.raises(ValueError, match=r"\(B, 17, 5\)"):
        fused(torch.zeros(1, 18, 5), torch.tensor([0]), torch.zeros(1, 17, 2))
    with pytest.raises(ValueError, match="None"):
        fused(torch.zeros(1, 17, 5), torch.tensor([0]))
    for settings in ({"use_cag": False}, {"use_cce": False}, {"guide_from_noisy": True}, {"hidden": 40}):
        with pytest.raises(ValueError, match="do not know"):
            TritonRefiner(Refiner(H36M_17, RefinerConfig.from_dict({"layers": 1, **settings})))


STANDING = {
    "pelvis": (0, 0), "spine": (0, -0.25), "chest": (0, -0.38), "neck": (0, -0.52), "head": (0, -0.64), "head_top": (0, -0.82),
    "shoulder": (0.18, -0.49), "elbow": (0.25, -0.24), "wrist": (0.27, 0.0), "hand": (0.28, 0.09), "hip": (0.09, 0.0),
    "knee": (0.1, 0.41), "ankle": (0.1, 0.82), "toe": (0.12, 0.87),
}  # fmt: skip


def test_float16_moves_the_shipped_refiners_joints_less_than_it_may() -> None:
    """Somebody who stands, seen with an error of a centimetre: the rule that CudaRefiner applies on a GPU."""
    from engine import torch_weights
    from engine.poses import REFINER_FILE

    file = torch_weights.load_weights(REFINER_FILE)
    model = Refiner(BODY_22, RefinerConfig.from_dict(file.header["layout"])).eval()
    torch_weights.load_into(model, file.part("refiner"), "refiner")
    torch.manual_seed(0)
    sides = [-1.0 if name.endswith(".R") else 1.0 for name in BODY_22.joints]
    body = torch.tensor([(side * STANDING[name.split(".")[0]][0], STANDING[name.split(".")[0]][1], 0.0)
                         for name, side in zip(BODY_22.joints, sides, strict=True)])  # fmt: skip
    seen, guess, base = (body + 0.01 * torch.randn(2, 22, 3) for _ in range(3))
    x = torch.cat((seen[..., :2], guess), -1)
    p = torch.cat((seen[..., :2], torch.full((2, 22, 1), 0.5), base), -1)
    times = [int(file.header["start_step"])]
    with torch.inference_mode():
        exact = Ddim(Schedule()).sample(model, x, p, times)
    moved = displacement(TritonRefiner(model, "fp16").sample(Schedule(), x, p, times), exact)
    assert 0.0 < moved < TOLERANCE < displacement(x, exact)
