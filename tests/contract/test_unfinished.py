"""Hidden folders of processes that have ended, live, or are another machine's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contract import unfinished
from contract.outputs import written_beside
from contract.unfinished import make_unfinished, sweep_unfinished

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there age decides")


def aged(folder: Path, days: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder, (time.time(), time.time() - days * 86400))
    return folder


def test_only_what_a_process_left_that_is_gone_is_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = make_unfinished(tmp_path)
    left = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    theirs = f".kinolift-{'0000' if unfinished._machine() != '0000' else '1111'}-{gone.pid}-abcdefgh"
    kept = [mine, aged(tmp_path / theirs, 1), aged(tmp_path / ".kinolift-a1b2c3d4", 1), aged(tmp_path / ".kinolift", 9),
            aged(tmp_path / ".kinolift-notes-of-mine", 9), aged(tmp_path / "kinolift-a1b2c3d4", 9)]  # fmt: skip
    swept = [aged(left, 0), aged(tmp_path / theirs.replace("abc", "xyz"), 3), aged(tmp_path / ".kinolift-a1b2c3d5", 3)]
    link = tmp_path / left.name.replace(left.name[-8:], "linklink")
    link.symlink_to(kept[1])
    file = tmp_path / left.name.replace(left.name[-8:], "filefile")
    file.write_text("mine")
    (left / "new.npz").write_bytes(b"half")
    assert sweep_unfinished(tmp_path) == 3
    assert not any(folder.exists() for folder in swept) and all(folder.is_dir() for folder in kept)
    assert link.is_symlink() and file.read_text() == "mine"
    assert sweep_unfinished(tmp_path / "none") == 0


def test_what_is_being_written_is_left_alone_and_what_was_killed_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from contract.outputs import written_beside\n"
        "with written_beside(Path(sys.argv[1])) as beside:\n    beside.write_text('half'); print('now', flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "a.txt")], cwd=root, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    try:
        writer.stdout.readline()
        assert sweep_unfinished(tmp_path) == 0 and len(list(tmp_path.iterdir())) == 1
    finally:
        writer.kill()
        writer.wait()
    assert sweep_unfinished(tmp_path) == 1 and not list(tmp_path.iterdir())
    with written_beside(tmp_path / "a.txt") as beside:
        beside.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
