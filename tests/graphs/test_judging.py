"""The judging machine: every judge answers or is counted as silent, and the patient is checked."""

from __future__ import annotations

from typing import Any

from agents.protocols import JudgeView
from graphs.judging import build_judging
from scenarios.errors import AgentFailure
from scenarios.schema import Turn, Verdict
from tests.helpers import FixedJudge, small_case

SAID = (
    Turn(index=0, exchange=1, role="patient", text="My stomach has been hurting."),
    Turn(index=1, exchange=1, role="doctor", text="When did it start?"),
    Turn(index=2, exchange=2, role="patient", text="It started three days ago.", disclosed=("onset",)),
)


async def judge(judges: dict[str, Any], turns: tuple[Turn, ...] = SAID, **more: Any) -> dict[str, Any]:
    machine = build_judging(judges, **more).compile()
    state: dict[str, Any] = await machine.ainvoke({"case": small_case(), "turns": turns, "seed": 1})
    return state


async def test_verdicts_come_in_the_order_of_the_judges() -> None:
    state = await judge({"b": FixedJudge(1), "a": FixedJudge(2)})
    assert [(v.judge, v.metrics["total"]) for v in state["verdicts"]] == [("b", 1), ("a", 2)]
    assert state["failures"] == ()


async def test_a_silent_judge_is_counted_never_dropped() -> None:
    class Silent:
        calls = 0

        async def judge(self, view: JudgeView) -> Verdict:
            self.calls += 1
            raise AgentFailure("judge", "unparsed", "not JSON", retryable=True)

    silent = Silent()
    state = await judge({"silent": silent, "fixed": FixedJudge()}, retries=2)
    assert [v.parsed for v in state["verdicts"]] == [False, True]
    assert [(f.owner, f.kind) for f in state["failures"]] == [("judge", "unparsed")]
    assert silent.calls == 3


async def test_a_patient_who_leaks_the_diagnosis_is_the_patients_failure() -> None:
    leak = (*SAID[:2], Turn(index=2, exchange=2, role="patient", text="I think it is gastritis."))
    state = await judge({"fixed": FixedJudge()}, leak)
    assert {f.owner for f in state["failures"]} == {"patient"}
    assert state["failures"][0].turn == 2
