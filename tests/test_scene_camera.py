"""Use Scene Camera, from the footage to the armature: a solved camera pans, tilts, rolls and zooms, and the motion lands where the person
was.

The footage is made here: the sample clip, whose camera stands still and is known, turned about its centre as by a moving camera. Turns and
zooms need no depth, so every picture is exactly what that camera would have seen. The scene's world is turned and moved against the clip's.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

cv2 = pytest.importorskip("cv2", reason="makes the footage")
bpy = pytest.importorskip("bpy", reason="the scene is Blender's")
if any(importlib.util.find_spec(name) is None for name in ("torch", "mediapipe")):
    pytest.skip("the worker's packages are not here", allow_module_level=True)

Array = npt.NDArray[np.float64]

EXAMPLES = Path(__file__).parents[1] / "examples"
FRAMES, FIRST = 45, 11  # of the footage; the scene frame that it begins at
# bone whose head is the joint
HEADS = {
    f"{bone}.{side}": f"{joint}.{side}" for side in "LR" for bone, joint in (
        ("thigh", "hip"), ("shin", "knee"), ("foot", "ankle"), ("upper_arm", "shoulder"), ("forearm", "elbow"), ("hand", "wrist"),
    )
}  # fmt: skip


def about(axis: int, degrees: Array | float) -> Array:
    """(...,3,3) rotations about x, y or z."""
    angle = np.radians(np.asarray(degrees, dtype=float))
    out = np.zeros((*angle.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[..., axis, axis] = 1.0
    out[..., i, i] = out[..., j, j] = np.cos(angle)
    out[..., j, i] = np.sin(angle)
    out[..., i, j] = -out[..., j, i]
    return out


def turns() -> Array:
    """(T,3,3) how the camera turns against the clip's: by up to 5 degrees sideways, 3 up and down, 6 about the line of sight."""
    t = np.linspace(0.0, 2 * np.pi, FRAMES)
    return about(1, 5 * np.sin(t)) @ about(0, 3 * np.cos(t)) @ about(2, 6 * np.sin(1.5 * t))


def zooms() -> Array:
    """(T,) how many times longer the lens is than the clip's: from 0.8 to 1.2."""
    return 1 + 0.2 * np.sin(np.linspace(-0.5 * np.pi, 1.5 * np.pi, FRAMES))


def lens(matrix: Array, zoom: float) -> Array:
    """The camera matrix so many times longer, about the same middle."""
    return matrix @ np.diag([zoom, zoom, 1.0])


def footage(path: Path, matrix: Array) -> None:
    """The sample's first frames as that camera sees them."""
    video = cv2.VideoCapture(str(EXAMPLES / "sample.mp4"))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (640, 480))
    for turn, zoom in zip(turns(), zooms(), strict=True):
        read, image = video.read()
        assert read
        move = lens(matrix, zoom) @ turn @ np.linalg.inv(matrix)
        writer.write(cv2.warpPerspective(image, move, (640, 480), borderMode=cv2.BORDER_REPLICATE))
    writer.release()


def rigid(start: Array, end: Array) -> tuple[Array, Array]:
    """The rotation and shift of points (N,3) onto others."""
    one, two = start.mean(0), end.mean(0)
    u, _, vt = np.linalg.svd((start - one).T @ (end - two))
    turn = (u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    return turn, two - turn @ one


@pytest.fixture
def kinolift(extension: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    monkeypatch.setenv("KINOLIFT_PYTHON", sys.executable)
    extension.register()
    yield extension
    extension.unregister()


def test_the_armature_lands_where_the_person_was(kinolift: Any, tmp_path: Path) -> None:
    from mathutils import Matrix

    with np.load(EXAMPLES / "sample.truth.npz", allow_pickle=False) as file:
        truth = {name: file[name] for name in file.files}
    matrix = truth["camera_matrix"]
    seen, there = truth["camera"].astype(float), truth["world"].astype(float)
    turn, shift = rigid(seen.reshape(-1, 3), there.reshape(-1, 3))
    assert np.abs(seen @ turn.T + shift - there).max() < 1e-3, "the clip's camera stands still"
    # the solved scene's world: turned about the vertical, elsewhere, its ground 0.8 m up
    yaw, place = about(2, 70.0), np.array([3.0, -2.0, 0.8])
    joints = there[:FRAMES] @ yaw.T + place

    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 30, FIRST, FIRST + FRAMES - 1
    scene.render.resolution_x, scene.render.resolution_y = (int(side) for side in truth["image_size"])
    camera = bpy.data.objects.new("Solved", bpy.data.cameras.new("Solved"))
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    scene.camera = camera
    for k, (own, zoom) in enumerate(zip(turns(), zooms(), strict=True)):
        camera.data.lens = camera.data.sensor_width * matrix[0, 0] * zoom / 640
        camera.data.keyframe_insert("lens", frame=FIRST + k)
        axes = yaw @ turn @ own.T @ np.diag([1.0, -1.0, -1.0])  # Blender's cameras look along -z with y up
        camera.location, camera.rotation_quaternion = yaw @ shift + place, Matrix(axes.tolist()).to_quaternion()
        camera.keyframe_insert("location", frame=FIRST + k)
        camera.keyframe_insert("rotation_quaternion", frame=FIRST + k)
    footage(tmp_path / "panned.avi", matrix)

    done = bpy.ops.kinolift.capture(filepath=str(tmp_path / "panned.avi"), use_scene_camera=True, height=float(truth["height"]))
    assert done == {"FINISHED"}
    (armature,) = (thing for thing in scene.objects if thing.type == "ARMATURE")
    names = [str(name) for name in truth["joint_names"]]
    shown = np.empty((FRAMES, len(HEADS), 3))
    for k in range(FRAMES):
        scene.frame_set(FIRST + k)
        seen_now = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        shown[k] = [seen_now.matrix_world @ seen_now.pose.bones[bone].head for bone in HEADS]
    true = joints[:, [names.index(joint) for joint in HEADS.values()]]
    away = shown - true
    # one camera tells the distance by the person's size: 3 % of 3.7 m
    assert np.linalg.norm(away, axis=-1).mean() < 0.18
    # the path itself; a camera that is thought to stand still would leave 0.21 m of its own turning in it
    wanders = np.linalg.norm(away - away.mean((0, 1)), axis=-1).mean()
    depth = np.linalg.norm(true.mean((0, 1)) - (yaw @ shift + place))
    rays = np.einsum("tij,j->ti", turns(), [0.0, 0.0, depth])
    ignored = np.linalg.norm(rays - rays.mean(0), axis=-1).mean()
    assert wanders < 0.6 * ignored
