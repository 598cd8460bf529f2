"""What every test may use: the data beside the repository, and the repository loaded as Blender loads the extension."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # `engine`, `contract`, `wheels` and `kinolift`, wherever pytest was started

# OpenCV reads this once, at the first video that anybody opens in this process; a test that opens one by itself must not
# decide how loud the videos of the tests after it are
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# `engine` closes the way to the network of the process that imports it; set-ups and zips, which tests make in this one, fetch packages
_ways = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
import engine  # noqa: E402, F401

for _name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[_name]
os.environ.update(_ways)

_exit_code: int | None = None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of design and data beside the repository; a test that asks for it is skipped where there is none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder shared/ is not beside the repository")
    return folder


@pytest.fixture(scope="session")
def extension() -> ModuleType:
    """The repository's root as the package `kinolift_extension`."""
    pytest.importorskip("bpy", reason="the add-on needs Blender or its bpy wheel")
    import kinolift

    return kinolift.load_extension()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _exit_code
    _exit_code = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Ends the process at once after the report: an interpreter that has imported bpy can hang while it shuts down."""
    if "bpy" in sys.modules and _exit_code is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_code)
