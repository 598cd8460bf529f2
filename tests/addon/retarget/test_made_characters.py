"""Public rigs by their names and shapes: every bone is found rightly, the motion goes on, and what is no person or unclear is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kinolift_extension.addon.retarget.mapping import find_mapping

sys.path.insert(0, str(Path(__file__).parent))
import made_characters

PEOPLE = {character.title: character for character in made_characters.characters()}


@pytest.mark.parametrize("title", PEOPLE)
def test_every_bone_is_found(title):
    character = PEOPLE[title]
    mapping = find_mapping(made_characters.build(character))
    assert mapping.bones == character.truth
    assert mapping.preset == character.found
