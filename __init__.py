"""Kinolift, a Blender extension: a video of a person becomes an animated armature. The add-on itself is in `addon`."""

from __future__ import annotations


def register() -> None:
    from . import addon

    addon.register()


def unregister() -> None:
    from . import addon

    addon.unregister()
