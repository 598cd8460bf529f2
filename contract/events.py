"""The worker's events: one JSON object a line on its standard output (its log goes to standard error).

    {"event": "progress", "stage": "detect", "done": 120, "total": 900, "fps": 41.2}
    {"event": "warning", "code": "frames_missing", "message": "..."}
    {"event": "result", "motion": "take.npz", "summary": {...}}
    {"event": "error", "code": "no_person", "message": "..."}

The last line is a result (exit code 0) or an error (its exit code as in `failure`). `total` is 0 where it is not known. The
result of a worker that stays for further orders has `stays`: true; it ends that order and not the process. A result whose preview
failed says so in `failed`, {"code": ..., "message": ...}, and has the exit code of that.
"""

from __future__ import annotations

import json
from typing import Any

# Stages of a capture in their order, with the words that a person sees.
STAGES = {
    "start": "Starting",
    "detect": "Finding the person",
    "people": "Following the others",
    "lift": "Lifting to 3D",
    "refine": "Refining",
    "motion": "Building the motion",
    "preview": "Drawing the preview",
    "armature": "Building the armature",
    "export": "Exporting",
}


def encode(event: str, **fields: Any) -> str:
    """One event as one line, without the line's end."""
    return json.dumps({"event": event, **fields}, ensure_ascii=True, allow_nan=False)


def decode(line: str) -> dict[str, Any] | None:
    """The event in a line, or None where the line is not one (a library's own print)."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
