"""The fused pass against the network itself and against the plain reading of the paper in benchmarks/."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from benchmarks.plain_refiner import PlainRefiner
from contract.skeleton import BODY_22, H36M_17, Skeleton
from engine.refiner.fast import products
from engine.refiner.fast.fused import FusedRefiner
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Ddim, refine
from engine.refiner.schedule import Schedule

SMALL = Skeleton("CHAIN", ("root", "hip.L", "hip.R"), (-1, 0, 0))


def network(skeleton: Skeleton, config: RefinerConfig, seed: int = 0) -> Refiner:
    """Random weights, learned graphs that are not the identity."""
    torch.manual_seed(seed)
    made = Refiner(skeleton, config).eval()
    for name, parameter in made.named_parameters():
        if name.endswith("adjacency"):
            parameter.data = torch.eye(len(parameter)) + 0.05 * torch.rand_like(parameter)
        elif parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
        elif ".weight" in name and parameter.ndim == 4:
            parameter.data *= 2.0
    return made


def inputs(made: Refiner, batch: int, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    joints = len(made.skeleton)
    x = 0.3 * torch.randn(batch, joints, 5, generator=generator)
    p = 0.3 * torch.randn(batch, joints, len(made.config.guide_signs), generator=generator)
    return x, torch.full((batch,), 6), p


def difference(a: Tensor, b: Tensor) -> float:
    """Relative to the largest value there is, as noise has no scale of its own."""
    assert a.shape == b.shape and bool(torch.isfinite(a).all())
    return float((a - b).abs().max() / b.abs().max().clamp(min=1.0))


LAYOUTS = {
    "released": RefinerConfig(released=True),
    "ours": RefinerConfig(guide_signs=(-1.0, 1.0, 1.0, -1.0, 1.0, 1.0)),
    "noisy guide": RefinerConfig(layers=2, guide_from_noisy=True),
    "no embedding": RefinerConfig(layers=2, use_cce=False),
    "no guidance": RefinerConfig(layers=2, use_cag=False),
    "no bridges": RefinerConfig(layers=2, use_bridges=False),
    "narrow": RefinerConfig(hidden=24, layers=3, heads=2),
}


@pytest.mark.parametrize("one_pass", [True, False])
@pytest.mark.parametrize("skeleton", [H36M_17, BODY_22, SMALL], ids=lambda s: str(len(s)))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_equals_the_network(layout: str, skeleton: Skeleton, one_pass: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "ONE_PASS", one_pass and products.ONE_PASS)
    monkeypatch.setattr(products, "ONE_PASS_BFLOAT16", one_pass and products.ONE_PASS_BFLOAT16)
    made = network(skeleton, LAYOUTS[layout])
    x, t, p = inputs(made, 5)
    with torch.inference_mode():
        assert difference(FusedRefiner(made, threads=1)(x, t, p), made(x, t, p)) < 1e-4


@pytest.mark.parametrize("released", [True, False])
def test_it_equals_the_plain_reading_of_the_paper(released: bool) -> None:
    made = network(H36M_17, RefinerConfig(released=released))
    x, t, p = inputs(made, 64)
    with torch.inference_mode():
        assert difference(FusedRefiner(made)(x, t, p), PlainRefiner(made)(x, t, p)) < 1e-4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_bfloat16_it_is_near(layout: str) -> None:
    """Rounded to eight bits some hundred times on the way: a per cent of the largest value at most, and not exactly equal."""
    made = network(BODY_22, LAYOUTS[layout])
    x, t, p = inputs(made, 9)
    with torch.inference_mode():
        assert 1e-5 < difference(FusedRefiner(made, dtype=torch.bfloat16)(x, t, p), made(x, t, p)) < 1e-2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("scale", [6.0, 60.0])
def test_scores_beyond_what_exponentials_can_hold(scale: float, dtype: torch.dtype) -> None:
    """Attention that picks one node: its greatest score must then be taken off first."""
    made = network(H36M_17, RefinerConfig(layers=2))
    for layer in [*made.attentions, *made.guidance.attentions]:
        layer.attention.query_key_value.weight.data[: 2 * made.config.hidden] *= scale
    x, t, p = inputs(made, 9)
    with torch.inference_mode():
        result, wanted = FusedRefiner(made, dtype=dtype)(x, t, p), made(x, t, p)
        assert difference(result, wanted) < 1e-4 if dtype == torch.float32 else result.isfinite().all()


def test_every_pose_may_be_at_a_step_of_its_own() -> None:
    made = network(H36M_17, RefinerConfig(layers=2))
    x, _, p = inputs(made, 20)
    t = torch.arange(20)
    with torch.inference_mode():
        for threads in (1, 2):
            assert difference(FusedRefiner(made, threads=threads)(x, t, p), made(x, t, p)) < 1e-4


@pytest.mark.parametrize("batch", [0, 1, 2, 17, 50])
def test_threads_share_any_batch_and_leave_torch_as_it_was(batch: int) -> None:
    made = network(H36M_17, RefinerConfig(layers=2))
    x, t, p = inputs(made, batch)
    before = torch.get_num_threads()
    with torch.inference_mode():
        result = FusedRefiner(made, threads=3)(x, t, p)
        assert result.shape == x.shape
        if batch:
            assert difference(result, made(x, t, p)) < 1e-4
    assert torch.get_num_threads() == before


def test_it_leaves_its_inputs_alone_and_repeats_itself() -> None:
    made = network(H36M_17, RefinerConfig(layers=2))
    x, t, p = inputs(made, 32)
    kept = x.clone(), p.clone()
    quick = FusedRefiner(made, threads=2)
    first = quick(x, t, p)
    assert torch.equal(x, kept[0]) and torch.equal(p, kept[1])
    assert torch.equal(first, quick(x, t, p))


def test_refining_with_mirrored_poses_gives_the_same() -> None:
    made = network(BODY_22, RefinerConfig(layers=3))
    x, _, p = inputs(made, 24)
    sampler = Ddim(Schedule())
    results = [refine(model, BODY_22, sampler, x[None], p, [6, 0], flip=True).pose for model in (made, FusedRefiner(made))]
    assert difference(results[1], results[0]) < 1e-4


def test_a_deviation_of_zero_is_no_trouble() -> None:
    made = network(H36M_17, RefinerConfig(layers=2, released=True))
    for parameter in made.embed.parameters():
        parameter.data.zero_()
    assert made.guidance is not None
    for parameter in [*made.guidance.conv.parameters(), *made.guidance.expand.parameters()]:
        parameter.data.zero_()
    x, t, p = inputs(made, 3)
    with torch.inference_mode():
        assert difference(FusedRefiner(made)(x, t, p), made(x, t, p)) < 1e-4


def test_wrong_shapes_are_refused_as_by_the_network() -> None:
    made = network(H36M_17, RefinerConfig(layers=2))
    x, t, p = inputs(made, 2)
    for arguments in ((x[:, :5], t, p), (x, t, p[:, :5]), (x, t, None)):
        with pytest.raises(ValueError, match="expected"):
            FusedRefiner(made)(*arguments)


def test_two_callers_at_once_get_their_own() -> None:
    made = network(H36M_17, RefinerConfig(layers=2))
    quick, results = FusedRefiner(made, threads=2), {}

    def call(seed: int) -> None:
        results[seed] = quick(*inputs(made, 32, seed))

    callers = [threading.Thread(target=call, args=(seed,)) for seed in (1, 2, 3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    with torch.inference_mode():
        for seed, result in results.items():
            assert difference(result, made(*inputs(made, 32, seed))) < 1e-4
