"""Which shots of a video are captured: each is a take of its own, from which nothing reaches into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.options import ALL, LONGEST
from engine.detection.detector import Detections, nobody_in
from engine.footage.rate import TICK
from engine.progress import Progress

LISTED = 6  # shots that a sentence lists
SHORTEST: Final = 0.5  # seconds for which somebody must be seen to be a person, in a shot that shows nobody for longer
_SELDOM: Final = 0.5  # ... of whose frames so many show nobody


@dataclass(frozen=True)
class Shot:
    """`number`: from 1, in the order of time, of the shots in the range asked for. `rows`: its frames among the detections. `start`, `end`:
    seconds from the video's first frame. `frames`: those asked for, `seen`: those of them with a person."""

    number: int
    rows: slice
    start: float
    end: float
    frames: int
    seen: int

    @property
    def told(self) -> dict[str, Any]:
        """For the summary; plain values."""
        return {
            "number": self.number, "start": round(self.start, 3), "end": round(self.end, 3), "frames": self.frames,
            "frames_detected": self.seen,
        }  # fmt: skip


def find_shots(detections: Detections, fps: float, span: tuple[float, float] | None = None) -> list[Shot]:
    """The shots of the frames asked for, those between the times `span`, or all."""
    found: list[Shot] = []
    somebody = detections.detected.copy()
    if detections.others is not None:
        somebody[detections.others.frame] = True
    for rows in detections.shots():
        times, seen = detections.times[rows], somebody[rows]
        asked = np.ones(len(times), bool) if span is None else (times >= span[0] - TICK) & (times <= span[1] + TICK)
        looked = asked if detections.skipped is None else asked & ~detections.skipped[rows]
        if asked.any():
            first, last = float(times[asked][0]), float(times[asked][-1]) + 1.0 / fps
            found.append(Shot(len(found) + 1, rows, first, last, int(asked.sum()), _shown(seen[looked], seen[asked], fps)))
    return found


def _shown(seen: npt.NDArray[np.bool_], of_all: npt.NDArray[np.bool_], fps: float) -> int:
    """How many frames show a person; none where a few in many do, which is a false alarm or somebody too small. `seen`: of the frames that
    were looked at, `of_all`: of all."""
    share = float(seen.mean()) if len(seen) else 0.0
    return 0 if share < _SELDOM and share * len(of_all) / fps < SHORTEST else int(of_all.sum())


def choose_shots(shots: list[Shot], wanted: str, name: str, progress: Progress) -> list[Shot]:
    """Those that --shot asks for, in the order of time; tells of the others, and of those that show nobody.

    Raises Failure `bad_arguments` for a shot that there is not, `no_person` where nobody is in those that were asked for.
    """
    listed = _listed(shots)
    if wanted == ALL:
        chosen = [shot for shot in shots if shot.seen]
        if empty := [shot for shot in shots if not shot.seen]:
            numbers = ", ".join(str(shot.number) for shot in empty[:LISTED]) + (", ..." if len(empty) > LISTED else "")
            progress.warning("shot_empty", f"Nobody was found in {len(empty)} of the {len(shots)} shots ({numbers}): they give no take.")
    elif wanted == LONGEST:
        chosen = [max(shots, key=lambda shot: shot.seen)]
    elif int(wanted) > len(shots):
        many = f"{len(shots)} shots: {listed}" if len(shots) > 1 else "one shot only"
        raise Failure("bad_arguments", f"There is no shot {wanted}: {name} has {many}; choose another with --shot.")
    else:
        chosen = [shots[int(wanted) - 1]]
    if not any(shot.seen for shot in chosen):
        if len(shots) > 1 and wanted not in (ALL, LONGEST):
            raise Failure("no_person", f"No person was found in shot {wanted} of {name}; choose another with --shot ({listed}).")
        raise nobody_in(name)
    if wanted == LONGEST and len(shots) > 1:
        progress.warning(
            "shots",
            f"The video has {len(shots)} shots ({listed}); this is shot {chosen[0].number}, which shows a person for longest: "
            "--shot N chooses another, --shot all makes a take of each.",
        )
    return chosen


def _listed(shots: list[Shot]) -> str:
    """1: 0.00-2.00 s, 2: ..."""
    words = [f"{shot.number}: {shot.start:.2f}-{shot.end:.2f} s" for shot in shots[:LISTED]]
    return ", ".join(words) + (", ..." if len(shots) > LISTED else "")
