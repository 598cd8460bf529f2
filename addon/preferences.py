"""The add-on's preferences: which Python runs the worker."""

from __future__ import annotations

import bpy

# the extension's package, however Blender has named it (bl_ext.user_default.kinolift): the parent of this one
PACKAGE = __package__.rpartition(".")[0]


class KinoliftPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    worker_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Worker Python",
        description=(
            "The Python that runs detection and refinement, for instance one with a CUDA build of torch. "
            "Empty: the variable KINOLIFT_PYTHON, else Blender's own Python"
        ),
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "worker_python")
        self.layout.operator("kinolift.check_setup")


def preferred_python() -> str:
    """The path that was set, "" where none was or the add-on is not enabled as one."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    if addon is None or addon.preferences is None:
        return ""
    path = addon.preferences.worker_python
    return bpy.path.abspath(path) if path else ""


CLASSES = (KinoliftPreferences,)
