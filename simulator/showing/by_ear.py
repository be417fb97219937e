"""A consultation as the person knows it who plays its doctor: patients' words as they were heard; it draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from graphs.perceiving import for_the_doctor
from scenarios.schema import Language, Turn


def by_ear(turns: Sequence[Turn], language: Language) -> tuple[Turn, ...]:
    """Return the turns with what was understood of a patient in the place of what was said.

    Of the sound what arrived stays, and nothing that tells the true words: how they were read aloud, what was misheard.
    Turns that were only written, and those of others, are as they were.
    """
    known = for_the_doctor(tuple(turns), language, False)
    return tuple(
        _as_heard(turn, utterance.text) if turn.role == "patient" and turn.heard is not None else turn
        for turn, utterance in zip(turns, known, strict=True)
    )


def _as_heard(turn: Turn, words: str) -> Turn:
    speech = turn.speech and turn.speech.model_copy(update={"read": "", "characters": None, "words": None})
    return turn.model_copy(update={
        "text": words, "heard": None, "audio": turn.heard_audio or turn.audio, "heard_audio": None, "speech": speech,
    })
