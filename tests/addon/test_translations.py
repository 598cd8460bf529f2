"""The other language is complete, and ours: every label, tooltip and choice of ours, with Blender's own words out of the way."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import translations
from kinolift_extension.addon.locale import de, de_sentences, said
from kinolift_extension.addon.locale.said import CONTEXT, translated, word
from kinolift_extension.addon.panel import FOLDS
from kinolift_extension.addon.quality import COSTS
from kinolift_extension.addon.retarget.roles import ROLES, role_title
from kinolift_extension.contract.events import STAGES

ROOT = Path(__file__).parents[2]
NAMES = {"Kinolift"}  # of the project
GERMAN = de.WORDS | de_sentences.SENTENCES | de_sentences.PHRASES
# of classes that Blender's own are mixed into, and translated by it
INHERITED = {"filepath", "check_existing", "files", "directory", "remove_name", "remove_active", "name"}
KINDS = (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)
# Run in another Blender: which texts does its German know, in its own context and in ours?
ASK = """
import json, sys
from pathlib import Path
import bpy
folder, context = sys.argv[sys.argv.index("--") + 1 :]
view = bpy.context.preferences.view
found = [{}, {}]
if bpy.app.build_options.international:
    view.language = "de_DE" if bpy.app.version < (4, 5) else "de"
    view.use_translate_interface = view.use_translate_tooltips = True
    texts = json.loads(Path(folder, "texts.json").read_text(encoding="utf-8"))
    look_up = bpy.app.translations.pgettext
    found = [{text: look_up(text, where) for text in texts if look_up(text, where) != text} for where in ("*", context)]
Path(folder, "answers.json").write_text(json.dumps(found), encoding="utf-8")
"""


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def german():
    """Blender speaks German, where it was built with languages."""
    view = bpy.context.preferences.view
    if not bpy.app.build_options.international:
        pytest.skip("this Blender was built without languages")
    before, view.language = view.language, "de_DE" if bpy.app.version < (4, 5) else "de"
    view.use_translate_interface = view.use_translate_tooltips = True
    yield
    view.language = before


def classes() -> Iterator[type]:
    for module in addon._modules():
        yield from module.CLASSES


def rna_of(kind: type) -> bpy.types.Struct:
    """What Blender knows of the class; an operator's properties are not with its class."""
    if not issubclass(kind, bpy.types.Operator):
        return kind.bl_rna
    group, name = kind.bl_idname.split(".")
    return getattr(getattr(bpy.ops, group), name).get_rna_type()


def members(kind: type) -> Iterator[bpy.types.Property]:
    """The properties that we have made, and a person may see."""
    inherited = {p.identifier for blender in KINDS for p in blender.bl_rna.properties}
    for member in rna_of(kind).properties if issubclass(kind, KINDS) else ():
        if member.identifier in inherited | INHERITED:
            continue
        if not member.description and member.name.lower().replace(" ", "_") == member.identifier:
            continue  # of the program, not of the panel
        yield member


def labels() -> Iterator[str]:
    """What is looked up in our context: names of classes, of properties and of their choices."""
    for kind in classes():
        yield getattr(kind, "bl_label", "")
        for member in members(kind):
            yield member.name
            yield from (item.name for item in (member.enum_items_static if member.type == "ENUM" else ()))
    yield from (title for _, title, *_ in FOLDS)
    yield from (*COSTS.values(), *STAGES.values(), *map(role_title, ROLES))
    for path in (ROOT / "addon").rglob("*.py"):
        yield from drawn_in(path.read_text(encoding="utf-8"))


def tips() -> Iterator[str]:
    """What Blender looks up in its own context: tooltips, and why a button is grey."""
    for kind in classes():
        if issubclass(kind, bpy.types.Operator):
            yield kind.bl_rna.description
        for member in members(kind):
            yield member.description
            yield from (item.description for item in (member.enum_items_static if member.type == "ENUM" else ()))
    for path in (ROOT / "addon").rglob("*.py"):
        yield from drawn_in(path.read_text(encoding="utf-8"), ("poll_message_set",), ())


def drawn_in(code: str, calls: tuple[str, ...] = ("word", "placeholder"), keywords: tuple[str, ...] = ("text", "heading")) -> Iterator[str]:
    """The words in code that are drawn: given to one of `calls`, or as one of a layout's `keywords`."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = list(node.args[:1]) if name in calls else []
        given += [keyword.value for keyword in node.keywords if keyword.arg in keywords and name != "run"]
        for each in given:
            choices = (each.body, each.orelse) if isinstance(each, ast.IfExp) else (each,)
            yield from (choice.value for choice in choices if isinstance(choice, ast.Constant) and isinstance(choice.value, str))


def test_nothing_is_left_in_english():
    found = {text for text in (*labels(), *tips()) if text.strip(" -") and text not in NAMES}
    assert len(found) > 250 and {"Level", "Quality Report", "Choose a video first", "Left Upper Arm"} <= found
    assert sorted(found - set(GERMAN)) == []


def test_what_is_drawn_is_found_in_code():
    code = 'row.label(text="One", icon="X")\nword("Two")\nrow.prop(x, "y", text="")\nrow.operator("z", text="Three" if a else "Four")'
    assert list(drawn_in(code)) == ["One", "Two", "", "Three", "Four"]


def test_names_are_looked_up_among_our_own_words():
    for kind in classes():
        if issubclass(kind, bpy.types.Operator | bpy.types.Panel | bpy.types.Menu):
            assert rna_of(kind).translation_context == CONTEXT, kind
        for member in members(kind):
            assert member.translation_context == CONTEXT, (kind, member.identifier)
    assert bpy.context.scene.kinolift.bl_rna.properties["level"].translation_context == CONTEXT


def test_in_our_context_leaves_all_else_as_it_was():
    made = rna_of(bpy.types.KINOLIFT_OT_capture).properties["smooth"]
    assert (made.name, made.subtype, made.soft_max) == ("Smooth", "FACTOR", 1.0)
    assert rna_of(bpy.types.KINOLIFT_OT_save_rig_preset).properties["title"].default == "My Rig"


def test_blender_s_own_word_wins_nowhere(tmp_path):
    """In a Blender that has languages, without us: what it makes of our words in its own context and in ours."""
    program = shutil.which(os.environ.get("KINOLIFT_BLENDER", "blender"))
    if program is None:
        pytest.skip("there is no blender on PATH, and KINOLIFT_BLENDER names none")
    texts = sorted({text for text in (*labels(), *tips()) if text.strip(" -") and text not in NAMES})
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    (tmp_path / "ask.py").write_text(ASK, encoding="utf-8")
    script = ["--python-exit-code", "1", "--python", str(tmp_path / "ask.py"), "--", str(tmp_path), CONTEXT]
    words = [program, "--background", "--factory-startup", *script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    own, ours = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    if not own:
        pytest.skip(f"{program} was built without languages")
    other = {text for text in own if own[text] != GERMAN[text]}
    assert "Level" in other  # the question was understood: Blender's is "Stufe"
    assert ours == {}
    assert {text: own[text] for text in tips() if text in other} == {}, "Blender knows these otherwise; say them in other words"


def test_the_words_arrive_in_blender(german):
    assert word("Refine Again") == "Neu verfeinern"
    assert translated("Look at 1 place, 4 % of the frames: mostly hidden.") == "Sieh 1 Stelle an, 4 % der Bilder: meist: verdeckt."


def test_the_words_of_sentences_are_given_to_blender(monkeypatch):
    """Without a Blender that has languages: what `attach` registers is what `translated` asks for."""
    given = {}
    fake = SimpleNamespace(
        register=lambda name, tables: given.update(tables["de_DE"]),
        pgettext_iface=lambda text, context: given.get((context, text), text),
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
