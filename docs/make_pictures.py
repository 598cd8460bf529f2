"""Makes docs/pictures/capture.png from a real capture: the video's frame, the skeleton over it, the armature in Blender.

    python docs/make_pictures.py [--frame 35]

It captures examples/sample.mp4 first, which takes a minute; `--take FOLDER` uses the take.npz and take.blend that lie there.
Needs the project's own environment with Blender as a module (bpy).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import bpy  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402

from contract.motion_file import Motion, load_motion  # noqa: E402
from contract.outputs import check_outputs  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.preview import overlay, side_colour  # noqa: E402

Image = npt.NDArray[np.uint8]

PANEL = (396, 470)  # pixels of each of the three parts; with the gaps the picture is 1200 wide
GAP = 6
ORBIT = -28.0  # degrees about the vertical by which the armature is seen from elsewhere than the person was
PAPER = 250.0  # grey of the background
SAMPLES = 48


class PosedBone(NamedTuple):
    """Name; head and tail in metres, world axes."""

    name: str
    head: Vector
    tail: Vector


def video_frame(video: Path, index: int) -> Image:
    """(H,W,3) RGB, upright; ValueError where the video is shorter."""
    for frame in open_video(video).frames():
        if frame.index == index:
            return frame.image
    raise ValueError(f"{video} has no frame {index}")


def crop_around(image: Image, centre: float, size: tuple[int, int]) -> Image:
    """The part of the picture of that shape around the column `centre`, whole height, brought to `size` (width, height)."""
    height = image.shape[0]
    width = min(image.shape[1], round(height * size[0] / size[1]))
    left = int(np.clip(round(centre - width / 2), 0, image.shape[1] - width))
    return cv2.resize(image[:, left : left + width], size, interpolation=cv2.INTER_AREA)


def octahedron(head: Vector, tail: Vector, colour: Any) -> Any:
    """A bone as Blender draws one: thickest at a tenth of its length."""
    length = (tail - head).length
    wide, at = min(0.12 * length, 0.042), 0.12 * length
    corners = [(0, 0, 0), (wide, at, 0), (0, at, wide), (-wide, at, 0), (0, at, -wide), (0, length, 0)]
    faces = [(0, b, a) for a, b in ((1, 2), (2, 3), (3, 4), (4, 1))] + [(5, a, b) for a, b in ((1, 2), (2, 3), (3, 4), (4, 1))]
    mesh = bpy.data.meshes.new("bone")
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(colour)
    made = bpy.data.objects.new("bone", mesh)
    made.matrix_world = Matrix.Translation(head) @ (tail - head).to_track_quat("Y", "Z").to_matrix().to_4x4()
    return made


def material(name: str, rgb: tuple[int, int, int]) -> Any:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*((np.array(rgb) / 255.0) ** 2.2), 1)
    shader.inputs["Roughness"].default_value = 0.55
    return made


def posed_bones(armature: Any) -> list[PosedBone]:
    """The armature's bones as they are posed in the open scene's frame, in the world."""
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return [PosedBone(b.name, posed.matrix_world @ b.head, posed.matrix_world @ b.tail) for b in posed.pose.bones]


def stage(bones: list[PosedBone], size: tuple[int, int]) -> Any:
    """A scene with the bones as solid shapes on a grid of half metres, under soft light."""
    scene = bpy.data.scenes.new("picture")
    add = scene.collection.objects.link
    colours = {side: material(side, side_colour(f"x.{side}")) for side in "LR"} | {"": material("middle", (150, 152, 156))}
    for bone in bones:
        side = bone.name[-1] if bone.name.endswith((".L", ".R")) else ""
        add(octahedron(bone.head, bone.tail, colours[side]))
        for end in (bone.head, bone.tail):
            ball = bpy.data.meshes.new("joint")
            _sphere(ball, 0.024)
            ball.materials.append(colours[side])
            made = bpy.data.objects.new("joint", ball)
            made.location = end
            add(made)
    middle = sum((bone.head for bone in bones), Vector()) / len(bones)
    _ground(add, middle)
    for at, power, extent in (((2.2, -2.0, 3.2), 110, 1.2), ((-2.5, -1.5, 2.2), 25, 2.0)):
        light = bpy.data.lights.new("lamp", "AREA")
        light.energy, light.size = power, extent
        lamp = bpy.data.objects.new("lamp", light)
        lamp.location = Vector((middle.x, middle.y, 0)) + Vector(at)
        lamp.rotation_euler = (middle - lamp.location).to_track_quat("-Z", "Y").to_euler()
        add(lamp)
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.9, 0.91, 0.93, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.8
    scene.world = world
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", SAMPLES, True
    scene.view_settings.view_transform = "Standard"
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = *size, 100
    return scene


def _sphere(mesh: Any, radius: float) -> None:
    import bmesh

    made = bmesh.new()
    bmesh.ops.create_uvsphere(made, u_segments=16, v_segments=10, radius=radius)
    made.to_mesh(mesh)
    made.free()


def _ground(add: Any, middle: Vector) -> None:
    """Lines every half metre around the person, and a floor of which only the shadow on it is seen."""
    x, y = round(middle.x * 2) / 2, round(middle.y * 2) / 2
    lines = [(0.008, 6.0, k / 2, 0.0) for k in range(-6, 7)] + [(6.0, 0.008, 0.0, k / 2) for k in range(-6, 7)]
    floor = [(20.0, 20.0, 0.0, 0.0)]
    for name, colour, lift, pieces in (("floor", (226, 228, 232), -0.006, floor), ("line", (150, 155, 162), -0.004, lines)):
        made = material(name, colour)
        for width, depth, dx, dy in pieces:
            mesh = bpy.data.meshes.new(name)
            mesh.from_pydata([(a * width / 2, b * depth / 2, 0) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], [], [(0, 1, 2, 3)])
            mesh.materials.append(made)
            thing = bpy.data.objects.new(name, mesh)
            thing.location = (x + dx, y + dy, lift)
            thing.is_shadow_catcher = name == "floor"
            add(thing)


def aim(scene: Any, bones: list[PosedBone], forward: npt.NDArray[np.float64]) -> None:
    """A camera on the side of the person from which `forward` (3,) looks, turned by ORBIT, that holds the whole body."""
    ends = [end for bone in bones for end in (bone.head, bone.tail)]
    low, high = (Vector(f(p[i] for p in ends) for i in range(3)) for f in (min, max))
    middle = (low + high) / 2
    ahead = (Matrix.Rotation(np.radians(ORBIT), 3, "Z") @ Vector((forward[0], forward[1], 0))).normalized()
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.angle = "VERTICAL", np.radians(34.0)
    camera = bpy.data.objects.new("camera", data)
    camera.location = middle - 3.3 * ahead + Vector((0, 0, 0.6))
    camera.rotation_euler = (middle + Vector((0, 0, -0.02)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera = camera


def render_armature(blend: Path, motion: Motion, frame: int, size: tuple[int, int]) -> Image:
    """(H,W,3) RGB: the armature of a captured .blend in the motion's frame, as solid bones on a grid."""
    with bpy.data.libraries.load(str(blend)) as (there, here):
        here.scenes = there.scenes
    bpy.context.window.scene = here.scenes[0]
    armature = next(o for o in here.scenes[0].objects if o.type == "ARMATURE" and "kinolift" in o)
    first = armature.animation_data.action.frame_range[0]
    here.scenes[0].frame_set(int(first + motion.frame_numbers[frame] - motion.frame_numbers[0]))
    bones = posed_bones(armature)
    scene = stage(bones, size)
    aim(scene, bones, motion.camera_to_world[:3, 2])
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "armature.png")
        bpy.ops.render.render(write_still=True, scene=scene.name)
        rendered = cv2.imread(scene.render.filepath, cv2.IMREAD_UNCHANGED).astype(float)
    opacity = rendered[..., 3:] / 255
    return np.rint(rendered[..., 2::-1] * opacity + PAPER * (1 - opacity)).astype(np.uint8)


def side_by_side(panels: list[Image]) -> Image:
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([part for panel in panels for part in (gap, panel)][1:])


def capture(video: Path, folder: Path) -> None:
    """The real thing: the command that the README names."""
    outputs = [word for name in ("take.npz", "take.blend") for word in ("-o", str(folder / name))]
    subprocess.run([sys.executable, str(ROOT / "kinolift.py"), "capture", str(video), *outputs], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, default=ROOT / "examples" / "sample.mp4")
    parser.add_argument("--frame", type=int, default=35, help="of the motion (default %(default)s)")
    parser.add_argument("--take", type=Path, metavar="FOLDER", help="has take.npz and take.blend from an earlier capture")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "pictures" / "capture.png")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    check_outputs([options.out], [options.video], (".png",), overwrite=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.take or Path(temporary)
        if options.take is None:
            capture(options.video, folder)
        motion = load_motion(folder / "take.npz")
        image = video_frame(options.video, int(motion.frame_numbers[options.frame]))
        skeleton = overlay(image, motion, options.frame, rings=False)
        centre = float(np.median(motion.image_points[options.frame, :, 0]))
        panels = [crop_around(image, centre, PANEL), crop_around(skeleton, centre, PANEL)]
        panels.append(render_armature(folder / "take.blend", motion, options.frame, PANEL))
    cv2.imwrite(str(options.out), side_by_side(panels)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{options.out}: {options.out.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may hang at the interpreter's exit
