"""Bilingual dialogue acts by surface cues: questions, diagnosis, advice, thanks; it knows no case.

Questions are what takes history: courtesies ("any other questions?", 还有什么想问的吗) and agreement tags after
advice (", okay?", ，好吗) do not count. A question sentence may open with a statement ("This is probably reflux,
do you smoke?"); ``statements`` keeps that opening clause.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from agents.cues import cue
from scenarios.schema import Language

_CLOSERS = r"[\"'”’」』）)\]]*"
_NEVER_ENDS = frozenset("dr mr mrs ms prof st vs eg e.g ie i.e approx no fig".split())
_MAY_END = frozenset("a.m p.m etc".split())
_END_MARKS = "。！？!?；;，,.… \t\"'”’」』）)"


@cache
def _breaks(language: Language) -> re.Pattern[str]:
    full_stop = r"\.+(?=\s|$|[\"'”’)\]])" if language == "en" else r"(?<=[\u4e00-\u9fff])\.+(?!\d)"
    return re.compile(rf"(?:[。！？!?；;…]+|{full_stop}){_CLOSERS}|\n+")


@cache
def _commas(language: Language) -> re.Pattern[str]:
    return re.compile(r"[，,：:]|但是?|不过" if language == "zh" else r",(?!\d)|:(?!\d)| - | — |\bbut\b|\bhowever\b")


def sentences(text: str, language: Language) -> list[str]:
    """Split an utterance into sentences, punctuation kept; decimals, titles and abbreviations stay whole."""
    return list(_sentences(text, language))


def questions(text: str, language: Language) -> list[str]:
    """Return the sentences that take history, with or without a question mark."""
    return [s for s in _sentences(text, language) if _is_question(s, language)]


def statements(text: str, language: Language) -> list[str]:
    """Return what is not asked: the other sentences, and statements that open a question sentence."""
    return list(_statements(text, language))


def states_diagnosis(text: str, language: Language) -> bool:
    """Whether the utterance says what the doctor thinks it is; a denied condition is not a diagnosis."""
    return any(
        _diagnoses(clause, language) for s in _statements(text, language) for clause in _clauses(s, language)
    )


def gives_advice(text: str, language: Language) -> bool:
    """Whether the utterance tells the patient what to do."""
    return any(_advises(clause, language) for s in _statements(text, language) for clause in _clauses(s, language))


def thanks(text: str, language: Language) -> bool:
    """Whether the speaker thanks or says goodbye."""
    return bool(cue("thanks", language).search(text))


def safety_net(text: str, language: Language) -> bool:
    """Whether the doctor says what should bring the patient back, or to the emergency department."""
    return any(cue("safety_net", language).search(s) for s in _statements(text, language))


def sends_to_emergency(text: str, language: Language) -> bool:
    """Whether the doctor sends the patient to emergency care now, under no condition."""
    return any(_sends_now("emergency", s, language) for s in _statements(text, language))


def refers_urgently(text: str, language: Language) -> bool:
    """Whether the doctor sends the patient to emergency care, a hospital or a specialist now or soon."""
    return any(
        _sends_now(kind, s, language) for s in _statements(text, language) for kind in ("emergency", "urgent_care")
    )


@lru_cache(maxsize=4096)
def _sentences(text: str, language: Language) -> tuple[str, ...]:
    parts: list[str] = []
    start = 0
    for match in _breaks(language).finditer(text):
        if match.group().startswith(".") and _is_abbreviation(text[start : match.start()], text[match.end() :]):
            continue
        parts.append(text[start : match.end()].strip())
        start = match.end()
    parts.append(text[start:].strip())
    return tuple(part for part in parts if part.strip(_END_MARKS))


def _is_abbreviation(before: str, after: str) -> bool:
    words = before.split()
    word = words[-1].lower().lstrip("(\"'") if words else ""
    if word.isdigit() and len(words) == 1:
        return True  # "1. Rest": a list number belongs to its sentence
    return word in _NEVER_ENDS or (word in _MAY_END and not after.lstrip()[:1].isupper() and bool(after.strip()))


@lru_cache(maxsize=4096)
def _is_question(sentence: str, language: Language) -> bool:
    if cue("courtesy", language).search(sentence):
        return False
    tag = cue("tag", language).search(sentence)
    if tag and tag.start() > 0 and _advises(sentence[: tag.start()], language):
        return _asks(sentence[: tag.start()], language)
    return bool(re.search(r"[?？]", sentence)) or _asks(sentence, language)


def _asks(sentence: str, language: Language) -> bool:
    """Whether the words ask, without a look at question marks."""
    body = sentence.strip(_END_MARKS)
    if cue("question_end", language).search(body):
        return True
    rest = cue("not_asking", language).sub("", body)
    clauses = _clauses(rest, language) if language == "en" else [rest]
    return any(cue("question", language).search(clause) for clause in clauses)


@lru_cache(maxsize=4096)
def _statements(text: str, language: Language) -> tuple[str, ...]:
    kept: list[str] = []
    for sentence in _sentences(text, language):
        if not _is_question(sentence, language):
            kept.append(sentence)
            continue
        for clause in _clauses(sentence, language)[:-1]:
            if _asks(clause, language):
                break
            if _diagnoses(clause, language) or _advises(clause, language):
                kept.append(clause)
    return tuple(kept)


def _clauses(sentence: str, language: Language) -> list[str]:
    return [part.strip() for part in _commas(language).split(sentence) if part and part.strip()]


@lru_cache(maxsize=8192)
def _diagnoses(clause: str, language: Language) -> bool:
    for match in cue("diagnosis", language).finditer(clause):
        before, after = clause[: match.start()], clause[match.end() :]
        if cue("denied_before", language).search(before) or cue("denied_after", language).search(after):
            continue
        if not _denied_inside(match.group(), language):
            return True
    return False


def _denied_inside(matched: str, language: Language) -> bool:
    """Whether the matched words hold their own denial: 'this is not appendicitis', 考虑不是."""
    inside = r"(?:不是|没有|并非|不像|排除)" if language == "zh" else r"\b(?:not|no|unlikely|rule out)\b|n['’]t\b"
    return bool(re.search(inside, matched, re.IGNORECASE))


@lru_cache(maxsize=8192)
def _advises(clause: str, language: Language) -> bool:
    spared = cue("no_need", language)
    return any(not spared.search(clause[: m.start()]) for m in cue("advice", language).finditer(clause))


def _sends_now(kind: str, sentence: str, language: Language) -> bool:
    for match in cue(kind, language).finditer(sentence):
        before, after = sentence[: match.start()], sentence[match.end() :]
        if cue("no_need", language).search(before) or cue("conditional", language).search(before + match.group()):
            continue
        if not (language == "en" and re.match(r"(?:(?!\band\b)[^,.;]){0,40}?\b(?:if|should|unless|when)\b", after)):
            return True
    return False
