"""The consultation machine: patient, doctor and examiner take turns; it knows no backend, disk or score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from agents.protocols import Doctor, DoctorReply, DoctorView, Examiner, IntakeCard, Patient, PatientView
from agents.room.turn_taking import SILENT_WORDS
from graphs.calls import guarded, latency, reading, retry_policy
from graphs.perceiving import for_the_doctor, for_the_patient
from graphs.routing import Next, next_exchange, whose_turn
from graphs.speech import Acoustics, doctor_aloud, keeps_silent, own_sound, patient_aloud
from graphs.state import ConsultationInput, ConsultationState
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import Case, Turn

Aloud = Literal["patient_aloud", "doctor_aloud"]
Move = Command[Next | Aloud]
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
    acoustics: Acoustics = Acoustics()


def build_consultation(room: Cast) -> Graph:
    """Return the (uncompiled) machine for ``room``: START -> patient -> doctor -> [examiner] -> patient ... END.

    Where somebody is heard, ``patient_aloud`` and ``doctor_aloud`` follow the speakers: a voice that fails is tried
    again without asking anybody for other words.
    """
    graph = StateGraph(ConsultationState, input_schema=ConsultationInput)
    policy = retry_policy(room.retries)
    after_patient: tuple[str, ...] = ("doctor", END)
    after_doctor: tuple[str, ...] = ("examiner", "patient", END)
    if room.acoustics.sounds:
        patient_node, doctor_node = _aloud_node(room, patient_aloud), _aloud_node(room, doctor_aloud)
        graph.add_node("patient_aloud", patient_node, retry_policy=policy, destinations=after_patient)
        graph.add_node("doctor_aloud", doctor_node, retry_policy=policy, destinations=after_doctor)
        after_patient, after_doctor = ("patient_aloud",), ("doctor_aloud",)
    graph.add_node("patient", _patient_node(room), retry_policy=policy, destinations=after_patient)
    graph.add_node("doctor", _doctor_node(room), retry_policy=policy, destinations=after_doctor)
    graph.add_node("examiner", _examiner_node(room), retry_policy=policy, destinations=("patient", END))
    graph.add_conditional_edges(START, _first, list(get_args(Next)))
    return graph


async def _first(state: ConsultationState) -> Next:
    """Route the start; a coroutine, because LangGraph hands plain functions to a thread."""
    return whose_turn(state["turns"], state["max_turns"])


def _said(state: ConsultationState, turn: Turn) -> Move:
    """Add ``turn`` and go on to whoever is next; the node knows, so no router has to read the state again."""
    return Command(update={"turns": (turn,)}, goto=whose_turn((*state["turns"], turn), state["max_turns"]))


def _spoke(room: Cast, state: ConsultationState, turn: Turn, node: Aloud) -> Move:
    """Hand a speaker's words on to be heard, where anybody is heard."""
    return Command(update={"draft": turn}, goto=node) if room.acoustics.sounds else _said(state, turn)


def _aloud_node(room: Cast, say: Any) -> Any:
    async def aloud(state: ConsultationState) -> Move:
        turn = await say(room.acoustics, state)
        following = whose_turn((*state["turns"], turn), state["max_turns"])
        return Command(update={"turns": (turn,), "draft": None}, goto=following)

    return aloud


def intake_card(case: Case) -> IntakeCard:
    """Return what reception tells the doctor: age, sex, who speaks; never the record."""
    caregiver = case.speaker.relation if case.speaker.kind == "caregiver" else ""
    return IntakeCard(case.demographics.age_years, case.demographics.sex, caregiver, case.speaker.calls_patient)


def patient_view(state: ConsultationState) -> PatientView:
    """Return what the patient knows when it is to speak."""
    turns = state["turns"]
    return PatientView(
        case=state["case"], persona=state["persona"], turns=for_the_patient(turns, state["case"].language),
        exchange=next_exchange(turns, "patient"),
        max_turns=state["max_turns"], seed=derive_seed(state["seed"], "patient", len(turns)),
        consultation_seed=state["seed"],
    )


def doctor_view(state: ConsultationState, *, hears: bool = False, speak: bool = False) -> DoctorView:
    """Return what the doctor knows when it is to speak; ``hears`` and ``speak``: see ``Acoustics``."""
    turns, case = state["turns"], state["case"]
    return DoctorView(
        language=case.language, intake=intake_card(case), dialogue=for_the_doctor(turns, case.language, hears),
        exchange=next_exchange(turns, "doctor"), max_turns=state["max_turns"],
        seed=derive_seed(state["seed"], "doctor", len(turns)), speak=speak,
    )


def _patient_node(room: Cast) -> Any:
    async def patient(state: ConsultationState) -> Move:
        view = patient_view(state)
        if keeps_silent(room.acoustics, view.turns, view.seed):
            return _spoke(room, state, _silence(room, view), "patient_aloud")
        reply, took_s = await guarded("patient", room.patient.speak(view), room.turn_timeout_s)
        with reading("patient"):
            turn = Turn(
                index=len(view.turns), exchange=view.exchange, role="patient", text=_spoken("patient", reply.text),
                backend=room.patient_name, disclosed=reply.disclosed, end=reply.end, usage=reply.usage,
                latency=latency(took_s, reply.first_s),
            )
        return _spoke(room, state, turn, "patient_aloud")

    return patient


def _silence(room: Cast, view: PatientView) -> Turn:
    """Return the turn of a patient who says nothing; the patient's agent is not asked."""
    return Turn(
        index=len(view.turns), exchange=view.exchange, role="patient", text=SILENT_WORDS[view.case.language],
        backend=room.patient_name,
    )


def _doctor_node(room: Cast) -> Any:
    async def doctor(state: ConsultationState) -> Move:
        acoustics = room.acoustics
        view = doctor_view(state, hears=acoustics.hears, speak=acoustics.output_speech and acoustics.speaks)
        reply, took_s = await guarded("doctor", room.doctor.reply(view), room.turn_timeout_s)
        with reading("doctor"):
            turn = _doctor_turn(room, reply, took_s, len(view.dialogue), view.exchange)
        if view.speak and reply.sound is not None:
            turn = turn.model_copy(update=await own_sound(reply.sound, reply.first_audio_s, took_s))
        return _spoke(room, state, turn, "doctor_aloud")

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
