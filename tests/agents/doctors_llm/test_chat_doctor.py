"""A chat model as a doctor, with a model that is told what to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agents import catalog
from agents.doctors.chat import ChatDoctor, ChatOptions
from agents.llm.forecast import estimate_tokens
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import BackendRef
from tests.agents.doctors_llm.models import ToldModel, view_of
from tests.helpers import small_case


def doctor(model: ToldModel, **options: Any) -> ChatDoctor:
    return ChatDoctor(ChatOptions.model_validate({"model": "told", **options}), model)


async def test_the_models_words_are_the_doctors_turn_with_what_they_cost() -> None:
    model = ToldModel("<think>heart?</think>Doctor: Since when?")
    reply = await doctor(model).reply(view_of("patient: My chest hurts."))
    assert reply.text == "Since when?"
    assert reply.usage is not None and reply.usage.completion == 3
    assert reply.first_s == 0.1
    assert model.seeds == [11], "the turn's own seed reaches the sampler"


async def test_the_form_carries_orders_and_diagnoses_as_data() -> None:
    model = ToldModel(data={"say": "Let me see.", "requests": ["ECG"], "differential": ["angina", "reflux"]})
    reply = await doctor(model, ask_requests="form").reply(view_of("patient: My chest hurts."))
    assert (reply.text, reply.requests, reply.differential) == ("Let me see.", ("ECG",), ("angina", "reflux"))


@pytest.mark.parametrize(("finish", "hint"), [("stop", "without reasoning"), ("length", "raise the limit")])
async def test_a_reply_of_which_nothing_is_left_is_the_doctors_failure(finish: str, hint: str) -> None:
    with pytest.raises(AgentFailure, match=hint) as failed:
        await doctor(ToldModel("<think>hm", finish=finish)).reply(view_of("patient: Hello."))
    assert (failed.value.owner, failed.value.kind, failed.value.retryable) == ("doctor", "empty_reply", False)


async def test_preflight_and_end_reach_the_model() -> None:
    model = ToldModel()
    asked = doctor(model)
    await asked.preflight(4096)
    await asked.aclose()
    assert (model.longest, model.closed) == (4096, True)


def test_the_forecast_counts_every_turn_and_leaves_room_for_a_full_last_reply() -> None:
    case, asked = small_case(), doctor(ToldModel(), max_tokens=400)
    one, six = asked.forecast(case, 1), asked.forecast(case, 6)
    assert (one.calls, six.calls) == (1, 6)
    assert one.cached == 0 and six.prompt > 6 * one.prompt > six.cached / 6 > 0
    assert one.longest - one.prompt == 400
    assert one.prompt > estimate_tokens("x" * 1000), "the system prompt is in it"


def test_last_only_never_gets_longer_with_the_turns() -> None:
    asked = doctor(ToldModel(), history="last_only")
    assert asked.forecast(small_case(), 20).longest == asked.forecast(small_case(), 1).longest


def test_two_servers_of_one_model_are_one_doctor_and_another_habit_is_another() -> None:
    here = BackendRef.model_validate({"backend": "chat", "model": "m", "base_url": "http://a:1/v1"})
    there = BackendRef.model_validate({"backend": "chat", "model": "m", "base_url": "http://b:1/v1"})
    other = BackendRef.model_validate({"backend": "chat", "model": "m", "history": "last_only"})
    assert catalog.identity("doctor", here) == catalog.identity("doctor", there)
    assert catalog.identity("doctor", here) != catalog.identity("doctor", other)


def test_every_doctor_in_the_documentation_is_accepted(root: Path) -> None:
    page = (root / "docs" / "add-a-doctor.md").read_text("utf-8")
    blocks = [block.split("```", 1)[0] for block in page.split("```yaml\n")[1:]]
    refs = [BackendRef.model_validate(ref) for block in blocks for ref in yaml.safe_load(block)["doctors"].values()]
    assert {ref.backend for ref in refs} >= {"chat", "process", "history-taker"}
    for ref in refs:
        catalog.validate_options(catalog.find("doctor", ref.backend), ref.options)


def test_a_mistyped_habit_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="hystory.*Options: .*history"):
        catalog.create("doctor", BackendRef.model_validate({"backend": "chat", "model": "m", "hystory": "x"}))
