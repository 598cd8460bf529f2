"""The add-on's tests run in the bpy wheel: the repository is loaded as the package that Blender would make of it.

Test modules may say `from kinolift_extension.addon import armature`; the package is in place before they are imported.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = "kinolift_extension"

_homes: list[str] = []

# Blender reads these when bpy is imported: no test may see or change the settings of the person who runs it.
if "bpy" not in sys.modules:
    _home = tempfile.mkdtemp(prefix="kinolift-tests-")
    _homes.append(_home)
    for _name in ("RESOURCES", "CONFIG", "SCRIPTS", "EXTENSIONS", "DATAFILES"):
        os.environ[f"BLENDER_USER_{_name}"] = str(Path(_home) / _name.lower())

bpy = pytest.importorskip("bpy", reason="the add-on needs Blender or its bpy wheel")


def pytest_unconfigure() -> None:
    for home in _homes:
        shutil.rmtree(home, ignore_errors=True)


def _load(name: str, path: Path, package: bool) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)] if package else None)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_load(PACKAGE, ROOT / "__init__.py", package=True)
synthetic = _load("kinolift_synthetic", HERE / "synthetic.py", package=False)
_load("kinolift_characters", HERE / "export" / "characters.py", package=False)
_load("kinolift_drawing", HERE / "drawing.py", package=False)
_load("kinolift_readers", HERE / "export" / "readers.py", package=False)


@pytest.fixture(autouse=True)
def blender() -> Iterator[None]:
    """A fresh, empty Blender file for every test."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    yield


@pytest.fixture(scope="session")
def make_motion() -> Callable[..., Any]:
    """make_motion(frames, fps, seed, **fields) -> Motion with positions by the tests' own forward kinematics."""
    from kinolift_extension.contract import motion_file, skeleton

    def make(*args: Any, **kwargs: Any) -> Any:
        return synthetic.make_motion(motion_file, skeleton, *args, **kwargs)

    return make


@pytest.fixture
def fake_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """fake_python("fine") sets KINOLIFT_PYTHON to a program that plays the worker's part of that name; see fake_worker.py."""
    if os.name != "posix":
        pytest.skip("the stand-in for Python is a shell script")

    def make(part: str = "fine", frames: int = 30, fps: float = 30.0) -> Path:
        script = tmp_path / "fake_python"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "fake_worker.py"}" {part} {frames} {fps!r} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("KINOLIFT_PYTHON", str(script))
        return script

    return make
