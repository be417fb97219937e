"""How a doctor speaks: questions, repetition, length, what a voice cannot say; it knows no case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from agents.acts import (
    gives_advice,
    questions,
    refers_urgently,
    safety_net,
    sends_to_emergency,
    statements,
    states_diagnosis,
)
from agents.judges.matching import Lexicon, is_bare_name, mentions
from scenarios.schema import Language, Turn

_URL = re.compile(r"(?:https?://|www\.)[^\s，。；！？)）]+|\b[\w.]+@[\w.]+\.\w+")
_TAG = re.compile(r"</?[a-zA-Z!][^<>\n]{0,200}>")
_LIST_MARK = re.compile(r"^[ \t]*(?:[-*+•●◦▪·‣–]|\d{1,2}[.)、](?!\d)|[（(]\d{1,2}[)）]|[①-⑳])", re.MULTILINE)
_UNSPOKEN = re.compile(r"[*#_`|\\^~={}\[\]()<>（）【】｛｝［］《》〈〉•●◦▪▶■□◆★☆✓✔✗✘→←↑↓⇒]")
_RANGE = re.compile(r"(?<=[\d一二三四五六七八九十两度天])[~～](?=[\d一二三四五六七八九十两])")
_FILLER: dict[Language, str] = {
    "zh": r"^(?:好的?|嗯|您好|你好|那么?|请问|我想问一?下|另外|还有|[，,、\s])+",
    "en": r"^(?:(?:okay|ok|and|so|well|right|thank you|thanks|i see|now|also|please|hello|hi)[,.\s]+)+",
}


@dataclass(frozen=True, slots=True)
class DoctorTurn:
    """One doctor turn, read once: its acts, the conditions it asserts, its spoken length and what is unspeakable.

    ``named``: concepts in order of mention, those of sentences that state a diagnosis first.
    ``length``: Chinese characters or English words; ``unpronounceable``: characters.
    """

    index: int
    text: str
    asked: tuple[str, ...]
    diagnoses: bool
    named: tuple[str, ...]
    advises: bool
    safety_net: bool
    emergency: bool
    urgent_care: bool
    length: int
    unpronounceable: int
    differential: tuple[str, ...]


def read_turn(turn: Turn, language: Language, names: Lexicon) -> DoctorTurn:
    """Read a doctor turn's text."""
    said = statements(turn.text, language)
    pointed = [s for s in said if states_diagnosis(s, language) or is_bare_name(s, names)]
    named = [c for s in (*pointed, *(s for s in said if s not in pointed)) for c in mentions(s, language, names)]
    return DoctorTurn(
        index=turn.index,
        text=turn.text,
        asked=tuple(questions(turn.text, language)),
        diagnoses=bool(pointed),
        named=tuple(dict.fromkeys(named)),
        advises=gives_advice(turn.text, language),
        safety_net=safety_net(turn.text, language),
        emergency=sends_to_emergency(turn.text, language),
        urgent_care=refers_urgently(turn.text, language),
        length=spoken_length(turn.text, language),
        unpronounceable=unpronounceable(turn.text),
        differential=turn.differential,
    )


@lru_cache(maxsize=4096)
def spoken_length(text: str, language: Language) -> int:
    """Return how long a text is to say: Chinese characters plus Latin words and numbers, or English words."""
    if language == "zh":
        return len(re.findall(r"[\u3400-\u9fff]|[A-Za-z]+|\d+(?:\.\d+)?", text))
    return len(re.findall(r"[\w]+(?:['’.\-/]\w+)*", text))


@lru_cache(maxsize=4096)
def unpronounceable(text: str) -> int:
    """Count the characters that a voice cannot say: addresses, markup, list marks, brackets, emoji, controls.

    Digits with units, percent and degree signs, ranges such as 3~5天 and ordinary punctuation can be said.
    """
    count = 0
    for pattern in (_URL, _TAG, _LIST_MARK):
        count += sum(len(m.group().strip()) for m in pattern.finditer(text))
        text = pattern.sub("", text)
    text = _RANGE.sub("", text)
    return count + sum(1 for c in text if _UNSPOKEN.match(c) or _is_sign(c))


def _is_sign(character: str) -> bool:
    if character in "\n\r\t°℃℉":
        return False
    return unicodedata.category(character) in {"So", "Sk", "Cc", "Cf", "Co", "Cs", "Cn"}


def repeated(turns: Sequence[DoctorTurn], language: Language, ratio: float) -> list[tuple[int, str]]:
    """Return (turn index, question) of the questions that say again, nearly word for word, an earlier one."""
    earlier: list[str] = []
    again: list[tuple[int, str]] = []
    for turn in turns:
        for question in turn.asked:
            plain = re.sub(r"[\W_]+", " ", re.sub(_FILLER[language], "", question.lower())).strip()
            if any(fuzz.ratio(plain, other, score_cutoff=ratio) for other in earlier):
                again.append((turn.index, question))
            earlier.append(plain)
    return again


def conclusion(turns: Sequence[DoctorTurn]) -> list[tuple[str, int]]:
    """Return (concept, turn index), ranked: the last turn that diagnoses, in order of mention, then earlier ones.

    A doctor who changes their mind is held to their last word.
    """
    naming = [t for t in turns if t.named]
    final = next((t for t in reversed(naming) if t.diagnoses), naming[-1] if naming else None)
    if final is None:
        return []
    ordered = [final, *(t for t in reversed(naming) if t is not final)]
    first: dict[str, int] = {}
    for turn in ordered:
        for concept in turn.named:
            first.setdefault(concept, turn.index)
    return list(first.items())
