"""What stops a package from loading, as a sentence with the command that mends it: a shared library that the system lacks, or a package
that is missing or damaged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .failure import Failure
from .reading import reason

REPAIR: Final = "run `python3 kinolift.py setup --again`, or install the extension again in Blender"
_MISSING: Final = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")


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
    Library("libGL.so.1", "bpy", "libgl1", "libglvnd-glx", "libglvnd"),
    Library("libEGL.so.1", "mediapipe", "libegl1", "libglvnd-egl", "libglvnd"),
    Library("libGLESv2.so.2", "mediapipe", "libgles2", "libglvnd-gles", "libglvnd"),
)


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


def import_failure(error: ImportError) -> Failure:
    """The Failure `bad_installation` for a package that cannot be loaded."""
    missing = _MISSING.search(str(error))
    if missing is None:
        return Failure("bad_installation", f"A package of the installation cannot be loaded ({reason(error)}); {REPAIR}.")
    known = [library for library in LIBRARIES if library.soname == missing[1]]
    if known:
        return Failure("bad_installation", missing_sentence(known))
    what = f"This machine lacks the system library {missing[1]}"
    return Failure("bad_installation", f"{what}: install the package of your system that has it.")
