"""Arrays as long as the take, kept in a file in the temporary folder, so that a process needs memory only for the part at hand.

A capture of an hour has some two gigabytes of numbers on their way from the detector to the motion file. Where the system can (Linux) they
lie in files that have no name and vanish with the process; the system writes and reads them as it sees fit. Elsewhere, for short takes, and
where the temporary folder has no room, they are ordinary arrays.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Below this an array stays in memory: a take of ten minutes has arrays of 2 to 14 MB. All of a short take's together are some 20 MB.
SMALL: Final = 2 * 2**20

_CAN: Final = hasattr(os, "posix_fallocate") and hasattr(mmap, "MADV_DONTNEED")


def long_array(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """An array of zeros, in a file if it is large. Two of them never share anything."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not _CAN or size < SMALL:
        return np.zeros(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="kinolift-") as file:
            # room is taken at once: a full disk later on would end the process
            os.posix_fallocate(file.fileno(), 0, size)  # type: ignore[attr-defined,unused-ignore]
            memory = mmap.mmap(file.fileno(), size)
    except OSError:
        return np.zeros(shape, dtype)
    return np.frombuffer(memory, dtype).reshape(shape)


def give_back(cycles: bool = False) -> None:
    """Memory that was freed goes back to the system, which the C library else keeps in pieces for what may come; where it can (Linux).

    cycles: objects that only hold each other are freed before, those too that `startup.importing` took out of Python's search: a detector
    is made of such.
    """
    if cycles:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of the GNU C library
        if trim is not None:
            trim(0)


def let_go_of_file(path: str | Path) -> None:
    """The memory in which this process, or a library of it, has mapped a file that it only reads; what is asked for again comes from it.
    Where the system tells of mappings (Linux)."""
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    name = os.path.realpath(path)
    with Path("/proc/self/maps").open(encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            fields = line.rstrip("\n").split(maxsplit=5)  # place, what is allowed there, three numbers, and the file
            if fields[5:] == [name] and "w" not in fields[1]:  # what is written into a private one would be lost
                first, last = (int(number, 16) for number in fields[0].split("-"))
                madvise(first, last - first, mmap.MADV_DONTNEED)


def let_go(*arrays: npt.NDArray[Any] | None) -> None:
    """The memory that these arrays (or what they are views of) occupy at the moment; what they hold stays. Others are left as they are."""
    for array in arrays:
        memory: Any = array
        while isinstance(memory, np.ndarray | memoryview):
            memory = memory.base if isinstance(memory, np.ndarray) else memory.obj
        if isinstance(memory, mmap.mmap):
            memory.madvise(mmap.MADV_DONTNEED)
