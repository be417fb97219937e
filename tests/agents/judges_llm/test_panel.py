"""The panel as a specification: means over members, each member's own scores, and members that fall silent."""

from __future__ import annotations

from typing import Any

import pytest

from agents.catalog import find, validate_options
from agents.judges.panel import PanelJudge, PanelOptions
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import DIMENSIONS
from tests.agents.judges_llm.models import TALK, FillingModel, every, rich_case, seen

TWO = [{"model": "Org/Big-72B"}, {"model": "small", "name": "second"}]


def panel(*models: FillingModel, **options: Any) -> PanelJudge:
    members = [*TWO, {"model": "third"}][: len(models)]
    return PanelJudge(PanelOptions.model_validate({"members": members, **options}), models)


def silent(kind: str = "wrong_schema") -> FillingModel:
    return FillingModel(fails=[AgentFailure("judge", kind, "cannot be read")])


async def test_the_verdict_is_the_mean_and_keeps_each_members_scores() -> None:
    verdict = await panel(FillingModel(every(score=4, turn=2)), FillingModel(every(score=7, turn=4))).judge(seen())
    assert verdict.scores == dict.fromkeys(DIMENSIONS, 5.5)
    assert verdict.metrics["total"] == pytest.approx(55)
    assert verdict.metrics["member.org-big-72b.inquiry"] == 4
    assert verdict.metrics["member.second.inquiry"] == 7
    assert verdict.metrics["member.second.total"] == 70
    assert verdict.metrics["panel_share"] == 1
    assert verdict.usage and (verdict.usage.prompt, verdict.usage.calls) == (200, 2)
    assert {one.tag.partition(": ")[0] for one in verdict.evidence} == {"org-big-72b", "second"}


async def test_members_are_asked_the_same_with_seeds_of_their_own() -> None:
    models = FillingModel(), FillingModel()
    await panel(*models).judge(seen())
    assert models[0].asked == models[1].asked
    assert models[0].seeds != models[1].seeds


async def test_criteria_are_kept_as_met_or_not() -> None:
    verdict = await panel(FillingModel(every(met=True)), FillingModel(every(met=False)), rubric="safety").judge(seen())
    assert verdict.metrics["safety_net"] == 0.5
    assert verdict.metrics["member.org-big-72b.safety_net"] == 1


async def test_a_silent_member_is_named_and_left_out() -> None:
    models = FillingModel(every(score=4)), silent(), FillingModel(every(score=6))
    verdict = await panel(*models).judge(seen())
    assert verdict.metrics["panel_share"] == pytest.approx(2 / 3)
    assert verdict.scores["spoken"] == 5
    assert "wrong_schema" in verdict.not_scored["member.second"]
    assert not any(name.startswith("member.second.") for name in verdict.metrics)


async def test_one_voice_is_no_panel() -> None:
    with pytest.raises(AgentFailure, match="cannot be read"):
        await panel(FillingModel(), silent()).judge(seen())


async def test_a_doctor_who_never_spoke_is_not_scored() -> None:
    verdict = await panel(FillingModel(), FillingModel()).judge(seen(turns=TALK[:1]))
    assert verdict.metrics == {} and "total" in verdict.not_scored


@pytest.mark.parametrize(("options", "said"), [
    ({"members": TWO[:1]}, "at least 2"),
    ({"members": [TWO[1], TWO[1]]}, "members must differ"),
    ({"members": [{"model": "a", "colour": 1}, {"model": "b"}]}, "colour"),
    ({"members": TWO, "rubric": "medsafety"}, "is for single_turn"),
])
def test_a_wrong_panel_is_refused_before_anything_runs(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        validate_options(find("judge", "panel"), options)


async def test_forecast_preflight_and_close_speak_for_all_members() -> None:
    models = FillingModel(), FillingModel()
    one = panel(*models)
    assert one.forecast(rich_case(), 6).calls == 2
    await one.preflight(321)
    await one.aclose()
    assert [(model.longest, model.closed) for model in models] == [(321, True)] * 2
