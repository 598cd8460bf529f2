"""Run by test_extension.py in a clean Blender: installs the zip as a user would, captures, retargets, exports,
disables, uninstalls, and tells what was there.

    python extension_driver.py ZIP VIDEO OUT
    blender --background --python extension_driver.py -- ZIP VIDEO OUT

VIDEO may be empty: no capture then, but enabled once more; or "refused": a zip that this Blender unpacks and then refuses.

Writes one JSON object to OUT; the environment's BLENDER_USER_* folders are the test's own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import bpy

MODULE = "bl_ext.user_default.kinolift"


def ours(name: str) -> bool:
    return "kinolift" in name.lower()


def traces() -> dict[str, list[str]]:
    """Everything in this Blender that bears the add-on's name or comes from its modules."""
    handlers = [
        f"{name}: {function}" for name in dir(bpy.app.handlers) if isinstance(calls := getattr(bpy.app.handlers, name), list)
        for function in calls if ours(getattr(function, "__module__", ""))
    ]  # fmt: skip
    properties = [
        f"{kind.__name__}.{name}" for kind in (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Object, bpy.types.Action, bpy.types.Bone)
        for name in kind.bl_rna.properties.keys() if ours(name)  # noqa: SIM118 - a Blender collection
    ]  # fmt: skip
    configuration = bpy.context.window_manager.keyconfigs.addon
    keys = [item.idname for keymap in (configuration.keymaps if configuration else ()) for item in keymap.keymap_items if ours(item.idname)]
    return {
        # the classes of a disabled add-on stay reachable by name until they are collected, but are no longer registered
        "classes": [name for name in dir(bpy.types) if ours(name) and getattr(getattr(bpy.types, name), "is_registered", True)],
        "operators": dir(bpy.ops.kinolift),
        "handlers": handlers,
        "properties": properties,
        "keymaps": keys,
        "add-ons": [name for name in bpy.context.preferences.addons.keys() if ours(name)],  # noqa: SIM118
        "processes": children(),
        "worker's libraries": [name for name in ("torch", "onnxruntime", "cv2", "mediapipe", "scipy", "engine") if name in sys.modules],
    }


def children() -> list[str]:
    """This process's children that live."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if parent == str(os.getpid()) and state != "Z":
            found.append(name)
    return found


def take() -> dict[str, Any]:
    """The armature that the capture made."""
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    curves = curves_of(armature.animation_data.action)
    scene = bpy.context.scene
    frames = [scene.frame_start, (scene.frame_start + scene.frame_end) // 2]
    poses = []
    for frame in frames:
        scene.frame_set(frame)
        poses.append([list(bone.matrix.translation) for bone in armature.pose.bones])
    return {
        "bones": [bone.name for bone in armature.data.bones],
        "keys": sorted({len(curve.keyframe_points) for curve in curves}),
        "curves": len(curves),
        "fps": scene.render.fps / scene.render.fps_base,
        "poses": poses,
    }


# what another character's bones are called
MIXAMO = {
    "hips": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head", "upper_arm": "Arm", "forearm": "ForeArm",
    "hand": "Hand", "thigh": "UpLeg", "shin": "Leg", "foot": "Foot", "clavicle": "Shoulder",
}  # fmt: skip


def character() -> bpy.types.Object:
    """An armature like the take's, without motion, with bones named as Mixamo names them."""
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    copy = armature.copy()
    copy.data = armature.data.copy()
    copy.animation_data_clear()
    bpy.context.scene.collection.objects.link(copy)
    for bone in copy.data.bones:
        part, _, side = bone.name.partition(".")
        bone.name = f"mixamorig:{ {'L': 'Left', 'R': 'Right'}.get(side, '') }{MIXAMO.get(part, part)}"
    return copy


def retarget_and_export(folder: Path) -> dict[str, Any]:
    """The take on another character, and that in the files that engines read."""
    target = character()
    settings = bpy.context.scene.kinolift_retarget
    settings.target = target
    result: dict[str, Any] = {"retarget": sorted(bpy.ops.kinolift.retarget())}
    paths = [curve.data_path for curve in curves_of(target.animation_data.action)]
    result["moving"] = sorted({path.split('"')[1] for path in paths if '"' in path})
    bpy.context.view_layer.objects.active = target
    for kind in (".fbx", ".glb", ".bvh"):
        path = folder / f"character{kind}"
        result[kind] = sorted(bpy.ops.kinolift.export(filepath=str(path)))
        result[f"bytes{kind}"] = path.stat().st_size
    return result


def curves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if hasattr(action, "slots"):
        return [c for layer in action.layers for strip in layer.strips for bag in strip.channelbags for c in bag.fcurves]
    return list(action.fcurves)


def left_in(folder: Path) -> list[str]:
    """Every file below the extensions' folder that is not one of Blender's own records."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and not {".blender_ext", ".cache"}.intersection(path.parts)]


def uninstall(report: dict[str, Any]) -> None:
    repositories = bpy.context.preferences.extensions.repos
    index = next(i for i, repository in enumerate(repositories) if repository.module == "user_default")
    report["uninstall"] = sorted(bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="kinolift"))
    report["uninstalled"] = traces()
    report["left"] = left_in(Path(os.environ["BLENDER_USER_EXTENSIONS"]))


def main(archive: str, video: str, out: str) -> None:
    report: dict[str, Any] = {"blender": bpy.app.version_string, "before": traces()}
    try:
        if video == "refused":
            try:
                bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
            except RuntimeError as error:
                report["refused"] = str(error)
            uninstall(report)
            return
        report["install"] = sorted(bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True))
        report["enabled"] = traces()
        report["wheels"] = [entry for entry in sys.path if f"{os.sep}.local{os.sep}" in entry and "extensions" in entry]
        if video:
            report["capture"] = sorted(bpy.ops.kinolift.capture(filepath=video, hypotheses=1, scene_fps="match", add_camera=False))
            report["take"] = take()
            report["character"] = retarget_and_export(Path(out).parent)
        report["disable"] = sorted(bpy.ops.preferences.addon_disable(module=MODULE))
        report["disabled"] = traces()
        if not video:
            report["again"] = sorted(bpy.ops.preferences.addon_enable(module=MODULE))
            report["enabled_again"] = traces()
        uninstall(report)
    except BaseException:
        report["error"] = traceback.format_exc()
    finally:
        Path(out).write_text(json.dumps(report))


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]  # Blender keeps its own words before them
    main(*words[:3])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # bpy can hang while the interpreter shuts down
