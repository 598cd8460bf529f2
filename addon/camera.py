"""The camera that filmed the video, as a Blender camera with the video behind the armature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

from ..contract.camera_path import FRAMES, SECONDS, CameraPath
from ..contract.failure import Failure
from . import quaternions as q
from .keyframes import new_action
from .scene import rate_of, units_per_metre

CAMERA = "kinolift_camera"  # custom property of a take's armature: the camera that filmed it
STEADY = 1e-4  # of one frame a frame: so little is a frame in ten thousand, and 29.97 is not 30

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

SENSOR_WIDTH = 36.0  # millimetres, Blender's default: only its ratio to the focal length shows in the picture
# the motion's camera looks along +Z with Y down, Blender's along -Z with Y up
_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


def add_camera(motion: Motion, name: str, collection: bpy.types.Collection) -> bpy.types.Object:
    """A camera object at the place, with the lens and the shift of the motion's camera, linked to `collection`."""
    width, height = (int(side) for side in motion.image_size)
    matrix = motion.camera_matrix
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_WIDTH
    data.lens = float(matrix[0, 0]) * SENSOR_WIDTH / width
    data.shift_x = (width / 2 - float(matrix[0, 2])) / width
    data.shift_y = (float(matrix[1, 2]) - height / 2) / width
    data.clip_end = max(1000.0, 100.0 * float(np.linalg.norm(motion.positions_camera[0, 0])))  # hundred times as far as the person
    camera = bpy.data.objects.new(name, data)
    camera.matrix_world = Matrix((motion.camera_to_world @ _TO_BLENDER).tolist())
    camera[CAMERA] = True
    collection.objects.link(camera)
    return camera


def change_camera(camera: bpy.types.Object, fresh: bpy.types.Object) -> bpy.types.Object:
    """Gives the camera the place and lens of a fresh one, which goes; views that look through it stay there. Returns the camera."""
    former, name = camera.data, camera.data.name
    camera.animation_data_clear()
    camera.data = fresh.data
    camera.rotation_mode = fresh.rotation_mode
    camera.matrix_world = fresh.matrix_world
    bpy.data.objects.remove(fresh)
    if former.users == 0:
        bpy.data.cameras.remove(former)
    camera.data.name = name
    return camera


def key_camera(camera: bpy.types.Object, motion: Motion, frames: npt.NDArray[np.float64]) -> int:
    """Keys for place and rotation where the motion's camera moved, and for lens and shift where it zoomed, at the scene `frames` (T,).

    Returns their number. Over a stretch that was left out the camera stays where it was.
    """
    held, keys = np.append(np.diff(motion.frame_numbers) > 1, False), 0
    if motion.camera_path is not None:
        matrices = motion.camera_path @ _TO_BLENDER
        camera.rotation_mode = "QUATERNION"
        curves = new_action(camera, camera.name)
        turns = q.continuous(q.of_matrices(matrices[:, :3, :3]))
        keys += curves.write("location", "Camera", frames, matrices[:, :3, 3], held)
        keys += curves.write("rotation_quaternion", "Camera", frames, turns, held)
    if motion.camera_lenses is not None:
        width, height = (int(side) for side in motion.image_size)
        lenses = motion.camera_lenses
        curves = new_action(camera.data, f"{camera.name} Lens")
        for name, values in (
            ("lens", lenses[:, 0, 0] * SENSOR_WIDTH / width),
            ("shift_x", (width / 2 - lenses[:, 0, 2]) / width),
            ("shift_y", (lenses[:, 1, 2] - height / 2) / width),
        ):
            keys += curves.write(name, "Lens", frames, values[:, None], held)
    return keys


def camera_of(armature: bpy.types.Object) -> bpy.types.Object | None:
    """The camera that was added with the take; None where none was, or it is gone."""
    camera = armature.get(CAMERA)
    return camera if isinstance(camera, bpy.types.Object) else None


def is_of_take(camera: bpy.types.Object) -> bool:
    """Whether it was added with a take."""
    return CAMERA in camera


def scene_camera_path(scene: bpy.types.Scene, of_video: bool) -> CameraPath:
    """Place and lens of the scene's camera at every frame of the scene's range, for a video whose first frame is at the range's first.

    of_video: one frame of the scene is one of the video (the scene will get its rate); else the scene's rate tells the seconds.
    Raises Failure `bad_arguments` for a scene without a camera or one that is not in perspective.
    """
    camera = scene.camera
    if camera is None or camera.type != "CAMERA":
        raise Failure("bad_arguments", "The scene has no camera; make the solved camera the scene's, or do not use the scene's camera.")
    units = units_per_metre(scene)
    before = scene.frame_current, scene.frame_subframe
    numbers = np.arange(scene.frame_start, scene.frame_end + 1)
    matrices, lenses = [], []
    try:
        for number in numbers:
            scene.frame_set(int(number))
            seen = camera.evaluated_get(bpy.context.evaluated_depsgraph_get()) if bpy.context.scene == scene else camera
            place, turn, _ = seen.matrix_world.decompose()  # solved cameras are often scaled with their scene
            matrices.append(np.array(Matrix.LocRotScale(place / units, turn, None)) @ _TO_BLENDER)
            lenses.append(_lens(scene, seen.data))
    finally:
        scene.frame_set(before[0], subframe=before[1])
    elapsed = (numbers - numbers[0]).astype(np.float64)
    if of_video:
        return CameraPath(FRAMES, elapsed, np.array(matrices), np.array(lenses))
    return CameraPath(SECONDS, elapsed / rate_of(scene), np.array(matrices), np.array(lenses))


def _lens(scene: bpy.types.Scene, data: bpy.types.Camera) -> list[float]:
    """Focal length over the picture's longer side, principal point over width and height, from the frame that the camera sees."""
    if data.type != "PERSP":
        raise Failure("bad_arguments", f"{data.name} is not a camera in perspective, and a video is; use the camera that was solved.")
    corners = np.array([tuple(corner) for corner in data.view_frame(scene=scene)])
    corners = corners / -corners[:, 2:]
    (left, bottom), (right, top) = corners[:, :2].min(0), corners[:, :2].max(0)
    width, height = right - left, top - bottom
    return [1 / max(width, height), -left / width, top / height]


def frame_picture(scene: bpy.types.Scene, camera: bpy.types.Object, motion: Motion) -> None:
    """Makes it the scene's camera and gives the render the video's size, without which the picture has another shape."""
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = (int(side) for side in motion.image_size)
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0


def add_background(camera: bpy.types.Object, video: Path, start: int, size: tuple[int, int], speed: float = 1.0) -> bool:
    """Shows the video behind the camera's view, its first frame at scene frame `start`.

    speed: how many of the video's frames go by with each of the scene's.
    False where Blender cannot read it, or shows it lying on its side: `size` is the upright (width, height) in pixels, and
    not every Blender heeds the note about turning that phones leave in their files.
    """
    steady = abs(speed - 1) < STEADY
    try:
        shown = (bpy.data.movieclips if steady else bpy.data.images).load(str(video), check_existing=True)
    except RuntimeError:
        return False
    if tuple(shown.size) != size and (tuple(shown.size) == size[::-1] or not steady):
        if shown.users == 0:
            (bpy.data.movieclips if steady else bpy.data.images).remove(shown)
        return False
    data = camera.data
    data.show_background_images = True
    background = data.background_images.new()
    if steady:
        shown.frame_start = start
        background.source, background.clip = "MOVIE_CLIP", shown
    else:
        background.source, background.image = "IMAGE", shown
        _drive_frames(data, background, shown, start, speed)
    background.alpha = 1.0
    background.display_depth = "BACK"
    background.frame_method = "STRETCH"
    return True


def _drive_frames(
    data: bpy.types.Camera, background: bpy.types.CameraBackgroundImage, video: bpy.types.Image, start: int, speed: float
) -> None:
    """Shows at each frame of the scene the frame of the video that belongs there, where the two rates differ.

    Blender counts one frame of a video for one of the scene; a driver adds what is between. Its number is cut towards zero, so half a frame
    makes it the nearest.
    """
    user = background.image_user
    user.use_auto_refresh = True
    user.frame_start = start
    user.frame_duration = max(1, int(video.frame_duration / min(speed, 1.0)) + 1)
    driver = data.driver_add(f"{background.path_from_id()}.image_user.frame_offset").driver
    driver.type = "SCRIPTED"
    driver.expression = f"(frame - {start}) * {speed - 1!r} {'+' if speed > 1 else '-'} 0.5"
