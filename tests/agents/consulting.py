"""Holds whole consultations of the embedded agents without graphs, for the tests of patient and gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from agents.catalog import create
from agents.patients.agenda import AgendaPatient
from agents.protocols import DoctorView, IntakeCard, PatientView
from scenarios.schema import BackendRef, Case, Persona, Turn

PERSONAS = {
    "plain": Persona(),
    "talkative": Persona(personality="talkative"),
    "impatient": Persona(personality="impatient"),
    "distrustful": Persona(personality="distrustful"),
    "overly_positive": Persona(personality="overly_positive", health_anxiety="high"),
    "basic": Persona(language_proficiency="basic"),
    "low_recall": Persona(recall="low"),
    "confused": Persona(confusion="moderate"),
}


def shipped_cases(root: Path) -> list[Case]:
    """Return every case of the library."""
    files = sorted((root / "scenarios" / "library").glob("*/*.yaml"))
    return [Case.model_validate(entry) for file in files for entry in _entries(file)]


def _entries(file: Path) -> list[Any]:
    loaded = yaml.safe_load(file.read_text("utf-8"))
    return list(loaded if isinstance(loaded, list) else loaded.get("cases", [loaded]))


def new(role: Any, name: str) -> Any:
    """Return an embedded agent by its name in the catalogue."""
    return create(role, BackendRef(backend=name))


async def consult(doctor: Any, case: Case, persona: Persona, trial: int, max_turns: int = 6) -> tuple[Turn, ...]:
    """Return the transcript of one consultation; ``trial`` seeds it."""
    patient, examiner = AgendaPatient(), new("examiner", "record")
    turns: tuple[Turn, ...] = ()
    whose = case.speaker
    card = IntakeCard(
        case.demographics.age_years, case.demographics.sex, whose.relation, whose.calls_patient
    )
    for exchange in range(1, max_turns + 1):
        seed = trial * 1000 + exchange
        said = await patient.speak(PatientView(case, persona, turns, exchange, max_turns, seed, trial))
        turns += (
            Turn(index=len(turns), exchange=exchange, role="patient", text=said.text, disclosed=said.disclosed),
        )
        if said.end:
            break
        heard = tuple(turn.utterance() for turn in turns)
        reply = await doctor.reply(DoctorView(case.language, card, heard, exchange, max_turns, seed))
        turns += (
            Turn(index=len(turns), exchange=exchange, role="doctor", text=reply.text, requests=reply.requests),
        )
        if reply.requests:
            report = await examiner.examine(case, reply.requests, seed)
            turns += (Turn(index=len(turns), exchange=exchange, role="examiner", text=report.text),)
    return turns

