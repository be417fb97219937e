"""Decides which items of the case a model patient's words have revealed; it asks no model.

A model says itself which entries it tells, and is neither simply believed nor ignored:

* believed, it could raise a doctor's coverage by listing every id, or tell a fact twice;
* ignored, a fact told in free words ("hurts since Tuesday") would be lost, for matching words alone misses paraphrase.

So a claimed id counts when the words bear a trace of the item (a low bar: some of its content words, an amount of its
own, a concept that few items share, or a plain yes or no to a question that named it), and an unclaimed id counts only
when the words say it outright (a high bar: the share that also makes the embedded patient's shortened facts count).
Ids told in earlier turns never count again. "I don't know" and "haven't noticed" reveal nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from agents.amounts import amounts
from agents.patients.agenda_end import real_questions
from agents.patients.concepts import concepts, things
from agents.patients.retrieval import CaseIndex, Item, index_of
from agents.patients.text import clauses, content
from agents.patients.understanding import asks_of
from scenarios.schema import Case, Language

_TRACE, _TRACE_TERMS = 0.25, 2
_TRACE_LETTERS = 0.3
_OUTRIGHT, _OUTRIGHT_TERMS = 0.7, 3
_FEW_ITEMS = 2
"""A concept that more items than this speak of tells none of them apart."""
_UNSURE: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r"\b(don't|do not|didn't|couldn't|can't|cannot) (really )?(know|say|tell|remember|recall)\b|\bnot sure\b|"
        r"\bunsure\b|\bno idea\b|\bhaven't (noticed|checked|paid)|\bnever (noticed|checked)|\bnobody (has )?checked|"
        r"\bhasn't been (checked|measured)|\bhaven't been (checked|measured)", re.I,
    ),
    "zh": re.compile(
        r"不清楚|不知道|不太?确定|说不[上好准清]|不好说|没(太|怎么)?(注意|留意|在意)|没(有)?(查|量|测)过|记不|想不起"
    ),
}
_NO: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"\b(no|not|never|none|neither|nor|without|nothing|nope|denies)\b|n['’]t\b", re.I),
    "zh": re.compile(r"没|无|不|未|否"),
}
_YES: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"^\W*(yes|yeah|yep|right|correct|exactly|i do|i have|it does|it is|he does|she does)\b", re.I),
    "zh": re.compile(r"^\W*(有|是|对|嗯|会|得过|吃过|做过|抽|喝)"),
}


def told_now(
    case: Case, claimed: Iterable[str], text: str, asked: str, told: frozenset[str], gone: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return the ids that this turn reveals for the first time, claimed ones first.

    Args:
        case: the case.
        claimed: ids that the model says it tells.
        text: the patient's words.
        asked: the doctor's words before them.
        told: ids revealed before.
        gone: ids that the patient has forgotten.
    """
    index, language = index_of(case), case.language
    sure = [c for s in _sentences(text) for c in clauses(s, language) if not _UNSURE[language].search(c)]
    words = " ".join(sure)
    named, topical = _asked(index, asked)
    found = [index.by_id[i] for i in claimed if i in index.by_id]
    kept = [item for item in found if _bears_out(item, sure, words, named, topical, index)]
    kept += [item for item in index.by_id.values() if _says_outright(item, sure, words, language)]
    return tuple(dict.fromkeys(i.id for i in kept if i.id not in told | gone))


def _bears_out(
    item: Item, sure: list[str], words: str, named: frozenset[str], topical: frozenset[str], index: CaseIndex
) -> bool:
    """Whether words hold a trace of an item that the model claims to tell."""
    language = index.language
    if not item.present:
        denials = [c for c in sure if _NO[language].search(c)]
        return bool(denials) and (item.id in named or any(_speaks_of(c, item, language) for c in denials))
    if _share(item, words, language, _TRACE_TERMS, known=_complaint(index, item)) >= _TRACE:
        return True
    if amounts(item.text, language) & amounts(words, language):
        return True
    if concepts(words, language) & item.concepts & _telling(index):
        return True
    if item.id in named | topical and _letters(item, words, language) >= _TRACE_LETTERS:
        return True
    return item.id in named and bool(_YES[language].search(words))


def _says_outright(item: Item, sure: list[str], words: str, language: Language) -> bool:
    if item.present:
        return _share(item, words, language, _OUTRIGHT_TERMS) >= _OUTRIGHT
    wanted = {thing.concept for thing in things(item.text, language)}
    plain = [c for c in sure if _NO[language].search(c)]
    if wanted:
        return any(wanted <= {t.concept for t in things(c, language)} for c in plain)
    return any(item.text.lower() in c.lower() for c in plain)


def _share(
    item: Item, words: str, language: Language, least: int, known: frozenset[str] = frozenset()
) -> float:
    """Return the share of the item's content words that were said; 0 for fewer than ``least`` of them.

    ``known`` words tell nothing of it. Items with fewer content words than ``least`` must be said whole.
    """
    terms = set(content(item.text, language)) - known
    shared = len(terms & set(content(words, language)))
    return shared / len(terms) if terms and shared >= min(least, len(terms)) else 0.0


def _complaint(index: CaseIndex, item: Item) -> frozenset[str]:
    """Return the opening complaint's words, which tell no other item; none for an item that is the complaint itself."""
    opening = frozenset(content(index.items[-1].text, index.language))
    own = set(content(item.text, index.language))
    return opening if len(own - opening) > len(own) / 2 else frozenset()


def _letters(item: Item, words: str, language: Language) -> float:
    """Return the share of an item's content that an answer to its very question holds, single characters counted."""
    terms, heard = (
        set("".join(content(text, language)) if language == "zh" else content(text, language))
        for text in (item.text, words)
    )
    return len(terms & heard) / len(terms) if terms else 0.0


def _speaks_of(clause: str, item: Item, language: Language) -> bool:
    return bool(concepts(clause, language) & item.concepts) or _share(item, clause, language, 1) >= 0.5


@lru_cache(maxsize=1024)
def _telling(index: CaseIndex) -> frozenset[str]:
    """Return the concepts that tell the case's items apart."""
    counts = Counter(c for item in index.items for c in item.concepts)
    opening = index.items[-1].concepts
    return frozenset(c for c, n in counts.items() if n <= _FEW_ITEMS and c not in opening and not c.startswith("part:"))


def _asked(index: CaseIndex, asked: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return ids of the items that the doctor's questions asked for by name, and of those their topics cover."""
    asks = asks_of(index, real_questions(asked, index.language)) if asked else []
    named = frozenset(i.id for ask in asks for i in ask.named if i.id)
    return named, frozenset(i.id for ask in asks for i in ask.topical if i.id)


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[。！？!?；;\n])|(?<=\.)\s+", text) if part and part.strip()]
