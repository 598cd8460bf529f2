"""Takes pictures of the panel. Run it in a Blender that has Kinolift enabled, for a capture or for retargeting:

    blender --window-geometry 0 0 1600 1000 --python docs/screenshot_panel.py -- VIDEO FOLDER
    blender --window-geometry 0 0 1600 1000 --python docs/screenshot_panel.py -- MOTION.npz RIG FOLDER

It drives the window by timers, as nobody can click in a script, saves FOLDER/panel_before.png, panel_during.png and panel_after.png, or
FOLDER/retarget_empty.png, retarget_before.png, retarget_guessed.png, retarget_bones.png, retarget_after.png and retarget_error.png, and
closes Blender. Without a screen: `xvfb-run -s "-screen 0 1600x1000x24"` before it and LIBGL_ALWAYS_SOFTWARE=1 in the environment; and with
ImageMagick, because Blender's own screenshots are black there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

WAIT = 0.5  # seconds between two steps: a drawn window needs a moment
DRAWN = 15
SCALE = 1.25  # interface scale, so that the text can be read in a README


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    window = bpy.context.window_manager.windows[0]
    return window, max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height)


def region(kind: str) -> bpy.types.Region:
    return next(each for each in view()[1].regions if each.type == kind)


def screenshot(path: Path) -> None:
    window, area = view()
    with bpy.context.temp_override(window=window, area=area):
        if os.environ.get("DISPLAY") and (grabber := shutil.which("import")):
            subprocess.run([grabber, "-window", "root", str(path)], check=True)
        else:
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)


@contextlib.contextmanager
def in_view(kind: str) -> Iterator[None]:
    """Operators act as if called there."""
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region(kind)):
        yield


def open_panel(name: str) -> None:
    """Of the panels on top of each other only this one is open: a script can say how a panel is when it is drawn first."""
    for kind in ("KINOLIFT_PT_capture", "KINOLIFT_PT_retarget"):
        panel = getattr(bpy.types, kind)
        children = [each for each in bpy.types.Panel.__subclasses__() if getattr(each, "bl_parent_id", "") == kind]
        for each in (*reversed(children), panel):
            if each.is_registered:
                bpy.utils.unregister_class(each)
        panel.bl_options = set() if kind == name else {"DEFAULT_CLOSED"}
        for each in (panel, *children):
            bpy.utils.register_class(each)


def empty_scene() -> None:
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)


def show_sidebar() -> Iterator[float]:
    view()[1].spaces.active.show_region_ui = True
    bpy.context.preferences.view.ui_scale = SCALE
    yield WAIT
    region("UI").active_panel_category = "Kinolift"
    yield WAIT


def look(axis: str) -> Iterator[float]:
    with in_view("WINDOW"):
        bpy.ops.view3d.view_axis(type=axis)
        bpy.ops.view3d.view_all()
    yield from settled()


def settled() -> Iterator[float]:
    """Until panels that have grown have pushed those under them away, which takes drawn pictures, not only time."""
    for _ in range(DRAWN):
        region("UI").tag_redraw()
        yield WAIT / 5


def capture(video: Path, folder: Path) -> Iterator[float]:
    """One thing after another; what is yielded is the time until the next."""
    empty_scene()
    yield from show_sidebar()
    scene = view()[0].scene
    scene.kinolift.video = str(video)
    scene.kinolift.scene_fps = "match"
    yield WAIT
    screenshot(folder / "panel_before.png")
    with in_view("UI"):
        bpy.ops.kinolift.capture_video()
    status = bpy.context.window_manager.kinolift
    while status.running and not (status.fraction > 0.4):
        yield WAIT / 5
    screenshot(folder / "panel_during.png")
    while status.running:
        yield WAIT
    scene.frame_set((scene.frame_start + scene.frame_end) // 2)
    yield from look("FRONT")
    screenshot(folder / "panel_after.png")


def retarget(motion: Path, rig: Path, folder: Path) -> Iterator[float]:
    """The same for the character's panel."""
    empty_scene()
    open_panel("KINOLIFT_PT_retarget")
    yield from show_sidebar()
    screenshot(folder / "retarget_empty.png")
    with in_view("WINDOW"):
        if rig.suffix.lower() == ".fbx":
            bpy.ops.wm.fbx_import(filepath=str(rig))
        else:
            bpy.ops.import_scene.gltf(filepath=str(rig), disable_bone_shape=True)
    scene = view()[0].scene
    settings = scene.kinolift_retarget
    settings.target = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    settings.source, settings.motion = "file", str(motion)
    yield from look("FRONT")
    screenshot(folder / "retarget_before.png")
    for preset, name in (("structure", "guessed"), ("auto", "bones")):
        settings.preset = preset
        with in_view("UI"):
            bpy.ops.kinolift.find_bones()
        yield from settled()
        screenshot(folder / f"retarget_{name}.png")
    with in_view("UI"):
        bpy.ops.kinolift.retarget()
    scene.frame_set(scene.frame_start + 35)
    yield from look("FRONT")
    screenshot(folder / "retarget_after.png")
    next(row for row in settings.bones if row.role == "thigh.L").bone = ""
    with in_view("UI"), contextlib.suppress(RuntimeError):  # what operators report as an error is one for scripts
        bpy.ops.kinolift.retarget()
    yield from settled()
    screenshot(folder / "retarget_error.png")


def closing(steps: Iterator[float]) -> Iterator[float]:
    yield from steps
    yield WAIT
    bpy.ops.wm.quit_blender()


def main() -> None:
    words = [Path(word).absolute() for word in sys.argv[sys.argv.index("--") + 1 :]] if "--" in sys.argv else []
    if len(words) not in (2, 3):
        sys.exit("usage: blender --python docs/screenshot_panel.py -- VIDEO FOLDER, or -- MOTION.npz RIG FOLDER")
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False  # nothing of this may stay in the settings of whoever runs it
    todo = closing(capture(*words) if len(words) == 2 else retarget(*words))
    bpy.app.timers.register(lambda: next(todo, None), first_interval=2.0)


main()
