"""Frozen pydantic models, one subject a file; this page re-exports the public names."""

from scenarios.schema.audio import (
    HEARD_HZ,
    SPOKEN_HZ,
    AgeGroup,
    AudioRef,
    ErrorCounts,
    SpeechFigures,
    SpeechTiming,
)
from scenarios.schema.base import SLUG, Frozen, Language, Role, Sex, Slug
from scenarios.schema.batch import (
    BackendRef,
    Batch,
    CaseSource,
    DoctorRef,
    ImportedCases,
    JudgeRef,
    LibraryCases,
    PatientRef,
    Speech,
)
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
from scenarios.schema.channel import Channel, Coughs, Noise, PacketLoss, Reverb, TurnTaking
from scenarios.schema.persona import Persona
from scenarios.schema.record import Consultation, Failure, Key, KeyId, Timing
from scenarios.schema.turn import Latency, StopReason, Turn, Usage, Utterance
from scenarios.schema.verdict import DIMENSIONS, Dimension, Evidence, Verdict

__all__ = [
    "DIMENSIONS", "HEARD_HZ", "SLUG", "SPOKEN_HZ", "Absence", "Advice", "AgeGroup", "AudioRef", "BackendRef", "Batch",
    "Case", "CaseSource", "Channel", "Condition", "Consultation", "Coughs", "Demographics", "Department", "Diagnosis",
    "Dimension", "Disclosure", "DoctorRef", "ErrorCounts", "Evidence", "Fact", "Failure", "Finding", "Frozen",
    "ImportedCases", "JudgeRef", "Key", "KeyId", "Language", "Latency", "LibraryCases", "Noise", "PacketLoss",
    "PatientRef", "Persona", "Provenance", "RedFlag", "Reverb", "Role", "Sex", "Slug", "Speaker", "Speech",
    "SpeechFigures", "SpeechTiming", "StopReason", "Timing", "Topic", "Turn", "TurnTaking", "Urgency", "Usage",
    "Utterance", "Verdict",
]
