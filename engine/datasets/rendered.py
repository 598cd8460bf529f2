"""The rendered pairs as a benchmark: MediaPipe's real 2D of unseen bodies in unseen motions, beside the exact truth."""

from __future__ import annotations

import numpy as np

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.benchmark import PoseClip, PoseClips, Source, Split, choose, make_clip
from engine.datasets.blended_human import bodies_of
from engine.datasets.detections import Segment, load_detections
from engine.datasets.split import HELD_OUT_HUMANS, HELD_OUT_SOURCES
from engine.detection.landmarks import BODY_FROM_LANDMARKS

FPS = 30.0
# Rays become the screen of one camera, as wide as Human3.6M's: 2 f / w. The cameras of the pairs differ, their rays do not.
SCREEN = 2.29
SIZE = (1000, 1000)
# A joint is as sure as the landmarks that it is made from, by how much of it each makes.
BODY_CONFIDENCE = np.abs(BODY_FROM_LANDMARKS) / np.abs(BODY_FROM_LANDMARKS).sum(axis=1, keepdims=True)
# A subject here is a source of motions; this one of the training sources validates.
VALIDATION_SOURCES = ("cmu_papagina",)


def load_rendered(source: Source, split: Split) -> PoseClips:
    """The rendered pairs of a folder. keypoints: "detected", MediaPipe's, or "gt", the projected truth.

    Test is both body and source held out, training neither, as for the shipped weights. Raises Failure `bad_arguments` for other keypoints
    or for sources to hold out that nothing is trained on.
    """
    if source.keypoints not in ("detected", "gt"):
        raise Failure("bad_arguments", f"The rendered pairs have the keypoints detected and gt, not {source.keypoints}.")
    held_out = VALIDATION_SOURCES if source.held_out is None else source.held_out
    segments = load_detections(source.path)
    if source.held_out is not None:
        choose(split, sorted({s.source for s in segments} - HELD_OUT_SOURCES), (), held_out)
    chosen = []
    for segment in segments:
        bodies, kept = bodies_of(segment.human), segment.source in HELD_OUT_SOURCES
        home: Split = "validation" if segment.source in held_out else "train"
        unseen, seen = HELD_OUT_HUMANS.issuperset(bodies) and kept, HELD_OUT_HUMANS.isdisjoint(bodies) and not kept
        if (split == "test" and unseen) or (split == home and seen):
            chosen.append(segment)
    if not chosen:
        raise Failure("bad_input", f"{source.path} holds no rendered pair of the {split} split.")
    clips = tuple(_clip(i, segment, source.keypoints) for i, segment in enumerate(chosen))
    return PoseClips("detections", source.keypoints, split, BODY_22, clips)


def _clip(index: int, segment: Segment, keypoints: str) -> PoseClip:
    seen = keypoints == "detected"
    rays = BODY_FROM_LANDMARKS @ segment.rays if seen else segment.truth[..., :2] / segment.truth[..., 2:]
    return make_clip(
        subject=segment.source, action=f"{segment.clip} {segment.human}", camera=str(index), fps=FPS, keypoints=SCREEN * np.asarray(rays),
        joints=segment.truth, image_size=SIZE, confidence=segment.visibility @ BODY_CONFIDENCE.T if seen else None,
    )  # fmt: skip
