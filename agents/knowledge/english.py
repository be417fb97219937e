"""Finds English terms in a sentence with small gaps; it knows word forms, no medicine and no denial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.,;:!?()]")
_DROPPED = frozenset(
    "a an the my his her its our your their some any very really quite so rather bit little lot pretty too of".split()
)
_JOINERS = frozenset("and or but nor with without no not never because when if".split())
_PARTICLES = frozenset("up out off down over".split())
_OBJECTS = frozenset("me him it them everything anything food water".split())
"""All that may stand between a verb and its particle: 'throw it up', but not 'knock myself out'."""
_PLACES = frozenset("in of at on to round around across under inside behind over".split())
_SENSATIONS = frozenset("pain tight swell numb itch stiff burn tingl lump weak rash".split())
"""Words that follow a part of the body in a term and precede it in 'a tight feeling in my chest'."""
_SAME = {
    "pain": "ache aches aching achy hurt hurts hurting sore painful pains",
    "belly": "stomach tummy tum abdomen gut guts",
    "tight": "tightness tightening",
    "stiff": "stiffness",
    "numb": "numbness",
    "weak": "weakness",
    "itch": "itchy itchiness",
    "can": "could",
    "be": "is am are was were been being",
    "have": "has had having",
    "go": "went gone goes",
    "come": "came",
    "feel": "felt",
    "lose": "lost",
    "throw": "threw thrown",
    "wake": "woke woken",
    "swell": "swollen swelled swelling",
    "shake": "shook shaken",
    "bleed": "bled",
    "spin": "spun",
    "break": "broke broken",
    "sting": "stung",
    "bite": "bit bitten",
    "sleep": "slept",
    "eat": "ate eaten",
    "fall": "fell fallen",
    "get": "got gotten",
    "keep": "kept",
    "run": "ran",
    "cut": "cutting",
}
"""Forms and lay words that stand for each other, in terms as in speech."""
_BASE = {form: base for base, forms in _SAME.items() for form in forms.split()}
INNER_NEGATORS = frozenset("not never no".split())
MAX_GAP = 2


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its stem, which sentence it stands in, whether a comma or the like stands before it."""

    text: str
    stem: str
    sentence: int
    after_break: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A term found: word positions, the term's payload, ``denied`` when the term itself states absence."""

    positions: tuple[int, ...]
    finding: str
    denied: bool


class EnglishTerms:
    """Term index by first stem. Terms are (text, finding id, states absence)."""

    def __init__(self, terms: Iterable[tuple[str, str, bool]]) -> None:
        """Stem and index the terms."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        self._turned: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        for text, finding, denied in terms:
            stems = _content([word.stem for word in words(text)], [word.text for word in words(text)])
            if stems:
                self._by_first.setdefault(stems[0], []).append((stems, finding, denied))
            if len(stems) == 2 and stems[1] in _SENSATIONS and stems[0] not in _SENSATIONS:
                self._turned.setdefault(stems[1], []).append((stems[::-1], finding, denied))

    def find(self, listed: list[Word]) -> list[Span]:
        """Return the terms in ``listed``; a term inside a longer one is left out."""
        kept = [i for i, word in enumerate(listed) if word.text not in _DROPPED]
        found = [span for start in range(len(kept)) for span in self._at(listed, kept, start)]
        found.sort(key=lambda span: (-len(span.positions), span.positions, span.finding))
        accepted: list[Span] = []
        for span in found:
            own = set(span.positions)
            if not any(own < set(other.positions) for other in accepted):
                accepted.append(span)
        return accepted

    def _at(self, listed: list[Word], kept: list[int], start: int) -> Iterator[Span]:
        for stems, finding, denied in self._by_first.get(listed[kept[start]].stem, ()):
            positions = _follow(listed, kept, start, stems)
            if positions:
                yield Span(positions, finding, denied)
        for stems, finding, denied in self._turned.get(listed[kept[start]].stem, ()):
            positions = _follow(listed, kept, start, stems)
            if positions and any(word.text in _PLACES for word in listed[positions[0] : positions[-1]]):
                yield Span(positions, finding, denied)


def words(text: str) -> list[Word]:
    """Split into words with stems; punctuation becomes sentence numbers and break marks."""
    listed: list[Word] = []
    sentence, broken = 0, False
    for token in _WORD.findall(spelled_out(text)):
        if token in ".!?;":
            sentence, broken = sentence + 1, False
        elif not token[0].isalnum():
            broken = True
        else:
            listed.append(Word(token, _stem(token), sentence, broken))
            broken = False
    return listed


@lru_cache(maxsize=4096)
def spelled_out(text: str) -> str:
    """Return lower-case text with 'not' as a word of its own: don't is 'do not', can't is 'can not'."""
    plain = text.lower().replace("’", "'").replace("cannot", "can not").replace("can't", "can not")
    return plain.replace("won't", "will not").replace("n't", " not")


def _follow(listed: list[Word], kept: list[int], start: int, stems: tuple[str, ...]) -> tuple[int, ...]:
    """Return the positions of ``stems`` from ``kept[start]`` on with small gaps, or nothing."""
    positions, at = [kept[start]], start
    for stem in stems[1:]:
        for ahead in range(at + 1, min(at + 2 + MAX_GAP, len(kept))):
            word = listed[kept[ahead]]
            if word.sentence != listed[kept[at]].sentence or _broken(listed, kept[at], kept[ahead]):
                return ()
            if word.stem == stem:
                at = ahead
                positions.append(kept[ahead])
                break
            if word.text in _JOINERS and word.text not in INNER_NEGATORS:
                return ()
            if stem in _PARTICLES and word.text not in _OBJECTS:
                return ()
        else:
            return ()
    return tuple(positions)


def _broken(listed: list[Word], first: int, last: int) -> bool:
    return any(listed[i].after_break for i in range(first + 1, last + 1))


def _content(stems: list[str], texts: list[str]) -> tuple[str, ...]:
    content = tuple(stem for stem, text in zip(stems, texts, strict=True) if text not in _DROPPED)
    return content or tuple(stems)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    bare = word.removesuffix("'s")
    return str(_BASE.get(bare) or Stemmer.Stemmer("english").stemWord(bare))
