"""How a file is written: what goes into it and for which program. No bpy here: commands read their options before Blender starts."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ...contract.failure import Failure

FBX_PRESETS = ("blender", "unreal", "unity")
DEFAULT_FBX_PRESET = "blender"
FBX_ROOTS = ("still", "path", "heading")
DEFAULT_FBX_ROOT = "still"


@dataclass(frozen=True)
class ExportOptions:
    """What a file holds.

    mesh: the meshes that the armature moves go along (.fbx, .glb, .usd and .blend; .bvh has none).
    fbx_preset: axes, scale and root bone of an .fbx; see `fbx.PRESETS`.
    fbx_root: what a root bone that the preset adds does: it stays at the origin, carries the path along the ground, or also turns with the
        body about the vertical. A rig's own root bone does what it does.
    """

    mesh: bool = True
    fbx_preset: str = DEFAULT_FBX_PRESET
    fbx_root: str = DEFAULT_FBX_ROOT

    def check(self) -> ExportOptions:
        """Itself, or Failure `bad_arguments`."""
        if self.fbx_preset not in FBX_PRESETS:
            raise Failure("bad_arguments", f"--fbx-preset is {self.fbx_preset!r}; it takes {' or '.join(FBX_PRESETS)}.")
        if self.fbx_root not in FBX_ROOTS:
            raise Failure("bad_arguments", f"--fbx-root is {self.fbx_root!r}; it takes {' or '.join(FBX_ROOTS)}.")
        return self

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> ExportOptions:
        """From what a parser with `add_export_arguments` read; checked."""
        return cls(getattr(arguments, "mesh", True), arguments.fbx_preset, arguments.fbx_root).check()


def add_export_arguments(parser: argparse.ArgumentParser, mesh: bool = True) -> None:
    """Adds the options of ExportOptions; without `mesh` those of a bare armature."""
    parser.add_argument("--fbx-preset", choices=FBX_PRESETS, default=DEFAULT_FBX_PRESET,
        help="the program that an .fbx is for: its axes, scale and root bone (default %(default)s)")  # fmt: skip
    parser.add_argument("--fbx-root", choices=FBX_ROOTS, default=DEFAULT_FBX_ROOT,
        help="what a root bone does that the preset unreal adds to an armature without one: stay at the origin, carry the path along the "
        "ground, or path and heading (default %(default)s)")  # fmt: skip
    if mesh:
        parser.add_argument("--mesh", action=argparse.BooleanOptionalAction, default=True,
            help="whether the character's meshes go into the file, or the armature alone (default: they do)")  # fmt: skip
