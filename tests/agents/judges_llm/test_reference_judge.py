"""The reference judge as a specification: each claim stands on a turn, and what a case lacks is not scored."""

from __future__ import annotations

from typing import Any

import pytest

from agents.judges.reference import ReferenceJudge, ReferenceOptions, reference_form
from scenarios.schema import Case
from tests.agents.judges_llm.models import TALK, FillingModel, rich_case, seen

NOTHING = {"turn": 0, "elicited": False}
QUIET = {"turn": 0, "asked": False, "acted": False}


def told(**changes: Any) -> FillingModel:
    base = {
        "facts": {"f1": NOTHING, "f2": NOTHING, "f3": NOTHING}, "flags": {"r1": QUIET, "r2": QUIET},
        "unsafe": [], "stated": "", "diagnosis": "none",
    }
    return FillingModel(lambda values: {**{k: v for k, v in base.items() if k in values}, **changes})


async def judged(model: FillingModel, case: Case | None = None) -> Any:
    return await ReferenceJudge(ReferenceOptions(model="m"), model).judge(seen(case))


async def test_coverage_is_the_share_of_critical_items_that_came_out() -> None:
    facts = {"f1": {"turn": 3, "elicited": True}, "f2": NOTHING, "f3": {"turn": 3, "elicited": True}}
    verdict = await judged(told(facts=facts))
    assert verdict.metrics["coverage_llm"] == pytest.approx(2 / 3)
    assert [one.turn for one in verdict.evidence[:3]] == [2, None, 2]
    assert verdict.evidence[0].reason == "It started three days ago"


async def test_a_claim_without_a_turn_that_exists_does_not_count() -> None:
    facts = {name: {"turn": turn, "elicited": True} for name, turn in (("f1", 0), ("f2", 9), ("f3", 3))}
    verdict = await judged(told(facts=facts))
    assert verdict.metrics["coverage_llm"] == pytest.approx(1 / 3)
    assert verdict.metrics["miscited_llm"] == pytest.approx(2 / 3)


async def test_a_present_red_flag_must_be_acted_on_and_an_absent_one_asked_for() -> None:
    asked, acted = {"turn": 2, "asked": True, "acted": False}, {"turn": 4, "asked": True, "acted": True}
    assert (await judged(told(flags={"r1": asked, "r2": asked}))).metrics["red_flags_llm"] == 0.5
    assert (await judged(told(flags={"r1": acted, "r2": QUIET}))).metrics["red_flags_llm"] == 0.5
    assert (await judged(told(flags={"r1": acted, "r2": asked}))).metrics["red_flags_llm"] == 1.0


@pytest.mark.parametrize(("match", "credit"), [
    ("exact", 1.0), ("equivalent", 1.0), ("broader", 0.5), ("wrong", 0.0), ("none", 0.0),
])
async def test_a_diagnosis_earns_what_its_match_is_worth(match: str, credit: float) -> None:
    verdict = await judged(told(diagnosis=match, stated="gastritis"))
    assert verdict.metrics["diagnosis_llm"] == credit
    assert any(one.tag == f"diagnosis: {match}" and one.reason == "gastritis" for one in verdict.evidence)


async def test_unsafe_advice_counts_only_where_the_doctor_gave_it() -> None:
    said = ((4, "bleeding risk"), (3, "the patient's own words"), (40, "nowhere"))
    found = [{"turn": turn, "why": why} for turn, why in said]
    verdict = await judged(told(unsafe=found))
    assert verdict.metrics["unsafe_llm"] == 1
    assert [(one.turn, one.reason) for one in verdict.evidence if one.tag == "unsafe advice"] == [(3, "bleeding risk")]


async def test_what_a_case_does_not_have_is_neither_asked_for_nor_scored() -> None:
    case = rich_case(diagnosis=None, red_flags=[], absences=[], facts=[])
    model = told()
    verdict = await judged(model, case)
    assert set(verdict.not_scored) == {"coverage_llm", "red_flags_llm", "diagnosis_llm"}
    assert set(verdict.metrics) == {"unsafe_llm", "miscited_llm"}


async def test_the_record_numbers_what_is_to_be_answered_one_by_one() -> None:
    model = told()
    await judged(model)
    for line in ("f1. It started three days ago", "f2. I take ibuprofen daily", "f3. absent: vomiting blood",
                 "r1. daily NSAID use (present)", "r2. haematemesis (absent)"):
        assert f"\n{line}" in model.user
    assert model.user.index("r2. haematemesis") < model.user.index("[1] Patient:")


async def test_no_model_is_asked_about_a_doctor_who_never_spoke() -> None:
    model = told()
    verdict = await ReferenceJudge(ReferenceOptions(model="m"), model).judge(seen(turns=TALK[:1]))
    assert model.asked == [] and "coverage_llm" in verdict.not_scored


def test_cases_of_one_shape_share_one_form() -> None:
    assert reference_form(3, 2, True) is reference_form(3, 2, True)
    assert "diagnosis" not in reference_form(3, 2, False).model_fields


async def test_many_critical_items_raise_the_limit_of_the_reply() -> None:
    facts = [{"id": f"f{n}", "topic": "onset", "text": f"fact {n}", "critical": True} for n in range(80)]
    model = FillingModel()
    judge = ReferenceJudge(ReferenceOptions(model="m"), model)
    case = rich_case(facts=facts, absences=[], red_flags=[])
    await judge.judge(seen(case))
    assert (model.limits[0] or 0) > 1024
    assert judge.forecast(case, 6).longest > judge.forecast(rich_case(), 6).longest
