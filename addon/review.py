"""What is told of a take at a glance: good, or where to look, or why it is doubtful."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .capture import quality_figures
from .keeping import record_of
from .markers import unsure_of

if TYPE_CHECKING:
    import bpy

DOUBTFUL: Final = 50.0  # per cent of the frames: a take that is unsure of more is not one to clean up


@dataclass(frozen=True)
class Verdict:
    """One sentence with its icon, how many places are worth a look, and the report in figures."""

    sentence: str
    icon: str
    places: int
    report: str


def verdict(take: bpy.types.Object) -> Verdict:
    """From what the capture has left on the armature."""
    stretches = unsure_of(take)
    figures: dict[str, Any] = record_of(take).get("provenance", {}).get("quality", {})
    percent = float(figures.get("unsure_percent", 0.0))
    report = quality_figures(figures)
    if not figures:
        return Verdict("This take has no quality report.", "INFO", len(stretches), report)
    if not stretches:
        return Verdict("Good: sure of every frame.", "CHECKMARK", 0, report)
    reason = Counter(why for _, _, why in stretches).most_common(1)[0][0]
    if percent > DOUBTFUL:
        return Verdict(f"Doubtful: unsure of {percent:.0f} % of the frames, mostly {reason}.", "ERROR", len(stretches), report)
    places = "1 place" if len(stretches) == 1 else f"{len(stretches)} places"
    return Verdict(f"Look at {places}, {percent:.0f} % of the frames: mostly {reason}.", "VIEWZOOM", len(stretches), report)
