"""Our words in the language that Blender speaks: a file a language under `locale`, each a table from English."""

from __future__ import annotations

from typing import Final

import bpy

from .locale import de, de_sentences
from .preferences import PACKAGE

# Blender's names of the language, before 4.5 and since; labels of operators are looked up in a context of their own.
_LANGUAGES: Final = {("de_DE", "de"): de.WORDS | de_sentences.SENTENCES | de_sentences.PHRASES}
_CONTEXTS: Final = ("*", "Operator")


def attach() -> None:
    tables = {
        name: {(context, english): words for context in _CONTEXTS for english, words in table.items()}
        for names, table in _LANGUAGES.items()
        for name in names
    }
    bpy.app.translations.register(PACKAGE, tables)


def detach() -> None:
    bpy.app.translations.unregister(PACKAGE)
