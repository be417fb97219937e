"""The searchable index of one case's items, as its patient knows them; it composes no answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import bm25s

from agents.patients.concepts import concepts, mentions, things
from agents.patients.questions import PRESENT_ILLNESS, wording
from agents.patients.text import content, content_runs, normal, stem, words
from scenarios.schema import Absence, Case, Disclosure, Fact, Language, Topic

CACHED_CASES = 1024
_COVERAGE = {"en": 0.5, "zh": 0.45}
"""Least share of a question's weighted content words that an item must hold to be meant by it."""
_ALLERGIC = r"过敏|allerg|react"
_RELATIVES = r"家里人|家族|亲属|父母|\b(family|relatives?|parents?)\b"
_NO_QUALIFIER = frozenset("recent new other known unusual sudden severe recurrent".split())
_TIME = {
    "en": r"\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|couple|few|several|a|an|last|past)[ -]"
    r"(of )?(minute|hour|day|night|week|month|year|morning|evening|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday|spring|summer|autumn|winter)|yesterday|\bago\b|this morning|since|suddenly|gradually|tonight",
    "zh": r"[\d一二三四五六七八九十两半几多]+个?(多)?(分钟|小时|钟头|天|日|周|星期|月|年|晚)|昨|前天|今早|今天|"
    r"早上开始|突然|逐渐|慢慢|以来",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A fact, an absence, or the opening sentence (``id`` empty)."""

    id: str
    topic: Topic
    disclosure: Disclosure
    text: str
    present: bool
    critical: bool
    order: int
    concepts: frozenset[str]
    cues: tuple[str, ...]

    def is_family(self) -> bool:
        """Whether it is about relatives, not about the patient."""
        if self.topic == "family_history":
            return True
        return not self.present and bool(re.search(_RELATIVES, self.text, re.I))


class CaseIndex:
    """Items of one case with their concepts and a BM25 index over texts, names and cues."""

    def __init__(self, case: Case) -> None:
        """Read every fact, absence and the opening sentence."""
        self.case = case
        self.language: Language = case.language
        self.items: tuple[Item, ...] = tuple(_items(case))
        self.by_id = {item.id: item for item in self.items if item.id}
        self.known = frozenset(concept for item in self.items for concept in item.concepts)
        corpus = [content(" ".join((item.text, *item.cues)), self.language) for item in self.items]
        self._terms = [frozenset(doc) for doc in corpus]
        self._bm25 = bm25s.BM25()
        self._bm25.index(corpus, show_progress=False)

    def facts(self, topic: Topic) -> list[Item]:
        """Return the facts of a topic in case order."""
        return [item for item in self.items if item.id and item.present and item.topic == topic]

    def naming(self, concept: str, pool: Iterable[Item]) -> list[Item]:
        """Return the items of ``pool`` that speak of the concept: the narrowest first, the opening last."""
        hits = [item for item in pool if concept in item.concepts]
        return sorted(hits, key=lambda i: (not i.present, not i.id, len(i.concepts), i.order))

    def cued(self, question: str, pool: Iterable[Item]) -> list[Item]:
        """Return items one of whose own cues the question says."""
        said = _flat(question, self.language)
        allergic = bool(re.search(_ALLERGIC, question, re.I))
        pool = [item for item in pool if item.present or item.topic != "allergies" or allergic]
        return [item for item in pool if any(_flat(cue, self.language) in said for cue in item.cues)]

    def ruled_out(self, phrase: str, pool: Iterable[Item]) -> list[Item]:
        """Return the absence whose unlisted name the phrase says, as in "drooling"; at most one."""
        hits = [item for item in self.alike(phrase, pool) if not item.present]
        terms = set(content(phrase, self.language))
        return [i for i in hits if 2 * len(terms & self._terms[i.order]) >= len(self._terms[i.order])][:1]

    def alike(self, phrase: str, pool: Iterable[Item]) -> list[Item]:
        """Return the items that hold most of the phrase's content words, best BM25 score first."""
        terms = content(phrase, self.language)
        if not terms or not self.items:
            return []
        scores = self._bm25.get_scores(terms)
        hits = []
        for item in pool:
            shared = sum(term in self._terms[item.order] for term in terms)
            if shared / len(terms) >= _COVERAGE[self.language] and (shared > 1 or len(terms) <= 2):
                hits.append(item)
        return sorted(hits, key=lambda i: (-float(scores[i.order]), i.order))


def listed(question: str, language: Language) -> list[str]:
    """Return the members of a list of things that a question names."""
    border = r"[、，,；;。？?]|或者?|还是|和" if language == "zh" else r"[,;.?]|\b(?:or|and)\b"
    return [piece.strip() for piece in re.split(border, question) if piece.strip()]


def narrower(item: Item, concept: str, question: str, language: Language) -> bool:
    """Whether an absence rules out less than what is asked: "chest pain at rest" when chest pain is."""
    extra = _qualifiers(item.text, language)
    if any(word in _flat(question, language) for word in extra):
        return False
    own = {thing.concept for thing in things(item.text, language)}
    return bool(extra) or ("@" not in concept and concept not in own and any(c.startswith(f"{concept}@") for c in own))


def qualified(item: Item, language: Language) -> bool:
    """Whether an absence's name says more than a listed word: when, where or how."""
    return bool(_qualifiers(item.text, language))


@lru_cache(maxsize=8192)
def _qualifiers(name: str, language: Language) -> tuple[str, ...]:
    """Return the words of a name, as ``_flat`` writes them, that no listed word covers."""
    covered = list(mentions(name, language))
    if language == "zh":
        rest = "".join(" " if any(m.start <= n < m.end for m in covered) else c for n, c in enumerate(name))
        return tuple(word for word in content_runs(rest) if len(word) > 1)
    spelt = words(name.replace("-", " "))
    left = [w for n, w in enumerate(spelt) if not any(m.start <= n < m.end for m in covered)]
    return tuple(f" {stem(word)} " for word in left if content(word, language) and word not in _NO_QUALIFIER)


def tells_time(text: str, language: Language) -> bool:
    """Whether the text says when or for how long."""
    return bool(re.search(_TIME[language], text, re.I))


def _items(case: Case) -> Iterable[Item]:
    order = 0
    listed: tuple[Fact | Absence, ...] = (*case.facts, *case.absences)
    for thing in listed:
        yield _item(thing, order, case.language)
        order += 1
    opening = case.chief_complaint
    yield Item("", "associated", "volunteered", opening, True, False, order, concepts(opening, case.language), ())


def _item(thing: Fact | Absence, order: int, language: Language) -> Item:
    text = thing.text if isinstance(thing, Fact) else thing.name
    core = text if isinstance(thing, Fact) else _core(text, language)
    level: Disclosure = thing.disclosure if isinstance(thing, Fact) else "specific"
    found = (concepts(core, language) or concepts(text, language)).union(
        *(concepts(cue, language) for cue in thing.cues)
    )
    cues = tuple(cue for cue in thing.cues if _names_something(cue, language))
    return Item(thing.id, thing.topic, level, text, isinstance(thing, Fact), thing.critical, order, found, cues)


def _core(name: str, language: Language) -> str:
    """Return what an absence is of, without the circumstances ("shaking that settles with a drink")."""
    parts = re.split(r"\b(?:with|when|while|after|that|during|before|for|than)\b", name)
    return parts[0] if language == "en" and parts[0].strip() else name


def _names_something(cue: str, language: Language) -> bool:
    """Whether a cue names a thing; question words ("when", 多久) only name a topic."""
    if not content(cue, language):
        return False
    asks = any(topic in PRESENT_ILLNESS for topic in wording(cue, language).topics)
    return not asks or bool(things(cue, language)) or (language == "zh" and len(cue) > 3)


def _flat(text: str, language: Language) -> str:
    if language == "zh":
        return normal(text)
    return " " + " ".join(stem(word) for word in words(text.replace("-", " "))) + " "


@lru_cache(maxsize=CACHED_CASES)
def index_of(case: Case) -> CaseIndex:
    """Return the case's index; built once, the oldest are dropped beyond ``CACHED_CASES``."""
    return CaseIndex(case)
