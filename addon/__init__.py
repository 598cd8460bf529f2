"""The add-on: what Blender shows and builds. The heavy work is done by `engine`, in a process of its own (see `worker`)."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

_commands: list[object] = []  # Blender's handles of our commands, needed to take them back


def register() -> None:
    import bpy

    from . import first_look, handlers, properties, translations
    from .retarget import interface

    for module in _modules():
        for kind in module.CLASSES:
            translations.in_our_context(kind)
            bpy.utils.register_class(kind)
    properties.attach()
    interface.attach()
    translations.attach()
    handlers.attach()
    first_look.attach()
    _commands.append(bpy.utils.register_cli_command("kinolift", _command))


def unregister() -> None:
    import bpy

    from . import behind, first_look, handlers, people_operators, properties, readiness, translations, worker
    from .retarget import interface

    readiness.end()
    behind.stop_all()
    people_operators.stop_all()
    worker.end_all()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    first_look.detach()
    handlers.detach()
    translations.detach()
    interface.detach()
    properties.detach()
    for module in reversed(_modules()):
        for kind in reversed(module.CLASSES):
            bpy.utils.unregister_class(kind)


def _modules() -> list[ModuleType]:
    """Those that have classes of Blender's, in the order in which they are registered."""
    from . import (
        export_operators,
        operators,
        other_operators,
        panel,
        people_operators,
        preferences,
        properties,
        quality,
        review_operators,
        take_operators,
        video_operators,
    )
    from .retarget import interface

    makers = [operators, video_operators, people_operators, review_operators, other_operators, take_operators, interface, export_operators]
    return [preferences, properties, quality, *makers, panel]


def _command(argv: Sequence[str]) -> int:
    """`blender --command kinolift ...`; imported only when it is called, Blender starts without it."""
    from .command_line import main

    return main(argv)
