"""What a judge returns: named scores with the evidence for each; it knows no judge."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from scenarios.schema.base import Frozen
from scenarios.schema.turn import Usage

Dimension = Literal["comprehension", "inquiry", "diagnosis", "treatment", "communication", "spoken"]

DIMENSIONS: dict[Dimension, dict[str, str]] = {
    "comprehension": {"zh": "症状理解与提取", "en": "Understanding and extraction of symptoms"},
    "inquiry": {"zh": "主动追问", "en": "Proactive inquiry"},
    "diagnosis": {"zh": "诊断流程合理性", "en": "Soundness of the diagnostic process"},
    "treatment": {"zh": "治疗建议合理性与简洁性", "en": "Soundness and brevity of treatment advice"},
    "communication": {"zh": "对话结构与沟通质量", "en": "Dialogue structure and communication"},
    "spoken": {"zh": "符合语音对话特点", "en": "Fit for spoken dialogue"},
}
"""The six dimensions of the reference evaluation, 0-10 each."""


class Evidence(Frozen):
    """Why a score is what it is: a short tag shown as a chip, a reason, and the turn it points at."""

    tag: str
    reason: str
    turn: int | None = Field(default=None, description="Turn.index it cites")
    good: bool = True


class Verdict(Frozen):
    """One judge's result for one consultation.

    ``scores``: dimension -> 0..10. ``metrics``: flat numbers for tables (coverage 0..1, diagnosis_top1 0|1,
    total 0..100 ...); a metric that does not apply is absent, with its reason in ``not_scored``.
    ``parsed`` is False when a model judge's answer could not be read after bounded retries.
    """

    judge: str
    parsed: bool = True
    scores: dict[str, FiniteFloat] = {}
    metrics: dict[str, FiniteFloat] = {}
    not_scored: dict[str, str] = {}
    evidence: tuple[Evidence, ...] = ()
    usage: Usage | None = Field(default=None, description="tokens of a model judge")

    @model_validator(mode="after")
    def _one_name_one_number(self) -> Self:
        if twice := sorted(self.scores.keys() & self.metrics.keys()):
            raise ValueError(f"a score and a metric share the name {', '.join(twice)}: rename one")
        return self
