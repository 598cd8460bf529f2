"""Compiles the refiner's kernels for a GPU that need not be there, and prints what each takes of a multiprocessor.

    python benchmarks/cuda_compile.py [--joints 17] [--capability 90]

Registers a thread and spilled bytes are ptxas's (it comes with Triton); shared memory is Triton's. `blocks` is how many tiles the
registers, the shared memory and the warps of a multiprocessor of an H100 or H200 have room for at once. `products` counts the instructions
of the matrix units in the program (not how often they run): wgmma reads operands from shared memory, mma.sync is the older one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import triton  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from engine.refiner.fast import triton_blocks as kernels  # noqa: E402
from engine.refiner.fast.packing import Tile, power, two_parts  # noqa: E402
from engine.refiner.fast.triton_refiner import LARGE_ROWS, PRECISIONS, SMALL_ROWS, TYPES, launch  # noqa: E402
from engine.refiner.network import RefinerConfig  # noqa: E402

# Of a multiprocessor of compute capability 9.0 (CUDA C++ Programming Guide, technical specifications).
REGISTERS = 65536
SHARED = 233472  # of which a block may use 1 kB less
BLOCK_SHARED = 232448
WARPS = 64
WARP = 32
TILES = {"fp16": (SMALL_ROWS, LARGE_ROWS), "tf32": (SMALL_ROWS,)}  # what TritonRefiner uses by itself


@dataclass(frozen=True)
class Compiled:
    """What one kernel takes: registers a thread, spilled bytes a thread, bytes of shared memory a block, its warps."""

    name: str
    rows: int
    precision: str
    registers: int
    spilled: int
    shared: int
    warps: int
    wgmma: int
    mma: int

    @property
    def blocks(self) -> int:
        """Tiles on a multiprocessor at once."""
        return min(REGISTERS // (self.registers * WARP * self.warps), SHARED // (self.shared + 1024), WARPS // self.warps)


def source(kernel: Any, sizes: dict[str, Any], types: dict[str, str]) -> ASTSource:
    """The kernel with its compile-time sizes, and its arguments' types as TritonRefiner passes them."""
    names = kernel.arg_names
    signature = {}
    for name in names:
        default = "*fp32" if name.endswith("_ptr") else "fp32" if name in ("of_state", "of_noise") else "i32"
        signature[name] = "constexpr" if name in sizes else types.get(name, default)
    constants = {(names.index(name),): value for name, value in sizes.items()}
    # torch's memory is aligned to 16 bytes, and so are all strides of whole layers.
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if name.endswith(("_ptr", "stride"))}
    return ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)


def compile_kernel(
    name: str, joints: int, rows: int, precision: str, config: RefinerConfig, capability: int = 90, one: bool = False
) -> Compiled:
    """Compiles one of the four kernels and has ptxas report on it. `one`: for a batch of one pose, which Triton compiles apart."""
    how, tile, parts = PRECISIONS[precision], Tile(2 * joints, joints, rows), two_parts(config.hidden)
    assert parts is not None
    sizes: dict[str, Any] = {"N": tile.nodes, "P": tile.poses, "M": rows, "A": parts[0], "B": parts[1]}
    types: dict[str, str] = {}
    dtype = torch.float32
    if name in ("attention", "convolution"):
        dtype = how.dtype
        sizes |= {"DTYPE": TYPES[dtype], "PRECISION": how.blocks, "BITS": 0}
        pointer = {torch.float16: "*fp16", torch.bfloat16: "*bf16", torch.float32: "*fp32"}[dtype]
        types = {"matrix_ptr": pointer, "mixing_ptr": pointer}
        if name == "attention":
            sizes |= {"HEADS": config.heads, "D": power(config.hidden // config.heads), "EXACT": config.released}
    else:
        sizes |= {"J": joints, "CHANNELS": 5, "TERMS": 6, "S": tile.joint_rows} | ({"poses": 1} if one else {})
        sizes |= {"GUIDED": True, "PRECISION": how.embed} if name == "embed" else {"PRECISION": how.readout, "BITS": 0}
    options = launch(name, rows, dtype)
    built = triton.compile(source(getattr(kernels, name), sizes, types), target=GPUTarget("cuda", capability, WARP), options=options)
    program = built.asm["ptx"]
    registers, spilled = _ptxas(program, capability)
    return Compiled(
        name, rows, precision, registers, spilled, built.metadata.shared, options["num_warps"],
        program.count("wgmma.mma_async"), program.count("mma.sync"),
    )  # fmt: skip


def _ptxas(program: str, capability: int) -> tuple[int, int]:
    """(registers a thread, bytes spilled a thread)."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "kernel.ptx"
        text.write_text(program, encoding="utf-8")
        architecture = f"sm_{capability}{'a' if capability >= 90 else ''}"
        done = subprocess.run(
            [str(tool), "-v", f"--gpu-name={architecture}", str(text), "-o", str(Path(folder) / "kernel.cubin")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    registers = re.search(r"Used (\d+) registers", done.stderr)
    spilled = re.search(r"(\d+) bytes spill stores", done.stderr)
    if registers is None or spilled is None:
        raise RuntimeError(f"ptxas reported something unknown: {done.stderr}")
    return int(registers[1]), int(spilled[1])


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--joints", type=int, choices=(17, 22), default=17)
    parser.add_argument("--capability", type=int, default=90, help="80: A100, 86 and 89: GeForce, 90: H100 and H200")
    read = parser.parse_args()
    table = Table("kernel", "rows", "precision", "warps", "registers", "spilled B", "shared B", "blocks", "products")
    for precision, sizes in TILES.items():
        for rows in sizes:
            for name in ("embed", "attention", "convolution", "readout"):
                c = compile_kernel(name, read.joints, rows, precision, RefinerConfig(), read.capability)
                products = f"{c.wgmma} wgmma" if c.wgmma else f"{c.mma} mma.sync"
                figures = (c.rows, c.precision, c.warps, c.registers, c.spilled, c.shared, c.blocks, products)
                table.add_row(name, *(str(figure) for figure in figures))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
