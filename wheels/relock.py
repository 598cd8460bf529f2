"""Writes wheels/lock.json from wheels/packages.toml: the files and hashes that the registry lists, for every platform.

    python3 -m wheels.relock

Run it after a change to packages.toml, and commit both. It asks pip what it would install on each platform and Python,
downloads nothing but the packages' descriptions, and stops with one sentence where a package asks for another that is
neither listed nor left out. Versions are checked against what each package asks for by `pip check`'s own rules, in
tests/wheels/test_lock.py, with the `packaging` library that pytest brings.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from contract.failure import Failure

from .fetch import platform_arguments
from .lock import FORMAT, LOCK_FILE, PACKAGES_FILE, in_order, normalize


def wanted_packages(content: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of the lock without their files, by (name, version). Raises Failure where the table contradicts itself."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for package in content["packages"]:
        name, groups = package["name"], package["groups"]
        if unknown := set(groups) - set(content["groups"]):
            raise Failure("bad_installation", f"{name} is in the group {min(unknown)!r}, which {PACKAGES_FILE.name} does not describe.")
        of_groups = {python for group in groups for python in content["groups"][group]["pythons"]}
        for python in package.get("pythons", sorted(of_groups)):
            version = package["version"] if isinstance(package["version"], str) else package["version"][python]
            row = rows.setdefault(
                (name, version),
                {
                    "name": name, "version": version, "groups": groups, "pythons": [],
                    "platforms": package.get("platforms", content["platforms"]), "files": dict(package.get("files", {})),
                },
            )  # fmt: skip
            if row["groups"] != groups or python in row["pythons"]:
                raise Failure("bad_installation", f"{name} {version} stands twice in {PACKAGES_FILE.name}.")
            row["pythons"].append(python)
    return rows


def all_pythons(content: Mapping[str, Any]) -> list[str]:
    """Every Python of any group, oldest first."""
    return list(in_order(python for group in content["groups"].values() for python in group["pythons"]))


def look_up(requirements: Iterable[str], platform: str, python: str) -> list[dict[str, Any]]:
    """pip's report of what it would install: one entry a package."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--ignore-requires-python",
            "--target", str(Path(folder, "target")), "--report", str(report), *platform_arguments(platform, python), *requirements,
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        if result.returncode:
            reason = result.stderr.strip().splitlines()[-1]
            raise Failure("bad_installation", f"pip found no wheels for {platform}, Python {python}: {reason}")
        return list(json.loads(report.read_text(encoding="utf-8"))["install"])


def relock(content: Mapping[str, Any]) -> dict[str, Any]:
    """The lock's content for the packages file's."""
    rows = wanted_packages(content)
    by_hand = {key for key, row in rows.items() if row["files"]}
    for row in rows.values():
        row["requires"] = []
    for platform in content["platforms"]:
        for python in all_pythons(content):
            here = [
                row for key, row in rows.items() if platform in row["platforms"] and python in row["pythons"] and key not in by_hand
            ]  # fmt: skip
            # one file is enough: what it carries is the same on every platform
            here = [row for row in here if row["groups"] != ["model"] or platform == content["platforms"][0]]
            # `===` compares the text, so that no other build of the same version (2.13.0+cpu) takes the place of the registry's
            for batch in _batches(here):
                for found in look_up([f"{row['name']}==={row['version']}" for row in batch], platform, python):
                    metadata = found["metadata"]
                    row = rows[normalize(metadata["name"]), metadata["version"]]
                    file = unquote(urlsplit(found["download_info"]["url"]).path.rpartition("/")[2])
                    row["files"][file] = found["download_info"]["archive_info"]["hashes"]["sha256"]
                    for requirement in metadata.get("requires_dist", []):
                        if "extra ==" not in requirement and requirement not in row["requires"]:
                            row["requires"].append(requirement)
            print(f"{platform}, Python {python}: {len(here)} packages", file=sys.stderr)
    _check_closed(rows.values(), content["left_out"])
    for row in rows.values():
        for key in ("groups", "pythons", "requires"):
            row[key] = sorted(row[key])
        row["files"] = dict(sorted(row["files"].items()))
    return {"format": FORMAT, "left_out": content["left_out"], "packages": [rows[key] for key in sorted(rows)]}


def _batches(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows split so that no batch holds two versions of one package."""
    batches: list[list[dict[str, Any]]] = []
    for row in rows:
        for batch in batches:
            if all(row["name"] != other["name"] for other in batch):
                batch.append(row)
                break
        else:
            batches.append([row])
    return batches


def _check_closed(rows: Iterable[Mapping[str, Any]], left_out: Mapping[str, str]) -> None:
    rows = list(rows)
    known = {row["name"] for row in rows} | set(left_out)
    for row in rows:
        if row["groups"] == ["model"]:
            continue  # never installed
        for requirement in row["requires"]:
            name = normalize(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
            if name not in known and not _never_applies(requirement):
                sentence = f"{row['name']} asks for {requirement!r}: name it in {PACKAGES_FILE.name} or under [left_out]."
                raise Failure("bad_installation", sentence)


def _never_applies(requirement: str) -> bool:
    """Whether the requirement's condition rules out Python 3.11 and later (`python_version < "3.11"`, `< "3"`)."""
    return bool(re.search(r"python_(full_)?version\s*<=?\s*['\"]3(\.(\d|10|11)(\.\d+(a\d+)?)?)?['\"]", requirement))


def main() -> int:
    content = tomllib.loads(PACKAGES_FILE.read_text(encoding="utf-8"))
    try:
        lock = relock(content)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    LOCK_FILE.write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")
    print(f"{LOCK_FILE}: {len(lock['packages'])} packages, {sum(len(row['files']) for row in lock['packages'])} files", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
