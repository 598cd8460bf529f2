"""The camera: what it sees lies where the motion's own camera saw it."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from kinolift_extension.addon.camera import camera_of, scene_camera_path
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.contract.camera_path import load_camera, save_camera
from kinolift_extension.contract.failure import Failure
from mathutils import Matrix, Vector


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


def test_a_camera_that_turns_and_zooms_sees_every_joint_where_it_was_seen(make_motion):
    still = make_motion(numbers=[0, 1, 2, 5])
    matrices, lenses = np.tile(still.camera_to_world, (4, 1, 1)), np.tile(still.camera_matrix, (4, 1, 1))
    for k, degrees in enumerate((0.0, 3.0, -170.0, 12.0)):
        matrices[k, :3, :3] = np.array(Matrix.Rotation(np.radians(degrees), 3, (0.2, 0.1, 1.0))) @ matrices[k, :3, :3]
        lenses[k] += np.diag([40.0 * k, 40.0 * k, 0.0])
        lenses[k, :2, 2] += 5.0 * k, -4.0 * k
    motion = replace(still, camera_path=matrices, camera_lenses=lenses)
    scene = bpy.context.scene
    take = place_motion(motion, scene, "Take", Placement(scene_fps="match", start=7, add_camera=True))
    for k, number in enumerate(motion.frame_numbers):
        scene.frame_set(7 + int(number))
        for joint in range(0, 24, 5):
            place = motion.positions_world[k, joint].astype(float)
            expected = lenses[k] @ matrices[k, :3, :3].T @ (place - matrices[k, :3, 3])
            seen = world_to_camera_view(scene, take.camera, Vector(place.tolist()))
            assert (seen.z > 0) == (expected[2] > 0)
            np.testing.assert_allclose([seen.x * 640, (1 - seen.y) * 480], expected[:2] / expected[2], atol=0.1)
    scene.frame_set(7 + 3)  # left out: the camera stays where it was
    assert np.allclose(take.camera.matrix_world.to_3x3() @ Vector((0, 0, -1)), matrices[2, :3, 2], atol=1e-4)


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


@pytest.mark.parametrize("scene_fps", [24, 48, 60])
def test_the_video_keeps_pace_in_a_scene_of_another_rate(make_motion, tmp_path, scene_fps):
    cv2 = pytest.importorskip("cv2", reason="makes the video")
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (64, 48))
    for _ in range(90):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    scene = bpy.context.scene
    scene.render.fps = scene_fps
    motion = make_motion(frames=90, fps=30.0, image_size=np.array([64, 48]))
    take = place_motion(motion, scene, "Other", Placement(start=11, add_camera=True), path)
    (background,) = take.camera.data.background_images
    assert background.source == "IMAGE" and tuple(background.image.size) == (64, 48)
    for frame in range(11, 11 + 3 * scene_fps - 3):
        scene.frame_set(frame)
        user = take.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.background_images[0].image_user
        counted = min(frame - user.frame_start, user.frame_duration - 1) + user.frame_offset  # as Blender counts, from 0
        assert abs(counted - (frame - 11) / scene_fps * 30.0) <= 0.5 + 1e-6, frame


def test_a_scene_that_is_in_use_keeps_its_camera_and_picture(make_motion):
    scene = bpy.context.scene
    bpy.ops.object.camera_add()
    mine = scene.camera = bpy.context.object
    mine.keyframe_insert("location")
    take = place_motion(make_motion(frames=3), scene, "Walk", Placement(scene_fps="auto", add_camera=True))
    assert scene.camera == mine and scene.render.resolution_x == 1920 and camera_of(take.armature) == take.camera
    assert "Walk Camera shows the video; Camera stays the scene's camera" in take.notes[-1]
    scene.camera = take.camera
    again = place_motion(make_motion(frames=3), scene, "Run", Placement(scene_fps="auto", add_camera=True))
    assert scene.camera == again.camera and again.armature.users_collection[0].name == "Run"


def moving_camera() -> bpy.types.Object:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 1080, 1920
    scene.render.fps, scene.render.fps_base, scene.frame_start, scene.frame_end = 24, 1.0, 11, 20
    camera = bpy.data.objects.new("Solved", bpy.data.cameras.new("Solved"))
    camera.data.lens, camera.data.shift_x, camera.data.shift_y = 31.0, 0.04, -0.02
    camera.scale = (0.3, 0.3, 0.3)  # as solved scenes have them
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame, place, turn in ((11, (1, -5, 1.5), (1.4, 0.1, 0.2)), (20, (2, -6, 1.7), (1.5, 0.0, 0.5))):
        camera.location, camera.rotation_euler = place, turn
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
    return camera


def test_the_scene_s_moving_camera_is_read_at_every_frame(tmp_path):
    scene, camera = bpy.context.scene, moving_camera()
    scene.frame_set(13)
    read = scene_camera_path(scene, of_video=False)
    assert scene.frame_current == 13
    save_camera(read, tmp_path / "camera.npz")
    path = load_camera(tmp_path / "camera.npz")
    np.testing.assert_allclose(path.times(25.0), np.arange(10) / 24)
    np.testing.assert_allclose(scene_camera_path(scene, of_video=True).times(25.0), np.arange(10) / 25)
    assert not path.zooms
    assert_seen_alike(scene, camera, path)


def assert_seen_alike(scene, camera, path):
    """At every frame the path's camera has a point where Blender's own has it."""
    point = np.array([1.2, 0.4, 0.9])
    for k in range(10):
        scene.frame_set(11 + k)
        seen = world_to_camera_view(scene, camera, Vector(point))
        ours = (point - path.camera_to_world[k, :3, 3]) @ path.camera_to_world[k, :3, :3]
        focal, across, down = path.lens[k] * [1920, 1080, 1920]
        pixel = focal * ours[:2] / ours[2] + [across, down]
        np.testing.assert_allclose(pixel, [seen.x * 1080, (1 - seen.y) * 1920], atol=0.05)


@pytest.mark.parametrize("moving", ["lens", "sensor_width", "shift_x", "shift_y"])
def test_a_lens_that_changes_is_read_at_every_frame(tmp_path, moving):
    scene, camera = bpy.context.scene, moving_camera()
    data = camera.data
    for frame, factor in ((11, 1.0), (15, 1.9), (20, 1.3)):
        setattr(data, moving, getattr(data, moving) * factor)
        data.keyframe_insert(moving, frame=frame)
    save_camera(scene_camera_path(scene, of_video=False), tmp_path / "camera.npz")
    path = load_camera(tmp_path / "camera.npz")
    assert path.zooms
    assert_seen_alike(scene, camera, path)


def test_cameras_that_cannot_be_used_are_told():
    scene = bpy.context.scene
    with pytest.raises(Failure, match="has no camera"):
        scene_camera_path(scene, of_video=False)
    camera = moving_camera()
    camera.data.type = "ORTHO"
    with pytest.raises(Failure, match="not a camera in perspective"):
        scene_camera_path(scene, of_video=False)
