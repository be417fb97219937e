"""From a model's reply to a doctor's turn, and what a consultation with such a doctor will use; it knows no server."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from agents.doctors.cleaning import clean
from agents.doctors.habits import PromptHabits
from agents.doctors.prompting import system_text
from agents.doctors.prompts import doctor_prompt
from agents.llm.forecast import FRAME, Forecast, dialogue_forecast, estimate_tokens
from agents.llm.types import Completion
from agents.protocols import DoctorReply
from scenarios.errors import AgentFailure
from scenarios.schema import Case, Frozen, Language

_OPENING, _ANSWER = 60, 45
"""Tokens of a patient's usual opening and answer."""
_SAID = 110
"""Tokens of a doctor's usual turn."""


class DoctorForm(Frozen):
    """A turn as data: what is said, what is to be examined, what it may be."""

    spoken: ClassVar[str] = "say"

    say: Annotated[str, StringConstraints(min_length=1, max_length=700)]
    requests: tuple[Annotated[str, StringConstraints(min_length=1, max_length=40)], ...] = Field(max_length=3)
    differential: tuple[Annotated[str, StringConstraints(min_length=1, max_length=40)], ...] = Field(max_length=3)


def spoken_reply(
    completion: Completion, language: Language, habits: PromptHabits, form: DoctorForm | None = None
) -> DoctorReply:
    """Return the doctor's turn. Raises AgentFailure(doctor, empty_reply) when nothing of the reply is spoken."""
    raw = form.say if form else completion.text
    text = clean(raw, habits.strip, habits.labels.of(language))
    if not text:
        why = "its tokens ran out before it said anything: raise the limit" if completion.finish == "length" else (
            "nothing is left of its reply without reasoning, labels and control tokens"
        )
        raise AgentFailure("doctor", "empty_reply", why)
    return DoctorReply(
        text, requests=form.requests if form else (), differential=form.differential if form else (),
        usage=completion.usage, first_s=completion.first_s, finish=completion.finish, sound=completion.sound,
        first_audio_s=completion.first_audio_s,
    )


def doctor_forecast(case: Case, max_turns: int, habits: PromptHabits, max_tokens: int) -> Forecast:
    """Return the expected use of one consultation; ``longest`` counts on a last reply of full length."""
    system = estimate_tokens(system_text(case.language, max_turns, habits)) + _OPENING - _ANSWER
    said = min(max_tokens, _SAID + (40 if habits.ask_requests == "form" else 0)) + FRAME
    heard = _ANSWER + FRAME
    hint = estimate_tokens(doctor_prompt(case.language).last_word) if habits.last_word == "hint" else 0
    if habits.history == "last_only":
        prompt = system + heard
        return Forecast(
            max_turns, max_turns * prompt + hint, max(0, max_turns - 1) * system, max_turns * said,
            prompt + hint + max_tokens,
        )
    whole = dialogue_forecast(system, heard, said, max_turns)
    return replace(whole, prompt=whole.prompt + hint, longest=whole.longest - said + hint + max_tokens)
