"""Words and sentences of ours, in the language that Blender speaks."""

from __future__ import annotations

from typing import Final

import bpy

from . import de_sentences
from .matching import Language

# Blender's own word wins over an add-on's in the contexts that it knows ("Level" is its "Stufe"); this one is ours alone.
CONTEXT: Final = "Kinolift"
_LANGUAGE: Final = Language(de_sentences.SENTENCES, de_sentences.PHRASES)


def word(text: str) -> str:
    """A word or a label of ours as a person reads it; in English, and where no translation is known, as it is."""
    return str(bpy.app.translations.pgettext_iface(text, CONTEXT))


def translated(sentence: str) -> str:
    """A sentence made in code as a person reads it; in English, and where no translation is known, as it is."""
    return _LANGUAGE.translated(sentence, word)
