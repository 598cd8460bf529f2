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
from engine.long_takes import Timeline, mapped, mapped_over_time, scan

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Stored = npt.NDArray[Any]  # float32


@dataclass(frozen=True)
class Animation:
    """`rotations` (T,24,4) wxyz local; `root` (T,3) metres; `world`, `camera` (T,24,3) metres, the joints in the world's axes and in each
    frame's camera's; `camera_to_world` (4,4) with the start at the origin; `shift` (T,3) or (3,): what was taken from the places in
    the targets' world; `ground_camera` (4,4): `camera_to_world` in the axes of `on_the_ground`; `pixel_errors` (T,22) between the
    detector's points and where it should see the joints."""

    rotations: Stored
    root: Stored
    world: Stored
    camera: Stored
    camera_to_world: Array
    shift: Floats
    ground_camera: Array
    pixel_errors: Stored

    @property
    def on_the_ground(self) -> Stored:
        """(T,24,3) metres: the joints of the person who moves over the targets' ground, whatever has become of the root."""
        if not self.shift.any():
            return self.world
        if self.shift.ndim == 1:
            return mapped(lambda world: world + self.shift, self.world)
        return mapped(lambda world, shift: world + shift[:, None], self.world, self.shift)


def animate(
    targets: Floats, image_points: Floats, face: Array | None, body: Proportions, runs: list[slice], fps: float, matrix: Array,
    camera_to_world: Array, views: Array, known: bool, root: str,
) -> Animation:  # fmt: skip
    """The animation for `targets` (T,22,3) of BODY_22, world metres, Z up.

    image_points (T,22,2) px; face (T,3) unit, world axes, where known; matrix (3,3); camera_to_world (4,4), applied after each frame's
    `views` (T,4,4). The path starts at x=y=0, or a `known` world stays where it is; root "in-place" stays there.
    """

    def fitted(near: Timeline, targets: Floats, points: Floats, face: Array | None, views: Array) -> tuple[Array, Array, Array]:
        pose = fit_pose(targets.astype(float), body.rest_offsets, near.runs, fps, face)
        seen = pose.body + point_offsets(pose.body, body.stature)
        return pose.rotations, pose.root, reprojection_errors(to_camera(seen, camera_to_world @ views), points, matrix)

    rotations, root_path, pixel_errors = mapped_over_time(fitted, Timeline(runs, fps), targets, image_points, face, views)
    _, rotations = scan(_of_one_sign, rotations[0].copy(), rotations)
    # holding the feet may have moved the start; a known world stays where it is
    start = camera_to_world[:3, 3].copy() if known else np.array([*root_path[0, :2], 0.0])
    moved = camera_to_world.copy()
    moved[:3, 3] -= start
    along = np.array([0.0, 0.0, 1.0]) if root == "in-place" else np.ones(3)

    def put(turned: Floats, place: Floats, views: Array) -> tuple[Array, Array, Array]:
        place = (place - start) * along
        positions, _ = forward(ARMATURE_24.parents, body.rest_offsets, turned, place)
        return place, positions, to_camera(positions, moved @ views)

    path, world, camera = mapped(put, rotations, root_path, views)
    # along the ground nobody cares where the start was, but a known world has its own height
    shift: Floats = start if known else np.zeros(3)
    if root == "in-place":
        from_start = shift
        shift = mapped(lambda place: from_start + (place - start) * [1, 1, 0], root_path)
    return Animation(rotations, path, world, camera, moved, shift, camera_to_world if known else moved, pixel_errors)


def _of_one_sign(last: Floats, rotations: Floats) -> tuple[Floats, Floats]:
    """The rotations (T,24,4) with the sign that is nearer to the frame before, `last` (24,4): a quaternion and its negative are one. Within
    a piece they are so already."""
    near = np.where((rotations[0] * last).sum(-1)[:, None] < 0, -rotations, rotations)
    return near[-1].copy(), near
