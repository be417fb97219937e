"""The machines that sessions step: one a casting, made when it is first needed and shared; knows no branch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from agents import catalog
from agents.sound.shelf import SoundShelf
from graphs.consultation import Cast
from graphs.stepping import PERSON, Person, Recording, Stepping, build_stepping, with_person
from scenarios.errors import InputError
from scenarios.identity import content_hash
from scenarios.schema import BackendRef, Role
from simulator.acoustics import Voices, makes_sound, problems, takes_sound
from simulator.build import build_judges, close_all
from simulator.run_one import Machine
from simulator.session.model import HUMAN, Casting

KEPT = 32
"""Castings whose agents stay open when nobody steps them."""


@dataclass
class _Made:
    cast: Cast
    agents: tuple[Any, ...]
    users: int = 0


class Rooms:
    """Agents and machines of all castings in use."""

    def __init__(self, saver: BaseCheckpointSaver[Any], shelf: SoundShelf) -> None:
        """Make nothing yet but the machine that only reads and writes checkpoints."""
        self._saver, self.shelf = saver, shelf
        self._made: OrderedDict[str, _Made] = OrderedDict()
        person = Person()
        self.bare: Stepping = build_stepping(Cast(person, person, person, PERSON, PERSON, PERSON), saver)

    @asynccontextmanager
    async def machine(
        self, casting: Casting, person: Role | None = None, recording: Recording | None = None
    ) -> AsyncIterator[Stepping]:
        """Lend the machine of ``casting``, with a person in one role, and that one's own voice, when asked.

        Raises:
            UnknownName, InputError, MissingExtra: a backend that cannot be made.
        """
        async with self.cast(casting) as cast:
            yield build_stepping(with_person(cast, person, recording) if person else cast, self._saver)

    @asynccontextmanager
    async def cast(self, casting: Casting) -> AsyncIterator[Cast]:
        """Lend the agents of ``casting``; raises as ``machine`` does."""
        name = content_hash(casting.model_dump(mode="json", exclude={"seed", "max_turns", "judges"}))
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(casting)
        self._made.move_to_end(name)
        made.users += 1
        try:
            yield made.cast
        finally:
            made.users -= 1
            await self._let_go()

    def _make(self, casting: Casting) -> _Made:
        patient_ref = BackendRef(backend=casting.patient.backend, **casting.patient.options)
        doctor = _create("doctor", casting.doctor)
        patient = _create("patient", patient_ref)
        examiner = catalog.create("examiner", casting.examiner)
        voices = Voices()
        cast = Cast(
            doctor=doctor, patient=patient, examiner=examiner, doctor_name=casting.doctor.backend,
            patient_name=casting.patient.backend, examiner_name=casting.examiner.backend,
            turn_timeout_s=casting.turn_timeout_s, retries=casting.retries,
            acoustics=voices.acoustics(
                casting.speech, doctor, casting.doctor_name, casting.turn_timeout_s, **senses(casting.doctor)
            ),
        )
        return _Made(cast, (doctor, patient, examiner, *voices.members.values()))

    async def _let_go(self) -> None:
        idle = [name for name, made in self._made.items() if not made.users]
        for name in idle[: max(0, len(self._made) - KEPT)]:
            await close_all(self._made.pop(name).agents)

    async def close(self) -> None:
        """Close all agents."""
        for made in self._made.values():
            await close_all(made.agents)
        self._made.clear()
        self.shelf.close()


def check_casting(casting: Casting) -> None:
    """Make sure that every backend exists, accepts its options and can be heard as asked; raises InputError."""
    patient = BackendRef(backend=casting.patient.backend, **casting.patient.options)
    refs: list[tuple[catalog.BackendRole, BackendRef]] = [("examiner", casting.examiner)]
    refs += [("judge", judge) for judge in casting.judges]
    refs += [("doctor", casting.doctor), ("patient", patient)]
    speech = casting.speech
    refs += [("voice", ref) for ref in (speech.voice, speech.doctor_voice) if ref]
    refs += [("listener", ref) for ref in (speech.listener,) if ref]
    for role, ref in refs:
        if ref.backend == HUMAN and role in ("doctor", "patient"):
            continue
        catalog.validate_options(catalog.find(role, ref.backend), ref.options)
    for key, problem in problems(casting.speech, **senses(casting.doctor)):
        raise InputError(f"{key}: {problem}")


def senses(doctor: BackendRef) -> dict[str, bool]:
    """Return whether a doctor hears and speaks; a person reads, and speaks into a microphone or types."""
    if doctor.backend == HUMAN:
        return {"hears": False, "speaks": True}
    return {"hears": takes_sound(doctor), "speaks": makes_sound(doctor)}


@asynccontextmanager
async def judging_machine(casting: Casting) -> AsyncIterator[Machine]:
    """Lend the judging machine of ``casting``."""
    machine, judges = build_judges(casting.judges, timeout_s=casting.turn_timeout_s, retries=casting.retries)
    try:
        yield machine
    finally:
        await close_all(judges.values())


def _create(role: catalog.BackendRole, ref: BackendRef) -> Any:
    return Person() if ref.backend == HUMAN else catalog.create(role, ref)
