"""The record of one finished consultation, as one line of ``consultations.jsonl``."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from scenarios.errors import Owner
from scenarios.schema.base import Frozen, Language
from scenarios.schema.turn import StopReason, Turn
from scenarios.schema.verdict import Verdict


class Key(Frozen):
    """What makes a consultation unique within a run; ``config_hash`` covers all that can change its words."""

    case: str
    doctor: str
    trial: int = Field(ge=0)
    seed: int
    config_hash: str

    def sort_key(self) -> tuple[str, str, int]:
        """Order of records in tables and exports."""
        return (self.case, self.doctor, self.trial)


class KeyId(NamedTuple):
    """The part of a key that must be unique within one run folder."""

    case: str
    doctor: str
    trial: int


class Failure(Frozen):
    """Something that went wrong, and whose it was; ``turn`` is the Turn.index concerned."""

    owner: Owner
    kind: str
    message: str
    turn: int | None = None


class Timing(Frozen):
    """Wall-clock facts, kept apart so that two runs can be compared without them."""

    started_at: str = ""
    wall_s: float = 0.0


class Consultation(Frozen):
    """One whole consultation.

    ``metrics`` merges the verdicts' metrics; ``scored`` is False when the patient or infrastructure failed,
    so that it stays out of the doctor's score.
    """

    key: Key
    language: Language
    turns: tuple[Turn, ...]
    stop_reason: StopReason
    verdicts: tuple[Verdict, ...] = ()
    metrics: dict[str, float] = {}
    failures: tuple[Failure, ...] = ()
    scored: bool = True
    timing: Timing = Timing()
