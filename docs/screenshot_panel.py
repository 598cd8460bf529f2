"""Takes the pictures of docs/manual.md, one a step, in a real Blender window. Run it in a Blender that has Kinolift enabled:

    blender --window-geometry 0 0 1600 1000 --python docs/screenshot_panel.py -- VIDEO FOLDER [RIG]

It drives the window by timers, as nobody can click in a script, saves FOLDER/manual_video.png, _capture, _progress, _review, _refined,
_character (with a RIG: .fbx, .glb or .vrm) and _export, and closes Blender. Its first three seconds are captured. Without a
screen: `xvfb-run -s "-screen 0 1600x1000x24"` before it and LIBGL_ALWAYS_SOFTWARE=1 in the environment. Blender's own screenshots are black
there, so under X the screen itself is read, through the library that Blender draws with. The pictures have no palette; before they go into
the repository, `mogrify +dither -colors 96 FOLDER/*.png` makes them a third.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

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
    if sys.platform == "linux" and os.environ.get("DISPLAY"):
        save(x_screen(), path)
    else:
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)
    print(f"{path} taken", flush=True)


class XImage(ctypes.Structure):
    """The head of Xlib's XImage, as far as it is read here."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("width", "height", "xoffset", "format")),
        ("data", ctypes.c_void_p),
        *((name, ctypes.c_int) for name in ("byte_order", "unit", "bit_order", "pad", "depth", "bytes_per_line", "bits_per_pixel")),
    )


def x_screen() -> np.ndarray:
    """(height, width, 3) uint8: what the X server shows, red first. Raises RuntimeError for a screen of another depth than 24 bits."""
    library = ctypes.CDLL("libX11.so.6")
    for name in ("XOpenDisplay", "XGetImage"):
        getattr(library, name).restype = ctypes.c_void_p
    library.XDefaultRootWindow.restype = ctypes.c_ulong
    display = ctypes.c_void_p(library.XOpenDisplay(None))
    try:
        root = ctypes.c_ulong(library.XDefaultRootWindow(display))
        size = library.XDisplayWidth(display, 0), library.XDisplayHeight(display, 0)
        address = library.XGetImage(display, root, 0, 0, *size, ctypes.c_ulong(2**32 - 1), 2)  # all planes, ZPixmap
        if not address:
            raise RuntimeError("the X server gives no picture of its screen")
        image = ctypes.cast(address, ctypes.POINTER(XImage)).contents
        if image.bits_per_pixel != 32 or image.byte_order != 0:
            raise RuntimeError("the screen is not one of 24 bits; start it with -screen 0 1600x1000x24")
        data = ctypes.string_at(image.data, image.bytes_per_line * image.height)
    finally:
        library.XCloseDisplay(display)
    rows = np.frombuffer(data, np.uint8).reshape(image.height, image.bytes_per_line)[:, : 4 * image.width]
    return rows.reshape(image.height, image.width, 4)[..., 2::-1]


def save(pixels: np.ndarray, path: Path) -> None:
    """As a PNG of WIDTH pixels, by Blender's own means."""
    height, width, _ = pixels.shape
    image = bpy.data.images.new("screen", width, height)
    try:
        whole = np.ones((height, width, 4), np.float32)
        whole[..., :3] = pixels[::-1] / np.float32(255)  # Blender's first row is the lowest
        image.pixels.foreach_set(whole.ravel())
        image.scale(WIDTH, round(height * WIDTH / width))
        image.filepath_raw, image.file_format = str(path), "PNG"
        image.save()
    finally:
        bpy.data.images.remove(image)


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
    yield WAIT
    with in_view("UI"):
        bpy.ops.kinolift.find_people("INVOKE_DEFAULT")
    while status.looking:
        yield WAIT
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
