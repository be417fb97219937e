"""A persona: how a patient says what the case holds; each axis changes words, never the record's facts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scenarios.schema.base import Frozen


class Persona(Frozen):
    """Five independent axes; the default is a plain, cooperative patient.

    The axes follow those used for persona-driven patient simulation (PatientSim, Kyung et al. 2025), plus
    health anxiety. The embedded ``agenda`` patient realises them by rule, an LLM patient by prompt.
    """

    personality: Literal["plain", "talkative", "impatient", "distrustful", "overly_positive"] = Field(
        default="plain",
        description="talkative: one more asked-level fact a turn; impatient: one fact a turn and urges the doctor "
        "on; distrustful: specific facts only at the second asking; overly_positive: plays severity down",
    )
    language_proficiency: Literal["basic", "normal"] = Field(
        default="normal", description="basic: short sentences, asks back when the doctor uses jargon"
    )
    recall: Literal["low", "normal"] = Field(
        default="normal", description="low: unsure of dates, doses and names; some non-critical facts are forgotten"
    )
    confusion: Literal["none", "moderate"] = Field(
        default="none", description="moderate: now and then misses the question and needs it repeated"
    )
    health_anxiety: Literal["normal", "high"] = Field(
        default="normal", description="high: adds a worry or a 'is it serious?' to answers"
    )
