"""Several processes that train one network (torchrun), and the orderly end when somebody asks for it."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from contract.failure import Failure


class Processes:
    """This process among those that train together; alone by default. `rank` 0 leads: it alone writes and tells."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self._ready = False

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The module whose gradients are the mean over all processes."""
        return model if self.count == 1 else nn.parallel.DistributedDataParallel(model)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a number over all processes."""
        if self.count > 1:
            dist.all_reduce(value)
            value = value / self.count
        return value

    def agree(self, asked: bool, now: bool) -> bool:
        """Whether all are to stop: several processes settle it only where `now`, so that all stop after the same step."""
        if self.count == 1:
            return asked
        if not now:
            return False
        return self._any(asked)

    def ready(self, refused: bool = False) -> None:
        """Called once by every process, when it has read all that it needs, or has `refused`: Failure where another has."""
        self._ready = True
        if self.count > 1 and self._any(refused) and not refused:
            raise Failure("bad_input", "Another of the training processes refused; it says why.")

    def _any(self, flag: bool) -> bool:
        sum_of_all = torch.tensor(float(flag), device=torch.device("cuda") if dist.get_backend() == "nccl" else None)
        dist.all_reduce(sum_of_all)
        return bool(sum_of_all > 0)

    def close(self, failed: bool = False) -> None:
        """Leaves the group, once all are done with it. One that `failed` waits for nobody; before the first step the others are told, so
        that they fail, too, and later they find it gone."""
        if self.count > 1:
            if not failed:
                dist.barrier()
            elif not self._ready:
                self.ready(refused=True)
            # DistributedDataParallel holds the group in a cycle of references: left to the interpreter's end, the group's threads now and
            # then outlive what they belong to, and the process aborts after its work is done
            gc.collect()
            dist.destroy_process_group()


def join(environment: Mapping[str, str] = os.environ, device: str = "cpu") -> tuple[Processes, torch.device]:
    """Joins the group that torchrun's environment names (nccl on CUDA, gloo on the CPU); alone without one. Returns this one's device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise Failure("no_cuda", "This torch finds no CUDA device; use --device cpu.")
    count = int(environment.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(), torch.device(device)
    if device == "cuda":
        torch.cuda.set_device(int(environment.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size()), torch.device(device)


class Interrupt:
    """While it is entered, Ctrl-C and SIGTERM only ask (`asked`), so that a step and its checkpoint end whole; a second one insists."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # only there can signals be taken
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
