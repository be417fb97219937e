"""Names of conditions in running text, in either language; it knows names and denials, not what is true."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from agents.knowledge.names import condition_names
from scenarios.schema import Condition, Diagnosis, Language

REFERENCE = "reference"
"""The concept of the case's own diagnosis in the results of this file."""

_TOKEN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]", re.IGNORECASE)
# Names that are also English words: they count only in capitals.
_WORDLIKE = frozenset("all aids cap sad add pad gas af bv oa ra uc mi pe tb".split())
# Two letters that are a diagnosis and no word; other names need three letters or two characters.
_SHORT = frozenset((word,) for word in ("mi", "tb", "pe", "uc", "af", "bv", "oa", "ra"))
_NEAR = 80
_DENIED_BEFORE: dict[Language, str] = {
    "zh": r"(?:不(?:太|大)?(?:是|像|考虑|支持|符合|属于|至于)|(?<!不能)(?<!不能完全)(?<!不)排除|除外|并非|没有"
    r"|未见|无|否认|有没有|是否|是不是|以免|避免|预防|防止|以防|导致|引起|引发|发展成|变成|并发|病史|既往|家族|家里"
    r"|您说|您提到|以前|之前|曾经|如果(?!不)|若是?|一旦|万一|风险)[^，,。；;：:]{0,14}$",
    "en": r"(?:\bnot|n't|n’t|\bno|\brul(?:e|ed|es|ing) out|\bexclud\w+|\bunlikely|\brather than|\bwithout"
    r"|\binstead of|\bless likely|\bnegative for|\b(?:check|test|screen)(?:ing)? for|\bwhether|\bif|\bunless"
    r"|\bprevent\w*|\bavoid|\brisk of|\blead(?:s|ing)? to|\bprogress(?:es)? to|\bcomplications?|\bhistory of"
    r"|\byou (?:mentioned|said|told)|\bfamily|\bprevious(?:ly)?|\bpast)\b[^,.;:]{0,40}$",
}
_DENIED_AFTER: dict[Language, str] = {
    "zh": r"^[^，,。]{0,6}(?:可能性(?:不大|很?小|较?低)|(?:基本)?(?:可以|已经?)?排除(?!不)|的?(?:病?史|家族史|风险))",
    "en": r"^[^,.;]{0,12}?\b(?:(?:is|are|seems?|looks|appears?) (?:very |quite |less )?(?:unlikely|less likely|not)"
    r"|(?:can be|has been|have been|was|is) (?:ruled out|excluded))\b",
}
_TURN_OF_THOUGHT: dict[Language, str] = {
    "zh": r"但是?|而是|不过|更像|更可能",
    "en": r"\bbut\b|\bhowever\b|\bmore likely\b|\brather it\b",
}


@dataclass(frozen=True, slots=True)
class _Name:
    """One name as tokens; ``unqualified`` when it is another name without 'acute', ``capitals`` when only so."""

    words: tuple[str, ...]
    concept: str
    unqualified: bool
    capitals: bool


_Table = dict[str, tuple[_Name, ...]]
"""Names by their first token, longest first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A name found in normalised text; ``name`` says as what."""

    name: _Name
    concept: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The case's own names, then all known conditions'; ``kin`` are known conditions that are the reference."""

    own: _Table
    known: _Table
    kin: frozenset[str]

    def find(self, text: str) -> list[Hit]:
        """Return the names in normalised ``text``, in order; the longest wins, the case's own on a tie."""
        spans = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
        words = [_stem(word) for word, _, _ in spans]
        hits: list[Hit] = []
        at = 0
        while at < len(words):
            name = self._longest(words, at, spans[at][0].isupper())
            if name is None:
                at += 1
                continue
            concept = REFERENCE if name.concept in self.kin else name.concept
            hits.append(Hit(name, concept, spans[at][1], spans[at + len(name.words) - 1][2]))
            at += len(name.words)
        return hits

    def _longest(self, words: list[str], at: int, in_capitals: bool) -> _Name | None:
        best: _Name | None = None
        for table in (self.own, self.known):
            for name in table.get(words[at], ()):
                if best and len(name.words) <= len(best.words):
                    break
                if tuple(words[at : at + len(name.words)]) == name.words and (in_capitals or not name.capitals):
                    best = name
                    break
        return best


def normalise(text: str) -> str:
    """Fold width and accents, drop possessives, and close up hyphens; letters keep their case."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFKC", "".join(c for c in parts if not unicodedata.combining(c)))
    return re.sub(r"(?<=\w)-(?=\w)", "", re.sub(r"['’]s\b", "", text))


@cache
def _stem(token: str) -> str:
    """Lower case, one spelling for British and American, and no plural."""
    word = token.lower()
    if not word.isascii():
        return word
    word = re.sub(r"our$", "or", word.replace("ae", "e").replace("oe", "e"))
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and re.search(r"(?:ss|x|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if len(word) > 3 and re.search(r"[^sui]s$", word) else word


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Return the comparable tokens of a name: English words without plural, Chinese characters."""
    return tuple(_stem(word) for word in _TOKEN.findall(normalise(name)))


def _variants(name: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """A name, its parts around a parenthesis, with spaces for hyphens, and (flagged) without 'acute'."""
    plain = unicodedata.normalize("NFKC", name)
    outer = re.sub(r"\s*\([^()]*\)", "", plain)
    for form in (plain, outer, *re.findall(r"\(([^()]{3,})\)", plain), outer.replace("-", " ")):
        found = tokens(form)
        yield found, False
        for prefix in (("急", "性"), ("acute",)):
            if found[: len(prefix)] == prefix:
                yield found[len(prefix) :], True


def _table(named: Iterable[tuple[str, str]]) -> _Table:
    """Index (name, concept) pairs; whole names come before variants, earlier pairs before later ones."""
    pairs = list(named)
    entries: dict[tuple[str, ...], _Name] = {}
    forms = [(tokens(name), False, concept) for name, concept in pairs]
    forms += [(words, bare, concept) for name, concept in pairs for words, bare in _variants(name)]
    without_acute = {(words, concept) for words, bare, concept in forms if bare}
    for words, _, concept in forms:
        if sum(map(len, words)) >= (3 if words and words[0].isascii() else 2) or words in _SHORT:
            capitals = len(words) == 1 and words[0] in _WORDLIKE
            entries.setdefault(words, _Name(words, concept, (words, concept) in without_acute, capitals))
    by_first: dict[str, list[_Name]] = {}
    for entry in entries.values():
        by_first.setdefault(entry.words[0], []).append(entry)
    return {first: tuple(sorted(group, key=lambda n: -len(n.words))) for first, group in by_first.items()}


@cache
def _known() -> _Table:
    return _table((name, group[0]) for group in condition_names() for name in group)


@lru_cache(maxsize=1024)
def lexicon(diagnosis: Diagnosis | None) -> Lexicon:
    """Return the names to look for: the reference's, its differentials', then all known conditions'.

    A known condition lends its other names to the reference when its main name is one of the reference's names
    or the reference's main name is one of its names, unless the case lists it as a differential.
    """
    if diagnosis is None:
        return Lexicon({}, _known(), frozenset())
    own = _names(diagnosis)
    rivals = {tokens(name) for d in diagnosis.differentials for name in _names(d)}
    own_tokens = {tokens(name) for name in own}
    kin = frozenset(
        group[0]
        for group in condition_names()
        if not {tokens(name) for name in group[:2]} & rivals
        and ({tokens(name) for name in group[:2]} & own_tokens or tokens(own[0]) in map(tokens, group))
    )
    named = [(name, REFERENCE) for name in own]
    named += [(name, d.name) for d in diagnosis.differentials for name in _names(d)]
    return Lexicon(_table(named), _known(), kin)


def _names(condition: Condition) -> tuple[str, ...]:
    return (condition.name, *condition.aliases)


def mentions(statement: str, language: Language, names: Lexicon) -> list[str]:
    """Return the concepts that a statement asserts, in order; denied, past and hypothetical ones are left out."""
    text = normalise(statement)
    return [
        hit.concept
        for hit in names.find(text)
        if not _denied(text[max(0, hit.start - _NEAR) : hit.start], text[hit.end : hit.end + _NEAR], language)
        and not _is_chronic(hit, text)
    ]


def ranked(texts: Iterable[str], names: Lexicon) -> list[str]:
    """Return the concepts of a differential stated as data; what no list knows keeps its own place."""
    found = [(names.find(normalise(text)), text) for text in texts]
    return list(dict.fromkeys(hits[0].concept if hits else text for hits, text in found))


def is_bare_name(statement: str, names: Lexicon) -> bool:
    """Whether a statement is nothing but a condition's name ('Acute appendicitis.')."""
    bare = normalise(statement).strip(" 。.!！")
    text = re.sub(r"^(?:急性|慢性|(?:an? )?(?:acute|chronic)? ?)", "", bare, flags=re.IGNORECASE)
    hits = names.find(text)
    return bool(hits) and hits[0].start == 0 and hits[0].end == len(text)


def _denied(before: str, after: str, language: Language) -> bool:
    turns = [m.end() for m in re.finditer(_TURN_OF_THOUGHT[language], before, re.IGNORECASE)]
    clause = before[turns[-1] :] if turns else before
    return bool(
        re.search(_DENIED_BEFORE[language], clause, re.IGNORECASE)
        or re.search(_DENIED_AFTER[language], after, re.IGNORECASE)
    )


def _is_chronic(hit: Hit, text: str) -> bool:
    """Whether 'chronic' stands before a name that was found without its 'acute'."""
    before = text[max(0, hit.start - _NEAR) : hit.start]
    chronic = r"慢性[\u4e00-\u9fff]{0,4}$|\bchronic(?: \w+)? $"
    return hit.name.unqualified and bool(re.search(chronic, before, re.IGNORECASE))
