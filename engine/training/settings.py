"""Settings of a training from a TOML file: tables that are dataclasses, and every unknown or wrong entry refused by its name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from contract.failure import Failure
from contract.reading import read_limited, reading, shown

LARGEST = 2**20  # bytes
CONFIGS = Path(__file__).resolve().parent / "configs"
T = TypeVar("T")


def read_toml(path: Path, tables: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The file's tables, by default those of `configs` where only a name is given. Failure for another table, or no TOML."""
    found = path if path.is_file() else CONFIGS / f"{path.name.removesuffix('.toml')}.toml"
    if not found.is_file():
        shipped = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise Failure("no_such_file", f"There are no settings {path}; give a .toml file or one of {shipped}.")
    with reading(found, "TOML file", "mend it"):
        read = tomllib.loads(read_limited(found, LARGEST).decode("utf-8"))
    for name, table in read.items():
        if name not in tables or not isinstance(table, dict):
            raise Failure("bad_input", f"{found.name}: there is no table [{shown(name)[:40]}]; there are {', '.join(tables)}.")
    return {name: read.get(name, {}) for name in tables}


def fill(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """The dataclass `kind` with these values, the others as they are by default. Failure `bad_input` naming what does not fit."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    given = dict(values)
    for name, value in values.items():
        if not all(_is_sane(one) for one in (value if isinstance(value, list) else [value])):
            raise Failure("bad_input", f"[{where}] {shown(name)[:40]} is no number that a setting can be.")
        if name not in known:
            raise Failure("bad_input", f"[{where}] has no setting {shown(name)[:40]}; it has {', '.join(known)}.")
        default = known[name].default
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            given[name] = float(value)
        elif isinstance(default, tuple) and isinstance(value, list):
            given[name] = tuple(value)
        elif type(default) is not type(value):
            raise Failure("bad_input", f"[{where}] {name} is {repr(value)[:60]} and should be like {default!r}.")
    return kind(**given)


def _is_sane(value: Any) -> bool:
    """Whether it is no number, or one that is finite and of a size that means something."""
    return not isinstance(value, int | float) or abs(value) <= 2**63
