"""Words and sentences of ours, in the language that Blender speaks."""

from __future__ import annotations

import re
from typing import Final

import bpy

from . import de_sentences
from .matching import Language

# Blender's own word wins over an add-on's in the contexts that it knows ("Level" is its "Stufe"); this one is ours alone.
CONTEXT: Final = "Kinolift"
_LANGUAGE: Final = Language(de_sentences.SENTENCES, de_sentences.PHRASES)

# What the command's options are called in the panel. Sentences that both tell name the option; nobody in a window knows those.
NAMES: Final = {
    "height": "Height", "fov": "Field of View", "start": "Start", "end": "End", "detector": "Detector", "device": "Device",
    "hypotheses": "Hypotheses", "steps": "Steps", "refiner": "Refiner", "seed": "Seed", "smooth": "Smooth", "feet": "Feet", "root": "Root",
    "camera-motion": "Camera Motion", "level": "Level", "shot": "Shot", "person": "Person", "people": "People", "simplify": "Simplify",
}  # fmt: skip
_OPTION: Final = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)( N\b)?")


def word(text: str) -> str:
    """A word or a label of ours as a person reads it; in English, and where no translation is known, as it is."""
    return str(bpy.app.translations.pgettext_iface(text, CONTEXT))


def translated(sentence: str) -> str:
    """A sentence made in code as a person reads it: in English where no translation is known, options by the names of their fields."""
    return _OPTION.sub(_named, _LANGUAGE.translated(sentence, word))


def _named(option: re.Match[str]) -> str:
    """`--shot N` as the panel calls it; what the panel has not stays."""
    return f"“{word(NAMES[option[1]])}”" if option[1] in NAMES else option[0]
