"""What Kinolift needs of the machine itself: the platform, and on Linux the shared libraries that no wheel carries.

    python3 -m wheels.system      prints the Debian packages of the libraries that are missing, one a line
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from typing import Final

from contract.failure import Failure
from contract.libraries import LIBRARIES, Library, missing_sentence

PLATFORMS: Final = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "amd64"): "linux-x64",
    ("windows", "amd64"): "windows-x64",
    ("windows", "x86_64"): "windows-x64",
    ("darwin", "arm64"): "macos-arm64",
}


def platform_name() -> str:
    """This machine in Blender's words ("linux-x64"). Raises Failure `bad_installation` where Kinolift has no wheels for it."""
    system, machine = platform.system().lower(), platform.machine().lower()
    try:
        return PLATFORMS[system, machine]
    except KeyError:
        names = ", ".join(sorted(set(PLATFORMS.values())))
        raise Failure("bad_installation", f"Kinolift runs on {names}, and this machine is {system}-{machine}.") from None


def _loads(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def missing_libraries(loads: Callable[[str], bool] = _loads) -> list[Library]:
    """The libraries that this machine lacks; none on other systems than Linux."""
    return [library for library in LIBRARIES if not loads(library.soname)] if sys.platform == "linux" else []


def check_libraries() -> None:
    """Raises Failure `bad_installation` where a system library is missing."""
    libraries = missing_libraries()
    if libraries:
        raise Failure("bad_installation", missing_sentence(libraries))


if __name__ == "__main__":
    for name in sorted({library.debian for library in missing_libraries()}):
        print(name)
