"""Check Setup: what a capture needs, whether it is there, and what to do where it is not. Needs no bpy."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from .worker import PYTHON_VARIABLE, ROOT, worker_environment, worker_python

# what the engine imports -> the package that brings it
MODULES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "cv2": "opencv-python-headless",
    "mediapipe": "mediapipe",
    "onnxruntime": "onnxruntime",
    "safetensors": "safetensors",
}
TIMEOUT = 30.0  # seconds: finding modules without importing them takes a fraction of one
MODELS = ("*.safetensors", "pose_*.task")  # of engine/weights: our networks, the detector's

# The fields and files that a sentence can send a person to. Check Setup's lines stand below the field in the preferences.
FIELD = "Worker Python above"
MADE_BY_US = "a Python that `kinolift.py setup` has made"

# runs in the worker's Python; only looks modules up, because importing them takes seconds in which nothing could be said
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
    """One line of the check: `text` for the preferences, and, where something is wrong, the few words for the panel in `line`."""

    good: bool
    text: str
    line: str = ""


class Check:
    """A look at the worker's Python, in a process of its own that a window need not wait for."""

    def __init__(self, preferred: str = "") -> None:
        self._preferred = preferred
        self._python = worker_python(preferred)
        self._process: subprocess.Popen[str] | None = None
        self._reason = ""  # why it could not be started
        try:
            self._process = subprocess.Popen(
                [self._python, "-c", _PROBE, json.dumps(MODULES)], cwd=ROOT, env=worker_environment(self._python), text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            self._reason = str(error.strerror)

    @property
    def finished(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def findings(self) -> list[Finding]:
        """What was found, waiting for it where need be: the worker's Python, its modules, and the engine's own files."""
        report = self._report()
        if report is None:
            return [self._does_not_run(), *_models()]
        result = [Finding(True, f"The worker runs on Python {report['python']} ({self._python}).")]
        there = [f"{MODULES[name]} {version}".rstrip() for name, version in report["found"].items() if version is not None]
        if there:
            result.append(Finding(True, f"It has {', '.join(there)}."))
        missing = [MODULES[name] for name, version in report["found"].items() if version is None]
        if missing:
            result.append(self._lacks(", ".join(missing), report["python"]))
        return [*result, *_models()]

    def end(self) -> None:
        """Gives it up."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.communicate()

    def _report(self) -> dict[str, Any] | None:
        if self._process is None:
            return None
        try:
            out, errors = self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.end()
            self._reason = f"no answer in {TIMEOUT:.0f} seconds"
            return None
        try:
            report = json.loads(out.strip().splitlines()[-1])
            return report if isinstance(report["found"], dict) else None
        except (ValueError, KeyError, TypeError, IndexError):
            self._reason = (errors.strip().splitlines() or [f"code {self._process.returncode}"])[-1]
            return None

    def _does_not_run(self) -> Finding:
        why = f"does not run ({self._reason})" if self._reason else "does not run"
        if self._preferred:
            text = f"{self._python}, which {FIELD} names, {why}: choose another there, or empty the field for Blender's own Python."
            return Finding(False, text, "Worker Python does not run")
        if os.environ.get(PYTHON_VARIABLE, "").strip():
            text = f"{self._python}, which the variable {PYTHON_VARIABLE} names, {why}: name another in {FIELD}, or unset the variable."
            return Finding(False, text, f"{PYTHON_VARIABLE} does not run")
        text = f"Blender's own Python, {self._python}, {why}: name {MADE_BY_US} in {FIELD}."
        return Finding(False, text, "Blender's Python does not run")

    def _lacks(self, missing: str, python: str) -> Finding:
        if self._preferred or os.environ.get(PYTHON_VARIABLE, "").strip():
            origin = f"The Python that {FIELD} names" if self._preferred else f"The Python that {PYTHON_VARIABLE} names"
            text = f"{origin} lacks {missing}: name {MADE_BY_US} in {FIELD}, or leave the field empty for Blender's own."
            return Finding(False, text, "Worker Python lacks packages")
        short = ".".join(python.split(".")[:2])
        text = f"This copy of Kinolift carries no {missing} for this Blender's Python {short}: install the zip that was built for it, "
        return Finding(False, f"{text}or name {MADE_BY_US} in {FIELD}.", f"Packages for Python {short} missing")


def findings(preferred: str = "") -> list[Finding]:
    """Looks at the worker's Python, its modules, and the engine's own files."""
    return Check(preferred).findings()


def problem(found: list[Finding]) -> str:
    """The few words for the panel; "" where all is well."""
    return next((finding.line for finding in found if not finding.good), "")


def _models() -> list[Finding]:
    weights = ROOT / "engine" / "weights"
    missing = [pattern for pattern in MODELS if not list(weights.glob(pattern))]
    if missing:
        return [Finding(False, f"There is no {' or '.join(missing)} in {weights}: install Kinolift's zip again.", "Networks are missing")]
    return [Finding(True, "The networks are there.")]
