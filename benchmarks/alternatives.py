"""How often a limb is nearer to the truth in another reading of it, on rendered pairs, whose truth is known.

    python benchmarks/alternatives.py --data PAIRS [--every 1]

PAIRS is a folder of rendered pairs (docs/data.md); judged are people that nothing learnt from. Each is captured; then each alternative
that the motion names is taken and compared with it: the middle and the last joint of the limb, seen from the pelvis, in the frames in which
it lies elsewhere. Prints for arms and legs, and for the first, second and third alternative of a stretch: how many there are, in how many
frames altogether, in which share they are nearer to the truth by 2 cm at least, how far the limb is off there and how far it would be (mm),
and how far it is off in all. "Of all frames" is the error of the limbs in all frames, as captured and with every alternative taken that is
nearer.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from benchmarks.world import capture  # noqa: E402
from contract.alternatives import LIMBS, alternatives_of  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.datasets.blended_human import bodies_of  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import HELD_OUT_HUMANS  # noqa: E402
from engine.kinematics.alternatives import OTHER, taken  # noqa: E402
from engine.poses import PoseModel  # noqa: E402

Array = npt.NDArray[np.float64]

NEARER = 0.02  # metres: what is nearer by less may be so by chance
KINDS = ("arm", "leg")


@dataclass(frozen=True)
class Judged:
    """One alternative: of which limb, the how manieth of its stretch, its frames, and the error of the limb (m) as it is and in it."""

    kind: str
    order: int
    frames: int
    own: float
    other: float

    @property
    def nearer(self) -> bool:
        """Whether it is the better one."""
        return self.other < self.own - NEARER


def limb_errors(motion: Motion, truth: Array, limb: str) -> Array:
    """(T,) metres between the limb's middle and last joint and those of the truth (T,22,3), both seen from the pelvis."""
    ours = motion.positions_camera.astype(float)[:, [ARMATURE_24.index(joint) for joint in LIMBS[limb][1:]]]
    theirs = truth[:, [BODY_22.index(joint) for joint in LIMBS[limb][1:]]] - truth[:, :1]
    return np.asarray(np.linalg.norm(ours - motion.positions_camera[:, :1] - theirs, axis=-1).mean(1))


def judge(motion: Motion, truth: Array) -> tuple[list[Judged], dict[str, tuple[Array, Array]]]:
    """Every alternative of a motion; and by kind of limb the errors (2T,) of all frames, as captured and at best."""
    found: list[Judged] = []
    errors: dict[str, tuple[list[Array], list[Array]]] = {kind: ([], []) for kind in KINDS}
    for limb in LIMBS:
        kind, own, covered = limb[:3], limb_errors(motion, truth, limb), np.zeros(len(motion), int)
        best = own.copy()
        for one in (each for each in alternatives_of(motion) if each.limb == limb):
            changed = taken(motion, one)
            apart = np.linalg.norm(changed.positions_world - motion.positions_world, axis=-1)
            wholly = apart[:, [ARMATURE_24.index(joint) for joint in LIMBS[limb][1:]]].mean(1) > OTHER
            other = limb_errors(changed, truth, limb)
            order = int(covered[wholly].max()) + 1
            covered[wholly] += 1
            found.append(Judged(kind, order, int(wholly.sum()), float(own[wholly].mean()), float(other[wholly].mean())))
            if found[-1].nearer:
                best = np.minimum(best, np.where(wholly, other, np.inf))
        errors[kind][0].append(own)
        errors[kind][1].append(best)
    return found, {kind: (np.concatenate(own), np.concatenate(best)) for kind, (own, best) in errors.items()}


def rows(found: list[Judged]) -> list[list[str]]:
    """The table's lines, by kind and order."""
    lines = []
    for kind in KINDS:
        for order in sorted({one.order for one in found if one.kind == kind}):
            ours = [one for one in found if (one.kind, one.order) == (kind, order)]
            nearer = [one for one in ours if one.nearer]
            frames, there = (np.array([one.frames for one in some], float) for some in (ours, nearer))
            before, after = (1000 * (there @ [getattr(one, name) for one in nearer]) / max(there.sum(), 1) for name in ("own", "other"))
            share, covered = len(nearer) / len(ours), there.sum() / frames.sum()
            whole = 1000 * (frames @ [one.own for one in ours]) / frames.sum()
            figures = [f"{frames.sum():.0f}", f"{share:.3f}", f"{covered:.3f}", f"{before:.0f}", f"{after:.0f}", f"{whole:.0f}"]
            lines.append([kind, str(order), str(len(ours)), *figures])
    return lines


def judged_people(segments: list[Segment], every: int) -> list[Segment]:
    """Of those whom nothing learnt from every so many. Raises Failure `bad_input` where there are none."""
    chosen = [segment for segment in segments if HELD_OUT_HUMANS.issuperset(bodies_of(segment.human))][:: max(every, 1)]
    if not chosen:
        raise Failure("bad_input", "The pairs hold no held-out people; render some with --only validation or --only people.")
    return chosen


def main() -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered pairs (*.npz)")
    parser.add_argument("--every", type=int, default=1, help="judge every so many of the segments (default %(default)s)")
    read = parser.parse_args()
    table = Table("limb", "order", "alternatives", "frames", "nearer", "of frames", "there", "then", "all")
    whole = Table("limb", "of all frames", "at best")
    try:
        chosen = judged_people([segment for folder in read.data for segment in load_detections(folder)], read.every)
        model, options = PoseModel("cpu"), CaptureOptions().check()
        judged = [judge(capture(segment, model, "estimated", options), segment.truth.astype(float)) for segment in chosen]
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    for line in rows([one for found, _ in judged for one in found]):
        table.add_row(*line)
    for kind in KINDS:
        own, best = (1000 * np.concatenate([errors[kind][i] for _, errors in judged]).mean() for i in range(2))
        whole.add_row(kind, f"{own:.1f}", f"{best:.1f}")
    print_wide(table, f"{len(chosen)} segments of {sum(len(s.truth) for s in chosen)} frames")
    print_wide(whole)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
