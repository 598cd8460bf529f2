"""Folders are made by processes that have ended, live, or never were."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from kinolift_extension.addon import leftovers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there age decides")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_what_a_process_left_that_is_gone_is_swept(temporary: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = temporary / f"kinolift-{gone.pid}-a1b2_c3d"
    names = ("kinolift-kept-a1b2c3d4", "kinolift-notes", f"other-{gone.pid}-abc", f"kinolift-{os.getppid()}-abc")
    others = [temporary / name for name in names]
    mine = leftovers.make_folder()
    for folder in (left, *others):
        folder.mkdir()
        (folder / "motion.npz").write_bytes(b"1")
    link = temporary / f"kinolift-{gone.pid}-link"
    link.symlink_to(others[0])
    leftovers.sweep()
    assert not left.exists()
    assert mine.is_dir() and link.is_symlink() and all((folder / "motion.npz").is_file() for folder in others)


def test_no_folder_of_blender_stays(temporary: Path) -> None:
    script = (
        "import os, bpy; from pathlib import Path; from kinolift import load_extension; load_extension()\n"
        "from kinolift_extension.addon.leftovers import remove_blender_folder\n"
        "print(bpy.app.tempdir, Path(bpy.app.tempdir).is_dir()); remove_blender_folder(); os._exit(0)"
    )
    environment = os.environ | {"TMPDIR": str(temporary), "TEMP": str(temporary)}
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder, was = done.stdout.split()[-2:]
    assert was == "True" and Path(folder).parent == temporary
    assert not list(temporary.glob("blender_*"))
