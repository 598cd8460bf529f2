"""Sentences made in code, in the language that Blender speaks."""

from __future__ import annotations

from typing import Final

import bpy

from . import de_sentences
from .matching import Language

_LANGUAGE: Final = Language(de_sentences.SENTENCES, de_sentences.PHRASES)


def translated(sentence: str) -> str:
    """The sentence as a person reads it; in English, and where no translation is known, as it is."""
    return _LANGUAGE.translated(sentence, bpy.app.translations.pgettext_iface)
