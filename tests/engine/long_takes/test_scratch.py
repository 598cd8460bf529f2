from __future__ import annotations

import errno
import gc
import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.long_takes import scratch
from engine.long_takes.scratch import give_back, let_go, let_go_of_file, long_array

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere these are ordinary arrays")


def resident() -> float:
    """Bytes of this process in memory now."""
    return 1024.0 * int(next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS:")).split()[1])


@linux
def test_what_was_freed_goes_back_to_the_system_also_of_objects_that_hold_each_other() -> None:
    """A ring that `importing` took out of Python's search. What the C library keeps of many small pieces is given back too."""

    class Ring:
        def __init__(self) -> None:
            self.itself, self.held = self, [bytes(1000) + bytes([k % 256]) for k in range(80_000)]

    give_back(cycles=True)  # what the tests before this one have left
    ring = Ring()
    gc.freeze()
    del ring
    grown = resident()
    give_back()
    assert resident() > grown - 20e6
    give_back(cycles=True)
    assert resident() < grown - 50e6


@linux
def test_a_file_that_is_mapped_takes_no_memory_until_it_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a model.task"
    path.write_bytes(bytes(range(256)) * 80_000)
    with path.open("r+b") as file:
        read, own = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    own[:5] = b"moved"
    before = resident()
    assert read[::4096] == bytes(5000) and resident() > before + 15e6
    let_go_of_file(path)
    assert resident() < before + 5e6
    assert read[255] == 255 and own[:5] == b"moved"  # what was written into a copy is not in the file
    let_go_of_file(tmp_path / "not there")


@pytest.mark.parametrize("small", [0, 10**12])
def test_an_array_is_zero_and_keeps_what_is_written(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SMALL", small)
    array, other = (long_array((1000, 3, 2), np.float32) for _ in range(2))
    assert array.shape == (1000, 3, 2) and array.dtype == np.float32 and not array.any()
    values = np.random.default_rng(0).normal(size=array.shape).astype(np.float32)
    array[:] = values
    let_go(array, array[5:], array.reshape(-1), None, np.zeros(3))
    np.testing.assert_array_equal(array, values)
    assert not other.any()
    assert long_array((0, 3)).shape == (0, 3)


@linux
def test_what_was_let_go_takes_no_memory_until_it_is_looked_at() -> None:
    array = long_array((50_000_000,), np.float32)
    before = resident()
    array[:] = 1.0
    assert resident() - before == pytest.approx(200e6, rel=0.1)
    let_go(array[::2])
    assert resident() - before < 20e6
    assert array[49_999_999] == 1.0 and float(array[::1000].sum()) == 50_000


@linux
def test_a_full_disk_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    array = long_array((2_000_000,))
    array += 1
    assert array.flags.owndata and float(array.sum()) == 2_000_000


@linux
def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = long_array((2_000_000,))
    assert not array.flags.owndata and not list(tmp_path.iterdir())
