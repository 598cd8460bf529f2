"""Sentences as a person in a window reads them: options by the names that their fields have."""

from __future__ import annotations

import inspect

import pytest
from kinolift_extension.addon import properties
from kinolift_extension.addon.locale import de
from kinolift_extension.addon.locale.said import NAMES, translated
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.options import CaptureOptions


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        (
            "The video has 2 shots (1: 0-2 s, 2: 2-4 s); this is shot 1, which shows a person for longest: --shot N chooses another, "
            "--shot all makes a take of each.",
            "The video has 2 shots (1: 0-2 s, 2: 2-4 s); this is shot 1, which shows a person for longest: “Shot” chooses another, "
            "“Shot” all makes a take of each.",
        ),
        ("At least 5 people are seen, and 4 are followed: --people N follows more.", None),
        ("run `python3 kinolift.py setup --cuda` for clip--start.mp4", "run `python3 kinolift.py setup --cuda` for clip--start.mp4"),
    ],
)  # fmt: skip
def test_options_have_the_names_of_their_fields(sentence: str, read: str | None) -> None:
    said = translated(sentence)
    assert said == read if read is not None else "--" not in said and "“People” follows more" in said


def test_a_refused_value_names_its_field() -> None:
    with pytest.raises(Failure) as refused:
        CaptureOptions(start="soon").check()
    assert translated(refused.value.message).startswith("“Start” is 'soon'")


def test_the_names_are_those_of_the_fields() -> None:
    fields = properties.capture_properties()
    keys = {name.replace("-", "_") for name in NAMES} - {"simplify"}
    assert keys <= set(fields)
    for option in sorted(NAMES.keys() - {"simplify"}):
        assert fields[option.replace("-", "_")].keywords["name"] == NAMES[option]
    assert f'name="{NAMES["simplify"]}"' in inspect.getsource(properties)


def test_each_of_them_has_a_german_name() -> None:
    assert all(name in de.WORDS for name in NAMES.values())
