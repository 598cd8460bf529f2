"""Two processes on a CPU train as one process with the whole batch does."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from contract.failure import Failure
from engine.training.loop import Run, train
from engine.training.processes import Processes, join
from tests.engine.training.test_loop import QUICK, Linear

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
import torch
from torch import nn
from engine.training.loop import Run, train
from engine.training.processes import join
from tests.engine.training.test_loop import QUICK, Linear
torch.set_num_threads(1)
processes, device = join()
assert processes.count == 2
torch.manual_seed(0)
done = train(Linear(), nn.Sequential(nn.Linear(3, 1, bias=False)), QUICK, layout={}, run=Run(processes=processes))
if processes.leads:
    torch.save([done.model.state_dict(), [line.loss for line in done.lines]], sys.argv[1])
processes.close()
"""


REFUSES = """
import sys
import torch
from torch import nn
from contract.failure import Failure
from engine.training import command
from engine.training.loop import train
from tests.engine.training.test_loop import QUICK, Linear
torch.set_num_threads(1)
def work(order):
    if not order.run.processes.leads:
        raise Failure("bad_input", "no such data")
    train(Linear(), nn.Sequential(nn.Linear(3, 1, bias=False)), QUICK, layout={}, run=order.run)
command._train_poses = work
try:
    command.main(["lifter", "--data", "h36m", "--path", "data", "-o", sys.argv[1], "--device", "cpu"])
except Failure as failure:
    sys.exit(failure.message)
"""


def test_where_one_refuses_all_do(tmp_path):
    """Without torchrun, which would end the others itself after half a minute."""
    program = tmp_path / "program.py"
    program.write_text(REFUSES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2"}
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if sys.platform == "linux":
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    started = [
        subprocess.Popen(
            [sys.executable, str(program), str(tmp_path / rank)],
            cwd=ROOT, env=environment | {"RANK": rank}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=600)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [1, 1], said
    assert "Another of the training processes refused" in said[0] and "no such data" in said[1] and "Traceback" not in "".join(said)


def test_two_processes_give_what_one_gives(tmp_path):
    """By torchrun, as it is documented. Its meeting point is named by number: by the machine's name it may lead to an address that nobody
    answers at, and then the processes wait for each other for minutes."""
    program, file = tmp_path / "program.py", tmp_path / "done.pt"
    program.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    if sys.platform == "linux":
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    started = subprocess.Popen(
        [*torchrun, "--master-port", str(port), str(program), str(file)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        said = started.communicate(timeout=240)[0]
    finally:
        if started.poll() is None:  # the two it started go with it
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    assert started.returncode == 0, said
    state, losses = torch.load(file, weights_only=True)
    torch.manual_seed(0)
    alone = train(Linear(), torch.nn.Sequential(torch.nn.Linear(3, 1, bias=False)), QUICK, layout={})
    assert torch.allclose(state["0.weight"], alone.model[0].weight, atol=1e-5)
    assert losses == pytest.approx([line.loss for line in alone.lines], rel=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(Failure, match="cannot be shared by 3"):
        train(Linear(), torch.nn.Linear(3, 1), QUICK, layout={}, run=Run(processes=Processes(0, 3)))


def test_without_torchrun_it_is_alone():
    processes, device = join({})
    assert (processes.rank, processes.count, device.type) == (0, 1, "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_no_cuda_is_said():
    with pytest.raises(Failure, match="no CUDA device") as failure:
        join({}, "cuda")
    assert failure.value.code == "no_cuda"
