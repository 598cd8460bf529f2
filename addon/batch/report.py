"""What has come of a batch: report.jsonl, a line a clip, and report.html, one file to look at, the worst first."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ...contract.outputs import write_text
from .work import Result

EVERY: Final = 30.0  # seconds between two reports while it works, and at least so many times as long as one took to write:
SHARE: Final = 50.0
ROWS: Final = 2000  # in the page, which a browser shall show; report.jsonl has all
_COLUMNS: Final = (
    ("clip", "Clip"), ("status", "Status"), ("unsure", "Unsure %"), ("off", "Off the picture %"), ("slide", "Feet slide cm/s"),
    ("frames", "Frames"), ("seconds", "Seconds"), ("said", "What it says"),
)  # fmt: skip

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Kinolift: {title}</title><style>
body {{ font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fafaf8; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .4em .7em; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }}
th {{ cursor: pointer; position: sticky; top: 0; background: #eee; overflow-wrap: normal; }}
td:last-child {{ min-width: 20em; }}
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
    if len(ordered) > ROWS:
        counts += f" Here are the worst {ROWS}; all are in report.jsonl."
    rows = "\n".join(_row(result) for result in ordered[:ROWS])
    heads = "".join(f"<th>{name}</th>" for _, name in _COLUMNS)
    page = _PAGE.format(title=html.escape(title), summary=html.escape(counts), heads=heads, rows=rows)
    write_text(page.encode("utf-8", "replace").decode(), out / "report.html")


class Reporter:
    """Writes the report while the work goes on, but spends little of the time on it, however many clips there are."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._next = time.monotonic() + EVERY

    def write_now_and_then(self, results: Sequence[Result]) -> None:
        """Raises Failure as `write_report`."""
        began = time.monotonic()
        if began >= self._next:
            write_report(results, self._out, self._out.name)
            ended = time.monotonic()
            self._next = ended + max(EVERY, SHARE * (ended - began))


def line(result: Result) -> dict[str, object]:
    """A result as plain values, its source by the name alone."""
    told = asdict(result)
    told["source"], told["exit_code"] = Path(result.source).name, int(result.exit_code)
    del told["picture"]
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
        f'<tr class="{result.status}"><td>{result.picture}</td><td>{html.escape(result.name)}<br>'
        f"<small>{html.escape(Path(result.source).name)}</small></td><td>{result.status}</td>{cells}"
        f"<td>{'<br>'.join(said)}<br><small>{files}</small></td></tr>"
    )
