"""A mapping in words: which bone is what, how it was found and how sure it is; and the refusal of an unsure one. No bpy here."""

from __future__ import annotations

from ...contract.failure import Failure
from .roles import NAMES, REQUIRED_ROLES, ROLES, STRUCTURE, SURE_ENOUGH, VRM, Mapping, role_title

_BY = {NAMES: "their names", STRUCTURE: "shape and names", VRM: "the list in the file"}


def found_by(mapping: Mapping, role: str) -> str:
    """ "name" or "shape" for a bone that was found so, else "file" or "preset"."""
    return mapping.found.get(role) or ("file" if mapping.preset == VRM else "preset")


def sureness(mapping: Mapping, role: str) -> float:
    """0..1; 1 where nothing was guessed."""
    return mapping.sureness.get(role, 1.0)


def summary(mapping: Mapping, rig: str) -> str:
    """One line: how the bones were found, and the least sure of them."""
    role = min(mapping.bones, key=lambda role: sureness(mapping, role))
    way = _BY.get(mapping.preset, f"the preset {mapping.preset}")
    least = sureness(mapping, role)
    doubt = f"; least sure {role_title(role)} ({least:.0%})" if least < 1.0 else ""
    return f"{rig}: {sum(map(len, mapping.bones.values()))} bones found by {way}{doubt}."


def mapping_lines(mapping: Mapping) -> list[str]:
    """A table, a line a role: part of the body, bones, how they were found, how sure."""
    rows = [
        (role_title(role), ", ".join(names), found_by(mapping, role), f"{sureness(mapping, role):.0%}")
        for role in ROLES if (names := mapping.bones.get(role))
    ]  # fmt: skip
    rows += [(role_title(role), "none", "", "") for role in mapping.missing()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3].rjust(4))).rstrip() for row in rows]


def check_sure(mapping: Mapping, rig: str) -> None:
    """Raises Failure `bad_rig`, with the whole list and what to do, where a required bone is less sure than SURE_ENOUGH."""
    doubtful = [role for role in REQUIRED_ROLES if mapping.bones.get(role) and sureness(mapping, role) < SURE_ENOUGH]
    if not doubtful:
        return
    least = min(doubtful, key=lambda role: sureness(mapping, role))
    titles = ", ".join(map(role_title, doubtful[:4])) + (", ..." if len(doubtful) > 4 else "")
    raise Failure(
        "bad_rig",
        f"The bones of {rig} are not sure enough ({titles}: {sureness(mapping, least):.0%}, less than {SURE_ENOUGH:.0%}). Write them to a "
        "file with --save-mapping MINE.json, correct what is wrong in it, and retarget with --preset MINE.json. They were taken for:\n"
        + "\n".join(mapping_lines(mapping)),
    )
