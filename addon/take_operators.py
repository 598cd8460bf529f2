"""Blender's operators on a take that is there: export, fewer keys; thin, like those of `operators`."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper

from ..contract.failure import Failure
from .export import BLENDER_EXTENSIONS, check_files, export_armature, export_takes, take_paths
from .export.options import ExportOptions
from .key_reduction import Tolerance
from .keyframes import actions_for, curves_of
from .locale.said import translated
from .manners import tell
from .properties import export_properties, simplify_properties
from .simplify import WRITING, simplifying
from .stepwise import Stepwise


class KINOLIFT_OT_export(bpy.types.Operator, ExportHelper):
    """Write the active armature, its meshes and its motion to a file"""

    bl_idname = "kinolift.export"
    bl_label = "Export"

    filepath: str
    filename_ext = ".fbx"
    check_extension = None  # the extension that is typed decides the kind
    chosen = False  # whether in the file browser, which shows in red that a name is taken; it does not know the names of several takes

    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_glob": bpy.props.StringProperty(default=";".join(f"*{kind}" for kind in BLENDER_EXTENSIONS), options={"HIDDEN"}),
        **export_properties(),
        "overwrite": bpy.props.BoolProperty(
            name="Replace Existing", description="Files of other takes that are there already are replaced, not only the chosen name"
        ),
    }

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.object is None or context.object.type != "ARMATURE":
            cls.poll_message_set("Select an armature first")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            self.filepath = f"{bpy.path.clean_name(context.object.name)}{self.filename_ext}"
        self.chosen = True
        return set(super().invoke(context, event))

    def execute(self, context: bpy.types.Context) -> set[str]:
        status, path = context.window_manager.kinolift, Path(bpy.path.abspath(self.filepath))
        options = ExportOptions(self.mesh, self.fbx_preset, self.fbx_root)
        written = [path]
        try:
            if self.takes == "playing":
                export_armature(context.object, path, options=options)
            else:
                actions = actions_for(context.object)
                if self.takes == "files" and self.chosen and not self.overwrite:
                    others = [each for each in take_paths(path, [action.name for action in actions]) if each != path]
                    check_files(others, known=BLENDER_EXTENSIONS, advice="choose another name, or Replace Existing")
                written = export_takes(context.object, actions, path, options, one_file=self.takes == "clips")
        except Failure as failure:
            status.exported, status.error = "", failure.message
            tell(self, context, failure.message)
            return {"CANCELLED"}
        status.exported, status.error = f"Wrote {', '.join(map(str, written))}", ""
        self.report({"INFO"}, translated(status.exported))
        return {"FINISHED"}


class KINOLIFT_OT_simplify(Stepwise, bpy.types.Operator):
    """Reduce the keys of the active armature's action, so that no bone is further off than stated"""

    bl_idname = "kinolift.simplify"
    bl_label = "Simplify Keys"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    __annotations__ = {name: made for name, made in simplify_properties().items() if name != "simplify"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.object is None or context.object.type != "ARMATURE" or not len(curves_of(context.object)):
            cls.poll_message_set("Select an armature that has keys")
            return False
        if context.object.library is not None or context.object.animation_data.action.library is not None:
            cls.poll_message_set("Its keys are linked from another file; open that one to change them")
            return False
        return True

    def steps(self, context: bpy.types.Context) -> Generator[None, None, str]:
        armature = context.object
        tolerance = Tolerance(round(self.simplify_degrees, 6), round(self.simplify_mm, 6))
        before, after = yield from simplifying(armature, tolerance, self.going)
        return f"{armature.name}: {after} keys of {before} are left"

    def can_stop(self) -> bool:
        return self._share < WRITING


CLASSES = (KINOLIFT_OT_export, KINOLIFT_OT_simplify)
