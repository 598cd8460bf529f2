"""Presets: which bones of a known rig have which role, one JSON a rig; the shipped ones and the user's own. No bpy here.

docs/rigs.md describes the format.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...contract.failure import Failure
from ...contract.reading import parse_json, read_limited, reading, shown
from .roles import CHAIN_ROLES, ROLES, Mapping, Switch

SHIPPED = Path(__file__).resolve().parent / "rigs"
SCHEMA = "kinolift.rig/1"
LARGEST = 2**20  # bytes of a preset
MOST_PREFIXES = 50  # each is looked for before every bone's name
HIGHEST_RANK = 10**6
# Hardly a bone has these in its name: whoever writes them means a pattern, which presets held once.
PATTERN_CHARACTERS = "*+?^$\\["
_KEYS = {"schema", "title", "about", "prefixes", "rank", "bones", "ik", "ik_rest", "switches"}


@dataclass(frozen=True)
class Preset:
    """`name`: the file's. `bones`: role -> slots, from the body outwards; a slot is the names that one bone may have."""

    name: str
    title: str
    bones: dict[str, tuple[tuple[str, ...], ...]]
    prefixes: tuple[str, ...] = ()
    ik: dict[str, str] = field(default_factory=dict)
    rank: int = 0  # of two presets that fit alike the higher is taken
    ik_rest: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()

    def fit(self, bones: Collection[str]) -> tuple[Mapping, float]:
        """The mapping of the bones that are there, and the share (0..1) of the preset's bones that were found.

        Prefixes are those of the preset, any name space before a colon, and none; the one that finds most counts.
        """
        best: tuple[Mapping, float] | None = None
        for known in self._readings(bones):
            found: dict[str, tuple[str, ...]] = {}
            for role, slots in self.bones.items():
                names = [next((known[n] for n in slot if n in known), None) for slot in slots]
                if any(names):
                    found[role] = tuple(name for name in names if name)
            # the root bone is left out of the share: a rig without one is no worse a rig
            wanted = sum(len(slots) for role, slots in self.bones.items() if role != "root")
            share = sum(len(names) for role, names in found.items() if role != "root") / wanted
            if best is None or share > best[1]:
                ik = {role: known[name] for role, name in self.ik.items() if name in known}
                rest = tuple(known[name] for name in self.ik_rest if name in known)
                switches = tuple(replace(switch, bone=known[switch.bone]) for switch in self.switches if switch.bone in known)
                best = (Mapping(found, self.name, dict.fromkeys(found, 1.0), ik, rest, switches), share)
        assert best is not None
        return best

    def absent(self, bones: Collection[str]) -> list[str]:
        """The preset's bones, IK controls included, that a rig lacks, under the prefix that fits best."""
        known = max(self._readings(bones), key=lambda k: sum(any(n in k for n in slot) for s in self.bones.values() for slot in s))
        lacking = [slot[0] for slots in self.bones.values() for slot in slots if not any(name in known for name in slot)]
        others = (*self.ik.values(), *self.ik_rest, *(switch.bone for switch in self.switches))
        return lacking + [name for name in dict.fromkeys(others) if name not in known]

    def _readings(self, bones: Collection[str]) -> list[dict[str, str]]:
        """For each prefix: the name without it -> the bone."""
        cuts = [{name: name for name in bones}]
        cuts += [{name.removeprefix(prefix): name for name in bones if name.startswith(prefix)} for prefix in self.prefixes]
        cuts.append({rest: name for name in bones for space, colon, rest in [name.partition(":")] if space and colon})
        return [cuts[0], *(cut for cut in cuts[1:] if cut)]


def read_preset(path: Path) -> Preset:
    """Raises Failure `no_such_file`, or `bad_input` that names the file and what is wrong in it."""
    with reading(path, "preset", "mend or delete it"):
        content = parse_json(read_limited(path, LARGEST).decode("utf-8"))
    return parse_preset(path.stem, content, str(path))


def parse_preset(name: str, content: Any, source: str) -> Preset:
    """Raises Failure `bad_input` for anything that is not as docs/rigs.md says; `source` is named in it."""

    def wrong(what: str) -> Failure:
        return Failure("bad_input", f"The preset {shown(source)} {what}; docs/rigs.md describes the format.")

    if not isinstance(content, dict):
        raise wrong("is not a JSON object")
    if content.get("schema") != SCHEMA:
        raise wrong(f"has the schema {str(content.get('schema'))[:40]!r}, not {SCHEMA!r}")
    if unknown := sorted(set(content) - _KEYS):
        raise wrong(f"has unknown keys: {', '.join(unknown)[:80]}")
    if not all(isinstance(content.get(key, ""), str) for key in ("title", "about")):
        raise wrong('has a "title" or "about" that is no text')
    bones, prefixes, ik, rank = (content.get(k, d) for k, d in (("bones", None), ("prefixes", []), ("ik", {}), ("rank", 0)))
    if not isinstance(bones, dict) or not bones:
        raise wrong('lacks "bones", an object of roles')
    if not isinstance(prefixes, list) or not all(isinstance(p, str) and p for p in prefixes):
        raise wrong('has "prefixes" that are not a list of texts')
    if len(prefixes) > MOST_PREFIXES:
        raise wrong(f"has more than {MOST_PREFIXES} prefixes")
    for prefix in prefixes:
        if any(character in prefix for character in PATTERN_CHARACTERS):
            raise wrong(f"has the prefix {prefix[:40]!r}; prefixes are plain text, not patterns")
    if not isinstance(ik, dict) or not all(isinstance(v, str) and v for v in ik.values()):
        raise wrong('has an "ik" that is not an object of bone names')
    if not isinstance(rank, int) or isinstance(rank, bool) or abs(rank) > HIGHEST_RANK:
        raise wrong('has a "rank" that is not a whole number')
    ik_rest, listed = content.get("ik_rest", []), content.get("switches", [])
    if not isinstance(ik_rest, list) or not all(isinstance(bone, str) and bone for bone in ik_rest):
        raise wrong('has an "ik_rest" that is not a list of bone names')
    switches = parse_switches(listed)
    if switches is None:
        raise wrong('has "switches" that are not a list of objects with "bone", "property", and numbers for "fk" or "ik"')
    for role in (*bones, *ik):
        if role not in ROLES:
            raise wrong(f"names the role {role[:40]!r}, which there is not")
    slots = {role: _slots(role, value) for role, value in bones.items()}
    for role, found in slots.items():
        if not found:
            raise wrong(f"does not name the bones of {role} rightly")
    return Preset(name, str(content.get("title", name)), slots, tuple(prefixes), dict(ik), rank, tuple(ik_rest), switches)


def parse_switches(listed: Any) -> tuple[Switch, ...] | None:
    """The switches of a preset's list, None where it is not what the format allows."""
    if not isinstance(listed, list):
        return None
    switches = []
    for entry in listed:
        if not isinstance(entry, dict) or not set(entry) <= {"bone", "property", "fk", "ik"}:
            return None
        names = [entry.get("bone"), entry.get("property")]
        values = [entry.get("fk"), entry.get("ik")]
        if not all(isinstance(name, str) and name for name in names):
            return None
        if not all(value is None or _is_setting(value) for value in values) or values == [None, None]:
            return None
        switches.append(Switch(str(names[0]), str(names[1]), *(None if value is None else float(value) for value in values)))
    return tuple(switches)


def _is_setting(value: Any) -> bool:
    """Whether a rig's property can be set to it: a number that single precision holds."""
    return isinstance(value, int | float) and abs(value) < 1e30 and math.isfinite(value)


def switch_list(mapping: Mapping) -> list[dict[str, str | float]]:
    """The mapping's switches as a preset's file lists them."""
    return [{key: value for key, value in asdict(switch).items() if value is not None} for switch in mapping.switches]


def _slots(role: str, value: Any) -> tuple[tuple[str, ...], ...]:
    """Empty where the value is not what the format allows."""
    entries = value if role in CHAIN_ROLES and isinstance(value, list) else [value]
    slots = []
    for entry in entries:
        names = [entry] if isinstance(entry, str) else entry
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            return ()
        slots.append(tuple(names))
    return tuple(slots)


def load_presets(user_folder: Path | None = None) -> dict[str, Preset]:
    """Name -> preset: the shipped ones, and the user's, which take the place of shipped ones of the same name."""
    folders = [SHIPPED, *([user_folder] if user_folder is not None and user_folder.is_dir() else [])]
    files = [path for folder in folders for path in sorted(folder.glob("*.json")) if path.is_file()]
    return {path.stem: _unchanged(path, path.stat().st_mtime_ns) for path in files}


@functools.lru_cache(maxsize=256)
def _unchanged(path: Path, modified: int) -> Preset:
    """The preset of a file as it was at that time: the panel asks for all of them whenever it is drawn."""
    return read_preset(path)


def save_preset(mapping: Mapping, title: str, path: Path) -> None:
    """Writes a mapping as a preset, whole or not at all. Raises Failure `bad_rig` where required bones are missing, or `not_writable`."""
    if mapping.missing():
        raise Failure("bad_rig", f"The list has no bone for {', '.join(mapping.missing())}; pick them before saving it.")
    bones = {role: list(names) if role in CHAIN_ROLES else names[0] for role in ROLES if (names := mapping.bones.get(role))}
    content: dict[str, Any] = {"schema": SCHEMA, "title": title, "bones": bones}
    if mapping.ik:
        content["ik"] = dict(mapping.ik)
    if mapping.ik_rest:
        content["ik_rest"] = list(mapping.ik_rest)
    if mapping.switches:
        content["switches"] = switch_list(mapping)
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Failure("not_writable", f"{path} cannot be written ({error.strerror}); choose another folder.") from error
