"""The armature's rotations that bring the joints to their targets, and where the joints lie then in the world and in the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24
from engine.cameras.pinhole import to_camera
from engine.kinematics.forward import forward
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import Proportions
from engine.kinematics.rotations import fit_pose
from engine.kinematics.trajectory import reprojection_errors
from engine.long_takes.scratch import long_array
from engine.long_takes.windows import pieces, windows

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Stored = npt.NDArray[Any]  # float32


@dataclass(frozen=True)
class Animation:
    """`rotations` (T,24,4) wxyz local; `root` (T,3) metres; `world`, `camera` (T,24,3) metres, the joints in the world's axes and in each
    frame's camera's; `camera_to_world` (4,4) with the start at the origin; `shift` (T,3) or (3,): what was taken from the places in
    the targets' world; `pixel_errors` (T,22) between the detector's points and where it should see the joints."""

    rotations: Stored
    root: Stored
    world: Stored
    camera: Stored
    camera_to_world: Array
    shift: Floats
    pixel_errors: Stored

    @property
    def on_the_ground(self) -> Stored:
        """(T,24,3) metres: the joints of the person who moves over the targets' ground, whatever has become of the root."""
        if not self.shift.any():
            return self.world
        out = long_array(self.world.shape)
        shift = np.broadcast_to(self.shift, (len(out), 3))
        for part in pieces(len(out), out, self.world, self.shift):
            out[part] = self.world[part] + shift[part, None]
        return out


def animate(
    targets: Floats, image_points: Floats, face: Array | None, body: Proportions, runs: list[slice], fps: float, matrix: Array,
    camera_to_world: Array, cameras: Array | None, root: str,
) -> Animation:  # fmt: skip
    """The animation for `targets` (T,22,3) of BODY_22, world metres, Z up.

    image_points (T,22,2) px; face (T,3) unit, world axes, where known; matrix (3,3); camera_to_world (4,4), applied after each frame's
    `cameras` (T,4,4) where those are known. The path starts at x=y=0, or a known world stays where it is; root "in-place" stays there.
    """
    count, joints = len(targets), len(ARMATURE_24)
    views = np.broadcast_to(np.eye(4), (count, 4, 4)) if cameras is None else cameras
    rotations, world, camera = (long_array((count, joints, width)) for width in (4, 3, 3))
    path, pixel_errors = long_array((count, 3)), long_array(targets.shape[:2])
    start, moved = np.zeros(3), camera_to_world.copy()
    for window in windows(runs, fps, targets, image_points, face, cameras, rotations, world, camera, path, pixel_errors):
        kept, inner = window.kept, window.inner
        pose = fit_pose(
            targets[window.reach].astype(float), body.rest_offsets, window.runs, fps, None if face is None else face[window.reach]
        )
        if not kept.start:
            # holding the feet may have moved the start; a known world stays where it is
            start = np.array([*pose.root[0, :2], 0.0]) if cameras is None else camera_to_world[:3, 3].copy()
            moved[:3, 3] -= start
        turned, place = pose.rotations[inner], pose.root[inner] - start
        seen = pose.body[inner] + point_offsets(pose.body[inner], body.stature)
        pixel_errors[kept] = reprojection_errors(to_camera(seen, camera_to_world @ views[kept]), image_points[kept], matrix)
        if kept.start:  # a quaternion and its negative are one rotation: the one nearer to the frame before
            turned = np.where((turned[0] * rotations[kept.start - 1]).sum(-1)[:, None] < 0, -turned, turned)
        path[kept] = place
        if root == "in-place":
            place = place * [0, 0, 1]
        positions, _ = forward(ARMATURE_24.parents, body.rest_offsets, turned, place)
        rotations[kept], world[kept], camera[kept] = turned, positions, to_camera(positions, moved @ views[kept])
    # along the ground nobody cares where the start was, but a known world has its own height
    shift: Floats = np.zeros(3) if cameras is None else start
    if root == "in-place":
        start, shift = shift, long_array((count, 3))
        for part in pieces(count, path, shift):
            shift[part] = start + path[part] * [1, 1, 0]
            path[part, :2] = 0.0
    return Animation(rotations, path, world, camera, moved, shift, pixel_errors)
