"""`kinolift.py doctor`: what is installed, what is wrong, and the command that mends it. It changes nothing."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from contract.failure import ExitCode, Failure
from contract.libraries import missing_sentence
from contract.outputs import check_outputs

from .doctor_report import write_report
from .environment import Environment, check_interpreter
from .fetch import ROOT, model_is_whole
from .finding import Finding
from .lock import normalize, read_lock
from .system import missing_libraries, platform_name

SETUP: Final = "python3 kinolift.py setup"
AGAIN: Final = "python3 kinolift.py setup --again"
LOW_DISK_BYTES: Final = 1_000_000_000  # a long video's capture and its exports stay well below

# Run inside the environment. A line a probe, so that one that takes the process down is known by what is missing.
PROBES: Final = """
import importlib.metadata, json, os, sys
def probe(name, function):
    try:
        value, error = function(), None
    except BaseException as reason:
        value, error = None, f"{type(reason).__name__}: {reason}"
    print("\\n" + json.dumps({"probe": name, "value": value, "error": error}), flush=True)
def torch():
    import importlib.util
    if importlib.util.find_spec("torch") is None:
        return None
    import torch
    return [torch.__version__, torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""]
def bpy():
    import bpy
    return bpy.app.version_string
def module(name):
    return lambda: getattr(__import__(name), "__version__", "")
def weights():
    from engine.weights_file import FOLDER, load_weights, read_sums
    for name in read_sums(FOLDER):
        load_weights(FOLDER / name)
    return sorted(read_sums(FOLDER))
sys.path.insert(0, "")
def detector():
    import engine.detection.detector
    return ""
probe("packages", lambda: {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()})
probe("torch", torch)
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as the engine does
for name in ("numpy", "scipy", "cv2", "onnxruntime"):
    probe(name, module(name))
probe("detector", detector)
probe("weights", weights)
probe("bpy", bpy)
os._exit(0)
"""


def main(environment: Environment, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kinolift.py doctor", description="Says what is wrong with this installation and what mends it.")
    parser.add_argument("--report", type=Path, metavar="FILE.zip",
        help="also write all that a report of a fault needs, without names of people and folders")  # fmt: skip
    read = parser.parse_args(arguments)
    report = check_outputs([read.report], kinds=(".zip",))[0] if read.report else None
    wrong = 0
    found: list[Finding] = []
    for finding in findings(environment):
        wrong += bool(finding.fix)
        found.append(finding)
        print(f"{'wrong' if finding.fix else 'ok':5}  {finding.subject:16}  {finding.text}", flush=True)
        if finding.fix:
            print(f"       {'':16}  -> {finding.fix}", flush=True)
    if report is not None:
        write_report(report, environment, found)
        print(f"Wrote {report}")
    print("Everything is in order." if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to mend.")
    return int(ExitCode.NO_RESOURCES if wrong else ExitCode.DONE)


def findings(environment: Environment) -> Iterator[Finding]:
    """Everything that is looked at, in the order in which it should be mended."""
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    try:
        name = platform_name()
        lock = read_lock()
    except Failure as failure:
        yield Finding("Installation", failure.message, "see above")
        return
    yield Finding("Platform", f"{name}, {platform.platform()}")
    try:
        check_interpreter(environment.interpreter, environment.python)
    except Failure as failure:
        yield Finding("venv", failure.message, f"sudo apt-get install python{environment.python}-venv")
    libraries = missing_libraries()
    if libraries:
        debian = " ".join(sorted({library.debian for library in libraries}))
        yield Finding("System libraries", missing_sentence(libraries), f"sudo apt-get install {debian}")
    else:
        yield Finding("System libraries", "all there")
    free = shutil.disk_usage(ROOT).free
    yield Finding("Disk", f"{free / 1e9:.1f} GB free", "free some space on this disk" if free < LOW_DISK_BYTES else "")
    if not environment.executable.is_file():
        yield Finding("Environment", f"{environment.folder.name} is not there yet", SETUP)
        return
    ready = environment.is_ready(lock, environment.groups)
    state = "as locked" if ready else "not finished, or not as locked now"
    yield Finding("Environment", f"{environment.folder.name}, {state}", "" if ready else SETUP)
    probes = _probe(environment.executable)
    yield _packages(environment, probes.get("packages", {}).get("value") or {})
    yield from _imports(probes)
    whole = model_is_whole(environment.executable)
    yield Finding("Detector's model", "whole" if whole else "missing or damaged", "" if whole else SETUP)
    weights = probes.get("weights", {})
    if weights.get("value"):
        yield Finding("Weights", ", ".join(weights["value"]))
    else:
        yield Finding("Weights", weights.get("error") or "there are none in engine/weights", "git checkout -- engine/weights")


def _probe(executable: Path) -> dict[str, Any]:
    result = subprocess.run([str(executable), "-c", PROBES], cwd=ROOT, capture_output=True, text=True)
    probes = {}
    for line in result.stdout.splitlines():
        if line.startswith('{"probe"'):
            row = json.loads(line)
            probes[row["probe"]] = row
    return probes


def _packages(environment: Environment, installed: dict[str, str]) -> Finding:
    """Every installed version against the lock's."""
    versions = {normalize(name): version for name, version in installed.items()}
    locked = read_lock().select(environment.groups, environment.python, platform_name())
    other = [f"{p.name} {versions.get(p.name, 'is missing')} (locked: {p.version})" for p in locked if versions.get(p.name) != p.version]
    if other:
        return Finding("Packages", "; ".join(other), AGAIN)
    return Finding("Packages", f"{len(locked)} as locked")


def _imports(probes: dict[str, Any]) -> Iterator[Finding]:
    for probe, subject in (("numpy", "numpy"), ("scipy", "scipy"), ("cv2", "OpenCV"), ("onnxruntime", "ONNX Runtime"), ("torch", "torch"),
                           ("detector", "MediaPipe"), ("bpy", "Blender (bpy)")):  # fmt: skip
        row = probes.get(probe, {"error": "it takes the process down when it is imported"})
        if row.get("error"):
            yield Finding(subject, row["error"], AGAIN)
        elif probe == "torch":
            yield Finding(subject, _torch(row["value"]))
        else:
            yield Finding(subject, row["value"] or "imports")


def _torch(value: list[str] | None) -> str:
    """What the probe found of the extra that only training and CUDA need."""
    if value is None:
        return "not installed; a capture does without (for CUDA: `python3 kinolift.py setup --cuda`)"
    version, device = value
    return f"{version}, {'CUDA on ' + device if device else 'on the CPU (no CUDA device that it can use)'}"
