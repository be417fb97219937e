"""What each party perceives of the turns so far: its own words as said, the other's as heard; it makes no sound."""

from __future__ import annotations

from agents.room.turn_taking import SILENT_WORDS
from scenarios.schema import Language, Turn, Utterance

UNHEARD = {"zh": "（没有听清）", "en": "(could not be understood)"}
"""What somebody reads whose listener understood nothing of what was said."""


def for_the_doctor(turns: tuple[Turn, ...], language: Language, hears: bool) -> tuple[Utterance, ...]:
    """Return the dialogue as the doctor perceives it.

    Args:
        turns: all turns so far.
        language: of the consultation.
        hears: the doctor takes sound. Of a patient's turn with sound it then gets the words only if a listener
            understood some: a model that hears is not told what was said.
    """
    return tuple(_utterance(turn, language, hears) for turn in turns)


def _utterance(turn: Turn, language: Language, hears: bool) -> Utterance:
    if turn.role != "patient":
        return Utterance(turn.role, turn.text, turn.audio)
    sound = turn.heard_audio or turn.audio
    if hears and sound is not None:
        return Utterance(turn.role, turn.heard or "", sound)
    return Utterance(turn.role, _words(turn, language), sound)


def for_the_patient(turns: tuple[Turn, ...], language: Language) -> tuple[Turn, ...]:
    """Return the turns as the patient knows them: the doctor's text is what was heard, the own text what was said."""
    return tuple(_as_known(turn, language) for turn in turns)


def _as_known(turn: Turn, language: Language) -> Turn:
    if turn.heard is None:
        return turn
    if turn.role == "patient":
        return turn.model_copy(update={"heard": None})
    return turn.model_copy(update={"text": _words(turn, language), "heard": None})


def _words(turn: Turn, language: Language) -> str:
    """Return what was understood; words must not be empty, so silence and mumbling are named."""
    if turn.heard is None:
        return turn.text
    if turn.heard.strip():
        return turn.heard
    return SILENT_WORDS[language] if turn.text == SILENT_WORDS[language] else UNHEARD[language]
