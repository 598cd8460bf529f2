"""The extension as a user meets it: the zip, Blender's own installer, a capture of the sample, and nothing left afterwards.

Blender is this Python's bpy wheel in a process of its own, with user folders of its own. Where the zip carries the wheels, that
process sees none of the packages that this environment has installed, so that only those of the zip can do the work.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contract.failure import ExitCode
from wheels.extension import build, fetch_all, stage
from wheels.lock import read_lock
from wheels.system import platform_name

pytest.importorskip("bpy", reason="the extension is tested in the bpy wheel")

ROOT = Path(__file__).resolve().parents[1]
DRIVER = Path(__file__).with_name("extension_driver.py")
SAMPLE = ROOT / "examples" / "sample.mp4"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
SECONDS = 420  # a capture of the sample takes well under a minute on two cores; a busy machine takes longer


def has_worker() -> bool:
    """Whether this Python has what the worker needs."""
    return all(importlib.util.find_spec(name) for name in ("onnxruntime", "cv2", "mediapipe"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extension")


@pytest.fixture(scope="module")
def small_zip(folder: Path) -> Path:
    """The zip without wheels."""
    stage(folder / "staging", [], [])
    (path,) = build(Path(sys.executable), folder / "staging", folder, False)
    return path


@pytest.fixture(scope="module")
def full_zip(folder: Path) -> Path:
    """The zip with this Python's wheels."""
    return zip_with_wheels(folder, PYTHON)


def zip_with_wheels(folder: Path, python: str) -> Path:
    """The zip for one Python."""
    wheels = fetch_all(Path(sys.executable), [platform_name()], [python], ROOT / "build" / "wheels")
    stage(folder / "staging", wheels, [platform_name()])
    place = folder / python
    place.mkdir(exist_ok=True)
    (path,) = build(Path(sys.executable), folder / "staging", place, True)
    return path


@pytest.fixture(scope="module")
def bare_python(folder: Path) -> Path:
    """A Python that has Blender and Blender's own packages and nothing else."""
    if not has_worker():
        return Path(sys.executable)
    if os.name != "posix":
        pytest.skip("the bare Blender is made of symbolic links")
    home = folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    here = Path(sysconfig.get_paths()["purelib"])
    for package in read_lock().select(["numpy", "blender"], PYTHON, platform_name()):
        for record in here.glob(f"{package.name.replace('-', '_')}-*.dist-info/RECORD"):
            for top in {line.split("/")[0] for line in record.read_text().splitlines() if "/" in line and not line.startswith((".", '"'))}:
                if not (site / top).exists():
                    (site / top).symlink_to(here / top)
    return home / "bin" / "python"


@pytest.fixture
def blender_program() -> list[str]:
    """The words that run a script in the Blender program of this machine, where there is one that takes extensions."""
    program = shutil.which(os.environ.get("KINOLIFT_BLENDER", "blender"))
    if program is None:
        pytest.skip("there is no blender on PATH, and KINOLIFT_BLENDER names none")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL).stdout
    version = re.match(r"Blender (\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < (4, 2):
        pytest.skip(f"{program} is no Blender that takes extensions: {said[:40]!r}")
    return [program, "--background", "--python-exit-code", "1", "--python"]


def user_of(home: Path) -> dict[str, str]:
    """The environment of a Blender whose user folders are new ones below `home`."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KINOLIFT_PYTHON")}
    for name in ("RESOURCES", "CONFIG", "SCRIPTS", "EXTENSIONS", "DATAFILES"):
        (home / name.lower()).mkdir(parents=True)
        environment[f"BLENDER_USER_{name}"] = str(home / name.lower())
    return environment | {"PYTHONNOUSERSITE": "1"}


def drive(python: Path | list[str], archive: Path, video: Path | str | None, home: Path, worker: str | None) -> dict[str, Any]:
    """What the driver found in a Blender of its own: `python` with the bpy module, or the words that run a script in a Blender."""
    environment = user_of(home) | ({"KINOLIFT_PYTHON": worker} if worker else {})
    out = home / "report.json"
    script = [*python, str(DRIVER), "--"] if isinstance(python, list) else [str(python), str(DRIVER)]
    command = [*script, str(archive), str(video or ""), str(out)]
    result = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    assert out.is_file(), f"Blender died ({result.returncode}):\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    report = json.loads(out.read_text())
    assert "error" not in report, f"{report['error']}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return report


def check_life(report: dict[str, Any]) -> None:
    """Installed, enabled, disabled without a trace, and enabled again."""
    nothing = {name: [] for name in report["before"]}
    assert report["before"] == nothing
    steps = [name for name in ("install", "disable", "again") if name in report]
    assert {"install", "disable"} <= set(steps)
    assert all(report[name] == ["FINISHED"] for name in steps)
    for enabled in (report[name] for name in ("enabled", "enabled_again") if name in report):
        assert "capture" in enabled["operators"]
        assert enabled["add-ons"] == ["bl_ext.user_default.kinolift"]
        assert any(name.startswith("KINOLIFT_PT_") for name in enabled["classes"])
        assert enabled["worker's libraries"] == [], "the add-on imported what belongs into the worker"
    assert report["disabled"] == nothing


def check_character(report: dict[str, Any]) -> None:
    """The take on another character, and in files."""
    character = report["character"]
    assert character["retarget"] == ["FINISHED"]
    assert {"mixamorig:Hips", "mixamorig:LeftUpLeg", "mixamorig:RightForeArm", "mixamorig:Head"} <= set(character["moving"])
    for kind in (".fbx", ".glb", ".bvh"):
        assert character[kind] == ["FINISHED"]
        assert character[f"bytes{kind}"] > 20_000, "a file without motion"


def check_gone(report: dict[str, Any]) -> None:
    """Uninstalled without a trace, on the disk neither."""
    assert report["uninstall"] == ["FINISHED"]
    assert report["uninstalled"] == report["before"]
    assert report["left"] == []


def check_capture(report: dict[str, Any]) -> None:
    """A moving armature, keyed throughout."""
    assert report["capture"] == ["FINISHED"]
    take = report["take"]
    assert {"thigh.L", "shin.R", "upper_arm.L", "forearm.R", "foot.L", "hand.R", "head"} <= set(take["bones"])
    truth = sample_length()
    assert take["keys"] == [truth[0]], "a curve lacks keys"
    assert take["fps"] == pytest.approx(truth[1], rel=1e-3)
    first, middle = take["poses"]
    moved = max(abs(a - b) for p, q in zip(first, middle, strict=True) for a, b in zip(p, q, strict=True))
    assert moved > 0.05, "the armature stands still"


def sample_length() -> tuple[int, float]:
    """Frames and rate of the sample, from its truth."""
    import numpy as np

    with np.load(SAMPLE.with_name("sample.truth.npz"), allow_pickle=False) as truth:
        return len(truth["world"]), float(truth["fps"])


@pytest.fixture
def sample() -> Path:
    if not SAMPLE.is_file():
        pytest.skip("examples/sample.mp4 is missing")
    return SAMPLE


def test_the_small_zip_holds_the_extension_and_nothing_else(small_zip: Path) -> None:
    with zipfile.ZipFile(small_zip) as archive:
        names = archive.namelist()
    needed = {"addon/__init__.py", "contract/options.py", "engine/__init__.py", "engine/weights/pose_full_landmarks.tflite"}
    needed |= {"engine/weights/pose_heavy.task"}
    assert {"__init__.py", "blender_manifest.toml", "LICENSE"} | needed <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops <= {"__init__.py", "blender_manifest.toml", "LICENSE", "addon", "contract", "engine"}
    assert not [name for name in names if name.endswith((".pyc", ".part", ".whl", ".tflite.xz")) or "/." in name]


def test_the_zip_without_wheels_captures_with_the_worker_that_was_named(
    small_zip: Path, bare_python: Path, sample: Path, tmp_path: Path
) -> None:
    worker = os.environ.get("KINOLIFT_PYTHON") or (sys.executable if has_worker() else None)
    if worker is None:
        pytest.skip("KINOLIFT_PYTHON names no Python for the worker")
    report = drive(bare_python, small_zip, sample, tmp_path, worker)
    check_life(report)
    check_capture(report)


def test_the_zip_with_wheels_captures_with_nothing_but_what_it_carries(
    full_zip: Path, bare_python: Path, sample: Path, tmp_path: Path
) -> None:
    report = drive(bare_python, full_zip, sample, tmp_path, None)
    check_life(report)
    assert report["wheels"], "Blender unpacked no wheels"
    check_capture(report)
    check_character(report)
    check_gone(report)


def test_disabling_and_uninstalling_leave_nothing(small_zip: Path, bare_python: Path, tmp_path: Path) -> None:
    report = drive(bare_python, small_zip, None, tmp_path, None)
    check_life(report)
    assert report["again"] == ["FINISHED"]
    check_gone(report)


def python_of(program: list[str]) -> str:
    """The version of a Blender program's Python."""
    words = [program[0], "--background", "--factory-startup", "--python-expr", "import sys; print('PYTHON', *sys.version_info[:2], 'END')"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL).stdout
    found = re.search(r"PYTHON (\d+) (\d+) END", said)
    assert found is not None, said
    return f"{found[1]}.{found[2]}"


def test_a_blender_program_lives_with_nothing_but_what_the_zip_carries(
    folder: Path, blender_program: list[str], sample: Path, tmp_path: Path
) -> None:
    python = python_of(blender_program)
    if python not in read_lock().pythons:
        pytest.skip(f"no wheels are locked for Python {python}")
    report = drive(blender_program, zip_with_wheels(folder, python), sample, tmp_path, None)
    check_life(report)
    check_capture(report)
    check_character(report)
    check_gone(report)


def test_a_blender_program_runs_a_batch_and_goes_on_with_it(folder: Path, blender_program: list[str], sample: Path, tmp_path: Path) -> None:
    """`blender --background --command kinolift batch`: killed in its first clip, finished by the same command, then put on a character."""
    python = python_of(blender_program)
    if python not in read_lock().pythons:
        pytest.skip(f"no wheels are locked for Python {python}")
    environment, out = user_of(tmp_path / "home"), tmp_path / "out"
    shutil.copy(sample, tmp_path / "walk.mp4")
    (tmp_path / "broken.mp4").write_bytes(sample.read_bytes()[:3000])
    clips = tmp_path / "clips.csv"
    clips.write_text("video,name,end\nwalk.mp4,early,0.8\nbroken.mp4,broken,\nwalk.mp4,late,1.2\n")

    def blender(*words: str) -> list[str]:
        return [blender_program[0], "--background", "--command", *words]

    def batch(*words: str) -> tuple[int, list[dict[str, Any]]]:
        command = blender("kinolift", "batch", str(clips), "-o", str(out), "--export", "npz,fbx", "--log-json", *words)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        assert out.is_dir(), done.stdout[-2000:] + done.stderr[-2000:]
        return done.returncode, [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]

    install = blender("extension", "install-file", "--repo", "user_default", "--enable", str(zip_with_wheels(folder, python)))
    said = subprocess.run(install, env=environment, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    assert said.returncode == 0, said.stdout + said.stderr
    with subprocess.Popen(
        blender("kinolift", "batch", str(clips), "-o", str(out), "--export", "npz,fbx", "--log-json"),
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, stdin=subprocess.DEVNULL,
    ) as first:  # fmt: skip
        assert first.stdout is not None
        begun = next((line for line in first.stdout if '"progress"' in line), None)
        first.kill()
    assert begun is not None, "the batch ended before any clip was at work"

    code, rows = batch()
    assert code == ExitCode.BAD_INPUT
    assert {row["name"]: row["status"] for row in rows} == {"early": "done", "late": "done", "broken": "failed"}
    files = {name: (out / name).read_bytes() for name in ("early.npz", "early.fbx", "late.npz", "late.fbx")}
    (out / "late.fbx").write_bytes(files["late.fbx"][:1000])
    code, rows = batch()
    assert [made for row in rows for made in row["made"]] == ["late.fbx"], "a damaged file is made again, and nothing else"
    assert (out / "late.fbx").stat().st_size == len(files["late.fbx"])
    code, rows = batch("--rig", str(out / "early.fbx"))
    assert code == ExitCode.BAD_INPUT
    assert all((out / name).read_bytes() == files[name] for name in ("early.npz", "late.npz"))
    for name in ("early_early.fbx", "early_late.fbx"):
        assert (out / name).stat().st_size > 20_000, "a file without motion"


def test_a_blender_program_that_refuses_the_zip_keeps_nothing_of_it(
    folder: Path, small_zip: Path, blender_program: list[str], tmp_path: Path
) -> None:
    """A zip for another Python: Blender unpacks it before it looks."""
    python = python_of(blender_program)
    other = next(each for each in read_lock().pythons if each != python)
    wheel = f"kinolift_only-1.0-cp{other.replace('.', '')}-cp{other.replace('.', '')}-manylinux_2_28_x86_64.whl"
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(small_zip) as source, zipfile.ZipFile(archive, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "blender_manifest.toml":
                content = content.replace(b"[permissions]", f'wheels = ["./wheels/{wheel}"]\n\n[permissions]'.encode())
            target.writestr(name, content)
        target.writestr(f"wheels/{wheel}", b"")
    report = drive(blender_program, archive, "refused", tmp_path, None)
    assert f"Python version ({python}) isn't compatible with ({other})" in report["refused"]
    check_gone(report)


def test_a_blender_program_captures_with_the_worker_that_was_named(
    small_zip: Path, blender_program: list[str], sample: Path, tmp_path: Path
) -> None:
    worker = os.environ.get("KINOLIFT_PYTHON") or (sys.executable if has_worker() else None)
    if worker is None:
        pytest.skip("KINOLIFT_PYTHON names no Python for the worker")
    report = drive(blender_program, small_zip, sample, tmp_path, worker)
    check_life(report)
    check_capture(report)
