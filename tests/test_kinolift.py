"""The entry: every command starts it, so it must be quick, safe when it is interrupted, and clear when something is wrong.

A copy of the entry in a temporary folder sets up real environments there, from a lock of tiny wheels that the test makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kinolift
from contract.failure import ExitCode

ROOT = Path(__file__).resolve().parents[1]
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

# The command of the add-on, in the copy: tells what it was given and by whom.
COMMAND_LINE = """
import json, os, sys
def main(argv):
    import tiny_worker
    print(json.dumps({"argv": argv, "cwd": os.getcwd(), "prefix": sys.prefix, "package": __package__, "tiny": tiny_worker.VALUE}))
    return 3
"""


def make_wheel(folder: Path, name: str, value: str = "first") -> tuple[str, str]:
    """A tiny wheel of version 1.0 in `folder`: its file name and SHA-256."""
    module = name.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}/__init__.py", f"VALUE = {value!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{module}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


class Copy:
    """The entry in a folder of its own, with a lock of tiny wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "kino lift"  # a space, as in many a user's path
        self.wheels = folder / "store"
        self.wheels.mkdir(parents=True)
        for name in ("contract", "wheels"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.whl"))
        shutil.copy2(ROOT / "kinolift.py", self.folder)
        for name, text in {
            "__init__.py": "", "addon/__init__.py": "", "addon/command_line.py": COMMAND_LINE, "engine/__init__.py": "",
            "addon/leftovers.py": "def remove_blender_folder():\n    pass\n",
            "engine/detection/model_bundle.py": "def verify():\n    pass\n",
            "engine/detection/lean_models.py": "def verify():\n    pass\n",
        }.items():  # fmt: skip
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        self.lock()

    def lock(self, value: str = "first", digest: str = "") -> None:
        """Writes wheels and lock; the worker's package holds `value`, and `digest` stands in for its hash."""
        rows = []
        for name, group in (("tiny-numpy", "numpy"), ("tiny-worker", "worker"), ("bpy", "blender")):
            file, found = make_wheel(self.wheels, name, value)
            found = digest if digest and name == "tiny-worker" else found
            rows.append({"name": name, "version": "1.0", "groups": [group], "pythons": [PYTHON], "requires": [], "files": {file: found},
                         "platforms": ["linux-x64", "windows-x64", "macos-arm64"]})  # fmt: skip
        (self.folder / "wheels" / "lock.json").write_text(json.dumps({"format": 1, "left_out": {}, "packages": rows}))

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull, **variables}
        return subprocess.Popen(
            [sys.executable, str(self.folder / "kinolift.py"), *words], cwd=self.folder.parent, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(*words, **variables)
        out, error = process.communicate(timeout=120)
        return process.returncode, out, error

    def capture(self, *words: str) -> dict[str, Any]:
        """The stand-in's report of `kinolift.py capture ...`."""
        code, out, error = self.run("capture", *words)
        assert code == 3, error
        return json.loads(out)

    def stamp(self) -> dict[str, Any]:
        return json.loads((self.venv / "kinolift.json").read_text())


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, dict[str, Any]]:
    """A copy after its first command, and what that command reported."""
    copy = Copy(tmp_path_factory.mktemp("ready"))
    return copy, copy.capture("a video.mp4", "-o", "täke.fbx", "--seed", "7")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


# --- the first use and the second ------------------------------------------------------------------------------------------


def test_the_first_use_sets_up_and_runs_the_command(ready: tuple[Copy, dict[str, Any]]) -> None:
    copy, report = ready
    assert report["argv"] == ["capture", "a video.mp4", "-o", "täke.fbx", "--seed", "7"]
    assert Path(report["cwd"]) == copy.folder.parent, "relative paths must mean the user's folder"
    assert Path(report["prefix"]) == copy.venv
    assert report["package"] == "kinolift_extension.addon"
    assert report["tiny"] == "first"


def test_the_second_use_starts_at_once_and_needs_no_network(ready: tuple[Copy, dict[str, Any]]) -> None:
    copy, _ = ready
    started = time.monotonic()
    code, out, error = copy.run("capture", "x", PIP_FIND_LINKS=str(copy.folder / "nothing here"))
    seconds = time.monotonic() - started
    assert (code, error) == (3, "")
    assert json.loads(out)["tiny"] == "first"
    assert seconds < 2, f"{seconds:.1f} s"  # about 0.15 s on an idle machine


def test_foreign_settings_do_not_reach_the_environment(ready: tuple[Copy, dict[str, Any]], tmp_path: Path) -> None:
    copy, _ = ready
    (tmp_path / "tiny_worker.py").write_text("VALUE = 'somebody else'\n")
    code, out, _ = copy.run("capture", "x", PYTHONPATH=str(tmp_path))
    assert code == 3
    assert json.loads(out)["tiny"] == "first"


def test_a_changed_lock_is_installed_anew(ready: tuple[Copy, dict[str, Any]]) -> None:
    copy, _ = ready
    (module,) = copy.venv.glob("**/site-packages/tiny_worker/__init__.py")
    copy.lock("second")
    assert copy.capture("x")["tiny"] == "second"
    # of another length than the real one: Python takes a compiled file for current if second and size agree
    module.write_text("VALUE = 'spoilt by hand'\n")
    code, out, error = copy.run("setup")
    assert code == 0, error
    assert "Kinolift is set up." in out
    assert copy.capture("x")["tiny"] == "spoilt by hand", "a set-up that is done is not done again"
    code, out, error = copy.run("setup", "--again")
    assert code == 0, error
    assert copy.capture("x")["tiny"] == "second"


# --- interrupted, and at the same time -------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the set-up ended before it could be interrupted"
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_set_up_is_done_again(copy: Copy, number: int) -> None:
    process = copy.start("capture", "x")
    wait_for((copy.venv / "bin").exists, process)
    process.send_signal(number)
    out, error = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == ExitCode.CANCELLED
        assert error.strip().endswith("Cancelled.")
        assert "Traceback" not in error
    assert out == ""
    assert copy.stamp()["installed"] == {}
    assert copy.capture("x")["tiny"] == "first"
    assert not list(copy.venv.glob("tmp"))


def test_two_that_start_at_once_set_up_once(copy: Copy) -> None:
    both = [copy.start("capture", name) for name in ("one", "two")]
    results = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [3, 3], results
    assert [json.loads(out)["argv"][1] for out, _ in results] == ["one", "two"]
    assert sorted("done in" in error for _, error in results) == [False, True]


# --- what goes wrong -------------------------------------------------------------------------------------------------------


def check_sentence(result: tuple[int, str, str], code: ExitCode, *words: str) -> str:
    """One clear sentence as the last line, the right exit code and no traceback; returns the sentence."""
    returned, _, error = result
    sentence = error.strip().splitlines()[-1]
    assert returned == code, error
    assert "Traceback" not in error
    for word in words:
        assert word in sentence
    return sentence


def test_no_network(copy: Copy) -> None:
    result = copy.run("capture", "x", PIP_FIND_LINKS=str(copy.folder))
    check_sentence(result, ExitCode.NO_RESOURCES, "cannot be downloaded", "network")
    assert copy.stamp()["installed"] == {}, "the next command tries again"


def test_a_package_that_is_not_the_locked_one(copy: Copy) -> None:
    copy.lock(digest="0" * 64)
    check_sentence(copy.run("capture", "x"), ExitCode.NO_RESOURCES, "not the one that was locked")
    assert not list(copy.venv.glob("**/site-packages/tiny_worker"))


def test_somebody_elses_venv_is_left_alone(copy: Copy) -> None:
    copy.venv.mkdir()
    (copy.venv / "precious.txt").write_text("mine")
    check_sentence(copy.run("capture", "x"), ExitCode.NO_RESOURCES, ".venv was not made by Kinolift")
    assert [path.name for path in copy.venv.iterdir()] == ["precious.txt"]


def test_an_environment_behind_a_link_is_left_alone(copy: Copy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kinolift.json").write_text("{}")
    copy.venv.symlink_to(elsewhere, target_is_directory=True)
    check_sentence(copy.run("capture", "x"), ExitCode.NO_RESOURCES, ".venv was not made by Kinolift")
    assert [path.name for path in elsewhere.iterdir()] == ["kinolift.json"]


def test_a_damaged_lock(copy: Copy) -> None:
    (copy.folder / "wheels" / "lock.json").write_text("{")
    check_sentence(copy.run("capture", "x"), ExitCode.NO_RESOURCES, "lock.json cannot be read")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="only where a folder can be closed to this user")
def test_a_folder_that_cannot_be_written(copy: Copy) -> None:
    copy.folder.chmod(0o555)
    try:
        check_sentence(copy.run("capture", "x"), ExitCode.NO_RESOURCES, "cannot be written")
    finally:
        copy.folder.chmod(0o755)


def test_doctor_before_the_set_up(copy: Copy) -> None:
    code, out, _ = copy.run("doctor")
    assert code == ExitCode.NO_RESOURCES
    assert "-> python3 kinolift.py setup" in out
    assert not copy.venv.exists(), "the doctor changes nothing"


# --- Python's version ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", kinolift.PYTHONS)
def test_the_pythons_of_blender_will_do(version: tuple[int, int]) -> None:
    assert kinolift.check_python(version, lambda name: None) is None


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 12), (3, 14), (4, 11)])
def test_another_python_is_told_which_will_do(version: tuple[int, int]) -> None:
    sentence = kinolift.check_python(version, lambda name: None) or ""
    assert "3.11 or 3.13" in sentence
    assert f"this is Python {version[0]}.{version[1]}" in sentence
    assert "install one of them" in sentence


def test_another_python_is_told_of_one_that_is_there() -> None:
    sentence = kinolift.check_python((3, 12), lambda name: "/usr/bin/python3.13" if name == "python3.13" else None) or ""
    assert "`python3.13 kinolift.py ...`" in sentence


def test_an_older_python_can_read_the_check(tmp_path: Path) -> None:
    """The sentence must come before anything that an older Python cannot parse or does not have."""
    import ast

    ast.parse((ROOT / "kinolift.py").read_text(), feature_version=(3, 7))
    script = tmp_path / "old.py"
    script.write_text(
        "import runpy, sys\n"
        "sys.version_info = (3, 9, 1, 'final', 0)\n"
        "sys.modules['tomllib'] = sys.modules['contract'] = sys.modules['wheels'] = None\n"
        f"runpy.run_path({str(ROOT / 'kinolift.py')!r}, run_name='__main__')\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert result.returncode == ExitCode.NO_RESOURCES
    assert result.stderr.startswith("Kinolift needs Python 3.11 or 3.13 and this is Python 3.9")


# --- the commands ----------------------------------------------------------------------------------------------------------


def test_help_names_every_command(copy: Copy) -> None:
    code, out, _ = copy.run("--help")
    assert code == 0
    for command in kinolift.COMMANDS:
        assert f"  {command.name} " in out
        assert command.summary in out
    assert not copy.venv.exists()


@pytest.mark.parametrize("words", [(), ("dance",)])
def test_no_such_command(copy: Copy, words: tuple[str, ...]) -> None:
    code, _, error = copy.run(*words)
    assert code == ExitCode.BAD_ARGUMENTS
    assert "COMMAND" in error
    assert not copy.venv.exists()


@pytest.mark.parametrize("command", [c for c in kinolift.COMMANDS if c.home == "here"], ids=lambda c: c.name)
def test_every_command_of_the_entry_has_its_module(command: kinolift.Command, capsys: pytest.CaptureFixture[str]) -> None:
    if command.name == "test":
        pytest.skip("it hands its words on to pytest")
    with pytest.raises(SystemExit) as end:
        kinolift.run_here(command.name, ["--help"])
    assert end.value.code == 0
    assert f"kinolift.py {command.name}" in capsys.readouterr().out


def test_commands_of_the_engine_are_those_that_it_offers() -> None:
    from engine.commands import COMMANDS

    text = (ROOT / "engine" / "__main__.py").read_text()
    for command in kinolift.COMMANDS:
        if command.home == "engine":
            assert command.name in COMMANDS or f'add_parser("{command.name}"' in text


def test_dask_is_fetched_only_for_a_cluster() -> None:
    commands = {command.name: command for command in kinolift.COMMANDS}
    assert commands["batch"].needs(["a", "-o", "b"]) == () and commands["capture"].needs(["--scheduler"]) == ()
    assert commands["batch"].needs(["a", "--scheduler=tcp://b:1"]) == commands["cluster"].needs(["scheduler"]) == ("cluster",)
