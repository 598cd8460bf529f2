"""Sentences made in code: every one that the panel can show has its German, and is found again with names and figures in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from kinolift_extension.addon.locale import de, de_sentences
from kinolift_extension.addon.locale.matching import Language, Templates

ROOT = Path(__file__).parents[3]
# Seen in terminals only: those commands speak English.
TERMINALS = {"command_line.py", "command_retarget.py", "console.py", "terminal.py", "batch", "locale"}
# Of the other two rooms: what a person at a terminal runs.
COMMANDS = {"training", "datasets", "commands.py"}
# What readers of files find wrong is half a sentence, told within one of `contract.reading`.
READERS = ("contract", "addon/packed_motion.py", "addon/export/read_back.py", "addon/retarget/gltf_file.py", "addon/retarget/presets.py")
OF_NOBODY = {"a field of view of {} degrees", "feet are held auto, always or never, not {}"}  # faults of a program that calls these
OF_PROGRAMMERS = {"failure.py", "skeleton.py"}  # no reader of files
# What is put together of several: each of its parts has a line of its own, and a test below.
PUT_TOGETHER = {
    "{} {}.", "{} Its log is {}.", "{} The motion is kept in {}.", "{}or name {} in {}.", "; ...", "{}: {} bones found by {}{}.", ", ...",
    "; close other programs to free memory and try again.", "; try again, and report it with the log if it returns.",
    " Unsure of {} % of the frames: {}{}.", "{} frames ({}) at {}: {} keys on {} bones, frames {} to {}{}.",
    "The worker stopped with code {} before it was done{}; nothing was written, see the log.",
    "The scene's lines and the person's body disagree by {} degrees about which way is up, and the lines {}; {} does the other.",
    "{} is not {} {} that can be read ({}); {}.", "{}: install the package of your system that has it.", "{}{}; see {} --help.",
    "There is no {} {}; check the path.", "The {} {} needs more memory than there is; close other programs.",
}  # fmt: skip
GERMAN = Language(de_sentences.SENTENCES, de_sentences.PHRASES)
WORDS = de.WORDS | de_sentences.SENTENCES | de_sentences.PHRASES


def german(text: str) -> str:
    return GERMAN.translated(text, lambda template: WORDS.get(template, template))


def made_in(path: Path) -> set[str]:
    """The sentences in a file's code, with {} for what is put in: strings that end as sentences do, but no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left |= {id(part) for part in ast.walk(node) if part is not node}
        if isinstance(node, ast.keyword) and node.arg == "description":  # of an option: test_translations.py
            left |= {id(part) for part in ast.walk(node.value)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in left:
            continue
        if isinstance(node, ast.JoinedStr):
            found.add("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(re.sub(r"\{[a-z_]+(:[^}]*)?\}", "{}", node.value))
    return {text for text in found if " " in text.strip() and text.rstrip()[-1:] in (".", "?")}


def shown() -> set[str]:
    files = [
        path for path in (ROOT / "addon").rglob("*.py") if not TERMINALS & {path.name, *path.relative_to(ROOT / "addon").parts}
    ] + [
        path for room in ("contract", "engine") for path in (ROOT / room).rglob("*.py") if not COMMANDS & {path.name, *path.parts}
    ]  # fmt: skip
    return set().union(*map(made_in, files))


def template(node: ast.expr | None) -> list[str]:
    """The text of a node as templates have it; both of a choice; [] where it is something else."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)]
    return template(node.body) + template(node.orelse) if isinstance(node, ast.IfExp) else []


def halves_in(path: Path) -> set[str]:
    """Half-sentences that stand in a sentence as its reason, its advice, or what a file should be."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") in ("ValueError", "wrong"):
            found |= {text for given in node.exc.args[:1] for text in template(given)}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reading":
            found |= {text for given in node.args[1:3] for text in template(given)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            name = getattr(node.targets[0] if isinstance(node, ast.Assign) else node.target, "id", "")
            if name in ("why", "whole") or name.endswith(("REPAIR", "ADVICE")):
                found |= set(template(node.value))
    return {text for text in found if text}


def halves() -> set[str]:
    files = {path for name in READERS for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))}
    files |= {path for path in (ROOT / "engine").rglob("*.py") if not COMMANDS & {path.name, *path.parts} and "refiner" not in path.parts}
    files = {path for path in files if path.name not in OF_PROGRAMMERS}
    return set().union(*map(halves_in, files))


def test_every_sentence_made_in_code_has_its_german():
    found = shown()
    assert len(found) > 100  # the search itself works
    missing = {text for text in found if text.strip() not in WORDS and text not in PUT_TOGETHER}
    assert sorted(missing) == []


def test_every_half_of_a_sentence_has_its_german():
    found = halves()
    assert len(found) > 90
    # a whole sentence of its own, of which what is before the reason is a gap
    missing = {half for half in found if half not in WORDS and f"{{}} {half}." not in WORDS and half not in OF_NOBODY}
    assert sorted(missing) == []


def test_a_half_that_lost_its_german_is_found(tmp_path):
    code = tmp_path / "some.py"
    lines = ['REPAIR = "do it again"', 'with reading(path, "odd file", "mend it"):', '    raise ValueError(f"its {name} is odd")']
    code.write_text("\n".join([*lines, 'why = "a" if b else ""']), encoding="utf-8")
    assert halves_in(code) == {"do it again", "odd file", "mend it", "its {} is odd", "a"}


def test_what_is_said_to_be_put_together_still_is():
    assert shown() >= PUT_TOGETHER


def test_a_sentence_that_lost_its_german_is_found(tmp_path):
    code = tmp_path / "some.py"
    code.write_text('"""A docstring."""\nx = f"{name} is upside down; turn it {way}."\ny = "no sentence"\n', encoding="utf-8")
    assert made_in(code) == {"{} is upside down; turn it {}."}


@pytest.mark.parametrize("table", [de_sentences.SENTENCES, de_sentences.PHRASES], ids=["sentences", "phrases"])
def test_the_german_has_the_gaps_of_the_english(table):
    for english, words in table.items():
        gaps = english.count("{}")
        filled = words.format(*(f"<{number}>" for number in range(gaps)))
        wanted = set(range(gaps))
        assert {int(number) for number in re.findall(r"<(\d+)>", filled)} == wanted, english


@pytest.mark.parametrize(
    ("english", "words"),
    [
        ("Good: sure of every frame.", "Gut: in jedem Bild sicher."),
        ("Look at 2 places, 7 % of the frames: mostly hidden.", "Sieh 2 Stellen an, 7 % der Bilder: meist: verdeckt."),
        ("3 of the 90 frames of a.mp4 are damaged and left out.", "3 der 90 Bilder von a.mp4 sind beschädigt und ausgelassen."),
        (
            "90 frames (the person found in 88) at 30 fps (resampled from the video's 29.5): 1980 keys on 22 bones, frames 1 to 90, in "
            "4.2 s.",
            "90 Bilder (die Person in 88 gefunden) mit 30 Bildern je Sekunde (das Video hat 29.5): 1980 Keyframes auf 22 Knochen, Bild "
            "1 bis "
            "90, in 4.2 s.",
        ),
        (
            "Quality: 2.1 px off the picture (0.4 % of the person), planted feet slide 0.9 cm/s, 0.0 mm under the ground, mean "
            "acceleration "
            "4.1 m/s2. A foot stands in 80 % of the frames, the camera turned by 25 degrees, up is known by the scene's lines. Unsure "
            "of 9 % "
            "of the frames: 1.0-2.0 s (hidden), 3.5-3.9 s (filled) and 2 more.",
            "Güte: 2.1 px neben dem Bild (0.4 % der Person), stehende Füße rutschen mit 0.9 cm/s, 0.0 mm unter dem Boden, "
            "Beschleunigung im "
            "Mittel 4.1 m/s2. Ein Fuß steht in 80 % der Bilder, die Kamera drehte sich um 25 Grad, oben zeigen die Linien der Szene. "
            "Unsicher in 9 % der Bilder: 1.0-2.0 s (verdeckt), 3.5-3.9 s (ergänzt) und 2 weiteren Stellen.",
        ),
        ("There is no video /a/b. C/my clip.mp4; check the path.", "Es gibt kein Video /a/b. C/my clip.mp4; prüfe den Pfad."),
        (
            "The worker failed. Its log is /tmp/kinolift-log.txt.",
            "Der Arbeitsprozess ist gescheitert. Das Protokoll ist /tmp/kinolift-log.txt.",
        ),
        (
            "take.npz is not a motion file that can be read (its times do not rise by a frame at least); capture the video again.",
            "take.npz lässt sich nicht als Bewegungsdatei lesen (seine Zeiten steigen nicht um wenigstens ein Bild); nimm das Video neu "
            "auf.",
        ),
        (
            "2 people are seen (1: 0.0-2.8 s, on the left; 2: 0.4-2.8 s, in the middle); this is person 1: --person N chooses another, "
            "--person all makes a take of each.",
            "2 Personen sind zu sehen (1: 0.0-2.8 s, links; 2: 0.4-2.8 s, in der Mitte); dies ist Person 1: Nächste Person geht zu einer "
            "anderen, und bei Person lassen sich alle wählen.",
        ),
        ("There is no motion file /a/take.npz; check the path.", "Es fehlt: Bewegungsdatei /a/take.npz; prüfe den Pfad."),
        (
            "/a/clip.mp4 is not a video that can be read, or is damaged; give an MP4, MOV, MKV, WebM or AVI file.",
            "/a/clip.mp4 ist kein lesbares Video oder beschädigt; gib eine Datei MP4, MOV, MKV, WebM oder AVI an.",
        ),
        (
            "--start 9 lies after the end: clip.mp4 is 2.00 seconds (50 frames) long; choose an earlier start.",
            "Der Anfang 9 liegt hinter dem Ende: clip.mp4 ist 2.00 Sekunden (50 Bilder) lang; wähle einen früheren.",
        ),
        (
            "The detector's model pose_landmarker_heavy.task is damaged; run `python3 kinolift.py setup --again`, or install the extension "
            "again in Blender.",
            "Das Modell pose_landmarker_heavy.task der Erkennung ist beschädigt; führe `python3 kinolift.py setup --again` aus, oder "
            "installiere die Erweiterung in Blender neu.",
        ),
        ("Something new that nobody has translated.", "Something new that nobody has translated."),
        ("", ""),
    ],
)  # fmt: skip
def test_sentences_are_found_again_with_what_was_put_in(english, words):
    assert german(english) == words


def test_names_stay_as_they_are():
    assert german("Saved is in edit mode; leave it first.").startswith("Saved ist")


def test_the_more_particular_template_wins():
    assert Templates(["{} is {}.", "{} is {}; look at it first."]).match("Rig is linked; look at it first.") == (
        "{} is {}; look at it first.", ("Rig", "linked"),
    )  # fmt: skip
