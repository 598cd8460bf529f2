"""Fetches wheels of the lock, verified, for any platform and Python; and makes the detector's model out of one of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from .environment import run_logged
from .lock import Package, read_lock

ROOT: Final = Path(__file__).parent.parent
MODEL_PLATFORM, MODEL_PYTHON = "linux-x64", "3.11"  # the wheel that is locked; the networks in it are the same everywhere

# The wheel tags that each platform accepts, newest first; older macOS tags follow from the newest by pip's own rule.
WHEEL_PLATFORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "linux-x64": (*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 16, -1)), "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64",),
}


def platform_arguments(platform: str, python: str) -> list[str]:
    """pip's words for a platform and a Python that need not be those of this machine."""
    words = ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp"]
    for abi in ("cp" + python.replace(".", ""), "abi3", "none"):
        words += ["--abi", abi]
    for tag in WHEEL_PLATFORMS[platform]:
        words += ["--platform", tag]
    return words


def fetch_wheels(
    executable: Path, packages: Sequence[Package], platform: str, python: str, folder: Path, read: Callable[[str], None] = lambda line: None
) -> None:
    """Downloads the packages' wheels for one platform and Python into `folder`, each verified by its hash.

    `executable` is a Python with pip. Wheels that are there already are not downloaded again. Raises Failure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{package.requirement}\n" for package in packages), encoding="utf-8")
    command = [
        str(executable), "-I", "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input", "--progress-bar", "off",
        "--disable-pip-version-check", "--retries", "3", *platform_arguments(platform, python),
        "--dest", str(folder), "-r", str(requirements),
    ]  # fmt: skip
    run_logged(command, folder / "fetch.log", folder, None, read)
    requirements.unlink()


def model_is_whole(executable: Path) -> bool:
    """Whether the detector's models are there and those that were tested."""
    script = "from engine.detection import lean_models, model_bundle; model_bundle.verify(); lean_models.verify()"
    return subprocess.run([str(executable), "-c", script], cwd=ROOT, capture_output=True).returncode == 0


def make_model(executable: Path) -> None:
    """Makes the detector's model files with an environment's Python, unless they are there and whole. Raises Failure."""
    if model_is_whole(executable):
        return
    packages = read_lock().select(["model"], MODEL_PYTHON, MODEL_PLATFORM)
    folder = executable.parent.parent / "model"
    fetch_wheels(executable, packages, MODEL_PLATFORM, MODEL_PYTHON, folder)
    (wheel,) = folder.glob("*.whl")
    # run in the repository's folder, where `engine` is
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"from engine.detection import lean_models, model_bundle; sys.exit(model_bundle.main([{str(wheel)!r}]) or lean_models.make())"
    )
    run_logged([str(executable), "-I", "-c", program], folder / "pack.log", folder, None, lambda line: None)
    wheel.unlink()
