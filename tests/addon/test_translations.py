"""The other language is complete: every label, tooltip and choice that Blender shows of ours."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import bpy
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import translations
from kinolift_extension.addon.locale import de, said
from kinolift_extension.addon.locale.said import translated
from kinolift_extension.addon.panel import FOLDS
from kinolift_extension.addon.quality import COSTS
from kinolift_extension.contract.events import STAGES

NAMES = {"Kinolift"}  # of the project and what Blender translates itself


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def shown() -> Iterator[str]:
    """What is written in classes and properties of ours, and in the panel's own headers."""
    inherited = {p.identifier for kind in (bpy.types.Operator, bpy.types.PropertyGroup) for p in kind.bl_rna.properties}
    inherited |= {"filepath", "check_existing", "files", "directory", "remove_name", "remove_active"}
    for module in addon._modules():
        for kind in module.CLASSES:
            if issubclass(kind, bpy.types.Operator):
                yield from (kind.bl_label, kind.bl_rna.description)
            if not issubclass(kind, bpy.types.Operator | bpy.types.PropertyGroup):
                yield kind.bl_label if hasattr(kind, "bl_label") else ""
                continue
            for member in kind.bl_rna.properties:
                if member.identifier in inherited or "HIDDEN" in str(getattr(member, "is_hidden", "")):
                    continue
                if not member.description and member.name.lower().replace(" ", "_") == member.identifier:
                    continue  # of the program, not of the panel
                yield from (member.name, member.description)
                if member.type == "ENUM":
                    for item in member.enum_items_static:
                        yield from (item.name, item.description)
    yield from (title for _, title, *_ in FOLDS)
    yield from (*COSTS.values(), *STAGES.values())


def test_nothing_is_left_in_english():
    missing = {text for text in shown() if text and text not in NAMES and text not in de.WORDS and " " in text}
    assert sorted(missing) == []


def test_the_words_arrive_in_blender():
    view = bpy.context.preferences.view
    names = {item.identifier for item in view.bl_rna.properties["language"].enum_items}
    if not {"de_DE", "de"} & names:
        pytest.skip("this Blender was built without languages")
    before, view.language = view.language, "de" if "de" in names else "de_DE"
    view.use_translate_interface = True
    try:
        assert bpy.app.translations.pgettext_iface("Refine Again") == "Neu verfeinern"
        assert translated("Look at 1 place, 4 % of the frames: mostly hidden.") == "Sieh 1 Stelle an, 4 % der Bilder: meist: verdeckt."
    finally:
        view.language = before


def test_the_words_of_sentences_are_given_to_blender(monkeypatch):
    """Without a Blender that has languages: what `attach` registers is what `translated` asks for."""
    given = {}
    fake = SimpleNamespace(
        register=lambda name, tables: given.update(tables["de_DE"]),
        pgettext_iface=lambda text: given.get(("*", text), text),
    )
    for module in (translations, said):
        monkeypatch.setattr(module, "bpy", SimpleNamespace(app=SimpleNamespace(translations=fake)))
    sentence = "Look at 1 place, 4 % of the frames: mostly hidden."
    assert translated(sentence) == sentence
    translations.attach()
    assert translated(sentence) == "Sieh 1 Stelle an, 4 % der Bilder: meist: verdeckt."


def test_in_english_a_sentence_stays_as_it_is():
    said = "Unsure of 9 % of the frames: 1.0-2.0 s (hidden) and 2 more."
    assert translated(said) == said
