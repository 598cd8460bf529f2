"""The script that runs a Debian release's Blender, and why there can be none; the installation itself is run by `kinolift.py test`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from contract.failure import ExitCode, Failure
from wheels import debian_blender
from wheels.debian_blender import INSTALLED, PROGRAM, ROOT, prepare, why_not

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Debian's programs")


def installed(folder: Path) -> Path:
    folder.mkdir()
    (folder / INSTALLED).touch()
    return folder


def test_what_is_installed_is_not_installed_again_and_the_script_holds_any_path(tmp_path: Path) -> None:
    folder = installed(tmp_path / "it's a folder")
    program = prepare("sid", folder)
    assert program == folder / PROGRAM and program.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(program)]).returncode == 0
    last = shlex.split(program.read_text().rpartition("\n' sh ")[2].replace('"$@"', ""))
    assert last[:2] == [str(folder), str(ROOT)]


def test_an_installation_that_fails_is_one_sentence_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "debootstrap").write_text("#!/bin/sh\necho E: no such release\nexit 1\n")
    (bare / "debootstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(bare))
    with pytest.raises(Failure, match=r"debootstrap could not install Blender .*blenders/sid\.log.*no such release"):
        prepare("sid", tmp_path / "blenders" / "sid")


def test_an_installation_that_failed_is_none_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "blenders" / "sid"
    (folder / "usr" / "bin").mkdir(parents=True)
    for name in ("apt-get", "blender"):  # unpacked, but not set up
        (folder / "usr" / "bin" / name).touch()
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "unshare").write_text('#!/bin/sh\n[ ! -e "$KINOLIFT_FAILS" ]\n')
    (bare / "unshare").chmod(0o755)
    fails = tmp_path / "fails"
    fails.touch()
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.setenv("KINOLIFT_FAILS", str(fails))
    for _ in range(2):
        with pytest.raises(Failure, match="unshare could not install Blender"):
            prepare("sid", folder)
    fails.unlink()
    assert prepare("sid", folder).is_file() and (folder / INSTALLED).is_file()


def test_why_there_can_be_none_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(debian_blender.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(debian_blender.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert why_not() == "it needs root"
    monkeypatch.setattr(debian_blender.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian_blender.shutil, "which", lambda name: None if name == "debootstrap" else name)
    assert why_not() == "debootstrap is missing (apt-get install debootstrap)"
    assert debian_blender.main(["sid"]) == ExitCode.NO_RESOURCES
    assert "There can be no Debian Blender here: debootstrap is missing" in capsys.readouterr().err
    monkeypatch.setattr(debian_blender.shutil, "which", lambda name: None)
    assert why_not() == "this is no Debian"
