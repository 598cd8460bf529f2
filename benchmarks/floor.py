"""Counts what one pose takes in one step of the refiner, and how long a GPU needs for that at the least.

    python benchmarks/floor.py [--joints 17] [--batch 4096]

Operations are those of matrix products, two for each multiply-add; norms, softmax and sums are some percent more and run elsewhere on the
chip. `as written` is what network.Refiner multiplies (tests/benchmarks/test_floor.py has torch count it too). `least` leaves out what need
not be multiplied for each pose: the identity among a convolution's polynomials, and the embedding of the step, which all poses of a
sampling share; and it takes the convolutions in the modes of their graph: the Laplacian is V diag(l) V^-1, so are its polynomials, and one
product of weights a node is left of three. `fused` is what the kernels multiply, with the empty rows and columns of their tiles: least /
fused bounds the share of the floor that they can reach. Bytes are the state in and out and the context in, in float32, and the weights
once a batch.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from contract.skeleton import BODY_22, H36M_17  # noqa: E402
from engine.refiner.fast.packing import Tile, power  # noqa: E402
from engine.refiner.layout import STATE_CHANNELS  # noqa: E402
from engine.refiner.network import Refiner, RefinerConfig  # noqa: E402

TERMS = 3  # Chebyshev polynomials of a convolution, T_0 the identity


@dataclass(frozen=True)
class Gpu:
    """Published peaks of a card: dense operations a second of its matrix units by precision, and bytes a second of its memory."""

    name: str
    peaks: dict[str, float]
    bandwidth: float


# NVIDIA's data sheets of the SXM cards, without the doubling by sparsity that they print. bfloat16 is as fast as float16.
GPUS = (
    Gpu("H200", {"fp16": 989e12, "tf32": 494e12, "fp32": 67e12}, 4.8e12),
    Gpu("H100", {"fp16": 989e12, "tf32": 494e12, "fp32": 67e12}, 3.35e12),
)


@dataclass(frozen=True)
class Counts:
    """Operations of one pose in one step, by part of the network."""

    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def written(config: RefinerConfig, joints: int) -> Counts:
    """What `Refiner.forward` multiplies, for the layout with both branches."""
    n, c, context = 2 * joints, config.hidden, len(config.guide_signs)
    attention = n * c * 3 * c + 2 * n * n * c + n * c * c
    graph = 2 * n * n * c + 2 * n * c * 2 * c
    convolution = n * c * TERMS * c + n * TERMS * n * c
    embedding = config.embedding
    blocks = 2 * config.layers - 1  # the guidance branch ends in an attention
    return Counts({
        "self-attention": 2 * 2 * config.layers * attention,
        "learned graph": 2 * 2 * config.layers * graph,
        "convolutions": 2 * 2 * blocks * convolution,
        "embedding": 2 * (joints * 2 * 3 + n * 3 * TERMS * c + n * TERMS * n * c),
        "guidance's embedding": 2 * (joints * context * TERMS * c + joints * TERMS * joints * c + c * joints * n),
        "readout": 2 * (n * c * TERMS * 3 + n * TERMS * n * 3 + joints * 6 * STATE_CHANNELS),
        "step": 2 * (c * embedding + embedding * embedding + blocks * embedding * c),
    })  # fmt: skip


def least(config: RefinerConfig, joints: int) -> Counts:
    """What must be multiplied for each pose, matrices over the nodes taken as full."""
    n, c = 2 * joints, config.hidden
    parts = dict(written(config, joints).parts)
    parts["convolutions"] = 2 * 2 * (2 * config.layers - 1) * (n * c * c + 2 * n * n * c)  # to the modes, weights, and back
    parts["embedding"] -= 2 * n * n * c
    parts["guidance's embedding"] -= 2 * joints * joints * c
    parts["readout"] -= 2 * n * n * 3
    parts["step"] = 0
    return Counts(parts)


def of_fixed_graph(config: RefinerConfig, joints: int) -> int:
    """The part of `least` that takes the nodes of the fixed graph to its modes and back."""
    n = 2 * joints
    return 2 * 2 * (2 * config.layers - 1) * 2 * n * n * config.hidden


def fused(config: RefinerConfig, joints: int, rows: int) -> Counts:
    """What the kernels of engine/refiner/fast/triton_blocks.py multiply for a pose of a full tile of `rows` rows."""
    tile, c, heads = Tile(2 * joints, joints, rows), config.hidden, config.heads
    width, blocks = power(c // heads), 2 * config.layers - 1
    attention = heads * (4 * rows * c * width + 2 * rows * rows * width)
    graph = 2 * rows * rows * c + 2 * rows * c * 2 * c
    convolution = TERMS * rows * c * c + 2 * rows * rows * c
    ends = 2 * TERMS * (rows * tile.joint_rows * 16 + rows * 16 * c)
    parts = {
        "self-attention": 2 * 2 * config.layers * attention,
        "learned graph": 2 * 2 * config.layers * graph,
        "convolutions": 2 * 2 * blocks * convolution,
        "embedding": 2 * ends,
        "guidance's embedding": ends,
        "readout": 2 * ends,
        "step": 0,
    }
    return Counts({name: round(count / tile.poses) for name, count in parts.items()})


def pose_bytes(config: RefinerConfig, joints: int) -> int:
    """The fewest bytes a pose moves in a step: state in, state out, context in, float32."""
    return 4 * joints * (2 * STATE_CHANNELS + len(config.guide_signs))


def floor_seconds(gpu: Gpu, precision: str, config: RefinerConfig, joints: int, batch: int, weights: int) -> float:
    """The least time of one step of `batch` poses; `weights` is the number of the network's parameters."""
    moved = batch * pose_bytes(config, joints) + weights * (2 if precision == "fp16" else 4)
    return max(batch * least(config, joints).total / gpu.peaks[precision], moved / gpu.bandwidth)


def main() -> int:
    """Prints the counts and the floors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--joints", type=int, choices=(17, 22), default=17, help="17: the released layout, 22: the shipped one")
    parser.add_argument("--batch", type=int, default=4096)
    read = parser.parse_args()
    skeleton = H36M_17 if read.joints == 17 else BODY_22
    config = RefinerConfig()
    weights = Refiner(skeleton, config).parameter_count()
    counts = {
        "as written": written(config, read.joints), "least": least(config, read.joints),
        "fused, 64 rows": fused(config, read.joints, 64), "fused, 128 rows": fused(config, read.joints, 128),
    }  # fmt: skip
    console = Console()
    table = Table("MFLOP a pose-step", *counts)
    for part in counts["least"].parts:
        table.add_row(part, *(f"{c.parts[part] / 1e6:.3f}" for c in counts.values()))
    table.add_row("all", *(f"{c.total / 1e6:.2f}" for c in counts.values()), style="bold")
    console.print(table)
    lean, sparse = counts["least"].total, of_fixed_graph(config, read.joints)
    console.print(f"of the least, {sparse / 1e6:.2f} MFLOP take the nodes of the fixed graph to its modes and back")
    console.print(f"bytes a pose-step: {pose_bytes(config, read.joints)}, and {weights} weights a batch")
    console.print(f"operations a byte at {read.batch} poses, fp16: "
                  f"{read.batch * lean / (read.batch * pose_bytes(config, read.joints) + 2 * weights):,.0f}")  # fmt: skip
    floors = Table("card", "precision", f"floor of a step of {read.batch}, ms", "poses/s", "15 % of the floor, ms", "35 %, ms")
    for gpu in GPUS:
        for precision in gpu.peaks:
            seconds = floor_seconds(gpu, precision, config, read.joints, read.batch, weights)
            shares = (f"{1e3 * seconds / share:.2f}" for share in (0.15, 0.35))
            floors.add_row(gpu.name, precision, f"{1e3 * seconds:.3f}", f"{read.batch / seconds:,.0f}", *shares)
    console.print(floors)
    return 0


if __name__ == "__main__":
    sys.exit(main())
