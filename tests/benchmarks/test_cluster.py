from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import cluster
from contract.failure import Failure


def test_a_run_is_timed_by_its_own_events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = [{"event": "batch_begin", "time": 10.0}, {"event": "clip_end", "time": 11.0, "code": ""},
            {"event": "clip_end", "time": 12.0, "code": "no_person"}, {"event": "batch_end", "time": 14.5}]  # fmt: skip

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 4, "a library's word\n" + "\n".join(map(json.dumps, said)))

    monkeypatch.setattr(cluster.subprocess, "run", run)
    assert cluster.run(tmp_path, tmp_path / "out", "tcp://x", []) == cluster.Run(2, 1, 4.5)
    said.pop()
    with pytest.raises(Failure, match="without a result"):
        cluster.run(tmp_path, tmp_path / "out", "tcp://x", [])


def test_what_is_kept_is_told_a_clip_by_kind(tmp_path: Path) -> None:
    for name, size in (("a.npz", 100), ("b.npz", 300), (".kinolift/records/a.json", 40), (".kinolift/lock", 0), ("report.html", 999)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert {kind: size for kind, size in cluster.stored(tmp_path, 2).items() if size} == {".npz": 200.0, "records": 20.0}


def test_the_table_compares_with_the_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @contextmanager
    def made(_: Path, workers: int) -> Iterator[str]:
        yield str(workers)

    def run(source: Path, out: Path, address: str, _: object) -> cluster.Run:
        out.mkdir(exist_ok=True)
        return cluster.Run(5, 0, 0.01) if source.suffix == ".csv" else cluster.Run(4, 4, 60.0 / int(address) ** 0.5)

    monkeypatch.setattr(cluster, "cluster", made)
    monkeypatch.setattr(cluster, "run", run)
    assert cluster.main(["--workers", "1", "4", "--clips", "4", "--missing", "5"]) == 0
    told = capsys.readouterr().out
    assert "4.00" in told and "8.00" in told and "2.00" in told and "one that is not there: 2.0 ms (5 of them)" in told
