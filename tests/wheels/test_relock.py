"""The script that writes the lock: what it asks pip for and where it refuses. The look-up itself needs the registry."""

from __future__ import annotations

from typing import Any

import pytest

from contract.failure import Failure
from wheels import relock

DIGEST = "a" * 64


def content(**changes: Any) -> dict[str, Any]:
    plain = {
        "platforms": ["linux-x64"], "left_out": {},
        "groups": {"worker": {"pythons": ["3.11", "3.13"]}, "test": {"pythons": ["3.11"]}},
        "packages": [
            {"name": "alpha", "version": "1.0", "groups": ["worker", "test"]},
            {"name": "beta", "version": {"3.13": "2.0"}, "groups": ["worker"], "pythons": ["3.13"]},
        ],
    }  # fmt: skip
    return plain | changes


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A registry of our own: what each package there asks for."""
    asks: dict[str, list[str]] = {"alpha": [], "beta": ["alpha>=1"]}

    def look_up(requirements: list[str], platform: str, python: str) -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": name.title(), "version": version, "requires_dist": asks[name]},
                "download_info": {"url": f"there/{name}-{version}-py3-none-any.whl#x", "archive_info": {"hashes": {"sha256": DIGEST}}},
            }
            for name, version in (requirement.split("===") for requirement in requirements)
        ]

    monkeypatch.setattr(relock, "look_up", look_up)
    return asks


def test_a_package_of_two_groups_is_one_row(registry: dict[str, list[str]]) -> None:
    alpha, beta = relock.relock(content())["packages"]
    assert (alpha["groups"], alpha["pythons"]) == (["test", "worker"], ["3.11", "3.13"])
    assert (beta["groups"], beta["pythons"]) == (["worker"], ["3.13"])
    assert alpha["files"] == {"alpha-1.0-py3-none-any.whl": DIGEST}
    assert beta["requires"] == ["alpha>=1"]


def test_a_package_that_asks_for_an_unknown_one_is_refused(registry: dict[str, list[str]]) -> None:
    registry["beta"] = ["gamma[fast]>=3; python_version >= '3.8'"]
    with pytest.raises(Failure, match=r"beta asks for .gamma\[fast\]"):
        relock.relock(content())
    relock.relock(content(left_out={"gamma": "only for show"}))


def test_what_no_python_here_needs_is_not_asked_for(registry: dict[str, list[str]]) -> None:
    registry["beta"] = ["tomli>=2; python_version < '3.11'", "gamma; extra == 'all'"]
    relock.relock(content())


def test_files_named_by_hand_are_not_looked_up(registry: dict[str, list[str]]) -> None:
    own = {"alpha-1.0+own-py3-none-any.whl": "b" * 64}
    packages = [
        {"name": "alpha", "version": "1.0", "groups": ["worker"]},
        {"name": "alpha", "version": "1.0+own", "groups": ["test"], "files": own},
    ]
    plain, ours = relock.relock(content(packages=packages))["packages"]
    assert (plain["version"], ours["version"]) == ("1.0", "1.0+own")
    assert ours["files"] == own


def test_a_table_that_contradicts_itself_is_refused(registry: dict[str, list[str]]) -> None:
    alpha = {"name": "alpha", "version": "1.0", "groups": ["worker"]}
    with pytest.raises(Failure, match=r"alpha 1\.0 stands twice"):
        relock.relock(content(packages=[alpha, alpha]))
    with pytest.raises(Failure, match=r"'dance', which packages\.toml does not describe"):
        relock.relock(content(packages=[alpha | {"groups": ["dance"]}]))


def test_the_oldest_python_comes_first() -> None:
    assert relock.all_pythons(content(groups={"worker": {"pythons": ["3.13", "3.9"]}})) == ["3.9", "3.13"]
