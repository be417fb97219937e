"""Ready-made machines for LangGraph Studio: default agents around the shipped cases; nothing is made at import."""

from __future__ import annotations

import asyncio
from typing import Any, NotRequired, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents import catalog
from agents.fidelity import check_patient
from graphs.consultation import Cast, build_consultation
from graphs.judging import build_judging
from graphs.state import ConsultationState, JudgingState
from scenarios.errors import InputError
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Case, Persona, Turn

Machine = CompiledStateGraph[Any, Any, Any, Any]


class StudioInput(TypedDict):
    """What a person types in Studio: a shipped case's id (or a whole case), and the rest if they wish."""

    case: Any
    seed: NotRequired[int]
    max_turns: NotRequired[int]
    persona: NotRequired[dict[str, str]]


class StudioJudgingInput(TypedDict):
    """A case (id or whole) and the turns to judge."""

    case: Any
    turns: list[Any]


async def consultation() -> Machine:
    """Return the consultation machine with the history-taker and the agenda patient, for ``langgraph dev``."""
    return await asyncio.to_thread(_consultation)


async def judging() -> Machine:
    """Return the judging machine with the rubric judge, for ``langgraph dev``."""
    return await asyncio.to_thread(_judging)


def _consultation() -> Machine:
    room = Cast(
        doctor=catalog.create("doctor", BackendRef(backend="history-taker")),
        patient=catalog.create("patient", BackendRef(backend="agenda")),
        examiner=catalog.create("examiner", BackendRef(backend="record")),
    )
    graph = StateGraph(ConsultationState, input_schema=StudioInput)
    graph.add_node("admit", admit)
    graph.add_node("consultation", build_consultation(room).compile())
    graph.add_edge(START, "admit")
    graph.add_edge("admit", "consultation")
    machine: Machine = graph.compile()
    return machine


def _judging() -> Machine:
    judges = {"rubric": catalog.create("judge", BackendRef(backend="rubric"))}
    graph = StateGraph(JudgingState, input_schema=StudioJudgingInput)
    graph.add_node("read", read)
    graph.add_node("judging", build_judging(judges).compile())
    graph.add_edge(START, "read")
    graph.add_edge("read", "judging")
    machine: Machine = graph.compile()
    for case in (library_cases("zh", limit=1)[0], library_cases("en", limit=1)[0]):
        said = Turn(index=0, exchange=1, role="patient", text=case.chief_complaint)
        check_patient(case, (said,))  # reads its word tables here, not in the server's event loop
    return machine


async def admit(state: StudioInput) -> dict[str, Any]:
    """Turn what was typed into the consultation's input."""
    return {
        "case": await _case(state["case"]),
        "persona": Persona.model_validate(state.get("persona") or {}),
        "seed": int(state.get("seed", 0)),
        "max_turns": int(state.get("max_turns", 6)),
    }


async def read(state: StudioJudgingInput) -> dict[str, Any]:
    """Turn what was typed into the judging input."""
    turns = tuple(turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in state["turns"])
    return {"case": await _case(state["case"]), "turns": turns, "seed": 0}


async def _case(given: Any) -> Case:
    if isinstance(given, Case):
        return given
    if isinstance(given, str):
        return (await asyncio.to_thread(library_cases, ids=[given]))[0]
    if isinstance(given, dict):
        return Case.model_validate(given)
    raise InputError(f"'case' must be the id of a shipped case or a case, got {type(given).__name__}")
