"""The lock is complete, consistent and what packages.toml says; and nothing in the repository names a place of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from contract.failure import Failure
from wheels.lock import CARRIED, Lock, normalize, read_lock
from wheels.relock import PACKAGES_FILE, wanted_packages

ROOT = Path(__file__).resolve().parents[2]
LOCK = read_lock()
# what `platform_system` and `sys_platform` are where a requirement asks for them
MARKERS = {
    "linux-x64": {"platform_system": "Linux", "sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"},
    "windows-x64": {"platform_system": "Windows", "sys_platform": "win32", "os_name": "nt", "platform_machine": "AMD64"},
    "macos-arm64": {"platform_system": "Darwin", "sys_platform": "darwin", "os_name": "posix", "platform_machine": "arm64"},
}
INSTALLED = ["numpy", *CARRIED, "torch-parts", "torch", "cuda", "blender", "test", "lint", "training", "triton", "cluster"]


@pytest.fixture(scope="module")
def wanted() -> dict[str, Any]:
    return tomllib.loads(PACKAGES_FILE.read_text(encoding="utf-8"))


def test_the_lock_is_what_the_packages_file_says(wanted: dict[str, Any]) -> None:
    rows = wanted_packages(wanted)
    assert {(p.name, p.version): (p.groups, p.pythons, p.platforms) for p in LOCK.packages} == {
        key: (tuple(sorted(row["groups"])), tuple(sorted(row["pythons"])), tuple(row["platforms"])) for key, row in rows.items()
    }
    assert dict(LOCK.left_out) == wanted["left_out"]


@pytest.mark.parametrize("platform", MARKERS)
@pytest.mark.parametrize("python", LOCK.pythons)
def test_every_requirement_is_locked_in_a_version_that_suits_or_left_out_for_a_reason(platform: str, python: str) -> None:
    here = {p.name: p for p in LOCK.select(INSTALLED, python, platform)}
    surroundings = {**MARKERS[platform], "python_version": python, "python_full_version": f"{python}.0",
                    "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": ""}  # fmt: skip
    checked = 0
    for package in here.values():
        for text in package.requires:
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate(surroundings):
                continue
            checked += 1
            name = normalize(requirement.name)
            if name in here:
                assert Version(here[name].version) in requirement.specifier, f"{package.name} asks for {text}"
            else:
                assert len(LOCK.left_out.get(name, "")) > 20, f"{package.name} asks for {text}"
    assert checked >= 8


def test_the_pythons_of_blenders_and_of_the_bpy_module() -> None:
    assert LOCK.pythons == ("3.11", "3.13", "3.14")
    assert LOCK.environments == ("3.11", "3.13")


def test_every_package_says_why_and_who_asks_for_it(wanted: dict[str, Any]) -> None:
    requires = {(p.name, p.version): {normalize(Requirement(text).name) for text in p.requires} for p in LOCK.packages}
    asks: dict[str, set[str]] = {}
    for (name, _), asked in requires.items():
        asks.setdefault(name, set()).update(asked)
    checked = 0
    for row in wanted["packages"]:
        assert row["why"] and not row["why"].endswith("."), row["name"]
        if found := re.fullmatch(r"(.+) asks? for it( on Windows)?", row["why"]):
            for asker in re.split(r", | and ", found[1]):
                if asker != "others":
                    checked += 1
                    assert row["name"] in asks[asker.removesuffix(" 5.2")], f"{asker} does not ask for {row['name']}"
    assert checked > 30


def test_every_group_is_described_and_used(wanted: dict[str, Any]) -> None:
    assert set(wanted["groups"]) == {group for row in wanted["packages"] for group in row["groups"]}
    assert all(len(group["what"]) > 8 for group in wanted["groups"].values())


def test_nothing_is_left_out_that_nobody_asks_for() -> None:
    asked = {normalize(Requirement(text).name) for package in LOCK.packages for text in package.requires}
    assert set(LOCK.left_out) <= asked


@pytest.mark.parametrize("platform", MARKERS)
@pytest.mark.parametrize("python", LOCK.pythons)
def test_every_package_has_a_wheel_for_every_platform_and_python(platform: str, python: str) -> None:
    tag = {"linux-x64": "manylinux", "windows-x64": "win_amd64", "macos-arm64": "macosx"}[platform]
    for package in LOCK.select([*INSTALLED, "torch-cpu"], python, platform):
        fitting = [
            t for file in package.files for t in parse_wheel_filename(file)[3]
            if (t.platform == "any" or t.platform.startswith(tag)) and _runs(t.interpreter, t.abi, python)
        ]  # fmt: skip
        assert fitting, f"{package.name} has no wheel for {platform}, Python {python}"


def _runs(interpreter: str, abi: str, python: str) -> bool:
    minor = int(python.split(".")[1])
    if interpreter in ("py3", "py2.py3"):
        return True
    found = re.fullmatch(r"cp3(\d+)", interpreter)
    return found is not None and (int(found[1]) == minor or (abi == "abi3" and int(found[1]) <= minor))


def test_hashes_and_names_are_well_formed() -> None:
    for package in LOCK.packages:
        assert package.files, package.name
        for file, digest in package.files.items():
            name, version, _, tags = parse_wheel_filename(file)
            assert (normalize(name), str(version)) == (package.name, str(Version(package.version)))
            assert tags <= {t for text in [file.removesuffix(".whl").split("-", 2)[2]] for t in parse_tag("-".join(text.split("-")[-3:]))}
            assert re.fullmatch(r"[0-9a-f]{64}", digest)
    digests = [digest for package in LOCK.packages for digest in package.files.values()]
    assert len(digests) == len(set(digests))


def test_versions_are_the_same_on_all_pythons_but_for_those_that_cannot_be() -> None:
    versions: dict[str, set[str]] = {}
    for package in LOCK.packages:
        if "model" not in package.groups and "torch-cpu" not in package.groups:
            versions.setdefault(package.name, set()).add(package.version)
    assert {name for name, found in versions.items() if len(found) > 1} == {"bpy", "numpy"}


@pytest.mark.parametrize("platform", MARKERS)
@pytest.mark.parametrize("python", LOCK.pythons)
def test_an_environment_holds_exactly_one_opencv_and_no_package_twice(platform: str, python: str) -> None:
    names = [package.name for package in LOCK.select(INSTALLED, python, platform)]
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith("opencv")] == ["opencv-python-headless"]


def test_the_extension_never_carries_numpy_or_blender() -> None:
    for python in LOCK.pythons:
        names = {package.name for package in LOCK.select(CARRIED, python, "linux-x64")}
        assert not names & {"numpy", "bpy", "pytest", "ruff", "mypy"}


def test_a_requirement_line_names_every_hash() -> None:
    (package,) = (p for p in LOCK.packages if p.name == "safetensors")
    line = package.requirement
    assert line.startswith(f"safetensors==={package.version} --hash=sha256:")
    assert line.count("--hash=sha256:") == len(package.files) == 3


def test_a_missing_or_strange_lock_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        read_lock(tmp_path / "lock.json")
    strange = tmp_path / "strange.json"
    strange.write_text('{"format": 99, "packages": [], "left_out": {}}')
    with pytest.raises(Failure, match="format is 99"):
        read_lock(strange)


def test_the_digest_follows_the_file(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text('{"format": 1, "packages": [], "left_out": {}}')
    second.write_text('{"format": 1, "packages": [], "left_out": {"x": "y"}}')
    locks: list[Lock] = [read_lock(path) for path in (first, second, first)]
    assert locks[0].digest == locks[2].digest != locks[1].digest


def test_the_repository_names_no_host_and_no_place_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # put together here, so that this file does not hold what it looks for
    hosts = ["py" + "pi.org", "python" + "hosted.org", "py" + "torch.org", "debian" + ".org", "npm" + "js.org", "hugging" + "face.co"]
    places = ["/" + "work/", "/" + "opt/wheels", "/" + "opt/pypi", "/" + "root/", "/home/" + "runner"]
    pattern = re.compile("|".join(map(re.escape, hosts + places)))
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and name != "LICENSE":
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture, a video, weights
            found += [f"{name}:{number}: {line.strip()[:100]}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    assert not found, "\n".join(found)
