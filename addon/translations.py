"""Our words in the language that Blender speaks: a file a language under `locale`, each a table from English."""

from __future__ import annotations

import inspect
import typing
from typing import Any, Final

import bpy

from .locale import de, de_sentences
from .locale.said import CONTEXT
from .preferences import PACKAGE

# Blender's names of the language, before 4.5 and since.
_LANGUAGES: Final = {("de_DE", "de"): de.WORDS | de_sentences.SENTENCES | de_sentences.PHRASES}
# Tooltips, and why a button is grey, are looked up in Blender's own context whatever we say.
_CONTEXTS: Final = (CONTEXT, "*")


def attach() -> None:
    tables = {
        name: {(context, english): words for context in _CONTEXTS for english, words in table.items()}
        for names, table in _LANGUAGES.items()
        for name in names
    }
    bpy.app.translations.register(PACKAGE, tables)


def detach() -> None:
    bpy.app.translations.unregister(PACKAGE)


def in_our_context(kind: type) -> None:
    """Before a class is registered: its label and the names of its properties are looked up among our words, not among Blender's."""
    if issubclass(kind, bpy.types.Operator | bpy.types.Panel | bpy.types.Menu):
        kind.bl_translation_context = CONTEXT  # type: ignore[attr-defined]
    own = inspect.get_annotations(kind)
    whole = typing.get_type_hints(kind) if any(isinstance(each, str) for each in own.values()) else own
    kind.__annotations__ = {name: _in_our_context(whole[name]) for name in own}


def _in_our_context(made: Any) -> Any:
    """A property as `bpy.props` leaves it until its class is registered; other annotations stay."""
    if not isinstance(made, bpy.props._PropertyDeferred):
        return made
    return made.function(**{"translation_context": CONTEXT, **made.keywords})
