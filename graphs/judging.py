"""The judging machine: the fidelity gate and every judge look at one transcript side by side; it averages nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph

from agents.fidelity import check_patient
from agents.protocols import Judge, JudgeView
from graphs.calls import guarded, reading
from graphs.perceiving import for_the_patient
from graphs.state import JudgingInput, JudgingState
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import Failure, Verdict

Graph = StateGraph[JudgingState, None, JudgingInput, JudgingState]


def build_judging(judges: Mapping[str, Judge], *, timeout_s: float = 120.0, retries: int = 2) -> Graph:
    """Return the (uncompiled) machine: START -> gate and judge nodes in parallel -> END.

    A judge that fails for good leaves a verdict with ``parsed=False`` and a failure: counted, never dropped.
    """
    graph = StateGraph(JudgingState, input_schema=JudgingInput)
    graph.add_node("gate", gate)
    graph.add_edge(START, "gate")
    graph.add_edge("gate", END)
    for index, (name, judge) in enumerate(judges.items()):
        node = f"judge-{index:02d}-{name}"  # updates of one step merge in the order of the nodes' names
        graph.add_node(node, _judge_node(name, judge, timeout_s, retries))
        graph.add_edge(START, node)
        graph.add_edge(node, END)
    return graph


async def gate(state: JudgingState) -> dict[str, tuple[Failure, ...]]:
    """Mark every breach of the patient's fidelity as the patient's failure."""
    try:
        with reading("infrastructure"):
            report = check_patient(state["case"], for_the_patient(state["turns"], state["case"].language))
    except AgentFailure as error:
        return {"failures": (Failure(owner=error.owner, kind="gate", message=error.message),)}
    breaches = tuple(Failure(owner="patient", kind=b.tag, message=b.reason, turn=b.turn) for b in report.breaches)
    return {"failures": breaches}


def _judge_node(name: str, judge: Judge, timeout_s: float, retries: int) -> Any:
    async def node(state: JudgingState) -> dict[str, Any]:
        failure: AgentFailure | None = None
        for attempt in range(retries + 1):
            view = JudgeView(state["case"], state["turns"], derive_seed(state["seed"], "judge", name, attempt))
            try:
                verdict, _ = await guarded("judge", judge.judge(view), timeout_s)
                with reading("judge"):
                    named = Verdict.model_validate({**dict(verdict), "judge": name})
            except AgentFailure as error:
                failure = error
                if not error.retryable:
                    break
            else:
                return {"verdicts": (named,)}
        owner, kind, message = ("judge", "unparsed", "") if failure is None else (
            failure.owner, failure.kind, failure.message)
        return {
            "verdicts": (Verdict(judge=name, parsed=False),),
            "failures": (Failure(owner=owner, kind=kind, message=f"{name}: {message}"),),
        }

    return node
