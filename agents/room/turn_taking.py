"""How a patient takes turns: waits, stays silent, interrupts; it knows manners and seeds, no sound.

Every function is pure: the same manners and the same turn's seed give the same answer, in every process.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from scenarios.identity import derive_seed
from scenarios.schema import Language, TurnTaking

SILENT_WORDS: dict[Language, str] = {"zh": "……（没有说话）", "en": "... (says nothing)"}
"""What the journal says in place of words when an answer was silence."""
SHORTEST_TO_INTERRUPT_S = 1.5
_EARLIEST_S, _EARLIEST_SHARE = 1.0, 0.2
_CJK = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_MARKS = "[\u0300-\u036f\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]*"
_UNIT: dict[Language, re.Pattern[str]] = {
    "en": re.compile(rf"[{_CJK}]{_MARKS}|[^\s{_CJK}]+"),
    "zh": re.compile(rf"[^\W_{_CJK}]+(?:[.:/%℃°'+-]+[^\W_{_CJK}]*)*{_MARKS}|\S{_MARKS}"),
}


class Moment(NamedTuple):
    """What stands before an answer: ``pause_s`` of waiting; ``silent``: the waiting is the whole answer."""

    pause_s: float
    silent: bool


def before_answer(manners: TurnTaking, seed: int) -> Moment:
    """Return how long the patient waits, uniform over ``manners.pause_s``, and whether any words follow.

    A silent answer lasts ``manners.silence_s``.
    """
    if _share(seed, "silent") < manners.silent:
        return Moment(manners.silence_s, True)
    low, high = manners.pause_s
    return Moment(min(low + (high - low) * _share(seed, "pause"), high), False)


def interruption(manners: TurnTaking, seconds: float, seed: int) -> float | None:
    """Return the second at which the patient cuts ``seconds`` of the doctor's speech short; None: hears it out.

    Nobody interrupts within the first second or the first fifth; after that every moment is as likely. Speech
    shorter than 1.5 s is always heard out.
    """
    if seconds < SHORTEST_TO_INTERRUPT_S or _share(seed, "interrupts") >= manners.interrupts:
        return None
    earliest = max(_EARLIEST_S, _EARLIEST_SHARE * seconds)
    return min(earliest + (seconds - earliest) * _share(seed, "when"), seconds)


def said_until(text: str, share: float, language: Language) -> str:
    """Return the beginning of ``text`` that was said in the first ``share`` (0 to 1) of its time.

    It ends where a word (en) or a character (zh; a Latin word or a number is one piece there) ends, and holds what
    fits into the share as a whole; characters are taken to be of equal length. Raises ValueError for a share
    outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share}")
    if share == 1:
        return text
    limit, end = share * len(text), 0
    for unit in _UNIT[language].finditer(text):
        if unit.end() > limit:
            break
        end = unit.end()
    return text[:end]


def _share(seed: int, what: str) -> float:
    return (derive_seed(seed, "turn taking", what) >> 10) / (1 << 53)
