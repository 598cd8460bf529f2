"""The camera that filmed the video, as a Blender camera with the video behind the armature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix

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
    data.clip_end = 1000.0
    camera = bpy.data.objects.new(name, data)
    camera.matrix_world = Matrix((motion.camera_to_world @ _TO_BLENDER).tolist())
    collection.objects.link(camera)
    return camera


def frame_picture(scene: bpy.types.Scene, camera: bpy.types.Object, motion: Motion) -> None:
    """Makes it the scene's camera and gives the render the video's size, without which the picture has another shape."""
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = (int(side) for side in motion.image_size)
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0


def add_background(camera: bpy.types.Object, video: Path, start: int, size: tuple[int, int]) -> bool:
    """Shows the video behind the camera's view, its first frame at scene frame `start`.

    False where Blender cannot read it, or shows it lying on its side: `size` is the upright (width, height) in pixels, and
    not every Blender heeds the note about turning that phones leave in their files.
    """
    try:
        clip = bpy.data.movieclips.load(str(video), check_existing=True)
    except RuntimeError:
        return False
    if tuple(clip.size) != size and tuple(clip.size) == size[::-1]:
        if clip.users == 0:
            bpy.data.movieclips.remove(clip)
        return False
    clip.frame_start = start
    data = camera.data
    data.show_background_images = True
    background = data.background_images.new()
    background.source = "MOVIE_CLIP"
    background.clip = clip
    background.alpha = 1.0
    background.display_depth = "BACK"
    background.frame_method = "STRETCH"
    return True
