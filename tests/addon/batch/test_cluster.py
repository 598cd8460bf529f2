"""A real scheduler and real workers on this machine, with a stand-in for the capture."""

from __future__ import annotations

import contextlib
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
START = (
    "import sys, kinolift; kinolift.load_extension(); from kinolift_extension.addon.command_line import main; sys.exit(main(sys.argv[1:]))"
)
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

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "cluster.log").open("ab")
        environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(cluster.LOST)} | environment
        process = subprocess.Popen([sys.executable, "-m", *words], stdout=log, stderr=log, start_new_session=True, env=environment)
        self.processes.append(process)
        return process

    def scheduler(self, **environment: str) -> subprocess.Popen[bytes]:
        file = self.folder / f"scheduler{len(self.processes)}.json"
        process = self.start(*scheduler_words("127.0.0.1", self.port), "--scheduler-file", str(file), **environment)
        until = time.monotonic() + CALM
        while not file.is_file() or not file.read_text():
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.2)
        self.port = int(json.loads(file.read_text())["address"].rpartition(":")[2])
        return process

    def workers(self, count: int, gpu: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        return self.start(*worker_words(self.address, count, "1GB", gpu), **environment)

    def batch(self, source: Path, *words: str) -> subprocess.Popen[bytes]:
        """Into `out`, while the test goes on."""
        words = ("batch", str(source), "-o", str(self.folder / "out"), "--scheduler", self.address, *words)
        process = subprocess.Popen([sys.executable, "-c", START, *words], cwd=ROOT, start_new_session=True)
        self.processes.append(process)
        return process

    def wait_for(self, there: Callable[[], object], batch: subprocess.Popen[bytes]) -> None:
        """Until it is so; the batch must not have ended before."""
        until = time.monotonic() + CALM
        while not there():
            assert time.monotonic() < until and batch.poll() is None
            time.sleep(0.1)

    def process_of_a_worker(self) -> int:
        """The process in which clips are done, not the one that watches it."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=CALM)
            return int(next(iter(client.run(os.getpid).values())))

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
    """Sets what plays the capture: toxic.mp4 ends it, deadly.mp4 the worker, too. Who has done a clip stands in the file `by`: what its
    worker's environment has for NAME."""

    def play(part: str) -> None:
        script = tmp_path / "python"
        fake = f'"{sys.executable}" "{FAKE}" {part} 30 30.0 "$@" && echo "$NAME" "$4" >> "{tmp_path / "by"}"'
        script.write_text(f'#!/bin/sh\ncase "$*" in *toxic.mp4*) kill -9 $$ ;; *deadly.mp4*) kill -9 $PPID ;; esac\n{fake}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("KINOLIFT_PYTHON", str(script))

    return play


def done_by(folder: Path) -> dict[str, list[str]]:
    """Worker's NAME -> the clips it has done."""
    found: dict[str, list[str]] = {}
    for told in (folder / "by").read_text().splitlines() if (folder / "by").is_file() else []:
        name, clip = told.split(" ", 1)
        found.setdefault(name, []).append(Path(clip).stem)
    return found


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
    monkeypatch.setenv("KINOLIFT_TEST_PAUSE", "0.1")
    capture("slow")
    scheduler = dask.scheduler()
    dask.workers(2)
    batch = dask.batch(clips(tmp_path / "in", *"abcdef"))
    dask.wait_for(lambda: list((tmp_path / "out").glob("*.npz")), batch)
    os.kill(dask.process_of_a_worker(), signal.SIGKILL)
    time.sleep(1.0)
    os.killpg(scheduler.pid, signal.SIGKILL)
    scheduler.wait()
    dask.scheduler()  # at the same port; the workers find it again
    dask.workers(1)
    batch.wait(CALM)
    assert set(rows(tmp_path / "out")) == set("abcdef") and set(rows(tmp_path / "out").values()) <= {"done", "kept"}


def test_a_clip_that_takes_its_workers_with_it_is_given_up_and_the_rest_is_done(
    dask: Cluster, capture: Callable[[str], None], tmp_path: Path
) -> None:
    capture("fine")
    dask.scheduler()
    dask.workers(2)
    batch = dask.batch(clips(tmp_path / "in", "a", "b", "deadly", "c"))
    assert batch.wait(CALM) == 5
    found = rows(tmp_path / "out")  # kept: what a worker had done whose word of it was lost with it
    assert found.pop("deadly") == "failed" and found.keys() == set("abc") and set(found.values()) <= {"done", "kept"}
    told = next(row for row in map(json.loads, (tmp_path / "out" / "report.jsonl").read_text().splitlines()) if row["name"] == "deadly")
    assert told["code"] == "worker_died" and "3 workers were lost over it" in told["message"]


def test_a_slow_worker_gets_fewer_clips_and_one_that_hangs_loses_its_own(
    dask: Cluster, capture: Callable[[str], None], tmp_path: Path
) -> None:
    capture("slow")
    dask.scheduler(DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="8s")
    dask.workers(1, NAME="slow", KINOLIFT_TEST_PAUSE="0.3")
    slow = dask.process_of_a_worker()
    dask.workers(1, NAME="quick", KINOLIFT_TEST_PAUSE="0.001")
    batch = dask.batch(clips(tmp_path / "in", *"abcdefghij"))
    dask.wait_for(lambda: "slow" in done_by(tmp_path), batch)
    assert len(done_by(tmp_path)["quick"]) > len(done_by(tmp_path)["slow"])
    os.kill(slow, signal.SIGSTOP)  # it is there, and does nothing any more
    try:
        assert batch.wait(CALM) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(slow, signal.SIGKILL)
    assert set(rows(tmp_path / "out")) == set("abcdefghij") and set(rows(tmp_path / "out").values()) <= {"done", "kept"}


def test_clips_for_a_gpu_wait_for_a_worker_that_has_one(dask: Cluster, capture: Callable[[str], None], tmp_path: Path) -> None:
    capture("fine")
    dask.scheduler()
    dask.workers(1, NAME="plain")
    clips(tmp_path / "in", *"abcd")
    (tmp_path / "in" / "list.csv").write_text("video,device\na.mp4,cuda\nb.mp4,cpu\nc.mp4,cuda\nd.mp4,\n")
    batch = dask.batch(tmp_path / "in" / "list.csv")
    dask.wait_for(lambda: len(done_by(tmp_path).get("plain", [])) == 2, batch)
    time.sleep(2.0)
    assert done_by(tmp_path).keys() == {"plain"} and batch.poll() is None
    dask.workers(1, gpu=True, NAME="gpu")
    assert batch.wait(CALM) == 0
    assert {name: sorted(done) for name, done in done_by(tmp_path).items()} == {"plain": ["b", "d"], "gpu": ["a", "c"]}


def test_the_scheduler_knows_few_clips_at_a_time_and_all_are_done(
    dask: Cluster, capture: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WINDOW", 2)
    capture("fine")
    dask.scheduler()
    dask.workers(1)
    words = ["batch", str(clips(tmp_path / "in", *"abcde")), "-o", str(tmp_path / "out"), "--scheduler", dask.address]
    assert main(words) == 0
    assert rows(tmp_path / "out") == dict.fromkeys("abcde", "done")
