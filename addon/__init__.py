"""The add-on: what Blender shows and builds. The heavy work is done by `engine`, in a process of its own (see `worker`)."""

from __future__ import annotations

from collections.abc import Sequence

_commands: list[object] = []  # Blender's handles of our commands, needed to take them back


def register() -> None:
    import bpy

    from . import operators, panel, preferences, properties
    from .retarget import interface

    for module in (preferences, properties, operators, panel, interface):
        for kind in module.CLASSES:
            bpy.utils.register_class(kind)
    properties.attach()
    interface.attach()
    _commands.append(bpy.utils.register_cli_command("kinolift", _command))


def unregister() -> None:
    import bpy

    from . import operators, panel, preferences, properties, readiness, worker
    from .retarget import interface

    readiness.end()
    operators.stop_running()
    worker.end_all()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    interface.detach()
    properties.detach()
    for module in (interface, panel, operators, properties, preferences):
        for kind in reversed(module.CLASSES):
            bpy.utils.unregister_class(kind)


def _command(argv: Sequence[str]) -> int:
    """`blender --command kinolift ...`; imported only when it is called, Blender starts without it."""
    from .command_line import main

    return main(argv)
