"""Sentences are broken; how they look is seen in docs."""

from __future__ import annotations

from kinolift_extension.addon.sentences import _lines


def test_sentences_are_broken_where_the_sidebar_ends():
    sentence = "There is no video /a/very/long/folder/of/many/words/clip.mp4; check the path."
    lines = _lines(sentence, 24)
    assert all(len(line) <= 24 for line in lines) and lines[0] == "There is no video" and "…clip.mp4; check the" in lines[1]
    assert _lines("", 24) == [] and len(_lines("x" * 100, 24)[0]) == 24
