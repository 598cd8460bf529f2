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
WORKER = (
    "engine/capture.py", "engine/cameras/turning.py", "engine/person/track.py", "engine/person/shots.py", "engine/footage/video.py",
    "engine/detection/detector.py", "engine/kinematics/plausible.py", "contract/outputs.py", "contract/reading.py",
)  # fmt: skip
# What is put together of several: each of its parts has a line of its own, and a test below.
PUT_TOGETHER = {
    "{} {}.", "{} Its log is {}.", "{} The motion is kept in {}.", "{}or name {} in {}.", "{}: {} bones found by {}{}.", ", ...",
    "; close other programs to free memory and try again.", "; try again, and report it with the log if it returns.",
    " Unsure of {} % of the frames: {}{}.", "{} frames ({}) at {}: {} keys on {} bones, frames {} to {}{}.",
    "The worker stopped with code {} before it was done{}; nothing was written, see the log.",
    "The scene's lines and the person's body disagree by {} degrees about which way is up, and the lines {}; {} does the other.",
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
    ] + [ROOT / name for name in WORKER]  # fmt: skip
    return set().union(*map(made_in, files))


def test_every_sentence_made_in_code_has_its_german():
    found = shown()
    assert len(found) > 100  # the search itself works
    missing = {text for text in found if text.strip() not in WORDS and text not in PUT_TOGETHER}
    assert sorted(missing) == []


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
