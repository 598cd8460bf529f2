"""One segment before it is rendered: a person, a motion, a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from contract.skeleton import BODY_22
from engine.datasets.blended_human import draw_person
from engine.datasets.drive_human import Drive, drive, drive_lying, heads
from engine.datasets.human import Human, joints
from engine.datasets.look import Look, draw_look
from engine.datasets.mixed_motion import Mixing
from engine.datasets.mocap import MocapClip
from engine.datasets.motion_draw import COMPOSED, MotionDraw, draw_motion
from engine.datasets.motion_kind import FLOOR, KINDS
from engine.datasets.shot_camera import STILL, Camera, draw_camera

Array = npt.NDArray[np.float64]

FPS = 30.0
LENGTHS = (60, 100)  # frames of a segment, both included
SPARSE: Final = 12  # of so many of the body's vertices one is asked how low it is
SUNK: Final = 0.015  # metres that soft parts of a body may be in the floor
SETTLES: Final = 4.0  # frames over which a body that is put on the floor moves


@dataclass(frozen=True)
class Shot:
    """One segment before it is rendered. truth (T,22,3): world, metres. Clip, first frame and mirroring are those of the legs."""

    human: Human
    pose: Drive
    truth: Array
    camera: Camera
    look: Look
    clip: MocapClip
    first: int
    mirrored: bool
    kind: str

    @property
    def moving_camera(self) -> bool:
        """Whether the camera turns or shakes."""
        return self.camera.movement != STILL


def make_shot(humans: Sequence[Human], motions: MotionDraw, random: np.random.Generator, mixing: Mixing | None = None) -> Shot:
    """A random person in a random, mixed motion before a random camera."""
    human = draw_person(humans, random)
    pose, kind, where = draw_pose(human, motions, random, mixing)
    truth = joints(human, pose)
    camera = draw_camera(truth, random)
    look = draw_look(truth, camera.position.mean(axis=0), human.parts, random)
    return Shot(human, pose, truth, camera, look, *where, KINDS[kind])


def draw_pose(
    human: Human, motions: MotionDraw, random: np.random.Generator, mixing: Mixing | None = None
) -> tuple[Drive, int, tuple[MocapClip, int, bool]]:
    """The human in a random motion; the motion's kind, and where its legs came from."""
    places, kind, where = draw_motion(motions, int(random.integers(LENGTHS[0], LENGTHS[1] + 1)), random, mixing)
    places[..., :2] -= places[:, 0, :2].mean(axis=0)
    motion = {name: places[:, j] for j, name in enumerate(BODY_22.joints)}
    if where[0].source == COMPOSED:
        pose = drive_lying(motion, human.rest)
        return replace(pose, root=pose.root + _onto_floor(human, pose)[:, None] * [0.0, 0.0, 1.0]), kind, where
    pose = drive(motion, human.rest)
    if kind == FLOOR:
        pose = drive(motion, human.rest, _onto_floor(human, pose))
    return pose, kind, where


def lowest_point(human: Human, pose: Drive) -> Array:
    """(T,) metres above the floor of the lowest of the body's vertices, as it is driven."""
    at = heads(pose, human.rest)
    count = len(pose.root)
    turn = np.stack([pose.rotation[name] for name in human.bone_names], axis=1)
    move = np.stack([at[name] - pose.rotation[name] @ human.rest.head[name] for name in human.bone_names], axis=1)
    lowest = np.full(count, np.inf)
    chosen = slice(0, human.body, SPARSE)
    place, owner, share = human.vertices[chosen], human.bones[chosen], human.weights[chosen]
    for t in range(count):
        height = (turn[t][owner][:, :, 2] * place[:, None]).sum(-1) + move[t][owner][..., 2]
        lowest[t] = (share * height).sum(-1).min()
    return lowest


def _onto_floor(human: Human, pose: Drive) -> Array:
    """(T,) metres by which somebody who lies, sits or crawls has to be higher to be on the floor and not in it."""
    off = -SUNK - lowest_point(human, pose)
    return np.asarray(gaussian_filter1d(off, SETTLES, mode="nearest"))
