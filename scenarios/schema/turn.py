"""What passes between agents: one utterance, one journal turn; audio is a file reference, never bytes."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field

from scenarios.schema.audio import AudioRef, SpeechFigures, SpeechTiming
from scenarios.schema.base import Frozen, Role

StopReason = Literal["facts_out", "advice_given", "farewell", "max_turns", "failed"]
"""Why a consultation ended: the important facts are out and the doctor had the last word on them; the doctor
diagnosed and advised; both said goodbye; the turn limit; an agent failed for good."""


class Usage(Frozen):
    """Tokens of the model calls behind one reply; ``cached`` is the part of ``prompt`` that the prefix cache held.

    ``calls`` counts every request that was answered, re-asked ones too; ``cost`` is None where no price is known.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    calls: int = 1
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Return the usage of both."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            prompt=self.prompt + other.prompt, completion=self.completion + other.completion,
            cached=self.cached + other.cached, calls=self.calls + other.calls, cost=sum(costs) if costs else None,
        )


class Latency(Frozen):
    """Seconds from the call: to the first token or sound, and to the end."""

    first_s: float = 0.0
    total_s: float = 0.0


class Utterance(NamedTuple):
    """What one party can perceive of a turn: no fact ids, no timings, nothing of the record."""

    role: Role
    text: str
    audio: AudioRef | None = None


class Turn(Frozen):
    """One entry of the journal.

    ``index`` counts from 0 over all roles; ``exchange`` counts doctor-patient rounds from 1 and is what
    ``max_turns`` limits. ``disclosed`` are the case-item ids this turn revealed (patient and examiner only).
    ``heard`` is what the other party's listener understood, None when nobody listened: the text itself is known then.
    ``audio`` is what was said, ``heard_audio`` what was left of it behind the channel (None: all of it).
    """

    index: int = Field(ge=0)
    exchange: int = Field(ge=1)
    role: Role
    text: str
    heard: str | None = None
    audio: AudioRef | None = None
    heard_audio: AudioRef | None = None
    speech: SpeechFigures | None = None
    speech_timing: SpeechTiming | None = None
    backend: str = ""
    disclosed: tuple[str, ...] = ()
    requests: tuple[str, ...] = Field(default=(), description="examinations or tests a doctor asked for")
    differential: tuple[str, ...] = Field(default=(), description="ranked diagnoses, when a doctor states them as data")
    usage: Usage | None = None
    latency: Latency = Latency()
    finish: Literal["stop", "length", "cancelled"] = "stop"
    end: StopReason | None = Field(default=None, description="set on the patient turn that ends the consultation")

    def utterance(self) -> Utterance:
        """Return what the other party perceives: the words that were understood, and the sound that arrived."""
        return Utterance(
            self.role, self.heard if self.heard is not None else self.text, self.heard_audio or self.audio
        )
