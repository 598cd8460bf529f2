"""`kinolift.py doctor --report FILE.zip`: what a report of a fault needs, and nothing private: no names of people, machines or folders."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import socket
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contract.outputs import written_beside

from .environment import LOG, Environment
from .fetch import ROOT
from .finding import Finding

LONGEST_LOG: Final = 200_000  # characters of the set-up's log, its end
# The environment's words that change what is installed or how it runs, and hold no secrets once paths are gone.
_WORDS: Final = re.compile(r"(KINOLIFT|OMP|OPENCV|CUDA|ORT)_[A-Z_]+|PYTHON[A-Z]*|LANG|LC_[A-Z]+")
# An address may hold a password, an absolute path the names of people; of a path the last part is kept. Folders may hold spaces: rather
# too much of a line goes than a name stays.
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_PATH: Final = re.compile(r"""(?<![\w<>.])(?:[A-Za-z]:)?[\\/]+(?:[^\\/:'"<>|\n]+[\\/]+)+([^\\/\s:'"<>|]*)""")


def write_report(path: Path, environment: Environment, findings: Sequence[Finding]) -> None:
    """Writes the zip, whole or not at all. Raises Failure `disk_full` or `not_writable`."""
    texts = {
        "findings.txt": "".join(map(_line, findings)),
        "machine.json": json.dumps(_machine(), indent=1, sort_keys=True),
        "environment.json": json.dumps({k: v for k, v in os.environ.items() if _WORDS.fullmatch(k)}, indent=1, sort_keys=True),
        "version.txt": _read(ROOT / "blender_manifest.toml") + _read(ROOT / "engine" / "weights" / "SHA256SUMS"),
        "setup.log": _read(environment.folder / LOG)[-LONGEST_LOG:],
    }
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), without_names(text))


def without_names(text: str) -> str:
    """The text without the names of this person, this machine and its folders; of other paths and of addresses only the last part stays."""
    for folder, word in ((ROOT, "<kinolift>"), (Path(sys.prefix), "<python>"), (Path.home(), "<home>")):
        if len(folder.parts) > 1:
            text = text.replace(str(folder), word).replace(str(folder).replace("\\", "\\\\"), word)
    text = _ADDRESS.sub("<address>", text)
    text = _PATH.sub(lambda found: f"<folder>/{found[1]}", text)
    for name, word in ((_user(), "<user>"), (socket.gethostname(), "<machine>")):
        if len(name) > 1:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", word, text, flags=re.IGNORECASE)
    return text


def _line(finding: Finding) -> str:
    mend = f"  -> {finding.fix}" if finding.fix else ""
    return f"{'wrong' if finding.fix else 'ok':5}  {finding.subject}: {finding.text}{mend}\n"


def _machine() -> dict[str, object]:
    return {
        "system": platform.system(), "release": platform.release(), "architecture": platform.machine(),
        "python": platform.python_version(), "cores": os.cpu_count(), "memory": _memory(),
    }  # fmt: skip


def _memory() -> int:
    """Bytes; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"({path.name}: {error.strerror})\n"
