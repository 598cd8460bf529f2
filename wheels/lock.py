"""The lock: every package, its exact version and the SHA-256 of each of its files, as `wheels.relock` wrote it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from contract.failure import Failure

LOCK_FILE: Final = Path(__file__).parent / "lock.json"
PACKAGES_FILE: Final = LOCK_FILE.with_name("packages.toml")
FORMAT: Final = 1
CARRIED: Final = ("worker", "terminal")  # the groups that the extension carries, and every environment has


@dataclass(frozen=True)
class Package:
    """One version of one package. `files` maps a wheel's name to its SHA-256, for every platform and Python at once."""

    name: str
    version: str
    groups: tuple[str, ...]
    pythons: tuple[str, ...]
    platforms: tuple[str, ...]
    requires: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def requirement(self) -> str:
        """The line of a pip requirements file that accepts these files and no others; `===` tells 2.13.0 from 2.13.0+cpu."""
        return " ".join([f"{self.name}==={self.version}", *(f"--hash=sha256:{digest}" for digest in sorted(set(self.files.values())))])


@dataclass(frozen=True)
class Lock:
    packages: tuple[Package, ...]
    left_out: Mapping[str, str]
    digest: str  # of the lock file: what an environment was made from

    def select(self, groups: Iterable[str], python: str, platform: str) -> list[Package]:
        """The packages of these groups on one Python ("3.11") and one platform ("linux-x64"), each once, by name."""
        wanted = set(groups)
        return [
            p for p in self.packages if wanted.intersection(p.groups) and python in p.pythons and platform in p.platforms
        ]  # fmt: skip

    def requirements(self, groups: Iterable[str], python: str, platform: str) -> str:
        """The same as the text of a pip requirements file for `pip install --no-deps --require-hashes`."""
        return "".join(f"{package.requirement}\n" for package in self.select(groups, python, platform))

    @cached_property
    def pythons(self) -> tuple[str, ...]:
        """The Pythons that the extension runs on, oldest first."""
        return in_order(python for package in self.packages if set(CARRIED).intersection(package.groups) for python in package.pythons)

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The Pythons for which there is Blender as a module, and so a whole environment, oldest first."""
        return in_order(python for package in self.packages if package.name == "bpy" for python in package.pythons)


def in_order(pythons: Iterable[str]) -> tuple[str, ...]:
    """Each Python ("3.11") once, oldest first."""
    return tuple(sorted(set(pythons), key=lambda text: [int(part) for part in text.split(".")]))


def normalize(name: str) -> str:
    """A package's name as registries compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path = LOCK_FILE) -> Lock:
    """Reads the lock. Raises Failure `bad_installation` where it is missing or damaged."""
    try:
        data = path.read_bytes()
        content = json.loads(data)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']}, not {FORMAT}")
        packages = tuple(
            Package(
                name=row["name"], version=row["version"], groups=tuple(row["groups"]), pythons=tuple(row["pythons"]),
                platforms=tuple(row["platforms"]), requires=tuple(row["requires"]), files=dict(row["files"]),
            )
            for row in content["packages"]
        )  # fmt: skip
        return Lock(packages, dict(content["left_out"]), hashlib.sha256(data).hexdigest())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure("bad_installation", f"The lock {path} cannot be read ({error}); fetch Kinolift again.") from error
