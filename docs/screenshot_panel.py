"""Takes the pictures of docs/manual.md, one a step, in a real Blender window. Run it in a Blender that has Kinolift enabled:

    blender --window-geometry 0 0 1600 1000 --python docs/screenshot_panel.py -- VIDEO FOLDER [RIG]

It drives the window by timers, as nobody can click in a script, saves FOLDER/manual_video.png, _capture, _progress, _review, _refined,
_character (with a RIG: .fbx, .glb or .vrm) and _export, and closes Blender. Its first three seconds are captured. Without a
screen: `xvfb-run -s "-screen 0 1600x1000x24"` before it and LIBGL_ALWAYS_SOFTWARE=1 in the environment; and with ImageMagick, because
Blender's own screenshots are black there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy

WAIT = 0.5  # seconds between two steps: a drawn window needs a moment
DRAWN = 8  # redraws after which panels that have grown have pushed those under them away
SCALE = 1.25  # interface scale, so that the text can be read on a page
WIDTH = 1000  # pixels of a picture
SECONDS = "3"


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    window = bpy.context.window_manager.windows[0]
    return window, max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height)


def region(kind: str) -> bpy.types.Region:
    return next(each for each in view()[1].regions if each.type == kind)


def screenshot(path: Path) -> None:
    window, area = view()
    if os.environ.get("DISPLAY") and (grabber := shutil.which("import")):
        words = [grabber, "-window", "root", "-resize", str(WIDTH), "+dither", "-colors", "96", f"PNG8:{path}"]
        subprocess.run(words, check=True)
    else:
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)
    print(f"{path} taken", flush=True)


@contextlib.contextmanager
def in_view(kind: str) -> Iterator[None]:
    """Operators act as if called there."""
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region(kind)):
        yield


def settled() -> Iterator[float]:
    for _ in range(DRAWN):
        region("UI").tag_redraw()
        yield WAIT / 3


def show_sidebar() -> Iterator[float]:
    view()[1].spaces.active.show_region_ui = True
    bpy.context.preferences.view.ui_scale = SCALE
    yield WAIT
    region("UI").active_panel_category = "Kinolift"
    yield WAIT


def running() -> Iterator[float]:
    while bpy.context.window_manager.kinolift.running:
        yield WAIT


def steps(video: Path, folder: Path, rig: Path | None) -> Iterator[float]:
    """One thing after another; what is yielded is the time until the next."""
    yield from show_sidebar()
    status, scene = bpy.context.window_manager.kinolift, view()[0].scene
    with in_view("WINDOW"):
        bpy.ops.kinolift.drop_video(filepath=str(video))
    scene.kinolift.end = SECONDS
    yield from settled()
    screenshot(folder / "manual_video.png")
    status.open_capture = True
    yield from settled()
    screenshot(folder / "manual_capture.png")
    with in_view("UI"):
        bpy.ops.kinolift.capture_video()
    while status.running and not (status.fraction > 0.3):
        yield WAIT / 5
    screenshot(folder / "manual_progress.png")
    yield from running()
    scene.frame_set((scene.frame_start + scene.frame_end) // 2)
    yield from settled()
    screenshot(folder / "manual_review.png")
    scene.kinolift.smooth = 0.9
    with in_view("UI"):
        bpy.ops.kinolift.refine_with_settings()
    yield WAIT
    yield from running()
    yield from settled()
    screenshot(folder / "manual_refined.png")
    if rig is not None:
        yield from character(rig, folder)
    status.open_export = True
    yield from settled()
    screenshot(folder / "manual_export.png")


def character(rig: Path, folder: Path) -> Iterator[float]:
    """The motion on the rig, seen from the front."""
    scene = view()[0].scene
    with in_view("WINDOW"):
        if rig.suffix.lower() == ".fbx":
            bpy.ops.wm.fbx_import(filepath=str(rig))
        else:
            bpy.ops.import_scene.gltf(filepath=str(rig), disable_bone_shape=True)
    bpy.context.window_manager.kinolift.open_character = True
    settings = scene.kinolift_retarget
    settings.target = next(thing for thing in scene.objects if thing.type == "ARMATURE" and "kinolift" not in thing)
    with in_view("UI"):
        bpy.ops.kinolift.find_bones()
        bpy.ops.kinolift.retarget()
    with in_view("WINDOW"):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield from settled()
    screenshot(folder / "manual_character.png")


def closing(todo: Iterator[float]) -> Iterator[float]:
    try:
        yield from todo
    except Exception:
        traceback.print_exc()
        print("The pictures are not complete.", flush=True)
    yield WAIT
    bpy.ops.wm.quit_blender()


def main() -> None:
    words = [Path(word).absolute() for word in sys.argv[sys.argv.index("--") + 1 :]] if "--" in sys.argv else []
    if len(words) not in (2, 3):
        sys.exit("usage: blender --python docs/screenshot_panel.py -- VIDEO FOLDER [RIG]")
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False  # nothing of this may stay in the settings of whoever runs it
    todo = closing(steps(words[0], words[1], words[2] if len(words) > 2 else None))
    bpy.app.timers.register(lambda: next(todo, None), first_interval=2.0)


main()
