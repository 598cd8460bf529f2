"""A real scheduler and real workers on this machine, with a stand-in for the capture."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kinolift_extension.addon.batch import cluster
from kinolift_extension.addon.batch.cluster import scheduler_words, worker_words
from kinolift_extension.addon.command_line import main
from kinolift_extension.contract.failure import Failure

ROOT = Path(__file__).resolve().parents[3]
FAKE = ROOT / "tests" / "addon" / "fake_worker.py"
CALM = 120.0  # seconds that anything may take on a busy machine


def test_without_dask_it_is_said_how_to_come_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Failure, match="needs Dask") as failure:
        cluster._dask()
    assert failure.value.code == "bad_installation"


def test_the_words_of_a_worker() -> None:
    words = worker_words("tcp://a:1", 3, "2GB", gpu=True)
    assert words[1] == "tcp://a:1" and words[words.index("--nworkers") + 1] == "3" and words[-1] == "GPU=1"
    assert Path(words[words.index("--preload") + 1]).is_file()


class Cluster:
    """Processes of one, ended together."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "cluster.log").open("ab")
        environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"}
        process = subprocess.Popen([sys.executable, "-m", *words], stdout=log, stderr=log, start_new_session=True, env=environment)
        self.processes.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        file = self.folder / f"scheduler{len(self.processes)}.json"
        process = self.start(*scheduler_words("127.0.0.1", self.port), "--scheduler-file", str(file))
        until = time.monotonic() + CALM
        while not file.is_file() or not file.read_text():
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.2)
        self.port = int(json.loads(file.read_text())["address"].rpartition(":")[2])
        return process

    def workers(self, count: int) -> None:
        self.start(*worker_words(self.address, count, "1GB"))

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="Dask is an extra: python3 kinolift.py cluster --help fetches it")
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what plays the capture; the clip toxic.mp4 ends it."""

    def play(part: str) -> None:
        script = tmp_path / "python"
        fake = f'exec "{sys.executable}" "{FAKE}" {part} 30 30.0 "$@"'
        script.write_text(f'#!/bin/sh\ncase "$*" in *toxic.mp4*) kill -9 $$ ;; esac\n{fake}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("KINOLIFT_PYTHON", str(script))

    return play


def clips(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.mp4").write_bytes(name.encode())
    return folder


def rows(out: Path) -> dict[str, str]:
    return {row["name"]: row["status"] for row in map(json.loads, (out / "report.jsonl").read_text().splitlines())}


def test_a_poisoned_clip_is_given_up_and_the_rest_is_done(dask: Cluster, capture: Callable[[str], None], tmp_path: Path) -> None:
    capture("fine")
    dask.scheduler()
    dask.workers(2)
    words = ["batch", str(clips(tmp_path / "in", "a", "b", "toxic")), "-o", str(tmp_path / "out"), "--scheduler", dask.address]
    assert main(words) == 5
    assert rows(tmp_path / "out") == {"toxic": "failed", "a": "done", "b": "done"}
    assert main(words) == 5
    assert rows(tmp_path / "out") == {"toxic": "failed", "a": "kept", "b": "kept"}


def test_a_worker_that_is_killed_and_a_scheduler_that_comes_back_lose_nothing(
    dask: Cluster, capture: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client

    monkeypatch.setenv("KINOLIFT_TEST_PAUSE", "0.1")
    capture("slow")
    scheduler = dask.scheduler()
    dask.workers(2)
    code = "import sys, kinolift as k; k.load_extension(); from kinolift_extension.addon.command_line import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", code, "batch", str(clips(tmp_path / "in", *"abcdef")), "-o", str(tmp_path / "out")]
    batch = subprocess.Popen([*words, "--scheduler", dask.address], cwd=ROOT)
    dask.processes.append(batch)
    until = time.monotonic() + CALM
    while not list((tmp_path / "out").glob("*.npz")):
        assert time.monotonic() < until and batch.poll() is None
        time.sleep(0.2)
    with Client(dask.address, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    time.sleep(1.0)
    os.killpg(scheduler.pid, signal.SIGKILL)
    scheduler.wait()
    dask.scheduler()  # at the same port; the workers find it again
    dask.workers(1)
    batch.wait(CALM)
    assert set(rows(tmp_path / "out")) == set("abcdef") and set(rows(tmp_path / "out").values()) <= {"done", "kept"}
