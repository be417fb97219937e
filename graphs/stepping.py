"""The consultation machine one step at a time: it stops before every speaker, and asks when a person speaks.

It is the very machine of a batch, compiled with a checkpointer; it knows neither branches nor where checkpoints lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateUpdate, interrupt

from agents.patients.llm_told import told_now
from agents.protocols import DoctorReply, DoctorView, ExaminerReply, PatientReply, PatientView, VoiceView
from agents.sound.shelf import Shelf
from agents.voices.synthesis import Made, Studio
from graphs.consultation import Cast, build_consultation
from scenarios.schema import Case, Persona, Role, StopReason, Turn

Stepping = CompiledStateGraph[Any, Any, Any, Any]
SPEAKERS = ("patient", "doctor", "examiner")
PERSON = "human"


@dataclass(frozen=True)
class Words:
    """What a person says in a turn; ``requests`` are examinations ordered, ``end`` closes the consultation."""

    text: str
    requests: tuple[str, ...] = ()
    end: StopReason | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as a checkpoint can hold it."""
        return {"text": self.text, "requests": list(self.requests), "end": self.end}


class Person:
    """A doctor, patient or examiner whose words come from outside: the machine is interrupted until they are there."""

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return what the person said as the doctor."""
        said = interrupt({"role": "doctor", "exchange": view.exchange})
        return DoctorReply(said["text"], requests=tuple(said["requests"]))

    async def speak(self, view: PatientView) -> PatientReply:
        """Return what the person said as the patient, and which items of the case these words tell."""
        said = interrupt({"role": "patient", "exchange": view.exchange})
        return PatientReply(said["text"], disclosed=told_in(view.case, view.turns, said["text"]), end=said["end"])

    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        """Return what the person reported."""
        return ExaminerReply(interrupt({"role": "examiner", "requests": list(requests)})["text"])


class Recording(Studio):
    """A person's own voice in the place of one that is made: what was recorded, as it was recorded."""

    def __init__(self, made: Made) -> None:
        """Keep the stored sound."""
        self._recorded = made

    async def say(self, view: VoiceView, rate_hz: int, shelf: Shelf) -> Made:
        """Return the recording, whatever was written down of it."""
        return self._recorded


def build_stepping(room: Cast, saver: BaseCheckpointSaver[Any]) -> Stepping:
    """Return the machine of ``room`` with checkpoints in ``saver``: every run of it ends before the next speaker."""
    return build_consultation(room).compile(checkpointer=saver, interrupt_before=list(SPEAKERS))


def with_person(room: Cast, role: Role, recording: Recording | None = None) -> Cast:
    """Return the room with a person in one role, who is heard with ``recording`` when there is one."""
    person, acoustics = Person(), room.acoustics
    if role == "doctor":
        heard = replace(acoustics, doctor_voice=recording) if recording else acoustics
        return replace(room, doctor=person, doctor_name=PERSON, acoustics=heard)
    if role == "patient":
        heard = replace(acoustics, voice=recording) if recording else acoustics
        return replace(room, patient=person, patient_name=PERSON, acoustics=heard)
    return replace(room, examiner=person, examiner_name=PERSON)


def beginning(
    case: Case, persona: Persona, seed: int, max_turns: int, turns: Sequence[Turn]
) -> list[list[StateUpdate]]:
    """Return the steps that make a fresh thread stand after ``turns``: one checkpoint a turn, to go back to any."""
    start = {"case": case, "persona": persona, "seed": seed, "max_turns": max_turns, "turns": ()}
    return [[StateUpdate(start, "__start__")], *([said(turn)] for turn in turns)]


def said(turn: Turn) -> StateUpdate:
    """Return the step that adds a turn nobody in the room has spoken; who is next follows from the turns."""
    return StateUpdate({"turns": (turn,)}, "__start__")


def told_in(case: Case, before: Sequence[Turn], text: str) -> tuple[str, ...]:
    """Return the ids of the case items that a person's words tell for the first time."""
    told = frozenset(item for turn in before if turn.role == "patient" for item in turn.disclosed)
    asked = next((turn.utterance().text for turn in reversed(before) if turn.role == "doctor"), "")
    return told_now(case, (), text, asked, told)
