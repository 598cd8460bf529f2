"""What is learnt from and what is kept for judging: by body and by subject, never by frame."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from engine.datasets.blended_human import bodies_of
from engine.datasets.detections import Segment
from engine.datasets.mocap import MocapClip

# Bodies, with their clothes, and sources that nothing is trained on. The first two are painted and in judged clips, the next four are the
# people of the dressed judged clips, and the last two are judged in rendered pairs only.
HELD_OUT_HUMANS = frozenset({
    "adult_f", "adult_m_tall", "m45_suit", "f55_stout", "m28_bodybuilder", "teen_m16_lanky", "f42_dress", "m75_coat",
})  # fmt: skip
HELD_OUT_SOURCES = frozenset({"cmu_mocap6", "cmu_actions"})
# So many halves are people and motions parted into, that a refiner may learn from the guesses of a lifter that knows neither.
FOLDS = 2


@dataclass(frozen=True)
class Split:
    """`train`: neither body nor source held out; `validation`: both held out (unseen people in unseen motions)."""

    train: list[Segment]
    validation: list[Segment]


def split_segments(segments: list[Segment], held_out: Collection[str] = ()) -> Split:
    """Segments where only one of body and source is held out belong to neither; a blend is held out where all its bodies are.

    held_out: bodies and sources that validation is judged on in place of its usual ones, out of those that are trained on otherwise; the
    usual ones stay out of training. Raises Failure `bad_arguments` for a name that the pairs do not hold or that is never trained on.
    """
    learnt = [s for s in segments if HELD_OUT_HUMANS.isdisjoint(bodies_of(s.human)) and s.source not in HELD_OUT_SOURCES]
    if not held_out:
        return Split(learnt, [s for s in segments if HELD_OUT_HUMANS.issuperset(bodies_of(s.human)) and s.source in HELD_OUT_SOURCES])
    names, bodies, sources = set(held_out), {b for s in learnt for b in bodies_of(s.human)}, {s.source for s in learnt}
    unknown = sorted(names - bodies - sources)
    if unknown:
        raise Failure(
            "bad_arguments", f"{', '.join(unknown)} cannot be held out; the training pairs have the bodies {', '.join(sorted(bodies))} and "
            f"the sources {', '.join(sorted(sources))}.",
        )  # fmt: skip
    kept_bodies, kept_sources = names & bodies, names & sources
    train = [s for s in learnt if kept_bodies.isdisjoint(bodies_of(s.human)) and s.source not in kept_sources]
    validation = [
        s for s in learnt
        if (not kept_bodies or kept_bodies.issuperset(bodies_of(s.human))) and (not kept_sources or s.source in kept_sources)
    ]  # fmt: skip
    return Split(train, validation)


def people_of(names: Collection[str], fold: int) -> list[str]:
    """Those of the bodies that are trained on who belong to `fold`, 0 to FOLDS - 1: every other one in the order of their names."""
    return sorted(set(names) - HELD_OUT_HUMANS)[fold::FOLDS]


def clips_of(clips: Sequence[MocapClip], fold: int) -> list[MocapClip]:
    """The clips of `fold`: every other one of each source, so that each fold has all that people do."""
    return [clip for clip in clips if clip.index % FOLDS == fold]


def training_motions(clips: list[MocapClip], held_out: Collection[str] = ()) -> list[npt.NDArray[np.float32]]:
    """(T,22,3) of every clip whose source is not held out, neither always nor by `held_out`."""
    return [clip.positions for clip in clips if clip.source not in HELD_OUT_SOURCES and clip.source not in held_out]
