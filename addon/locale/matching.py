"""Sentences that were put together elsewhere, taken apart again: which template made one, and with what. No bpy here.

The worker, a file and a script say their sentences in English, with names and figures in them. The panel shows them in the language that
Blender speaks; so a sentence is recognised by what stands between its gaps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

GAP = "{}"
# A sentence ends here and another begins; not in a file's name, which goes on without a space or in a small letter.
_ENDS = re.compile(r"(?<=[.?!]) (?=[A-Z0-9\"'/-])")
_IN_BRACKETS = re.compile(r"\(([^()]*)\)")

# English template -> the template in another language, itself where there is none.
Translate = Callable[[str], str]


class Templates:
    """English templates with gaps `{}`. Those with more letters of their own come first, so that a general one takes nothing from them."""

    def __init__(self, templates: Iterable[str]) -> None:
        ordered = sorted(templates, key=lambda each: (-len(each.replace(GAP, "")), each))
        self._known = [(each, re.compile(re.escape(each).replace(re.escape(GAP), "(.+?)"), re.DOTALL)) for each in ordered]
        self.match = lru_cache(maxsize=512)(self._match)  # a panel is drawn again with every move of the mouse

    def _match(self, text: str) -> tuple[str, tuple[str, ...]] | None:
        """The template that makes `text`, and what fills its gaps."""
        for template, pattern in self._known:
            if found := pattern.fullmatch(text):
                return template, found.groups()
        return None


class Language:
    """What puts English sentences into another language: by templates of whole sentences, and of phrases within them."""

    def __init__(self, sentences: Iterable[str], phrases: Iterable[str]) -> None:
        self._sentences, self._phrases = Templates(sentences), Templates(phrases)

    def translated(self, text: str, translate: Translate) -> str:
        """The text in the other language; sentences that are not known stay as they are."""
        return self._whole(text, translate) or " ".join(self._whole(each, translate) or each for each in _ENDS.split(text))

    def _whole(self, text: str, translate: Translate) -> str:
        """One sentence, "" where it is not known."""
        if found := self._sentences.match(text):
            return self._filled(found, translate)
        # a row of phrases, with a capital and a full stop
        if not text.endswith("."):
            return ""
        row = [self._phrases.match(each) for each in f"{text[:1].lower()}{text[1:-1]}".split(", ")]
        known = [each for each in row if each is not None]
        if len(known) < len(row):
            return ""
        words = ", ".join(self._filled(each, translate) for each in known)
        return f"{words[:1].upper()}{words[1:]}."

    def _filled(self, found: tuple[str, tuple[str, ...]], translate: Translate) -> str:
        template, gaps = found
        return translate(template).format(*(self._phrase(gap, translate) for gap in gaps))

    def _phrase(self, text: str, translate: Translate) -> str:
        """What fills a gap: a phrase, a list of them, or something with phrases in brackets; names and figures stay as they are."""
        parts = text.split("; ")
        if len(parts) > 1 and self._phrases.match(parts[0]) and self._phrases.match(parts[1]):  # a list
            return "; ".join(self._phrase(part, translate) for part in parts)
        if found := self._phrases.match(text):
            return self._filled(found, translate)
        return _IN_BRACKETS.sub(lambda each: f"({self._phrase(each[1], translate)})", text)
