"""What came out and what was covered: critical items, red flags, treatment points; it weighs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer
from rapidfuzz import fuzz

from agents.acts import questions, statements
from agents.cues import cue
from agents.judges.matching import normalise
from scenarios.schema import Absence, Advice, Case, Fact, Finding, Language, RedFlag, Turn

_EN_STOP = frozenset(
    "a an the i my me it is was are were be been have has had do does did of to in on at for with and or but so "
    "that this there he she his her him they their we our you your no not any some very really just about from as "
    "when while if then than also quite bit get got".split()
)
_ZH_STOP = re.compile(r"[的了呢吗啊吧呀我您你他她它就也都还很是有在着过个说没无不未这那和与又被把]|[^\w]")
_NEGATION: dict[Language, str] = {
    "zh": r"没|无|不|未|否",
    "en": r"\b(?:no|not|never|none|neither|nor|without|nothing|nope)\b|n['’]t\b|\bden(?:y|ies|ied)\b",
}
_CLAUSE: dict[Language, str] = {"zh": r"[，。！？；,.!?;\n]|但是?|不过", "en": r"[.!?;\n]|\bbut\b|\bhowever\b"}


@dataclass(frozen=True, slots=True)
class FlagResult:
    """A red flag: whether it was handled and in which turn its item came out or was asked for."""

    flag: RedFlag
    handled: bool
    turn: int | None


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=8192)
def content_words(text: str, language: Language) -> frozenset[str]:
    """Return what carries the meaning: stems of English content words, character bigrams of Chinese."""
    plain = normalise(text).lower()
    if language == "en":
        words = [w for w in re.findall(r"[a-z0-9]+", plain) if w not in _EN_STOP]
        return frozenset(_stemmer().stemWords(words))
    runs = [run for run in _ZH_STOP.sub(" ", plain).split() if run]
    return frozenset(run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1)))


def says(text: str, item: str, language: Language, share: float) -> bool:
    """Whether ``text`` holds at least ``share`` of the item's content words, or nearly its very wording."""
    wanted = content_words(item, language)
    if not wanted:
        return False
    if len(wanted & content_words(text, language)) >= share * len(wanted):
        return True
    return len(text) >= len(item) and fuzz.partial_ratio(item.lower(), text.lower()) >= 85


def disclosures(case: Case, turns: Sequence[Turn], share: float) -> dict[str, int]:
    """Return item id -> index of the turn in which it first came out.

    Turns that carry ``disclosed`` are believed; when no patient turn does (a model plays the patient), facts and
    absences are sought in the words of the patient.
    """
    out: dict[str, int] = {}
    for turn in turns:
        for item in turn.disclosed if turn.role != "doctor" else ():
            out.setdefault(item, turn.index)
    if not any(turn.disclosed for turn in turns if turn.role == "patient"):
        asked = ""
        for turn in turns:
            if turn.role == "doctor":
                asked = turn.text
            elif turn.role == "patient":
                for item in _told(case, turn.text, asked, share):
                    out.setdefault(item, turn.index)
    return out


def _told(case: Case, text: str, asked: str, share: float) -> list[str]:
    language = case.language
    facts = [fact.id for fact in case.facts if says(text, fact.text, language, share)]
    return facts + [absence.id for absence in case.absences if _denied(absence, text, asked, language, share)]


def _denied(absence: Absence, text: str, asked: str, language: Language, share: float) -> bool:
    """Whether the patient denies it: names it in a negated clause, or says no when just asked for it."""
    negation = re.compile(_NEGATION[language], re.IGNORECASE)
    clauses = re.split(_CLAUSE[language], text)
    if any(negation.search(c) and says(c, absence.name, language, share) for c in clauses if c):
        return True
    return bool(negation.search(text)) and asks_for(absence, asked, language, share)


def asks_for(item: Fact | Absence | Finding, text: str, language: Language, share: float) -> bool:
    """Whether a question in ``text`` names the item or one of its cues."""
    wanted = item.text if isinstance(item, Fact) else item.name
    cues = item.aliases if isinstance(item, Finding) else item.cues
    for question in questions(text, language):
        plain = normalise(question).lower()
        if says(question, wanted, language, share) or any(normalise(c).lower() in plain for c in cues if c):
            return True
    return False


def red_flags(
    case: Case, turns: Sequence[Turn], out: dict[str, int], acted: bool, share: float
) -> list[FlagResult]:
    """Judge each red flag.

    Present ones must come out and, unless the case is routine, be acted on by referral; absent ones must come
    out or be asked for.
    """
    known: list[Fact | Absence | Finding] = [*case.facts, *case.absences, *case.findings]
    items = {item.id: item for item in known}
    results = []
    for flag in case.red_flags:
        turn = out.get(flag.item)
        if turn is None and not flag.present:
            item = items[flag.item]
            asking = (t for t in turns if t.role == "doctor" and asks_for(item, t.text, case.language, share))
            turn = next((t.index for t in asking), None)
        must_act = flag.present and case.urgency != "routine"
        results.append(FlagResult(flag, turn is not None and (acted or not must_act), turn))
    return results


def covered_advice(case: Case, doctor_texts: Sequence[str]) -> list[Advice]:
    """Return the treatment points of which the doctor states a keyword; 'no need to ...' does not state it."""
    said = [normalise(s).lower() for text in doctor_texts for s in statements(text, case.language)]
    return [
        point for point in case.treatment
        if any(_stated(normalise(k).lower(), s, case.language) for k in point.keywords for s in said)
    ]


def _stated(keyword: str, statement: str, language: Language) -> bool:
    pattern = re.escape(keyword) if language == "zh" else rf"(?<!\w){re.escape(keyword)}"
    return any(
        not cue("no_need", language).search(statement[: m.start()]) or cue("no_need", language).search(keyword)
        for m in re.finditer(pattern, statement)
    )
