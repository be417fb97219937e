"""Options of the embedded doctors; they know no dialogue."""

from __future__ import annotations

from pydantic import Field

from scenarios.schema import Frozen


class DoctorOptions(Frozen):
    """What a batch may set for an embedded doctor; ``checklist`` and ``one-shot`` use ``advice_points`` only.

    ``questions_per_turn``: questions asked in one turn. ``findings_per_question``: symptoms named in one
    question. ``decided``: probability from which the leading condition needs no further question.
    """

    questions_per_turn: int = Field(default=2, ge=1, le=3)
    findings_per_question: int = Field(default=4, ge=1, le=4)
    requests_per_visit: int = Field(default=2, ge=0, le=4, description="examinations and tests asked for, in all")
    advice_points: int = Field(default=3, ge=1, le=4)
    decided: float = Field(default=0.9, gt=0, le=1)
