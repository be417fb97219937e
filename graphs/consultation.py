"""The consultation machine: patient, doctor and examiner take turns; it knows no backend, disk or score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from agents.protocols import Doctor, DoctorReply, DoctorView, Examiner, IntakeCard, Patient, PatientView
from graphs.calls import guarded, latency, reading, retry_policy
from graphs.routing import Next, next_exchange, whose_turn
from graphs.state import ConsultationInput, ConsultationState
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import Case, Turn

Move = Command[Next]
Graph = StateGraph[ConsultationState, None, ConsultationInput, ConsultationState]

MAX_REPLY_CHARACTERS = 20_000


@dataclass(frozen=True)
class Cast:
    """Who is in the room: the agents and the names their turns are signed with."""

    doctor: Doctor
    patient: Patient
    examiner: Examiner
    doctor_name: str = "doctor"
    patient_name: str = "patient"
    examiner_name: str = "examiner"
    turn_timeout_s: float = 120.0
    retries: int = 2


def build_consultation(room: Cast) -> Graph:
    """Return the (uncompiled) machine for ``room``: START -> patient -> doctor -> [examiner] -> patient ... END."""
    graph = StateGraph(ConsultationState, input_schema=ConsultationInput)
    policy = retry_policy(room.retries)
    graph.add_node("patient", _patient_node(room), retry_policy=policy, destinations=("doctor", END))
    graph.add_node("doctor", _doctor_node(room), retry_policy=policy, destinations=("examiner", "patient", END))
    graph.add_node("examiner", _examiner_node(room), retry_policy=policy, destinations=("patient", END))
    graph.add_conditional_edges(START, _first, list(get_args(Next)))
    return graph


async def _first(state: ConsultationState) -> Next:
    """Route the start; a coroutine, because LangGraph hands plain functions to a thread."""
    return whose_turn(state["turns"], state["max_turns"])


def _said(state: ConsultationState, turn: Turn) -> Move:
    """Add ``turn`` and go on to whoever is next; the node knows, so no router has to read the state again."""
    return Command(update={"turns": (turn,)}, goto=whose_turn((*state["turns"], turn), state["max_turns"]))


def intake_card(case: Case) -> IntakeCard:
    """Return what reception tells the doctor: age, sex, who speaks; never the record."""
    caregiver = case.speaker.relation if case.speaker.kind == "caregiver" else ""
    return IntakeCard(case.demographics.age_years, case.demographics.sex, caregiver, case.speaker.calls_patient)


def patient_view(state: ConsultationState) -> PatientView:
    """Return what the patient knows when it is to speak."""
    turns = state["turns"]
    return PatientView(
        case=state["case"], persona=state["persona"], turns=turns, exchange=next_exchange(turns, "patient"),
        max_turns=state["max_turns"], seed=derive_seed(state["seed"], "patient", len(turns)),
        consultation_seed=state["seed"],
    )


def doctor_view(state: ConsultationState) -> DoctorView:
    """Return what the doctor knows when it is to speak."""
    turns, case = state["turns"], state["case"]
    return DoctorView(
        language=case.language, intake=intake_card(case), dialogue=tuple(turn.utterance() for turn in turns),
        exchange=next_exchange(turns, "doctor"), max_turns=state["max_turns"],
        seed=derive_seed(state["seed"], "doctor", len(turns)),
    )


def _patient_node(room: Cast) -> Any:
    async def patient(state: ConsultationState) -> Move:
        view = patient_view(state)
        reply, took_s = await guarded("patient", room.patient.speak(view), room.turn_timeout_s)
        with reading("patient"):
            turn = Turn(
                index=len(view.turns), exchange=view.exchange, role="patient", text=_spoken("patient", reply.text),
                backend=room.patient_name, disclosed=reply.disclosed, end=reply.end, usage=reply.usage,
                latency=latency(took_s, reply.first_s),
            )
        return _said(state, turn)

    return patient


def _doctor_node(room: Cast) -> Any:
    async def doctor(state: ConsultationState) -> Move:
        view = doctor_view(state)
        reply, took_s = await guarded("doctor", room.doctor.reply(view), room.turn_timeout_s)
        with reading("doctor"):
            turn = _doctor_turn(room, reply, took_s, len(view.dialogue), view.exchange)
        return _said(state, turn)

    return doctor


def _doctor_turn(room: Cast, reply: DoctorReply, took_s: float, index: int, exchange: int) -> Turn:
    text = _spoken("doctor", reply.text)
    cut = len(text) > MAX_REPLY_CHARACTERS
    return Turn(
        index=index, exchange=exchange, role="doctor", text=text[:MAX_REPLY_CHARACTERS], backend=room.doctor_name,
        requests=reply.requests, differential=reply.differential, usage=reply.usage,
        latency=latency(took_s, reply.first_s), finish="length" if cut else reply.finish,
    )


def _examiner_node(room: Cast) -> Any:
    async def examiner(state: ConsultationState) -> Move:
        turns = state["turns"]
        asked = turns[-1]
        seed = derive_seed(state["seed"], "examiner", len(turns))
        call = room.examiner.examine(state["case"], asked.requests, seed)
        reply, took_s = await guarded("examiner", call, room.turn_timeout_s)
        with reading("examiner"):
            turn = Turn(
                index=len(turns), exchange=asked.exchange, role="examiner", text=_spoken("examiner", reply.text),
                backend=room.examiner_name, disclosed=tuple(finding.id for finding in reply.results),
                latency=latency(took_s, None),
            )
        return _said(state, turn)

    return examiner


def _spoken(role: Literal["patient", "doctor", "examiner"], text: str) -> str:
    """Return what was said; an empty reply is that role's failure, and worth another try."""
    said = text.strip()
    if not said:
        raise AgentFailure(role, "empty_reply", "said nothing", retryable=True)
    return said
