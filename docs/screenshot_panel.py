"""Takes the pictures of the panel: before, during and after a capture. Run it in a Blender that has Kinolift enabled:

    blender --window-geometry 0 0 1600 1000 --python docs/screenshot_panel.py -- VIDEO FOLDER

It drives the window by timers, as nobody can click in a script, saves FOLDER/panel_before.png, panel_during.png and
panel_after.png, and closes Blender. Without a screen: `xvfb-run -s "-screen 0 1600x1000x24"` before it and
LIBGL_ALWAYS_SOFTWARE=1 in the environment; and with ImageMagick, because Blender's own screenshots are black there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

WAIT = 0.5  # seconds between two steps: a drawn window needs a moment
SCALE = 1.25  # interface scale, so that the text can be read in a README


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    window = bpy.context.window_manager.windows[0]
    return window, max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height)


def screenshot(path: Path) -> None:
    window, area = view()
    with bpy.context.temp_override(window=window, area=area):
        if os.environ.get("DISPLAY") and (grabber := shutil.which("import")):
            subprocess.run([grabber, "-window", "root", str(path)], check=True)
        else:
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)


def steps(video: Path, folder: Path) -> Iterator[float]:
    """One thing after another; what is yielded is the time until the next."""
    window, area = view()
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    area.spaces.active.show_region_ui = True
    bpy.context.preferences.view.ui_scale = SCALE
    yield WAIT
    sidebar = next(region for region in area.regions if region.type == "UI")
    sidebar.active_panel_category = "Kinolift"
    window.scene.kinolift.video = str(video)
    window.scene.kinolift.scene_fps = "match"
    yield WAIT
    screenshot(folder / "panel_before.png")
    with bpy.context.temp_override(window=window, area=area, region=sidebar):
        bpy.ops.kinolift.capture_video()
    status = bpy.context.window_manager.kinolift
    while status.running and not (status.fraction > 0.4):
        yield WAIT / 5
    screenshot(folder / "panel_during.png")
    while status.running:
        yield WAIT
    main = next(region for region in area.regions if region.type == "WINDOW")
    window.scene.frame_set((window.scene.frame_start + window.scene.frame_end) // 2)
    with bpy.context.temp_override(window=window, area=area, region=main):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_all()
    yield WAIT * 2
    screenshot(folder / "panel_after.png")
    yield WAIT
    bpy.ops.wm.quit_blender()


def main() -> None:
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if len(words) != 2:
        sys.exit("usage: blender --python docs/screenshot_panel.py -- VIDEO FOLDER")
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False  # nothing of this may stay in the settings of whoever runs it
    todo = steps(Path(words[0]).resolve(), Path(words[1]).resolve())
    bpy.app.timers.register(lambda: next(todo, None), first_interval=2.0)


main()
