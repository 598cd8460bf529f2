"""What is learnt from and what is kept for judging: by body and by subject, never by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.datasets.blended_human import bodies_of
from engine.datasets.detections import Segment
from engine.datasets.mocap import MocapClip

# Bodies and sources that nothing is trained on. Two of the judged clips show these two bodies.
HELD_OUT_HUMANS = frozenset({"adult_f", "adult_m_tall"})
HELD_OUT_SOURCES = frozenset({"cmu_mocap6", "cmu_actions"})


@dataclass(frozen=True)
class Split:
    """`train`: neither body nor source held out; `validation`: both held out (unseen people in unseen motions)."""

    train: list[Segment]
    validation: list[Segment]


def split_segments(segments: list[Segment]) -> Split:
    """Segments where only one of body and source is held out belong to neither; a blend is held out where all its bodies are."""
    train = [s for s in segments if HELD_OUT_HUMANS.isdisjoint(bodies_of(s.human)) and s.source not in HELD_OUT_SOURCES]
    validation = [s for s in segments if HELD_OUT_HUMANS.issuperset(bodies_of(s.human)) and s.source in HELD_OUT_SOURCES]
    return Split(train, validation)


def training_motions(clips: list[MocapClip]) -> list[npt.NDArray[np.float32]]:
    """(T,22,3) of every clip whose source is not held out."""
    return [clip.positions for clip in clips if clip.source not in HELD_OUT_SOURCES]
