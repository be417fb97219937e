"""Layer 2, build: names of a batch -> agents -> compiled machines; it knows the catalogue, not the disk."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents import catalog
from graphs.consultation import Cast, build_consultation
from graphs.judging import build_judging
from scenarios.errors import BatchFileError, ClinicError
from scenarios.identity import content_hash
from scenarios.schema import BackendRef, Batch, Case, JudgeRef
from scenarios.yaml_file import Where, YamlFile
from simulator.acoustics import Voices, check_speech, makes_sound, speech_identity, takes_sound
from simulator.run_one import Machine, Room


@dataclass(frozen=True)
class Staff:
    """Every agent of a batch, made once and shared by all consultations, with what identifies their behaviour.

    ``members`` names them: ``doctor NAME``, ``patient``, ``examiner``, ``judge NAME``.
    """

    rooms: dict[str, Room]
    fingerprints: dict[str, str]
    members: dict[str, Any]

    @property
    def agents(self) -> tuple[Any, ...]:
        """All of them."""
        return tuple(self.members.values())

    async def close(self) -> None:
        """Close what holds connections or processes (agents that have ``aclose``)."""
        await close_all(self.agents)


def check(batch: Batch, source: YamlFile) -> None:
    """Make sure that every backend exists and accepts its options; raises BatchFileError with the line."""
    for role, ref, where in _references(batch):
        try:
            catalog.validate_options(catalog.find(role, ref.backend), ref.options)
        except ClinicError as error:
            key = ".".join(map(str, where))
            raise BatchFileError(source.name, str(error), line=source.line_of((*where, "backend")), key=key) from error

    def complain(where: Where, problem: str) -> None:
        raise BatchFileError(source.name, problem, line=source.line_of(where), key=".".join(map(str, where)))

    check_speech(batch, complain)


def build_staff(batch: Batch) -> Staff:
    """Make all agents and compile one room a doctor."""
    patient = catalog.create("patient", BackendRef(backend=batch.patient.backend, **batch.patient.options))
    examiner = catalog.create("examiner", batch.examiner)
    judges = {ref.called: catalog.create("judge", ref) for ref in batch.judges}
    judging = build_judging(judges, timeout_s=batch.turn_timeout_s, retries=batch.retries).compile()
    rooms: dict[str, Room] = {}
    prints = {"patient": fingerprint(patient), "examiner": fingerprint(examiner)}
    prints |= {f"judge.{name}": mark for name, judge in judges.items() if (mark := fingerprint(judge))}
    members = {"patient": patient, "examiner": examiner, **{f"judge {name}": one for name, one in judges.items()}}
    voices = Voices()
    for name, ref in batch.doctors.items():
        doctor = catalog.create("doctor", ref)
        members[f"doctor {name}"] = doctor
        prints[f"doctor.{name}"] = fingerprint(doctor)
        cast = Cast(
            doctor=doctor, patient=patient, examiner=examiner, doctor_name=ref.backend,
            patient_name=batch.patient.backend, examiner_name=batch.examiner.backend,
            turn_timeout_s=batch.turn_timeout_s, retries=batch.retries,
            acoustics=voices.acoustics(
                batch.speech(name), doctor, name, batch.turn_timeout_s, hears=takes_sound(ref), speaks=makes_sound(ref),
            ),
        )
        machine = build_consultation(cast).compile()
        rooms[name] = Room(machine, judging, batch.patient.persona, batch.max_turns)
    return Staff(rooms, prints | voices.prints, members | voices.members)


def build_judges(refs: Iterable[JudgeRef], *, timeout_s: float, retries: int) -> tuple[Machine, dict[str, Any]]:
    """Compile a judging machine alone, to judge stored consultations again; returns it and the judges by name."""
    judges = {ref.called: catalog.create("judge", ref) for ref in refs}
    return build_judging(judges, timeout_s=timeout_s, retries=retries).compile(), judges


async def close_all(agents: Iterable[Any]) -> None:
    """Close the agents that have ``aclose``."""
    closing = [agent.aclose() for agent in agents if hasattr(agent, "aclose")]
    await asyncio.gather(*(c for c in closing if inspect.isawaitable(c)))


def fingerprint(agent: Any) -> str:
    """Return the hash of what an agent brings along (prompts, knowledge), or '' when it brings nothing."""
    return str(getattr(agent, "fingerprint", ""))


def config_hash(batch: Batch, case: Case, doctor: str, prints: dict[str, str]) -> str:
    """Return the hash of all that can change the words of ``case`` x ``doctor``: never speed, retries or judges."""
    speech = speech_identity(batch.speech(doctor), prints)
    return content_hash(
        {
            "case": content_hash(case), "doctor": catalog.identity("doctor", batch.doctors[doctor]),
            "patient": catalog.identity("patient", batch.patient),
            "examiner": catalog.identity("examiner", batch.examiner),
            **({"voice": None, "listener": None} if speech is None else {"speech": speech}),
            "max_turns": batch.max_turns, "seed": batch.seed,
            "fingerprints": [prints["patient"], prints["examiner"], prints[f"doctor.{doctor}"]],
        }
    )


def _references(batch: Batch) -> list[tuple[catalog.BackendRole, BackendRef, Where]]:
    found: list[tuple[catalog.BackendRole, BackendRef, Where]] = [
        ("doctor", ref, ("doctors", name)) for name, ref in batch.doctors.items()
    ]
    patient = BackendRef(backend=batch.patient.backend, **batch.patient.options)
    found += [("patient", patient, ("patient",)), ("examiner", batch.examiner, ("examiner",))]
    found += [("judge", ref, ("judges", index)) for index, ref in enumerate(batch.judges)]
    if batch.referee:
        found.append(("referee", batch.referee, ("referee",)))
    return found + _speech_references(batch)


def _speech_references(batch: Batch) -> list[tuple[catalog.BackendRole, BackendRef, Where]]:
    named: list[tuple[catalog.BackendRole, BackendRef | None, Where]] = [
        ("voice", batch.voice, ("voice",)), ("voice", batch.doctor_voice, ("doctor_voice",)),
        ("listener", batch.listener, ("listener",)),
    ]
    for name, doctor in batch.doctors.items():
        named += [("voice", doctor.doctor_voice, ("doctors", name, "doctor_voice"))]
        named += [("listener", doctor.listener, ("doctors", name, "listener"))]
    return [(role, ref, where) for role, ref, where in named if ref]
