from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from engine.datasets.mat_file import read_cells

RNG = np.random.default_rng(2)


def write(path: Path, compressed: bool = True) -> list[np.ndarray]:
    """As MATLAB writes it (by SciPy, which is independent of the reader): a cell of matrices of several types beside other variables."""
    matrices = [RNG.normal(size=(5, 4)), np.arange(6, dtype=np.uint8).reshape(2, 3), np.zeros((0, 3)), np.float32([[1.5]])]
    cell = np.empty((len(matrices), 1), object)
    cell[:, 0] = matrices
    savemat(path, {"other": np.zeros(3), "annot2": cell, "text": "hello", "deep": {"a": 1}}, do_compression=compressed)
    return matrices


@pytest.mark.parametrize("compressed", [True, False])
def test_the_matrices_come_out(tmp_path: Path, compressed: bool) -> None:
    matrices = write(tmp_path / "a.mat", compressed)
    found = read_cells(tmp_path / "a.mat", ("annot2",))["annot2"]
    assert len(found) == len(matrices)
    for one, other in zip(found, matrices, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(KeyError, match="annot3"):
        read_cells(tmp_path / "a.mat", ("annot2", "annot3"))
    with pytest.raises(ValueError, match="no list of matrices"):
        read_cells(tmp_path / "a.mat", ("other",))


def element(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(4, "little") + len(data).to_bytes(4, "little") + data + bytes(-len(data) % 8)


def matrix(kind: int, shape: tuple[int, ...], name: bytes, content: bytes) -> bytes:
    head = element(6, bytes([kind]) + bytes(7)) + element(5, np.array(shape, "<i4").tobytes()) + element(1, name.ljust(8, b"\0")[:8])
    return element(14, head + content)


def mat(path: Path, *elements: bytes) -> Path:
    path.write_bytes(b"MATLAB 5.0".ljust(126, b" ") + b"IM" + b"".join(elements))
    return path


def nested(depth: int) -> bytes:
    inner = matrix(6, (1, 1), b"x", element(9, bytes(8)))
    for _ in range(depth):
        inner = matrix(1, (1, 1), b"cellname", inner)
    return inner


@pytest.mark.parametrize(
    "elements",
    [
        [nested(400)],
        [matrix(1, (1, 10**9), b"cellname", b"")],
        [matrix(1, (1, 1), b"cellname", matrix(6, (30_000, 30_000), b"x", element(9, bytes(8))))],
        [matrix(1, (1, 1), b"cellname", matrix(6, (-1, -1), b"x", element(9, bytes(8))))],
        [b"\x0e\0\0\0\xff\xff\xff\x7f"],
        [element(15, zlib.compress(bytes(80 * 2**20)))],
        [element(15, b"damaged")],
        [element(15, zlib.compress(b"")[:4])],
        [b"\x0e"],
    ],
)
def test_what_is_damaged_takes_no_memory(tmp_path: Path, elements: list[bytes]) -> None:
    tracemalloc.start()
    with pytest.raises((ValueError, EOFError, KeyError, zlib.error)):
        read_cells(mat(tmp_path / "a.mat", *elements), ("cellname",))
    assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    tracemalloc.stop()
