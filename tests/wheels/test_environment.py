"""What of the environment can be tested without making one; the making is tested through the entry, in tests/test_kinolift.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.failure import Failure
from wheels import environment as module
from wheels.environment import Environment, explain
from wheels.lock import Lock, Package

PLATFORM = "linux-x64"


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "platform_name", lambda: PLATFORM)


def lock(version: str = "1.0", digest: str = "a") -> Lock:
    def package(name: str, group: str) -> Package:
        return Package(name, version, (group,), ("3.11",), (PLATFORM,), (), {f"{name}.whl": digest * 64})

    names = {"one": "worker", "two": "test", "torch": "torch", "small": "torch-cpu", "cu": "cuda"}
    return Lock(tuple(package(name, group) for name, group in names.items()), {}, "")


def ready(folder: Path, of: Lock, groups: tuple[str, ...]) -> Environment:
    made = Environment(folder, Path("python3"), "3.11", ("worker", "torch"), 0)
    made.executable.parent.mkdir(parents=True)
    made.executable.touch()
    made.stamp.write_text(json.dumps({"python": "3.11", "installed": {group: made._key(of, group) for group in groups}}))
    return made


def test_ready_is_what_the_stamp_and_the_lock_agree_on(tmp_path: Path) -> None:
    made = ready(tmp_path / ".venv", lock(), ("worker", "torch"))
    assert made.is_ready(lock(), made.groups)
    assert not made.is_ready(lock(), (*made.groups, "test")), "the tests' packages were never installed"
    assert not made.is_ready(lock("1.1"), made.groups), "another version is locked now"
    assert not made.is_ready(lock(digest="b"), made.groups), "another file is locked now"


def test_not_ready_without_its_python_or_with_half_a_stamp(tmp_path: Path) -> None:
    made = ready(tmp_path / ".venv", lock(), ("worker", "torch"))
    made.stamp.write_text('{"installed": {"worker"')
    assert not made.is_ready(lock(), made.groups)
    made = ready(tmp_path / "other", lock(), ("worker", "torch"))
    made.executable.unlink()
    assert not made.is_ready(lock(), made.groups)


def test_a_change_of_the_cuda_libraries_counts_as_one_of_torch(tmp_path: Path) -> None:
    made = ready(tmp_path / ".venv", lock(), ("worker", "torch"))
    changed = lock()
    *others, cuda = changed.packages
    changed = Lock((*others, Package("cu", "9.9", ("cuda",), ("3.11",), (PLATFORM,), (), cuda.files)), {}, "")
    assert made.is_ready(changed, ("worker",))
    assert not made.is_ready(changed, ("torch",))


class Making(Environment):
    """Notes what pip would be asked for; a CPU build of torch is at hand or not."""

    def note(self, small: bool, whole: bool = False) -> list[tuple[str, ...]]:
        calls: list[tuple[str, ...]] = []

        def install(of: Lock, groups: Sequence[str], held: int, report: module.Report) -> None:
            if "torch-cpu" in groups and not small:
                raise Failure("bad_installation", "no such place")
            calls.append(tuple(groups))

        object.__setattr__(self, "_install", install)
        return calls


class Quiet:
    def show(self, done: float, text: str) -> None:
        assert 0.0 <= done <= 1.0


@pytest.mark.parametrize(
    ("more", "small", "calls"),
    [
        (("torch", "training"), True, [("torch-parts", "torch-cpu"), ("training",)]),
        (("torch",), False, [("torch-parts", "torch"), ("cuda",)]),
        (("cuda",), True, [("torch-parts", "torch"), ("cuda",)]),
        (("test",), True, [("test",)]),
    ],
)
def test_torch_is_one_build_and_comes_before_what_needs_it(
    more: tuple[str, ...], small: bool, calls: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_is_cuda_torch", lambda executable: True)
    monkeypatch.setattr(module, "CUDA_BYTES", 0)
    made = Making(tmp_path, Path("python3"), "3.11", ("worker",), 0)
    noted = made.note(small)
    made._add(lock(), more, 0, 0.0, Quiet())  # type: ignore[arg-type]
    assert noted == calls


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk_full", "disk is full"),
        ("WARNING: Retrying ... NameResolutionError(\nERROR: No matching distribution found for torch", "bad_installation", "network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "bad_installation", "not the one that was locked"),
        ("Error: Command '[python, -m, ensurepip]' returned non-zero exit status 1.", "bad_installation", "python3.11-venv"),
        ("something\n\nERROR: never seen before\n", "bad_installation", "never seen before"),
        ("", "bad_installation", "no output"),
    ],
)
def test_the_end_of_pips_output_becomes_one_sentence(output: str, code: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "version_info", (3, 11, 7, "final", 0))
    failure = explain(output.splitlines(), Path("setup.log"))
    assert failure.code == code
    assert words in failure.message
    assert "\n" not in failure.message


def test_too_little_space_is_said_before_anything_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="free some space") as caught:
        module._check_space(tmp_path, 10**18)
    assert caught.value.code == "disk_full"
    module._check_space(tmp_path, 1)


def test_a_python_without_venv_is_said(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(Failure, match=r"no venv module.*python3\.13-venv"):
        module.check_interpreter(bare, "3.13")
