"""Check Setup: what a capture needs, whether it is there, and what to do where it is not. Needs no bpy."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from .worker import ROOT, worker_environment, worker_python

# what the engine imports -> the package that brings it
MODULES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "cv2": "opencv-python",
    "mediapipe": "mediapipe",
    "torch": "torch",
    "safetensors": "safetensors",
}
TIMEOUT = 30.0  # seconds: finding modules without importing them takes a fraction of one

# runs in the worker's Python; only looks modules up, because importing torch takes seconds in which the window would stand still
_PROBE = """
import importlib.metadata, importlib.util, json, platform, sys
found = {}
for module, package in json.loads(sys.argv[1]).items():
    try:
        there = importlib.util.find_spec(module) is not None
        found[module] = importlib.metadata.version(package) if there else None
    except importlib.metadata.PackageNotFoundError:
        found[module] = ""
    except (ImportError, ValueError):
        found[module] = None
print(json.dumps({"python": platform.python_version(), "found": found}))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the check."""

    good: bool
    text: str


def findings(preferred: str = "") -> list[Finding]:
    """Looks at the worker's Python, its modules, and the engine's own files."""
    python = worker_python(preferred)
    try:
        done = subprocess.run(
            [python, "-c", _PROBE, json.dumps(MODULES)], cwd=ROOT, env=worker_environment(python), capture_output=True, text=True,
            timeout=TIMEOUT, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        report = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return [Finding(False, f"The worker's Python {python} does not run ({reason}); set another in the preferences of Kinolift.")]
    result = [Finding(True, f"The worker runs on Python {report['python']} ({python}).")]
    missing = [MODULES[name] for name, version in report["found"].items() if version is None]
    for name, version in report["found"].items():
        if version is not None:
            result.append(Finding(True, f"{MODULES[name]} {version}".rstrip()))
    if missing:
        command = f"{_quoted(python)} -m pip install {' '.join(missing)}"
        result.append(Finding(False, f"{', '.join(missing)} missing: install Kinolift again, or for a Python of your own run: {command}"))
    weights = ROOT / "engine" / "weights"
    if list(weights.glob("*.safetensors")):
        result.append(Finding(True, "The refiner's weights are there."))
    else:
        result.append(Finding(False, f"There are no weights in {weights}; install Kinolift again."))
    return result


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path or os.name == "nt" else path
