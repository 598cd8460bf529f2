"""`kinolift.py build`: the extension's zip, with the wheels it carries, built and validated by Blender's own tool."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from contract.failure import ExitCode, Failure
from contract.outputs import add_overwrite_argument, check_folder, check_outputs, written_beside

from .display import Display
from .environment import Environment
from .fetch import ROOT, WHEEL_PLATFORMS, fetch_wheels, make_model
from .lock import CARRIED, PACKAGES_FILE, Lock, Package, read_lock
from .system import platform_name

CONTENT: Final = ("__init__.py", "LICENSE", "addon", "contract", "engine")  # beside the manifest and the wheels
MARK: Final = "# The wheels and the platforms are added"  # the line of the manifest that gives way to them
# The last two are the detector's models as MediaPipe has them; the zip carries what was made of them (detection/lean_models.py).
NOT_CARRIED: Final = ("__pycache__", ".*", "*.part", "*.pyc", "*.tflite.xz", "pose_landmarker_*.task")


def carried(lock: Lock, platform: str, python: str) -> list[Package]:
    """The packages that the zip carries for one platform and Python. numpy is never among them: Blender brings its own; nor is what
    packages.toml names under [not_in_the_zip]."""
    left_out = tomllib.loads(PACKAGES_FILE.read_text(encoding="utf-8"))["not_in_the_zip"]
    return [package for package in lock.select(CARRIED, python, platform) if package.name not in left_out]


def main(environment: Environment, arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    executable = environment.prepare(finish=make_model)
    make_model(executable)
    if options.sizes:
        print_sizes(environment)
        return int(ExitCode.DONE)
    out = check_folder(options.output).resolve()
    platforms = options.platform or [platform_name()]
    pythons = [] if options.no_wheels else options.python or read_lock().pythons
    for path in make(executable, platforms, pythons, out, options.overwrite):
        print(f"{path}  {path.stat().st_size / 1e6:.0f} MB")
    return int(ExitCode.DONE)


def make(executable: Path, platforms: Sequence[str], pythons: Sequence[str], out: Path, overwrite: bool = False) -> list[Path]:
    """The zips for these platforms with the wheels of these Pythons; without any, the small one for every platform."""
    wheels = fetch_all(executable, platforms, pythons, ROOT / "build" / "wheels") if pythons else []
    staging = ROOT / "build" / "staging"
    stage(staging, wheels, platforms if wheels else [])
    paths = build(executable, staging, out, bool(wheels), overwrite)
    shutil.rmtree(staging)
    return paths


def print_sizes(environment: Environment) -> None:
    """The sizes that README.md and docs/installation.md tell: every kind of zip for this platform, and the environment."""
    every = read_lock().pythons
    kinds = [("build", every), *((f"build --python {python}", (python,)) for python in every), ("build --no-wheels", ())]
    (ROOT / "build").mkdir(exist_ok=True)
    for title, pythons in kinds:
        with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
            (path,) = make(environment.executable, [platform_name()], pythons, Path(folder))
            print(f"{title:24}{path.stat().st_size / 1e6:8.0f} MB", flush=True)
    held = sum(path.stat().st_blocks * 512 for path in environment.folder.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{environment.folder.name:24}{held / 1e6:8.0f} MB on the disk, with {', '.join(environment.installed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kinolift.py build", description="Makes the extension's zip for Blender.")
    parser.add_argument(
        "--platform", action="append", choices=sorted(WHEEL_PLATFORMS), help="may be given several times (default: this one)"
    )
    parser.add_argument(
        "--python",
        action="append",
        choices=read_lock().pythons,
        help="Blender 4.2 to 5.0 has 3.11, 5.1 and later have 3.13, Debian's 5.2 has 3.14; may be given several times (default: all)",
    )
    parser.add_argument("--no-wheels", action="store_true", help='a small zip for every platform; "Worker Python" must then be set')
    parser.add_argument("--sizes", action="store_true", help="print how large every kind of zip and the environment are, and keep no zip")
    parser.add_argument("-o", "--output", default=ROOT / "build", metavar="FOLDER", help="where the zip goes (default: build)")
    add_overwrite_argument(parser)
    return parser


def fetch_all(executable: Path, platforms: Sequence[str], pythons: Sequence[str], folder: Path) -> list[Path]:
    """The wheels of every platform and Python, downloaded into `folder` and verified."""
    lock = read_lock()
    plans = {(platform, python): carried(lock, platform, python) for platform in platforms for python in pythons}
    total, done = sum(len(packages) for packages in plans.values()), 0
    wheels: dict[str, Path] = {}
    with Display("Fetching wheels") as display:
        for (platform, python), packages in plans.items():

            def read(line: str, where: str = f"{platform}, Python {python}") -> None:
                nonlocal done
                if line.startswith("Collecting "):
                    done += 1
                    display.show(done / total, f"{line.split()[1]} ({where})")

            # a folder for each, or the wheels that another Python needs would be taken for this one's
            place = folder / f"{platform}-{python}"
            fetch_wheels(executable, packages, platform, python, place, read)
            for package in packages:
                wheels.update({name: place / name for name in package.files if (place / name).is_file()})
    return [wheels[name] for name in sorted(wheels)]


def stage(folder: Path, wheels: Iterable[Path], platforms: Sequence[str]) -> None:
    """Lays out in `folder` what the zip will hold. Hard links where the disk has them: the wheels are large."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in CONTENT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*NOT_CARRIED))
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / "wheels").mkdir()
    names = []
    for wheel in wheels:
        target = folder / "wheels" / wheel.name
        try:
            os.link(wheel, target)
        except OSError:
            shutil.copy2(wheel, target)
        names.append(wheel.name)
    if not names:
        (folder / "wheels").rmdir()
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (folder / "blender_manifest.toml").write_text(manifest_with(text, names, platforms), encoding="utf-8")


def manifest_with(text: str, wheels: Sequence[str], platforms: Sequence[str]) -> str:
    """The manifest's text with the lists of wheels and platforms in the place of its marked line."""
    lines = text.splitlines()
    (place,) = (i for i, line in enumerate(lines) if line.startswith(MARK))
    added: list[str] = []
    for key, values in (("platforms", list(platforms)), ("wheels", [f"./wheels/{name}" for name in wheels])):
        if values:
            added += [f"{key} = [", *(f'  "{value}",' for value in values), "]"]
    return "\n".join([*lines[:place], *added, *lines[place + 1 :]]) + "\n"


def blender_tool(executable: Path) -> Path:
    """Blender's own extension tool, out of the bpy wheel of an environment; it runs without Blender."""
    script = "import importlib.util as u; print(u.find_spec('bpy').submodule_search_locations[0])"
    result = subprocess.run([str(executable), "-I", "-c", script], capture_output=True, text=True)
    found = sorted(Path(result.stdout.strip()).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")) if result.returncode == 0 else []
    if not found:
        raise Failure("bad_installation", "Blender's extension tool is missing from .venv; run `python3 kinolift.py setup --again`.")
    return found[0]


def build(executable: Path, staging: Path, out: Path, with_wheels: bool, overwrite: bool = False) -> list[Path]:
    """Runs Blender's `extension build` and `extension validate`; returns the zips. A zip that is there is replaced if it is ours."""
    manifest = tomllib.loads((staging / "blender_manifest.toml").read_text(encoding="utf-8"))
    name = f"{manifest['id']}-{manifest['version']}"
    # built in a folder of its own, so that what lies there afterwards is what was made, and no half zip gets the final name
    fresh = staging.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    one = ["--output-filepath", str(fresh / f"{name}-no-wheels.zip")]
    target = ["--split-platforms", "--output-dir", str(fresh)] if with_wheels else one
    tool = [str(executable), "-I", str(blender_tool(executable))]
    _tool([*tool, "build", "--source-dir", str(staging), *target])
    paths = []
    for path in sorted(fresh.glob("*.zip")):
        check_outputs([out / path.name], overwrite=overwrite)
        _tool([*tool, "validate", str(path)])
        with written_beside(out / path.name) as beside:
            shutil.move(path, beside)
        paths.append(out / path.name)
    shutil.rmtree(fresh)
    return paths


def _tool(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(result.stdout, result.stderr, file=sys.stderr)
        raise Failure("bad_installation", "Blender's extension tool refused the zip; what it says stands above.")
