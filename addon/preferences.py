"""The add-on's preferences: which Python runs the worker, and below it what Check Setup has found."""

from __future__ import annotations

import bpy

from . import readiness
from .sentences import draw_sentence, placeholder

# the extension's package, however Blender has named it (bl_ext.user_default.kinolift): the parent of this one
PACKAGE = __package__.rpartition(".")[0]


def _look(preferences: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    readiness.look(preferred_python())


class KinoliftPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    worker_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Worker Python",
        description=(
            "The Python that runs detection and refinement, for instance one with a CUDA build of torch. "
            "Empty: the variable KINOLIFT_PYTHON, else Blender's own Python"
        ),
        subtype="FILE_PATH",
        update=_look,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "worker_python", **placeholder("Blender's own"))
        layout.operator("kinolift.check_setup")
        for finding in context.window_manager.kinolift.findings:
            draw_sentence(layout, context, finding.text, "CHECKMARK" if finding.good else "ERROR")


def preferred_python() -> str:
    """The path that was set, "" where none was or the add-on is not enabled as one."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    if addon is None or addon.preferences is None:
        return ""
    path = addon.preferences.worker_python
    return bpy.path.abspath(path) if path else ""


CLASSES = (KinoliftPreferences,)
