"""The camera: what it sees lies where the motion's own camera saw it."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from kinolift_extension.addon.capture import Placement, place_motion
from mathutils import Vector


def test_joints_project_onto_their_image_points(make_motion):
    motion = make_motion(frames=3)
    scene = bpy.context.scene
    take = place_motion(motion, scene, "Take", Placement(scene_fps="match", start=0, add_camera=True))
    assert scene.camera is not None and (scene.render.resolution_x, scene.render.resolution_y) == (640, 480)
    bpy.context.view_layer.update()
    for k in range(3):
        for joint in range(24):
            seen = world_to_camera_view(scene, take.camera, Vector(motion.positions_world[k, joint].tolist()))
            assert seen.z > 0  # in front of the camera
            pixel = np.array([seen.x * 640, (1 - seen.y) * 480])
            np.testing.assert_allclose(pixel, motion.image_points[k, joint], atol=0.05)


def test_upright_pictures_too(make_motion):
    motion = make_motion(frames=1, image_size=np.array([480, 640]), camera_matrix=np.array([[700.0, 0, 200], [0, 700, 350], [0, 0, 1]]))
    scene = bpy.context.scene
    take = place_motion(motion, scene, "Take", Placement(add_camera=True))
    bpy.context.view_layer.update()
    expected = motion.positions_camera[0] @ motion.camera_matrix.T
    expected = expected[:, :2] / expected[:, 2:]
    for joint in range(24):
        seen = world_to_camera_view(scene, take.camera, Vector(motion.positions_world[0, joint].tolist()))
        np.testing.assert_allclose([seen.x * 480, (1 - seen.y) * 640], expected[joint], atol=0.05)


def test_a_video_that_blender_cannot_show_is_told(make_motion, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video")
    take = place_motion(make_motion(frames=2), bpy.context.scene, "Take", Placement(scene_fps="match", add_camera=True), path)
    assert take.notes in ([], ["Blender cannot show clip.mp4 behind the camera."])


def test_the_video_is_behind_the_armature(make_motion, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="makes the video")
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (64, 48))
    for _ in range(5):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    scene = bpy.context.scene
    take = place_motion(make_motion(numbers=[3, 4]), scene, "Take", Placement(scene_fps="match", start=10, add_camera=True), path)
    (background,) = take.camera.data.background_images
    assert background.clip.frame_start == 10 and tuple(background.clip.size) == (64, 48) and take.notes == []
    assert take.first_frame == 13
    lying = make_motion(frames=2, image_size=np.array([48, 64]))
    lying_take = place_motion(lying, scene, "Lying", Placement(scene_fps="match", add_camera=True), path)
    assert len(lying_take.camera.data.background_images) == 0 and len(lying_take.notes) == 1
    other = place_motion(make_motion(frames=2, fps=12.0), scene, "Slow", Placement(add_camera=True), path)
    assert len(other.camera.data.background_images) == 0 and len(other.notes) == 2
