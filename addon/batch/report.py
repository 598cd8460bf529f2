"""What has come of a batch: report.jsonl, a line a clip, and report.html, one file to look at, the worst first."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from ...contract.failure import Failure
from ...contract.motion_file import Motion, load_motion
from ...contract.outputs import write_text
from .work import Result

WIDTH: Final = 150  # of a picture in the page, of which the left half is the camera's view and the right one that from the side
HEIGHT: Final = 100
_COLOURS: Final = {"L": "#0072b2", "R": "#e67800"}  # as the preview's
_COLUMNS: Final = (
    ("clip", "Clip"), ("status", "Status"), ("unsure", "Unsure %"), ("off", "Off the picture %"), ("slide", "Feet slide cm/s"),
    ("frames", "Frames"), ("seconds", "Seconds"), ("said", "What it says"),
)  # fmt: skip

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Kinolift: {title}</title><style>
body {{ font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fafaf8; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .4em .7em; border-bottom: 1px solid #ddd; }}
th {{ cursor: pointer; position: sticky; top: 0; background: #eee; white-space: nowrap; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
tr.failed td {{ background: #fdeceb; }} .failed b {{ color: #b3261e; }}
small {{ color: #666; }} svg {{ background: #fff; border: 1px solid #ddd; }}
</style></head><body><h1>{title}</h1><p>{summary}</p>
<table><thead><tr><th>Picture</th>{heads}</tr></thead><tbody>
{rows}
</tbody></table><script>
document.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {{
  const body = document.querySelector("tbody"), down = head.dataset.down !== "1";
  head.dataset.down = down ? "1" : "";
  const value = row => {{ const cell = row.cells[column], n = cell.dataset.value; return n === undefined ? cell.textContent : Number(n); }};
  [...body.rows].sort((a, b) => {{ const x = value(a), y = value(b); return (x > y ? 1 : x < y ? -1 : 0) * (down ? -1 : 1); }})
    .forEach(row => body.append(row));
}}));
</script></body></html>
"""


def write_report(results: Sequence[Result], out: Path, title: str) -> None:
    """Both files, each whole or not at all. Raises Failure `disk_full` or `not_writable`."""
    ordered = sorted(results, key=_badness)
    write_text("".join(json.dumps(line(result), sort_keys=True) + "\n" for result in ordered), out / "report.jsonl")
    counts = summary(results)
    rows = "\n".join(_row(result) for result in ordered)
    heads = "".join(f"<th>{name}</th>" for _, name in _COLUMNS)
    page = _PAGE.format(title=html.escape(title), summary=html.escape(counts), heads=heads, rows=rows)
    write_text(page.encode("utf-8", "replace").decode(), out / "report.html")


def line(result: Result) -> dict[str, object]:
    """A result as plain values, its source by the name alone."""
    told = asdict(result)
    told["source"], told["exit_code"] = Path(result.source).name, int(result.exit_code)
    del told["motion"]
    return told


def summary(results: Sequence[Result]) -> str:
    """12 clips: 9 done, 2 as they were, 1 failed."""
    counts = {status: sum(result.status == status for result in results) for status in ("done", "kept", "failed")}
    return f"{len(results)} clips: {counts['done']} done, {counts['kept']} as they were, {counts['failed']} failed."


def _badness(result: Result) -> tuple[bool, float, float, str]:
    figures = result.quality
    return (result.status != "failed", -figures.get("unsure_percent", 0.0), -figures.get("reprojection_percent", 0.0), result.name)


def _row(result: Result) -> str:
    figures = result.quality
    numbers = [figures.get("unsure_percent"), figures.get("reprojection_percent"), figures.get("foot_slide_cm_s"), result.frames or None,
               result.seconds]  # fmt: skip
    cells = "".join('<td data-value="-1"></td>' if n is None else f'<td class="number" data-value="{n}">{n:.4g}</td>' for n in numbers)
    said = [f"<b>{html.escape(result.message)}</b>"] if result.message else []
    said += [html.escape(text) for text in (result.sentence, *result.warnings) if text]
    files = ", ".join(html.escape(name) for name in result.outputs)
    return (
        f'<tr class="{result.status}"><td>{_picture(result)}</td><td>{html.escape(result.name)}<br>'
        f"<small>{html.escape(Path(result.source).name)}</small></td><td>{result.status}</td>{cells}"
        f"<td>{'<br>'.join(said)}<br><small>{files}</small></td></tr>"
    )


def _picture(result: Result) -> str:
    """The frame in the middle: as the camera saw the person, and from the side; nothing where there is no motion."""
    if not result.motion:
        return ""
    try:
        motion = load_motion(result.motion)
    except Failure:
        return ""
    frame = len(motion) // 2
    seen = motion.image_points[frame] * min(WIDTH / 2 / motion.image_size[0], HEIGHT / motion.image_size[1])
    both = _bones(motion, seen) + _bones(motion, _side(motion, frame))
    return f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">{both}</svg>'


def _side(motion: Motion, frame: int) -> np.ndarray:
    """(J,2) places in the right half: seen at a right angle to the camera, two metres high."""
    joints = motion.positions_world[frame].astype(float)
    ahead = motion.camera_to_world[:2, 2] / max(float(np.linalg.norm(motion.camera_to_world[:2, 2])), 1e-6)
    across = (joints[:, :2] - joints[0, :2]) @ ahead
    scale = HEIGHT / 2.2
    return np.stack([0.75 * WIDTH + scale * across, HEIGHT * 0.95 - scale * joints[:, 2]], 1)


def _bones(motion: Motion, points: np.ndarray) -> str:
    lines = []
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            (a, b), (c, d) = np.clip(points[[parent, joint]], -500, 500).tolist()
            colour = _COLOURS.get(str(motion.joint_names[joint])[-1], "#444")
            lines.append(f'<path d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" stroke="{colour}" stroke-width="2" stroke-linecap="round"/>')
    return "".join(lines)
