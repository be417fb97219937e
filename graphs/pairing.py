"""The pairing machine: a referee sees two consultations in both orders, side by side; what it says twice counts."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph

from agents.protocols import PairView, Referee
from graphs.calls import guarded, reading
from graphs.state import append_failures
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import Case, Failure, Turn
from scenarios.schema.pairing import Asked, Order, Preference

ORDERS: tuple[Order, Order] = ("a-first", "b-first")


def both_orders(said: dict[Order, Asked], new: dict[Order, Asked]) -> dict[Order, Asked]:
    """Return the answers so far."""
    return {**said, **new}


class PairingInput(TypedDict):
    """Two finished consultations of one case."""

    case: Case
    turns_a: tuple[Turn, ...]
    turns_b: tuple[Turn, ...]
    seed: int


class PairingState(TypedDict):
    """A comparison under way; ``preference`` is there at the end."""

    case: Case
    turns_a: tuple[Turn, ...]
    turns_b: tuple[Turn, ...]
    seed: int
    asked: Annotated[dict[Order, Asked], both_orders]
    failures: Annotated[tuple[Failure, ...], append_failures]
    preference: Preference


Graph = StateGraph[PairingState, None, PairingInput, PairingState]


def build_pairing(referee: Referee, *, timeout_s: float = 120.0, retries: int = 2) -> Graph:
    """Return the (uncompiled) machine: START -> one node an order, in parallel -> merge -> END.

    An order that cannot be had leaves a failure and a preference with ``parsed=False``: counted, never dropped.
    """
    graph = StateGraph(PairingState, input_schema=PairingInput)
    for order in ORDERS:
        graph.add_node(order, _order_node(referee, order, timeout_s, retries))
        graph.add_edge(START, order)
    graph.add_node("merge", merge)
    graph.add_edge(list(ORDERS), "merge")
    graph.add_edge("merge", END)
    return graph


async def merge(state: PairingState) -> dict[str, Preference]:
    """Let count what both orders say."""
    return {"preference": Preference.of(*(state["asked"][order] for order in ORDERS))}


def _order_node(referee: Referee, order: Order, timeout_s: float, retries: int) -> Any:
    async def node(state: PairingState) -> dict[str, Any]:
        failure = AgentFailure("judge", "unparsed", "")
        for attempt in range(retries + 1):
            seed = derive_seed(state["seed"], "referee", order, attempt)
            view = PairView(state["case"], state["turns_a"], state["turns_b"], seed)
            try:
                answer, _ = await guarded("judge", referee.prefer(view, order), timeout_s)
                with reading("judge"):
                    asked = Asked.model_validate(dict(answer))
            except AgentFailure as error:
                failure = error
                if not error.retryable:
                    break
            else:
                return {"asked": {order: asked}}
        found = Failure(owner=failure.owner, kind=failure.kind, message=f"{order}: {failure.message}")
        return {"asked": {order: Asked(parsed=False)}, "failures": (found,)}

    return node
