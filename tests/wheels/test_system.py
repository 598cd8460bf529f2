"""The platform's name and the sentence about missing libraries."""

from __future__ import annotations

import sys

import pytest

from contract.failure import Failure
from contract.libraries import Library, missing_sentence
from wheels import system


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("Linux", "x86_64"), "linux-x64"), (("Windows", "AMD64"), "windows-x64"), (("Darwin", "arm64"), "macos-arm64")],
)
def test_platforms_have_blenders_names(names: tuple[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.platform, "system", lambda: names[0])
    monkeypatch.setattr(system.platform, "machine", lambda: names[1])
    assert system.platform_name() == expected


def test_another_platform_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.platform, "system", lambda: "Linux")
    monkeypatch.setattr(system.platform, "machine", lambda: "riscv64")
    with pytest.raises(Failure, match="this machine is linux-riscv64"):
        system.platform_name()


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are looked for on Linux")
def test_the_sentence_names_libraries_and_packages_of_three_families() -> None:
    missing = system.missing_libraries(lambda soname: soname not in ("libEGL.so.1", "libXi.so.6"))
    assert [library.soname for library in missing] == ["libXi.so.6", "libEGL.so.1"]
    sentence = missing_sentence(missing)
    assert "libXi.so.6, libEGL.so.1" in sentence
    for command in ("apt-get install libegl1 libxi6`", "dnf install libXi libglvnd-egl`", "pacman -S libglvnd libxi`"):
        assert command in sentence


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are looked for on Linux")
def test_a_library_that_is_not_there_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Library("libkinolift-is-nowhere.so.1", "a test", "nowhere1", "nowhere", "nowhere")
    monkeypatch.setattr(system, "LIBRARIES", (*system.LIBRARIES, nowhere))
    assert nowhere in system.missing_libraries()
    with pytest.raises(Failure, match="nowhere1"):
        system.check_libraries()
