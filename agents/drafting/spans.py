"""Finds a quote in a note, letter by letter or nearly so, and says how sure that is; it knows no model and no case.

Letters are compared without blanks, width (ＣＴ = CT) and brackets. A quote that is only nearly there counts when
its numbers and its denials are those of the place it is nearest to: "3 days" never stands for "8 days", nor "no fever"
for "fever".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz import fuzz

LEAST_EXACT, LEAST_NEAR = 2, 6
"""Characters, blanks not counted; a shorter quote proves nothing."""
NEAR = 88.0
"""Least similarity, 0 to 100, of a quote that is not there letter by letter."""
_IGNORED = frozenset("〔〕[]‹›<>⟦⟧⏎\"'“”‘’「」『』`")
_DENIES = re.compile(
    r"不|无|無|没|沒|否认|否認|未|非(?!常)|阴性|\b(?:no|not|nor|none|non|never|without|den(?:y|ies|ied)|negative|absent|cannot|"
    r"free of)\b|n't\b", re.I,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?|[零一二三四五六七八九十百两半]+(?=[年月周天日时小分次岁度个片粒公斤斤])")
_ZH_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}


@dataclass(frozen=True, slots=True)
class Span:
    """Where a quote stands: ``note[start:end]``. ``exact`` is False when it is only nearly the same."""

    start: int
    end: int
    exact: bool = True
    similarity: float = 100.0


class Note:
    """A note, prepared for looking quotes up."""

    def __init__(self, text: str) -> None:
        """Keep the text and where each compared letter stands in it."""
        self.text = text
        self._letters, self._places = _letters(text)

    def find(self, quote: str) -> Span | None:
        """Return where ``quote`` stands; None when the note does not hold it."""
        wanted = _letters(quote)[0]
        if len(wanted) < LEAST_EXACT:
            return None
        start = self._letters.find(wanted)
        while start >= 0:
            if self._whole_words(start, start + len(wanted)):
                return self._span(start, start + len(wanted))
            start = self._letters.find(wanted, start + 1)
        return self._nearly(quote, wanted)

    def says(self, span: Span) -> str:
        """Return the note's own words at a place."""
        return self.text[span.start : span.end]

    def _nearly(self, quote: str, wanted: str) -> Span | None:
        if not LEAST_NEAR <= len(wanted) <= len(self._letters):
            return None
        found = fuzz.partial_ratio_alignment(wanted, self._letters, score_cutoff=NEAR)
        if found is None or found.dest_end <= found.dest_start:
            return None
        span = self._span(found.dest_start, found.dest_end, similarity=round(found.score, 1))
        there = self.says(span)
        same = numbers(there) == numbers(quote) and len(_DENIES.findall(there)) == len(_DENIES.findall(quote))
        return span if same else None

    def _span(self, start: int, end: int, similarity: float = 100.0) -> Span:
        return Span(self._places[start], self._places[end - 1] + 1, similarity == 100.0, similarity)

    def _whole_words(self, start: int, end: int) -> bool:
        """Whether the place does not begin or end inside a Latin word or a number."""
        first, last = self._places[start], self._places[end - 1]
        return not (_joined(self.text, first - 1) or _joined(self.text, last))


def denies(text: str) -> bool:
    """Whether a text says that something is not there."""
    return bool(_DENIES.search(text))


def numbers(text: str) -> list[float]:
    """Return the numbers of a text in their order; Chinese ones count before a unit (三天, 两周)."""
    return [_value(found) for found in _NUMBER.findall(unicodedata.normalize("NFKC", text))]


def _value(written: str) -> float:
    if written[0].isdigit():
        return float(written)
    hundreds, _, rest = written.rpartition("百")
    tens, mark, ones = rest.rpartition("十")
    value = 100.0 * _ZH_DIGITS.get(hundreds, 1 if "百" in written else 0)
    value += 10.0 * _ZH_DIGITS.get(tens, 1) if mark else 0.0
    return value + (0.5 if ones == "半" else _ZH_DIGITS.get(ones[-1:], 0))


def _letters(text: str) -> tuple[str, list[int]]:
    """Return what is compared, and the place in ``text`` of each of its characters."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for letter in unicodedata.normalize("NFKC", char).lower():
            if letter in _IGNORED or letter.isspace() or unicodedata.category(letter).startswith("C"):
                continue
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def _joined(text: str, place: int) -> bool:
    """Whether the characters at ``place`` and behind it belong to one Latin word or number."""
    if not 0 <= place < len(text) - 1:
        return False
    pair = text[place : place + 2]
    return all(char.isascii() and char.isalnum() for char in pair) and pair[0].isdigit() == pair[1].isdigit()
