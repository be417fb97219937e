"""Reads a model patient's new turn for breaches of its case and words the reminder; it asks no model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.acts import sentences
from agents.fidelity import check_patient
from agents.patients.phrasing import redact
from agents.protocols import PatientView
from scenarios.schema import Language, Turn

_OWN_LETTERS: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "en": re.compile(r"[A-Za-z]"),
}
EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an answer: a breach's tag (or ``empty``) and the sentence that holds it, names blanked."""

    tag: str
    quote: str = ""


def fault_of(view: PatientView, text: str) -> Fault | None:
    """Return the first thing wrong with ``text`` as the patient's next turn; None when it is true to the case."""
    language = view.case.language
    if not _OWN_LETTERS[language].search(text):
        return Fault("wrong-language" if re.search(r"[^\W\d_]", text) else EMPTY)
    turn = Turn(index=len(view.turns), exchange=view.exchange, role="patient", text=text)
    report = check_patient(view.case, (*view.turns, turn))
    breach = next((b for b in report.breaches if b.turn == turn.index), None)
    if breach is None:
        return None
    if breach.tag == "leaked-diagnosis":
        return Fault(breach.tag)
    quote = next((s for s in sentences(text, language) if repr(s) in breach.reason), "")
    return Fault(breach.tag, redact(quote, view.case))
