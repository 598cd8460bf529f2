"""The refiner on a GPU in one command: the eager network in float32 beside the fused one, the share of the floor, and the error.

    python benchmarks/cuda_refiner.py [--json FILE] [--batch 4096] [--steps 2] [--layout released|shipped] [--device cuda|cpu]

All in one process on one device, taking turns, so that whatever else slows the machine slows all. `eager` is the paper's description
written out one operation after another (benchmarks/plain_refiner.py), `network` the module that trains, both in float32 without TF32;
`fused` is what captures use on this device: on CUDA the Triton kernels in a CUDA graph, on a CPU the network once more (to prove the
script; the floor is a GPU's, of its float16 peak). A row `fused PRECISION ROWS` is the kernels at a given precision and tile,
`unsliced` without keeping the activations in the L2 cache. Figures
are medians with the quartiles beside them, times by the host's clock around a synchronised call.

The error: the joints of examples/sample.mp4 refined by the shipped weights, against its truth. The rule is that MPJPE changes by less than
0.1 mm; the mean distance between the two results bounds that change for any truth.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from torch import Tensor  # noqa: E402

from benchmarks.floor import GPUS, Gpu, floor_seconds, least  # noqa: E402
from benchmarks.plain_refiner import PlainRefiner  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from contract.skeleton import BODY_22, H36M_17, Skeleton  # noqa: E402
from engine.networks import choose_device  # noqa: E402
from engine.refiner.fast import backend  # noqa: E402
from engine.refiner.fast.cuda import CudaRefiner, displacement  # noqa: E402
from engine.refiner.network import Refiner, RefinerConfig  # noqa: E402
from engine.refiner.sampler import Ddim, Model, WholeSampler  # noqa: E402
from engine.refiner.schedule import Schedule  # noqa: E402
from engine.refiner.state import GUIDE_SIGNS  # noqa: E402

SAMPLE = ROOT / "examples" / "sample.mp4"
EAGER_BATCH = 4096  # poses at once for the eager networks, as for the fused one
WARM_UP = 3
START = 6  # the released first step
Sample = Callable[[Tensor, Tensor], Tensor]
Figures = dict[str, Any]


@contextmanager
def exact_products() -> Iterator[None]:
    """float32 products in float32, whatever the process allowed before."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def layout(name: str) -> tuple[Skeleton, RefinerConfig]:
    """The released layout (34 nodes) or the shipped one (44 nodes, six channels of context)."""
    return (H36M_17, RefinerConfig()) if name == "released" else (BODY_22, RefinerConfig(guide_signs=GUIDE_SIGNS))


def eager(model: Model, device: torch.device, times: list[int], chunk: int) -> Sample:
    """DDIM with an eager network, `chunk` poses at a time."""
    sampler = Ddim(Schedule())

    def run(x: Tensor, guide: Tensor) -> Tensor:
        # The written-out network makes small constants as it goes; they belong on the device.
        with exact_products(), torch.inference_mode(), torch.device(device):
            parts = zip(x.split(chunk), guide.split(chunk), strict=True)
            return torch.cat([sampler.sample(model, a, b, times) for a, b in parts])

    return run


def contenders(model: Refiner, device: torch.device, times: list[int], says: list[str]) -> dict[str, Sample]:
    """What is measured, by name. Where the fused kernels do not run, `says` tells why."""
    with torch.device(device):
        plain = PlainRefiner(model)
    found = {"eager": eager(plain, device, times, EAGER_BATCH), "network": eager(model, device, times, EAGER_BATCH)}
    chosen = backend.choose(model, device, lambda code, message: says.append(message))
    found["fused"] = _whole(chosen, times) if isinstance(chosen, WholeSampler) else eager(chosen, device, times, EAGER_BATCH)
    if isinstance(chosen, CudaRefiner):
        found |= _variants(model, times, says)
    return found


def _whole(chosen: WholeSampler, times: list[int]) -> Sample:
    return lambda x, guide: chosen.sample(Schedule(), x, guide, times)


def _variants(model: Refiner, times: list[int], says: list[str]) -> dict[str, Sample]:
    """The kernels at every precision and tile, each in graphs of its own; empty without Triton."""
    try:
        from engine.refiner.fast.triton_refiner import BATCH, LARGE_ROWS, SLICE, SMALL_ROWS, TritonRefiner
    except ImportError:
        return {}
    found: dict[str, Sample] = {}
    shapes = [(precision, rows, SLICE) for precision in ("fp16", "bf16", "tf32") for rows in (SMALL_ROWS, LARGE_ROWS)]
    shapes += [("fp16", rows, BATCH) for rows in (SMALL_ROWS, LARGE_ROWS)]
    for precision, rows, poses in shapes:

        def make(model: Refiner, precision: str, rows: int = rows, poses: int = poses) -> TritonRefiner:
            return TritonRefiner(model, precision, rows, poses)

        # Measured even where the joints move too far to be used: the table shows by how much.
        variant = CudaRefiner(model, lambda code, message: says.append(message), [precision], tolerance=float("inf"), make=make)
        found[f"fused {precision} {rows}{'' if poses == SLICE else ' unsliced'}"] = _whole(variant, times)
    return found


def inputs(skeleton: Skeleton, config: RefinerConfig, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Poses near the origin, half a metre wide, always the same."""
    generator = torch.Generator().manual_seed(0)
    x = 0.5 * torch.randn(batch, len(skeleton), 5, generator=generator)
    return x.to(device), 0.5 * torch.randn(batch, len(skeleton), len(config.guide_signs), generator=generator).to(device)


def seconds_of(runs: dict[str, Sample], x: Tensor, guide: Tensor, repetitions: int) -> dict[str, list[float]]:
    """Seconds of each repetition of each contender, which take turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repetition in range(-WARM_UP, repetitions):
        for name, run in runs.items():
            _wait(x.device)
            began = time.perf_counter()
            run(x, guide)
            _wait(x.device)
            if repetition >= 0:
                taken[name].append(time.perf_counter() - began)
    return taken


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def spread(values: list[float]) -> dict[str, float]:
    """median and the quartiles."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def card(device: torch.device) -> Gpu | None:
    """The published peaks of this device, if it is one of floor.GPUS."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return next((gpu for gpu in GPUS if gpu.name in name), None)


def measure(name: str, device: torch.device, batch: int, steps: int, repetitions: int) -> Figures:
    """Speed at `batch` and at one pose, the share of the floor, and how far the joints move from the eager network's."""
    torch.manual_seed(0)
    skeleton, config = layout(name)
    model = Refiner(skeleton, config).eval().to(device)
    times = Schedule().times(START, steps)
    says: list[str] = []
    runs = contenders(model, device, times, says)
    many, one = inputs(skeleton, config, batch, device), inputs(skeleton, config, 1, device)
    exact = runs["eager"](*many)
    rows: dict[str, Figures] = {}
    taken_many, taken_one = (seconds_of(runs, *poses, repetitions) for poses in (many, one))
    gpu = card(device)
    floor = None if gpu is None else len(times) * floor_seconds(gpu, "fp16", config, len(skeleton), batch, model.parameter_count())
    for key, run in runs.items():
        large, small = spread(taken_many[key]), spread(taken_one[key])
        rows[key] = {
            "batch_seconds": large, "one_seconds": small, "poses_per_second": batch / large["median"],
            "throughput_ratio": spread(taken_many["eager"])["median"] / large["median"],
            "latency_ratio": spread(taken_one["eager"])["median"] / small["median"],
            "floor_share": None if floor is None else floor / large["median"],
            "moved_mm": 1e3 * displacement(run(*many), exact),
        }  # fmt: skip
    return {
        "layout": name, "nodes": 2 * len(skeleton), "batch": batch, "steps": len(times), "repetitions": repetitions,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine(),
        "torch": torch.__version__, "operations_per_pose_step": least(config, len(skeleton)).total,
        "floor_seconds": floor, "rows": rows, "notices": sorted(set(says)),
    }  # fmt: skip


def accuracy(device: torch.device) -> Figures:
    """MPJPE of the sample by the shipped weights: the network in float32 and what captures use. Needs the detector's packages."""
    from benchmarks.accuracy import judge, read_truth
    from contract.options import CaptureOptions
    from engine.poses import LIFTER_FILE, REFINER_FILE, WINDOW_FILE, PoseModel
    from engine.torch_networks import TorchNetworks

    model = PoseModel(device.type)
    files = (LIFTER_FILE, REFINER_FILE, WINDOW_FILE)
    networks = TorchNetworks(device.type, *files, lambda code, message: model.notices.append((code, message)))
    model.networks = networks
    truth, options = read_truth(SAMPLE.with_suffix(".truth.npz")), CaptureOptions(device=device.type).check()
    chosen, found = networks.network, {}
    for name, network in (("network", networks.plain), ("fused", chosen)):
        networks.use(network)
        with exact_products():
            found[name] = judge(SAMPLE, truth, model, options)[0]["refiner"][0][0]
    change = found["fused"] - found["network"]
    precision = chosen.precision if isinstance(chosen, CudaRefiner) else "fp32"
    return {"mpjpe_mm": found, "change_mm": change, "precision": precision, "allowed": abs(change) < 0.1, "notices": model.notices}


def table_of(found: Figures) -> Table:
    """The table for a person."""
    table = Table(
        "refiner", f"poses/s at {found['batch']}", "times eager", "ms a batch (quartiles)", "ms for one (quartiles)", "times eager",
        "of the floor", "joints move, mm", title=f"{found['device']}, {found['nodes']} nodes, {found['steps']} steps",
    )  # fmt: skip
    for name, row in found["rows"].items():
        large, small = ("{median:.3f} ({low:.3f} to {high:.3f})".format(**{k: 1e3 * v for k, v in row[key].items()})
                        for key in ("batch_seconds", "one_seconds"))  # fmt: skip
        share = "no published peak" if row["floor_share"] is None else f"{row['floor_share']:.1%}"
        table.add_row(
            name, f"{row['poses_per_second']:,.0f}", f"{row['throughput_ratio']:.2f}", large, small, f"{row['latency_ratio']:.2f}",
            share, f"{row['moved_mm']:.4f}",
        )  # fmt: skip
    return table


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cuda")
    parser.add_argument("--layout", choices=("released", "shipped"), default="released")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--no-accuracy", action="store_true", help="leave out the sample's error, which needs the detector")
    parser.add_argument("--json", type=Path, help="write all figures there")
    add_overwrite_argument(parser)
    read = parser.parse_args()
    console = Console()
    try:
        if min(read.batch, read.steps, read.repetitions) < 1:
            raise Failure("bad_arguments", "--batch, --steps and --repetitions start at 1; give larger numbers.")
        if read.json:
            (read.json,) = check_outputs([read.json], kinds=(".json",), overwrite=read.overwrite)
        device = torch.device(choose_device(read.device))
        found = measure(read.layout, device, read.batch, read.steps, read.repetitions)
        console.print(table_of(found))
        for notice in found["notices"]:
            console.print(notice)
        if not read.no_accuracy:
            found["accuracy"] = accuracy(device)
            errors = found["accuracy"]["mpjpe_mm"]
            console.print(
                f"MPJPE of the sample: {errors['network']:.3f} mm by the network, {errors['fused']:.3f} mm fused "
                f"({found['accuracy']['precision']}); allowed: {found['accuracy']['allowed']}"
            )
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    if read.json:
        write_text(json.dumps(found, indent=1) + "\n", read.json)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
