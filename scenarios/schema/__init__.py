"""Frozen pydantic models, one subject a file; this page re-exports the public names."""

from scenarios.schema.base import SLUG, Frozen, Language, Role, Sex, Slug
from scenarios.schema.batch import BackendRef, Batch, CaseSource, ImportedCases, JudgeRef, LibraryCases, PatientRef
from scenarios.schema.case import (
    Absence,
    Advice,
    Case,
    Condition,
    Demographics,
    Department,
    Diagnosis,
    Disclosure,
    Fact,
    Finding,
    Provenance,
    RedFlag,
    Speaker,
    Topic,
    Urgency,
)
from scenarios.schema.persona import Persona
from scenarios.schema.record import Consultation, Failure, Key, KeyId, Timing
from scenarios.schema.turn import AudioRef, Latency, StopReason, Turn, Usage, Utterance
from scenarios.schema.verdict import DIMENSIONS, Dimension, Evidence, Verdict

__all__ = [
    "DIMENSIONS", "SLUG", "Absence", "Advice", "AudioRef", "BackendRef", "Batch", "Case", "CaseSource", "Condition",
    "Consultation", "Demographics", "Department", "Diagnosis", "Dimension", "Disclosure", "Evidence", "Fact",
    "Failure", "Finding", "Frozen", "ImportedCases", "JudgeRef", "Key", "KeyId", "Language", "Latency", "LibraryCases",
    "PatientRef", "Persona", "Provenance", "RedFlag", "Role", "Sex", "Slug", "Speaker", "StopReason", "Timing",
    "Topic", "Turn", "Urgency", "Usage", "Utterance", "Verdict",
]
