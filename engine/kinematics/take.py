"""What is known before the motion is made: who was seen, and through what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contract.options import CaptureOptions
from engine.long_takes import Timeline, each, mapped

if TYPE_CHECKING:
    from engine.cameras.level import SceneLines
    from engine.person.track import Track
    from engine.poses import Poses

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Performer:
    """The person whose motion it is, as she was seen.

    joints (T,22,3): BODY_22 in metres, camera axes, relative to the pelvis; spread (T,22) metres; points (T,22,2) px where each joint is
    seen, with confidence (T,22) 0..1; times (T,) seconds; detected (T,) False where the frame was filled in; timeline: the stretches of
    frames without a hole in time, and their rate; face (T,3): where the face looks, camera axes, where known. `kept`: the frames that the
    motion has; the others are looked at only.
    """

    joints: Floats
    spread: Floats
    points: Floats
    confidence: Floats
    times: Array
    detected: Flags
    timeline: Timeline
    face: Floats | None = None
    kept: slice = field(default_factory=lambda: slice(None))

    @classmethod
    def of(cls, poses: Poses, track: Track, points: Floats, confidence: Floats, face: Floats) -> Performer:
        """Who was followed in that track, which has more and is as long as the take, and lifted to these poses."""
        timeline = Timeline(track.runs, track.fps)
        return cls(poses.joints, poses.spread, points, confidence, track.times, track.detected, timeline, face, track.kept)

    def cut(self, frames: slice) -> Performer:
        """In these frames, all of which are kept."""
        columns = {name: getattr(self, name)[frames] for name in ("joints", "spread", "points", "confidence", "times", "detected")}
        return replace(self, timeline=self.timeline.cut(frames), face=_cut(self.face, frames), kept=slice(None), **columns)

    def rooted(self) -> Performer:
        """With the pelvis at the origin and confidences within 0..1, in half the memory."""

        def at_pelvis(joints: Floats, sure: Floats) -> tuple[Floats, Floats]:
            return joints - joints[:, :1], np.clip(sure, 0.0, 1.0)

        joints, confidence = mapped(at_pelvis, self.joints, self.confidence)
        return replace(
            self, joints=joints, spread=np.asarray(self.spread, np.float32), points=np.asarray(self.points, np.float32),
            confidence=confidence, times=np.asarray(self.times, float), detected=np.asarray(self.detected, bool),
        )  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """Through what she was seen, and what tells which way is up there.

    matrix (3,3); size (width, height) px; path (T,4,4): where a known camera stood at each frame, camera to world, Z up. turns (T,3,3): of
    a camera that turned, each frame's axes to those of one that did not, in which the motion is put together; too_fast (T,): frames in
    which how it turned is a guess. gravity (3,): up in those axes, as the networks have it; `lines` of the scene, in the same axes.
    """

    matrix: Array
    size: tuple[int, int]
    path: Array | None = None
    turns: Array | None = None
    too_fast: Flags | None = None
    gravity: Array | None = None
    lines: SceneLines | None = None

    @property
    def known(self) -> bool:
        """Whether the world is, in which the camera stood."""
        return self.path is not None

    def views(self, frames: int) -> Array:
        """(T,4,4) where each frame's camera stood, camera to world: where that is not `known`, a rotation only, the identity if it did not
        turn, and then up is not Z in the world of these axes."""
        if self.path is not None:
            return np.asarray(self.path, float)
        if self.turns is not None:
            return mapped(_without_place, self.turns, dtype=np.float64)
        return np.broadcast_to(np.eye(4), (frames, 4, 4))

    def cut(self, frames: slice) -> Camera:
        """In these frames."""
        return replace(self, path=_cut(self.path, frames), turns=_cut(self.turns, frames), too_fast=_cut(self.too_fast, frames))


@dataclass(frozen=True)
class Take:
    """All that the motion is made of: `who` was seen, rooted at her pelvis; through what, with that camera's `views` (T,4,4); and the
    options."""

    who: Performer
    camera: Camera
    views: Array
    options: CaptureOptions

    @classmethod
    def of(cls, performer: Performer, camera: Camera, options: CaptureOptions) -> Take:
        """That performer seen through that camera."""
        views = camera.views(len(performer.joints))
        return cls(performer.rooted(), replace(camera, matrix=np.asarray(camera.matrix, float)), views, options)

    @property
    def moves(self) -> bool:
        """Whether the camera does."""
        return any((views != self.views[0]).any() for views in each(lambda views: views, self.views))

    def cut(self, frames: slice) -> Take:
        """In these frames."""
        return replace(self, who=self.who.cut(frames), camera=self.camera.cut(frames), views=self.views[frames])


def _cut(column: npt.NDArray[Any] | None, frames: slice) -> npt.NDArray[Any] | None:
    return None if column is None else column[frames]


def _without_place(turns: Array) -> Array:
    """(T,4,4) of rotations (T,3,3)."""
    out = np.zeros((len(turns), 4, 4))
    out[:, :3, :3], out[:, 3, 3] = turns, 1.0
    return out
