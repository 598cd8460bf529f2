"""Renders examples/sample.mp4 and its exact truth, examples/sample.truth.npz.

    python examples/render_sample.py --data ../shared/data -o examples/sample.mp4

Needs Blender as a Python module (pip install bpy) and scipy, and the data folder with `humans/*.glb` and `mocap/*.npz`, which a
clone does not have; it stands here so that everybody can see how the clip was made. `--still 40 -o frame.png` renders one frame.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import numpy.typing as npt
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.outputs import check_outputs
from engine.datasets.drive_human import Drive, Rest, drive

Array = npt.NDArray[np.float64]

HUMAN, HEIGHT = "adult_m_tall", 1.70  # the CC0 human, brought to the height that `capture` assumes
SOURCE, CLIP, START, END = "cmu_papagina", "martial/06", 58, 222  # a karate form: stands, steps, turns, blocks, strikes
FPS = 30
WIDTH, HEIGHT_PX, FOV = 640, 480, 60.0  # degrees along the longer side, like a phone
CAMERA, LOOK_AT = (1.1, -2.85, 1.42), (0.02, 0.05, 0.87)  # metres: held at chest height, looking slightly down
SAMPLES, ROOM_SAMPLES = 4, 64  # enough with the denoiser: the light is soft
SEAM = 10  # pixels over which a frame's rendered part passes into the empty room

# truth: name of the joint -> bone whose head it is; the toe is the ball of the foot
JOINTS = {
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "toe": "ToeBase", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
COLOURS = {"shirt": (0.62, 0.10, 0.07), "trousers": (0.09, 0.13, 0.23), "shoes": (0.75, 0.75, 0.72), "hair": (0.04, 0.025, 0.015)}


def load_motion(data: Path) -> dict[str, Array]:
    """Joint name -> (T,3) metres; Z up, floor at 0; the first pelvis stands at the origin and faces -Y."""
    with np.load(data / "mocap" / f"{SOURCE}.npz") as z:
        clip = [str(n) for n in z["clip_name"]].index(CLIP)
        first, last = z["clip_start"][clip], z["clip_start"][clip + 1]
        joints = np.cumsum(z["delta"][first:last].astype(np.int64), axis=0)[START:END] / 1000.0
        names = [str(n) for n in z["joint_names"]]
    joints[..., :2] -= joints[:1, :1, :2]
    left = joints[0, names.index("hip.L")] - joints[0, names.index("hip.R")]
    turn = Rotation.from_euler("z", -math.atan2(left[1], left[0])).as_matrix()
    return dict(zip(names, np.moveaxis(joints @ turn.T, 1, 0), strict=True))


def load_human(data: Path) -> tuple[Any, Rest]:
    """The armature object, standing on the floor at HEIGHT, and its rest pose."""
    bpy.ops.import_scene.gltf(filepath=str(data / "humans" / f"{HUMAN}.glb"))
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    for extra in [o for o in bpy.data.objects if o.type == "MESH" and o.parent is None]:
        bpy.data.objects.remove(extra)  # the importer's bone shape
    body = next(o for o in bpy.data.objects if o.type == "MESH")
    stature = max((body.matrix_world @ v.co).z for v in body.data.vertices)
    rig.matrix_world = Matrix.Scale(HEIGHT / stature, 4) @ rig.matrix_world
    bpy.context.view_layer.update()
    bones = rig.data.bones
    return rig, Rest(
        head={b.name: np.array(rig.matrix_world @ b.head_local) for b in bones},
        tail={b.name: np.array(rig.matrix_world @ b.tail_local) for b in bones},
        parent={b.name: b.parent.name if b.parent else None for b in bones},
    )


def keyframes() -> Any:
    """The add-on's writer of keys; the repository is loaded as Blender loads the extension."""
    import kinolift

    kinolift.load_extension()
    return importlib.import_module(f"{kinolift.EXTENSION}.addon.keyframes")


def pose_human(rig: Any, pose: Drive) -> None:
    """A key on every frame of every bone; frame 1 is the first."""
    to_rig = np.array(rig.matrix_world.inverted())
    curves = keyframes().new_action(rig, "Sample")
    for bone in rig.pose.bones:
        bone.rotation_mode = "QUATERNION"
        rest = np.array(bone.bone.matrix_local)[:3, :3]
        turn = pose.rotation[bone.name]
        if bone.parent:
            turn = np.swapaxes(pose.rotation[bone.parent.name], -1, -2) @ turn
        quaternions = Rotation.from_matrix(rest.T @ turn @ rest).as_quat()[:, [3, 0, 1, 2]]
        flips = np.einsum("ij,ij->i", quaternions[1:], quaternions[:-1]) < 0
        quaternions[1:] *= np.cumprod(np.where(flips, -1.0, 1.0))[:, None]
        frames, held = np.arange(len(quaternions)) + 1.0, np.zeros(len(quaternions), bool)
        path = f'pose.bones["{bone.name}"]'
        curves.write(f"{path}.rotation_quaternion", bone.name, frames, quaternions, held)
        if bone.parent is None:
            head = pose.root @ to_rig[:3, :3].T + to_rig[:3, 3] - np.array(bone.bone.head_local)
            curves.write(f"{path}.location", bone.name, frames, head @ rest, held)


def material(name: str, colour: tuple[float, float, float], roughness: float = 0.7) -> Any:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    return made


def wooden_floor() -> Any:
    made = material("floor", (0.5, 0.3, 0.15), 0.45)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    boards = nodes.new("ShaderNodeTexBrick")
    boards.inputs["Color1"].default_value = (0.42, 0.25, 0.13, 1)
    boards.inputs["Color2"].default_value = (0.52, 0.33, 0.18, 1)
    boards.inputs["Mortar"].default_value = (0.12, 0.07, 0.04, 1)
    for name, value in (("Scale", 1.0), ("Mortar Size", 0.008), ("Brick Width", 1.3), ("Row Height", 0.19)):
        boards.inputs[name].default_value = value
    where = nodes.new("ShaderNodeNewGeometry")
    links.new(where.outputs["Position"], boards.inputs["Vector"])
    links.new(boards.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    return made


def box(name: str, size: tuple[float, float, float], at: tuple[float, float, float], made: Any) -> None:
    bpy.ops.mesh.primitive_cube_add(size=1, location=at)
    thing = bpy.context.object
    thing.name, thing.scale = name, size
    thing.data.materials.append(made)


def lamp(size: float, power: float, at: tuple[float, float, float], colour: tuple[float, float, float]) -> None:
    light = bpy.data.lights.new("lamp", "AREA")
    light.size, light.energy, light.color = size, power, colour
    thing = bpy.data.objects.new("lamp", light)
    thing.location = at
    thing.rotation_euler = (Vector((0, 0, 0.9)) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)


def build_room() -> None:
    """A room of 8 by 7 metres: boards, two walls, a few plain things to give the picture depth, soft light from two sides."""
    box("floor", (9, 8, 0.1), (0, 0, -0.05), wooden_floor())
    wall = material("wall", (0.62, 0.66, 0.64), 0.9)
    white, wood = material("white", (0.8, 0.8, 0.78)), material("wood", (0.33, 0.19, 0.1))
    box("back", (9, 0.1, 3.4), (0, 2.9, 1.7), wall)
    box("left", (0.1, 8, 3.4), (-3.4, 0, 1.7), wall)
    box("skirting", (9, 0.03, 0.1), (0, 2.84, 0.05), white)
    box("skirting.L", (0.03, 8, 0.1), (-3.34, 0, 0.05), white)
    box("shelf", (1.3, 0.4, 0.75), (-2.2, 2.55, 0.375), wood)
    box("plant pot", (0.25, 0.25, 0.3), (-2.5, 2.55, 0.9), white)
    box("picture", (0.95, 0.04, 0.65), (0.55, 2.83, 1.75), white)
    box("picture's middle", (0.8, 0.05, 0.5), (0.55, 2.82, 1.75), material("blue", (0.10, 0.24, 0.36)))
    box("door", (0.95, 0.05, 2.1), (2.5, 2.84, 1.05), wood)
    lamp(1.2, 235, (2.6, -2.0, 3.2), (1.0, 0.95, 0.88))
    lamp(2.5, 70, (-2.6, -2.2, 2.6), (0.88, 0.94, 1.0))
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.13, 0.14, 0.155, 1)


def dress() -> None:
    for name, colour in COLOURS.items():
        for made in bpy.data.materials:
            if made.name == name and made.use_nodes:
                shader = made.node_tree.nodes["Principled BSDF"]
                for link in list(shader.inputs["Base Color"].links):
                    made.node_tree.links.remove(link)
                shader.inputs["Base Color"].default_value = (*colour, 1)
                shader.inputs["Roughness"].default_value = 0.8


def place_camera() -> Any:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.angle = "HORIZONTAL", math.radians(FOV)
    camera = bpy.data.objects.new("camera", data)
    camera.location = CAMERA
    camera.rotation_euler = (Vector(LOOK_AT) - Vector(CAMERA)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


def set_render(frames: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising, scene.cycles.denoising_quality = True, "FAST"
    scene.cycles.max_bounces = 4
    scene.cycles.seed = 0  # the same noise in every frame: what stands still stays still, and the file small
    scene.view_settings.view_transform = "Standard"
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT_PX, 100
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, frames
    scene.render.threads_mode, scene.render.threads = "FIXED", 2


def truth(rig: Any, camera: Any, frames: int) -> dict[str, Any]:
    """The heads of the posed bones in every frame, in the layout of the project's truth files."""
    bones = {f"{joint}.{side[0]}": f"{side}{bone}" for joint, bone in JOINTS.items() for side in ("Left", "Right")}
    bones |= {"neck": "Neck", "head": "Head"}
    world = np.zeros((frames, len(bones), 3))
    for k in range(frames):
        bpy.context.scene.frame_set(k + 1)
        world[k] = [rig.matrix_world @ rig.pose.bones[bone].head for bone in bones.values()]
    to_camera = np.diag([1.0, -1.0, -1.0, 1.0]) @ np.array(camera.matrix_world.inverted())  # Blender's camera looks along -Z
    focal = max(WIDTH, HEIGHT_PX) / 2 / math.tan(math.radians(FOV) / 2)
    return {
        "joint_names": np.array(list(bones)),
        "camera": (world @ to_camera[:3, :3].T + to_camera[:3, 3]).round(4).astype(np.float32),
        "world": world.round(4).astype(np.float32),
        "fps": np.array(float(FPS)),
        "height": np.array(HEIGHT),
        "camera_matrix": np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT_PX / 2], [0, 0, 1]]),
        "image_size": np.array([WIDTH, HEIGHT_PX]),
    }


def render(rig: Any, camera: Any, frames: int, folder: Path) -> list[Path]:
    """Every frame as a PNG in `folder`; those that are there already stay, so that a stopped run goes on where it was.

    Camera and room stand still, so the empty room is rendered once, well, and every frame only around the person and the shadow.
    """
    scene = bpy.context.scene
    room_file = folder / "room.png"
    if not room_file.exists():
        _show_person(rig, False)
        scene.cycles.samples = ROOM_SAMPLES
        scene.render.filepath = str(room_file)
        bpy.ops.render.render(write_still=True)
        _show_person(rig, True)
        scene.cycles.samples = SAMPLES
    room = cv2.imread(str(room_file)).astype(np.float32)
    pictures = [folder / f"{k + 1:04d}.png" for k in range(frames)]
    for k, picture in enumerate(pictures):
        if picture.exists():
            continue
        scene.frame_set(k + 1)
        left, right, low, high = _around_person(rig, camera)
        scene.render.use_border, scene.render.use_crop_to_border = True, False
        scene.render.border_min_x, scene.render.border_max_x = left, right
        scene.render.border_min_y, scene.render.border_max_y = low, high
        scene.render.filepath = str(folder / "unfinished.png")
        bpy.ops.render.render(write_still=True)
        person = cv2.imread(scene.render.filepath).astype(np.float32)
        inside = np.zeros(person.shape[:2], np.float32)
        # images have their first row at the top, the border its origin at the bottom
        inside[round((1 - high) * HEIGHT_PX) : round((1 - low) * HEIGHT_PX), round(left * WIDTH) : round(right * WIDTH)] = 1
        inside = cv2.erode(inside, np.ones((2 * SEAM + 1, 2 * SEAM + 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
        inside = cv2.blur(inside, (2 * SEAM - 1, 2 * SEAM - 1), borderType=cv2.BORDER_REPLICATE)[..., None]
        cv2.imwrite(str(picture), np.rint(inside * person + (1 - inside) * room))
    return pictures


def _show_person(rig: Any, shown: bool) -> None:
    for thing in rig.children:
        thing.hide_render = not shown


def _around_person(rig: Any, camera: Any) -> tuple[float, float, float, float]:
    """left, right, low, high of the picture's part (0..1 from its lower left) with the person and most of the shadow."""
    scene = bpy.context.scene
    points = [rig.matrix_world @ end for bone in rig.pose.bones for end in (bone.head, bone.tail)]
    points += [Vector((p.x + dx, p.y + dy, 0)) for p in list(points) for dx, dy in ((0, 0), (-0.7, 0.45))]  # away from the lamp
    seen = np.array([world_to_camera_view(scene, camera, p)[:2] for p in points])
    (left, low), (right, high) = np.clip(seen.min(0) - 0.06, 0, 1), np.clip(seen.max(0) + 0.06, 0, 1)
    return float(left), float(right), float(low), float(high)


def encode(pictures: list[Path], out: Path) -> None:
    """The pictures as one H.264 file, through the FFmpeg that Blender brings."""
    scene = bpy.data.scenes.new("encode")
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT_PX, 100
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, len(pictures)
    scene.view_settings.view_transform = "Standard"
    strip = scene.sequence_editor_create().strips.new_image("frames", str(pictures[0]), channel=1, frame_start=1)
    for picture in pictures[1:]:
        strip.elements.append(picture.name)
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec, scene.render.ffmpeg.audio_codec = "MPEG4", "H264", "NONE"
    scene.render.ffmpeg.constant_rate_factor, scene.render.ffmpeg.ffmpeg_preset = "HIGH", "BEST"
    scene.render.use_file_extension = False
    scene.render.filepath = str(out.resolve())
    bpy.ops.render.render(animation=True, scene=scene.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with humans/ and mocap/")
    parser.add_argument("-o", "--out", type=Path, default=Path("examples/sample.mp4"))
    parser.add_argument("--still", type=int, metavar="FRAME", help="render this frame alone, as a PNG")
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="keep the frames here, and use those that are there")
    parser.add_argument("--truth-only", action="store_true", help="write the truth, render nothing")
    options = parser.parse_args()
    check_outputs([options.out, options.out.with_suffix(".truth.npz")], options.data.rglob("*"), overwrite=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    motion = load_motion(options.data)
    rig, rest = load_human(options.data)
    pose_human(rig, drive(motion, rest))
    frames = len(motion["pelvis"])
    build_room()
    dress()
    camera = place_camera()
    set_render(frames)
    if options.still is not None:
        bpy.context.scene.frame_set(options.still + 1)
        bpy.context.scene.render.filepath = str(options.out.resolve())
        bpy.ops.render.render(write_still=True)
        return 0
    np.savez_compressed(options.out.with_suffix(".truth.npz"), **truth(rig, camera, frames))
    if options.truth_only:
        return 0
    if options.frames is not None:
        options.frames.mkdir(parents=True, exist_ok=True)
        encode(render(rig, camera, frames, options.frames.resolve()), options.out)
    else:
        with tempfile.TemporaryDirectory() as folder:
            encode(render(rig, camera, frames, Path(folder)), options.out)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may hang at the interpreter's exit
