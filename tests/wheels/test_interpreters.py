"""Finding another Python."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from wheels.interpreters import find_interpreter

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for Python are shell scripts")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Python that could be found."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PYENV_ROOT", "ASDF_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_there_may_be_none(nowhere: Path) -> None:
    assert find_interpreter(PYTHON) is None


def test_on_path(nowhere: Path) -> None:
    expected = script(nowhere / "path" / f"python{PYTHON}", f'exec "{sys.executable}" "$@"')
    assert find_interpreter(PYTHON) == expected


def test_a_stand_in_that_does_not_run_is_passed_over_for_the_managers_own(nowhere: Path) -> None:
    script(nowhere / "path" / f"python{PYTHON}", "echo 'version not active' >&2; exit 127")
    expected = script(nowhere / ".pyenv" / "versions" / f"{PYTHON}.5" / "bin" / f"python{PYTHON}", f'exec "{sys.executable}" "$@"')
    assert find_interpreter(PYTHON) == expected


def test_a_python_of_another_version_under_that_name_is_not_taken(nowhere: Path) -> None:
    shutil.copy2(script(nowhere / "x", f'exec "{sys.executable}" "$@"'), nowhere / "python3.99")
    (nowhere / "path").mkdir()
    (nowhere / "python3.99").rename(nowhere / "path" / "python3.99")
    assert find_interpreter("3.99") is None
