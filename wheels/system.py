"""What Kinolift needs of the machine itself: the platform, and on Linux the shared libraries that no wheel carries.

    python3 -m wheels.system      prints the Debian packages of the libraries that are missing, one a line
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contract.failure import Failure

PLATFORMS: Final = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "amd64"): "linux-x64",
    ("windows", "amd64"): "windows-x64",
    ("windows", "x86_64"): "windows-x64",
    ("darwin", "arm64"): "macos-arm64",
}


@dataclass(frozen=True)
class Library:
    """A shared library, who asks for it, and the packages that bring it."""

    soname: str
    wanted_by: str
    debian: str
    fedora: str
    arch: str


# Read off the wheels with ldd: what their libraries link against and do not bring.
LIBRARIES: Final = (
    Library("libX11.so.6", "bpy", "libx11-6", "libX11", "libx11"),
    Library("libXext.so.6", "bpy", "libxext6", "libXext", "libxext"),
    Library("libXfixes.so.3", "bpy", "libxfixes3", "libXfixes", "libxfixes"),
    Library("libXi.so.6", "bpy", "libxi6", "libXi", "libxi"),
    Library("libXrender.so.1", "bpy", "libxrender1", "libXrender", "libxrender"),
    Library("libxkbcommon.so.0", "bpy", "libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    Library("libSM.so.6", "bpy", "libsm6", "libSM", "libsm"),
    Library("libICE.so.6", "bpy", "libice6", "libICE", "libice"),
    Library("libGL.so.1", "bpy and opencv", "libgl1", "libglvnd-glx", "libglvnd"),
    Library("libgthread-2.0.so.0", "opencv", "libglib2.0-0", "glib2", "glib2"),
    Library("libEGL.so.1", "mediapipe", "libegl1", "libglvnd-egl", "libglvnd"),
    Library("libGLESv2.so.2", "mediapipe", "libgles2", "libglvnd-gles", "libglvnd"),
)


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


def missing_sentence(libraries: Sequence[Library]) -> str:
    """What is missing and the command that installs it, on the three families of Linux."""
    names = ", ".join(library.soname for library in libraries)
    debian, fedora, arch = (
        " ".join(sorted({getattr(library, family) for library in libraries})) for family in ("debian", "fedora", "arch")
    )
    return (
        f"This machine lacks the system libraries {names}: install them with `sudo apt-get install {debian}` "
        f"(Fedora: `sudo dnf install {fedora}`; Arch: `sudo pacman -S {arch}`)."
    )


def check_libraries() -> None:
    """Raises Failure `bad_installation` where a system library is missing."""
    libraries = missing_libraries()
    if libraries:
        raise Failure("bad_installation", missing_sentence(libraries))


if __name__ == "__main__":
    for name in sorted({library.debian for library in missing_libraries()}):
        print(name)
