"""The pairwise referee: the same preprocessing for both, who is who is not said, and the form holds every item."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from agents import catalog
from agents.judges.fence import TURN_CHARACTERS
from agents.judges.pairwise import PairwiseOptions, PairwiseReferee, common_limit
from agents.llm.types import Message
from agents.protocols import PairView
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import BackendRef, Language
from tests.helpers import small_case
from tests.referee_models import RefereeModel, shown, talk

ASKS = talk("It hurts", "Where does it hurt?", "Here", "Since when?")
SENDS_AWAY = talk("It hurts", "Go home.")


def referee(model: RefereeModel | None = None, **options: object) -> PairwiseReferee:
    return PairwiseReferee(PairwiseOptions.model_validate({"model": "told", **options}), model or RefereeModel())


def view(language: Language = "en", **changes: object) -> PairView:
    return PairView(small_case(language=language, **changes), ASKS, SENDS_AWAY, seed=3)


def text(messages: list[Message]) -> str:
    return "\n".join(str(message["content"]) for message in messages)


async def test_the_answer_is_read_by_place_and_counts_its_tokens() -> None:
    model = RefereeModel()
    one, two = [await referee(model).prefer(view(), order) for order in ("a-first", "b-first")]  # type: ignore[arg-type]
    assert (one.better, two.better) == ("first", "second")
    assert set(one.dimensions) == {"comprehension", "inquiry", "diagnosis", "treatment", "communication", "spoken"}
    assert set(one.reasons) == {*one.dimensions, "overall"}
    assert one.usage is not None and one.usage.prompt == 10
    assert model.seeds == [3, 3]


def test_the_two_orders_differ_in_nothing_but_the_order() -> None:
    asked = referee()
    straight, turned = asked.prompt(view(), "a-first"), asked.prompt(view(), "b-first")
    assert straight[0] == turned[0], "the system part"
    (a1, b1), (b2, a2) = shown(straight), shown(turned)
    bare = [block.split("\n")[2:-1] for block in (a1, b1, a2, b2)]
    assert bare[0] == bare[2] and bare[1] == bare[3]
    records = [str(prompt[1]["content"]).split("\n\n")[0] for prompt in (straight, turned)]
    assert records[0] == records[1]


def test_the_transcripts_come_last_and_the_record_before_them() -> None:
    content = str(referee().prompt(view(), "a-first")[1]["content"])
    assert content.index("gastritis") < content.index("first consultation") < content.index("second consultation")


def test_neither_side_can_be_told_by_its_doctor() -> None:
    signed = tuple(turn.model_copy(update={"backend": "history-taker"}) for turn in ASKS)
    told = text(referee().prompt(PairView(small_case(), signed, SENDS_AWAY, 1), "a-first"))
    assert "history-taker" not in told


def test_both_are_cut_at_the_same_length_even_when_only_one_is_long() -> None:
    long = talk("It hurts", *["a" * 1_400] * 40)
    limit = common_limit(long, SENDS_AWAY)
    assert limit == common_limit(SENDS_AWAY, long) < TURN_CHARACTERS
    first, second = shown(referee().prompt(PairView(small_case(), long, talk("It hurts", "b" * 1_400), 1), "a-first"))
    for block, letter in ((first, "a"), (second, "b")):
        kept = [line for line in block.split("\n") if letter * 20 in line]
        assert {line.count(letter * 10) * 10 // limit for line in kept} == {1}
        assert all("left out" in line for line in kept)


def test_no_consultation_is_too_long_to_be_compared() -> None:
    endless = talk(*["word " * 300] * 400)
    first, second = shown(referee().prompt(PairView(small_case(), endless, SENDS_AWAY, 1), "a-first"))
    assert len(first) < 60_000
    assert second.count("\n[") == 2


async def test_a_context_that_overflows_is_answered_with_less_of_each_turn() -> None:
    model = RefereeModel(failures=[AgentFailure("judge", "context_overflow", "too long")] * 2)
    long = talk("It hurts", *["a" * 1_400] * 20)
    await referee(model).prefer(PairView(small_case(), long, SENDS_AWAY, 1), "a-first")
    sizes = [len(text(list(messages))) for messages in model.asked]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True) and sizes[0] > 2 * sizes[2]


async def test_an_answer_that_cannot_be_had_is_the_referees_failure() -> None:
    model = RefereeModel(failures=[AgentFailure("judge", "bad_json", "gibberish")])
    with pytest.raises(AgentFailure, match="gibberish"):
        await referee(model).prefer(view(), "a-first")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_speaks_the_language_of_the_case(language: Language) -> None:
    system = referee().prompt(view(language), "a-first")[0]["content"]
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in str(system))
    assert (chinese > 300) == (language == "zh")


def test_the_record_is_shown_or_hidden_as_asked() -> None:
    for option, there in (("show", True), ("hide", False), ("auto", True)):
        assert ("gastritis" in text(referee(record=option).prompt(view(), "a-first"))) == there
    without = referee(rubric="consultation-meddg")
    assert ("gastritis" in text(without.prompt(view(), "a-first"))) == (
        without.rubric.sees == "transcript_and_record")


def test_the_form_has_every_item_of_the_rubric_and_no_room_for_anything_else() -> None:
    asked = referee(rubric="consultation-criteria")
    schema = asked.form.model_json_schema()
    assert set(schema["$defs"]["Items"]["properties"]) == set(asked.rubric.item_ids)
    one = {"reason": "r" * 500, "better": "first"}
    good = {"items": dict.fromkeys(asked.rubric.item_ids, one), "overall": one}
    cut = asked.form.model_validate(good).model_dump(by_alias=True)
    assert len(cut["overall"]["reason"]) == asked.reason_characters
    for bad in ({**good, "winner": "a"}, {**good, "overall": {**one, "better": "third"}}, {"overall": one}):
        with pytest.raises(ValidationError):
            asked.form.model_validate(bad)
    assert list(json.loads(json.dumps(schema))["$defs"]["Compared"]["properties"]) == ["reason", "better"]


def test_another_rubric_or_record_setting_is_another_referee() -> None:
    prints = {referee().fingerprint, referee(rubric="safety").fingerprint, referee(record="hide").fingerprint}
    assert len(prints) == 3
    assert referee(base_url="http://127.0.0.1:1/v1").fingerprint == referee().fingerprint


def test_a_rubric_for_single_answers_or_none_at_all_is_refused() -> None:
    for name, words in (("single-turn", "single_turn"), ("saftey", "safety")):
        with pytest.raises(InputError, match=words):
            catalog.create("referee", BackendRef(backend="pairwise", model="m", rubric=name))


def test_the_forecast_is_near_the_prompts() -> None:
    from agents.llm.forecast import estimate_tokens

    asked = referee()
    forecast = asked.forecast(small_case(), 2)
    real = 2 * estimate_tokens(text(asked.prompt(view(), "a-first")))
    assert forecast.calls == 2
    assert 0.7 * real < forecast.prompt < 1.8 * real
    assert forecast.longest > forecast.prompt / 2 + forecast.completion / 2


async def test_closing_lets_go_of_the_model() -> None:
    model = RefereeModel()
    await referee(model).aclose()
    assert model.closed
