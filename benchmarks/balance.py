"""How well balance and the body's axes tell which way is up, on motion capture, where it is known.

    python benchmarks/balance.py MOCAP

MOCAP is a folder of motion capture (docs/data.md). Stretches of two seconds in which a foot stands, by what is done in most of their
frames. Of up by the balance alone (`balance_up`) and by balance and axes together (`body_up`): the robust deviation and the root mean
square of its errors about one axis, and the 90th percentile of the angle, degrees.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from engine.datasets.mocap import load_mocap  # noqa: E402
from engine.datasets.motion_kind import KINDS, classify  # noqa: E402
from engine.kinematics.contacts import standing  # noqa: E402
from engine.kinematics.upright import balance_up, body_up  # noqa: E402
from engine.kinematics.world import ANKLES, TOES  # noqa: E402

Array = npt.NDArray[np.float64]

SECONDS, EVERY = 2.0, 3.0  # a stretch's length, and from one's beginning to the next's
STANDS = 5.0  # frames, of both feet together, that somebody stands at least
ROBUST = 1.4826  # times the median size: the standard deviation of a Gaussian
Rows = dict[str, dict[str, Array]]


def leans(positions: Array, fps: float) -> Array | None:
    """(2,2) degrees by which up is off about the two level axes, by the balance and by the body, of joints (T,22,3), Z up; None where no
    foot stands."""
    stands = standing(positions[:, ANKLES], positions[:, TOES], [slice(0, len(positions))], fps).astype(float)
    balance = balance_up(positions, stands)
    if balance is None or stands.sum() < STANDS:
        return None
    body, _ = body_up(positions, np.ones(positions.shape[:2]), stands)
    return np.degrees(np.stack([balance[:2], body[:2]]))


def by_kind(clips: Sequence[tuple[Array, float]]) -> Rows:
    """Of every kind of motion the errors (S,2) by the balance and by the body, of clips of joints (T,22,3) at so many frames a second."""
    found: dict[str, list[Array]] = {}
    for positions, fps in clips:
        kinds, length = classify(positions), round(SECONDS * fps)
        for first in range(0, len(positions) - length + 1, round(EVERY * fps)):
            part = slice(first, first + length)
            off = leans(positions[part], fps)
            if off is not None:
                found.setdefault(KINDS[np.bincount(kinds[part], minlength=len(KINDS)).argmax()], []).append(off)
    return {kind: dict(zip(("balance", "body"), np.stack(found[kind], 1), strict=True)) for kind in KINDS if kind in found}


def figures(off: Array) -> str:
    """Robust deviation, root mean square, 90th percentile of the angle."""
    angle = np.linalg.norm(off, axis=-1)
    return f"{ROBUST * np.median(np.abs(off)):.1f}, {np.sqrt((off**2).mean()):.1f}, {np.percentile(angle, 90):.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mocap", type=Path, help="a folder of motion capture")
    read = parser.parse_args(argv)
    try:
        rows = by_kind([(clip.positions.astype(float), clip.fps) for clip in load_mocap(read.mocap)])
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    table = Table("", "stretches", "balance: robust, rms, 90 %", "balance and axes")
    for kind, off in rows.items():
        table.add_row(kind, f"{len(off['balance']):,}", figures(off["balance"]), figures(off["body"]))
    print_wide(table, "Degrees.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
