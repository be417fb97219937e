"""Reads AgentClinic's OSCE records (JSON lines); it knows their fields, which vary from record to record.

Source: https://github.com/SamuelSchmidgall/AgentClinic (MIT).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import ImportRecordError
from scenarios.importers.clinical_en import add_section, carer_of, opening_en
from scenarios.importers.demographics import age_en, sex_en, speaker_for
from scenarios.importers.draft import Draft, case_of
from scenarios.importers.findings import findings_of
from scenarios.importers.record import json_records, mapping, strings, text_of
from scenarios.importers.text import capital
from scenarios.importers.wording_en import Voice, voice_of
from scenarios.schema import Case, Demographics

_SECTIONS = (
    ("past", "past"),
    ("medication", "medications"),
    ("drug", "medications"),
    ("family", "family"),
    ("social", "social"),
    ("review", "review"),
)


def read(path: Path) -> Iterable[tuple[str, object]]:
    """Yield the records."""
    return json_records(path)


def convert(label: str, raw: object) -> Case:
    """Return one OSCE record as a case."""
    data = mapping(label, raw)
    osce = mapping(label, data.get("OSCE_Examination", data), "OSCE_Examination")
    actor = mapping(label, osce.get("Patient_Actor"), "Patient_Actor")
    history = " ".join(strings(actor.get("History")))
    symptoms = actor.get("Symptoms")
    primary, secondary = _symptoms(symptoms)
    if not primary:
        primary = secondary.pop(0) if secondary else ""
    if not primary and not history:
        raise ImportRecordError(label, "has neither History nor Symptoms")
    diagnosis = text_of(label, osce, "Correct_Diagnosis", required=True)
    demographics = " ".join(strings(actor.get("Demographics")))
    who = Demographics(age_years=_age(demographics, history), sex=_sex(demographics, history))
    carer = carer_of(f"{demographics}. {history} {primary}. {'. '.join(secondary)}", who.sex)
    speaker = speaker_for(who, "en", None if who.age_years is not None and who.age_years < 18 else carer)
    draft = Draft(
        id=f"agentclinic-{int(label):04d}" if label.isdigit() else f"agentclinic-{label}",
        language="en",
        source="AgentClinic (MedQA)",
        record=label,
        licence="MIT",
        title=capital(demographics[:80]),
        who=who,
        speaker=speaker,
        diagnosis=diagnosis,
        department="paediatrics" if speaker.relation == "mother" else "general",
    )
    voice = voice_of(who, speaker)
    draft.opening = opening_en(primary or history, voice)
    _fill(draft, actor, history, primary, secondary, voice)
    taken: set[str] = {finding.id for finding in draft.findings}
    draft.findings += [
        *findings_of(osce.get("Physical_Examination_Findings"), "exam", taken),
        *findings_of(osce.get("Test_Results"), "lab", taken),
    ]
    return case_of(draft)


def _fill(
    draft: Draft, actor: Mapping[str, Any], history: str, primary: str, secondary: list[str], voice: Voice
) -> None:
    add_section(draft, primary, "primary", voice)
    for symptom in secondary:
        add_section(draft, symptom, "secondary", voice)
    add_section(draft, history, "history", voice)
    for section, value in _others(actor):
        texts = strings(value)
        if section == "medications" and isinstance(value, list):
            texts = [", ".join(texts)]
        for text in texts:
            add_section(draft, text, section, voice)


def _others(actor: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in actor.items():
        if key not in ("Demographics", "History", "Symptoms"):
            yield next((name for cue, name in _SECTIONS if cue in key.lower()), "review"), value


def _symptoms(value: object) -> tuple[str, list[str]]:
    if not isinstance(value, dict):
        found = strings(value)
        return (found[0], found[1:]) if found else ("", [])
    primary = strings(value.get("Primary_Symptom"))
    rest = [text for key, part in value.items() if key != "Primary_Symptom" for text in strings(part)]
    return (primary[0], primary[1:] + rest) if primary else ("", rest)


def _age(demographics: str, history: str) -> float | None:
    age = age_en(demographics)
    return age if age is not None else age_en(history)


def _sex(demographics: str, history: str) -> Any:
    sex = sex_en(demographics)
    return sex if sex != "unknown" else sex_en(history)
