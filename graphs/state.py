"""The states of the machines: a narrow input, what is added while running, and how additions merge."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from scenarios.schema import Case, Failure, Persona, Turn, Verdict


def append_turns(said: tuple[Turn, ...], new: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the dialogue with ``new`` at its end; prompts, too, only grow at the end."""
    return (*said, *new)


def append_verdicts(given: tuple[Verdict, ...], new: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Return all verdicts so far."""
    return (*given, *new)


def append_failures(known: tuple[Failure, ...], new: tuple[Failure, ...]) -> tuple[Failure, ...]:
    """Return all failures so far."""
    return (*known, *new)


class ConsultationInput(TypedDict):
    """What starts a consultation. ``turns``: already spoken ones, when an interrupted one goes on."""

    case: Case
    persona: Persona
    seed: int
    max_turns: int
    turns: NotRequired[tuple[Turn, ...]]


class ConsultationState(TypedDict):
    """A consultation under way. ``draft``: words that are still to be said aloud."""

    case: Case
    persona: Persona
    seed: int
    max_turns: int
    turns: Annotated[tuple[Turn, ...], append_turns]
    draft: NotRequired[Turn | None]


class JudgingInput(TypedDict):
    """A finished consultation to be scored."""

    case: Case
    seed: int
    turns: tuple[Turn, ...]


class JudgingState(TypedDict):
    """Judging under way. ``failures`` holds the patient's breaches and judges that could not answer."""

    case: Case
    seed: int
    turns: tuple[Turn, ...]
    verdicts: Annotated[tuple[Verdict, ...], append_verdicts]
    failures: Annotated[tuple[Failure, ...], append_failures]
