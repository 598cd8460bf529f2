"""What the screen shows, as a picture of docs/manual.md. Blender's own screenshots are black where no graphics card draws: under X the
screen itself is read, through the library that Blender draws with."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import bpy
import numpy as np

WIDTH = 1000  # pixels of a picture


def screenshot(path: Path, window: bpy.types.Window, area: bpy.types.Area) -> None:
    if sys.platform == "linux" and os.environ.get("DISPLAY"):
        save(x_screen(), path)
    else:
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)


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
