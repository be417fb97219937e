"""Takes a sentence that asks several things apart into its single questions; it knows no case and gives no answer."""

from __future__ import annotations

import re
from functools import lru_cache

from agents.patients.concepts import things
from agents.patients.questions import Wording, wording
from scenarios.schema import Language

_BORDER = {
    "en": re.compile(
        r"[,;?]\s+(?:and\s+|also\s+)?|\s+and\s+(?=(?:how|what|when|where|which|who|why|is|are|was|were|do|does|did|have|"
        r"has|had|any|can|could)\b)",
        re.I,
    ),
    "zh": re.compile(r"[，,；;？?]"),
}
_ASKS = {
    "en": re.compile(
        r"\W*(?:and |also |then |so )?(?:(?:how|what|where|which|who|why|since when|for how long|is|are|was|were|do|"
        r"does|did|have|has|had|any|can|could|will|would|tell|describe)\b|"
        r"when (?:is|are|was|were|do|does|did|have|has)\b)",
        re.I,
    ),
    "zh": re.compile(
        r"吗|呢|么|什么|啥|多久|多长|多少|多大|怎|哪|几|有没有|有无|是否|还是|如何|谁|何时|([\u4e00-\u9fff])[不没]\1|"
        r"(?:多|有多)(?:严重|厉害)|说说|讲讲|描述"
    ),
}
_LEADS = {
    "en": re.compile(r"(?!)"),
    "zh": re.compile(r"(?:时候?|之后|以后|的话|以外|之外)$|^(?:除了|关于|如果|要是)"),
}
"""Beginnings that only say under which circumstances the rest is asked."""
_SHORT_LIST = 2
_NARROW = frozenset({"family_history", "allergies"})


@lru_cache(maxsize=8192)
def parts(question: str, language: Language) -> tuple[str, ...]:
    """Return the questions that one sentence puts, in order.

    A list of things ("fever, cough or chills") stays whole, and so do circumstances with what is asked of them.

    Example: ``"When did this start, and is it getting worse?"`` gives ``("When did this start",
    "is it getting worse")``.
    """
    found: list[str] = []
    lead = ""
    glue = "，" if language == "zh" else ", "
    for piece in (p.strip() for p in _BORDER[language].split(question) if p and p.strip(" ?？。.!！")):
        asks = bool(_ASKS[language].match(piece) if language == "en" else _ASKS[language].search(piece))
        if not found and not lead and (not asks or _LEADS[language].search(piece)) and not _names(piece, language):
            lead = piece
        elif found and not (asks and _turns(found[-1], piece, language)):
            found[-1] += glue + piece
        else:
            found.append(f"{lead}{glue}{piece}" if lead else piece)
            lead = ""
    if len(found) < 2:
        return (question,)
    mark = "？" if language == "zh" else "?"
    return tuple(piece + mark for piece in found)


def _names(piece: str, language: Language) -> bool:
    """Whether an opening without question words asks all the same, by naming things: "Fever, cough, and how ..."."""
    return language == "en" and len(piece.split()) <= _SHORT_LIST and bool(things(piece, language))


def _turns(before: str, piece: str, language: Language) -> bool:
    """Whether a piece asks about something else than the one before."""
    old, new = wording(before, language), wording(piece, language)
    if not _says(new) and not things(piece, language):
        return False
    if _NARROW & set(old.topics) and (not new.topics or new.open):
        return False
    return set(old.topics) != set(new.topics) or old.open != new.open


def _says(put: Wording) -> bool:
    return bool(put.topics or put.open or put.opinion)
