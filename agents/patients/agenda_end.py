"""When a patient's consultation is over: advice given, facts out after an invitation, farewell; it says nothing."""

from __future__ import annotations

import re

from agents import acts
from agents.patients.phrasing import is_phrase
from agents.patients.questions import asked, wording
from agents.protocols import PatientView
from scenarios.schema import Language, StopReason, Turn

_GOODBYE = {
    "en": re.compile(r"\b(good ?bye|bye|take care|farewell|see you)\b", re.I),
    "zh": re.compile(r"再见|早日康复|慢走|拜拜|祝您?(健康|康复|早)"),
}


def last_doctor(turns: tuple[Turn, ...]) -> Turn | None:
    """Return the latest doctor turn."""
    return next((turn for turn in reversed(turns) if turn.role == "doctor"), None)


def told_ids(turns: tuple[Turn, ...]) -> frozenset[str]:
    """Return every item id that the patient has disclosed so far."""
    return frozenset(i for turn in turns if turn.role == "patient" for i in turn.disclosed)


def invited_before(turns: tuple[Turn, ...], language: Language) -> bool:
    """Whether the patient has already asked for the doctor's conclusion."""
    pattern = is_phrase("invitation", language)
    return any(turn.role == "patient" and pattern.search(turn.text) for turn in turns)


def real_questions(text: str, language: Language) -> list[str]:
    """Return the questions that want an answer: "is that clear?" and consent to a plan do not."""
    return [q for q in asked(text, language) if not (wording(q, language).check and not wording(q, language).open)]


def stop_reason(view: PatientView) -> StopReason | None:
    """Return why the consultation ends with the turn that the patient is about to speak, if it does."""
    doctor = last_doctor(view.turns)
    if doctor is None:
        return None
    language = view.case.language
    open_questions = real_questions(doctor.text, language)
    if not open_questions and not doctor.requests:
        if acts.states_diagnosis(doctor.text, language) and acts.gives_advice(doctor.text, language):
            return "advice_given"
        own = next((turn for turn in reversed(view.turns) if turn.role == "patient"), None)
        parted = own is not None and acts.thanks(own.text, language)
        if _GOODBYE[language].search(doctor.text) or (acts.thanks(doctor.text, language) and parted):
            return "farewell"
    return "facts_out" if invited_before(view.turns, language) else None


def invites_now(view: PatientView, disclosed: tuple[str, ...]) -> bool:
    """Whether this turn, telling ``disclosed``, is the one that asks for the doctor's conclusion."""
    critical = view.case.critical_ids
    if not critical or view.exchange < 2 or view.exchange >= view.max_turns:
        return False
    return critical <= told_ids(view.turns) | set(disclosed) and not invited_before(view.turns, view.case.language)
