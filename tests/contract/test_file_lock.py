import subprocess
import sys
from pathlib import Path

from contract.file_lock import try_lock

ROOT = Path(__file__).resolve().parents[2]
OTHER = "import sys; from contract.file_lock import try_lock; sys.exit(0 if try_lock(open(sys.argv[1], 'a+')) else 7)"


def other_process(path: Path) -> int:
    return subprocess.run([sys.executable, "-c", OTHER, str(path)], cwd=ROOT, check=False).returncode


def test_one_has_it_at_a_time_and_gives_it_back_by_closing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("a+", encoding="utf-8") as file:
        assert try_lock(file)
        assert other_process(path) == 7
    assert other_process(path) == 0
    with path.open("a+", encoding="utf-8") as file:
        assert try_lock(file)  # the other one has ended without closing it
