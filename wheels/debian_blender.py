"""A distribution's Blender on a Debian machine, and the life of the extension's zip in it.

    python3 -m wheels.debian_blender sid                   Blender 5.2, Python 3.14
    python3 -m wheels.debian_blender trixie --folder DIR   Blender 4.3, Python 3.13

The first use installs that Debian release with its Blender in a folder (about 1.5 GB, two minutes); nothing outside the folder changes.
Then tests/test_extension.py runs there: install, enable, capture, retarget, export, disable, uninstall, with nothing left. It needs root,
debootstrap and the network; `kinolift.py test` does it too where these are at hand.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contract.failure import ExitCode, Failure

from .environment import run_logged
from .fetch import ROOT

RELEASES: Final = ("sid", "trixie")
# What Blender's own package leaves out: what its extension commands import, and the libraries of a desktop.
PACKAGES: Final = (
    "blender", "python3-numpy", "python3-requests", "python3-cattr", "python3-jsonschema",
    "libgl1", "libgl1-mesa-dri", "libegl1", "libgles2",
)  # fmt: skip
INSTALLED: Final = "kinolift-installed"  # in the folder once its packages are; a program that is there may be half unpacked
PROGRAM: Final = "kinolift-blender"  # the script in the folder that runs its Blender
TESTS: Final = ("tests/test_extension.py", "-k", "blender_program and not named")  # a named worker lies outside

# Mounted for this one process and its children; what is under the repository and the temporary folder has the same paths there.
SCRIPT: Final = """#!/bin/sh
# Runs the Blender of this folder. Made by wheels.debian_blender.
exec unshare --mount sh -c '
set -e
folder=$1
for place in /proc /sys /dev "$2" "$3"; do
  mkdir -p "$folder$place"
  mount --rbind "$place" "$folder$place"
done
shift 3
exec chroot "$folder" blender "$@"
' sh {folder} {root} {temporary} "$@"
"""


def why_not() -> str:
    """Why this machine cannot have such a Blender; "" where it can."""
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        return "this is no Debian"
    if os.geteuid() != 0:
        return "it needs root"
    for program in ("debootstrap", "unshare"):
        if shutil.which(program) is None:
            return f"{program} is missing (apt-get install {'util-linux' if program == 'unshare' else program})"
    # a container may forbid mounts even to root
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "this container allows no mounts"
    return ""


def prepare(release: str, folder: Path) -> Path:
    """The script that runs the release's Blender, with everything below `folder`. Raises Failure `bad_installation`."""
    program = folder / PROGRAM
    log = folder.with_name(f"{folder.name}.log")
    if not (folder / INSTALLED).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        if not (folder / "usr" / "bin" / "apt-get").exists():
            _run(["debootstrap", "--variant=minbase", release, str(folder)], log)
        # the same mounts as for Blender: packages look at them when they are set up
        # a folder for temporary files out here is none in there
        install = (
            "unset TMPDIR TEMP TMP; export DEBIAN_FRONTEND=noninteractive; apt-get update -q && "
            "apt-get install -y -q --no-install-recommends"
        )
        inside = f'mount --rbind /proc "$0/proc" && mount --rbind /sys "$0/sys" && exec chroot "$0" sh -c "{install} {" ".join(PACKAGES)}"'
        _run(["unshare", "--mount", "sh", "-c", inside, str(folder)], log)
        (folder / INSTALLED).touch()
    folder_, root, temporary = (shlex.quote(str(place)) for place in (folder, ROOT, tempfile.gettempdir()))
    program.write_text(SCRIPT.format(folder=folder_, root=root, temporary=temporary), encoding="utf-8")
    program.chmod(0o755)
    return program


def _run(command: Sequence[str], log: Path) -> None:
    try:
        run_logged(command, log, log.parent, None, lambda line: None)
    except Failure as failure:
        raise Failure("bad_installation", f"{command[0]} could not install Blender (details: {log}): {failure.message}") from failure


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m wheels.debian_blender", description="Tries the extension in a Debian release's Blender."
    )
    parser.add_argument("release", choices=RELEASES)
    parser.add_argument("--folder", type=Path, help="where it is installed (default: build/blenders/RELEASE)")
    parser.add_argument("--only-install", action="store_true", help="install Blender, print the script that runs it, and end")
    options = parser.parse_args(arguments)
    if reason := why_not():
        print(f"There can be no Debian Blender here: {reason}.", file=sys.stderr)
        return int(ExitCode.NO_RESOURCES)
    try:
        program = prepare(options.release, (options.folder or ROOT / "build" / "blenders" / options.release).resolve())
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print(program)
    if options.only_install:
        return int(ExitCode.DONE)
    variables = {**os.environ, "KINOLIFT_BLENDER": str(program)}
    return subprocess.run([sys.executable, str(ROOT / "kinolift.py"), "test", *TESTS], cwd=ROOT, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
