"""The pairing machine: both orders are asked side by side, what disagrees is a tie, what fails is counted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from agents.protocols import PairView
from graphs.pairing import build_pairing
from scenarios.errors import AgentFailure
from scenarios.schema import Usage
from scenarios.schema.pairing import Asked, Order, Place, Preference
from tests.helpers import small_case
from tests.referee_models import talk


@dataclass
class ToldReferee:
    """Answers each order as told; an exception is raised each time until the list is used up."""

    answers: dict[Order, Place]
    errors: dict[Order, list[Exception]] = field(default_factory=dict)
    seen: list[tuple[Order, PairView]] = field(default_factory=list)
    at_once: int = 0
    most: int = 0

    async def prefer(self, view: PairView, order: Order) -> Asked:
        self.seen.append((order, view))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if self.errors.get(order):
            raise self.errors[order].pop(0)
        return Asked(better=self.answers[order], dimensions={"inquiry": self.answers[order]},
                     usage=Usage(prompt=100, completion=10))


async def compare(referee: Any, **options: Any) -> tuple[Preference, tuple[Any, ...]]:
    machine = build_pairing(referee, **options).compile()
    state = await machine.ainvoke({
        "case": small_case(), "turns_a": talk("It hurts", "Where?"), "turns_b": talk("It hurts", "Go home."), "seed": 5,
    })
    return state["preference"], tuple(state["failures"])


async def test_both_orders_are_asked_at_the_same_time_with_seeds_of_their_own() -> None:
    referee = ToldReferee({"a-first": "first", "b-first": "second"})
    preference, failures = await compare(referee)
    assert (preference.winner, preference.consistent, failures) == ("a", True, ())
    assert referee.most == 2
    assert {order for order, _ in referee.seen} == {"a-first", "b-first"}
    assert len({view.seed for _, view in referee.seen}) == 2
    assert preference.dimensions == {"inquiry": "a"}
    assert preference.usage is not None
    assert (preference.usage.prompt, preference.usage.calls) == (200, 2)


async def test_the_answers_stand_in_the_order_a_first_then_b_first() -> None:
    preference, _ = await compare(ToldReferee({"a-first": "second", "b-first": "tie"}))
    assert [asked.better for asked in preference.orders] == ["second", "tie"]
    assert (preference.winner, preference.consistent) == ("tie", False)


async def test_an_order_that_cannot_be_had_is_a_failure_and_no_win() -> None:
    wrong = AgentFailure("judge", "bad_json", "no verdict")
    referee = ToldReferee({"a-first": "first", "b-first": "second"}, {"b-first": [wrong]})
    preference, failures = await compare(referee)
    assert (preference.parsed, preference.winner, preference.consistent) == (False, "tie", False)
    assert [asked.parsed for asked in preference.orders] == [True, False]
    assert [(one.owner, one.kind, one.message) for one in failures] == [("judge", "bad_json", "b-first: no verdict")]


async def test_what_may_succeed_is_tried_again_and_no_more_often_than_allowed() -> None:
    passing = [AgentFailure("judge", "timeout", "slow", retryable=True)]
    referee = ToldReferee({"a-first": "first", "b-first": "second"}, {"a-first": list(passing)})
    preference, failures = await compare(referee, retries=1)
    assert (preference.winner, failures) == ("a", ())
    lasting = [AgentFailure("judge", "timeout", "slow", retryable=True) for _ in range(9)]
    referee = ToldReferee({"a-first": "first", "b-first": "second"}, {"a-first": lasting})
    preference, failures = await compare(referee, retries=2)
    assert not preference.parsed
    assert len(referee.seen) == 4


async def test_a_referee_that_breaks_or_talks_nonsense_spoils_its_own_comparison_only() -> None:
    broken = ToldReferee({"a-first": "first", "b-first": "second"}, {"a-first": [ZeroDivisionError("oh")]})
    _, failures = await compare(broken)
    assert [one.kind for one in failures] == ["exception"]

    class Nonsense:
        async def prefer(self, view: PairView, order: Order) -> Any:
            return {"better": "the red one"}

    preference, failures = await compare(Nonsense())
    assert not preference.parsed
    assert [one.kind for one in failures] == ["bad_reply", "bad_reply"]
