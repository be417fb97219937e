"""The client on a real vLLM server: what it promises holds there, not only with a server of ours."""

from __future__ import annotations

import asyncio

import pytest

from agents.llm.types import Message
from scenarios.errors import AgentFailure, InputError, UnknownName
from tests.agents.llm.setting import MESSAGES, Score, model_at
from tests.tiny_server import TinyServer


@pytest.fixture
def options(tiny_server: TinyServer) -> dict[str, object]:
    return {"url": tiny_server.url, "model": tiny_server.models[0], "max_tokens": 120}


async def test_the_same_seed_gives_the_same_words_and_another_seed_others(options: dict[str, object]) -> None:
    async with model_at(**options) as model, model_at(**options, stream=True) as streamed:  # type: ignore[arg-type]
        first = await model.say(MESSAGES, seed=2**62 + 1, max_tokens=40)
        again = await streamed.say(MESSAGES, seed=2**62 + 1, max_tokens=40)
        other = await model.say(MESSAGES, seed=2**62 + 2, max_tokens=40)
    assert first.text == again.text != other.text
    assert first.usage.prompt == again.usage.prompt > 0
    assert again.usage.completion == 40 and again.finish == "length"
    assert again.first_s is not None and again.first_s < again.total_s


async def test_forms_come_back_valid_whole_and_streamed_many_at_once(options: dict[str, object]) -> None:
    async with model_at(**options, owner="judge", stream=True) as streamed:  # type: ignore[arg-type]
        async with model_at(**options, owner="judge") as model:  # type: ignore[arg-type]
            calls = [each.fill(MESSAGES, Score, seed=seed) for seed in range(6) for each in (model, streamed)]
            filled = await asyncio.gather(*calls)
    assert all(one.form == two.form for one, two in zip(filled[::2], filled[1::2], strict=True))
    assert len({one.form.reason for one in filled}) == 6
    assert sum(one.completion.usage.calls for one in filled) == 12, "constrained replies need no second try"


async def test_a_growing_dialogue_hits_the_prefix_cache(options: dict[str, object]) -> None:
    said: list[Message] = [{"role": "system", "content": "You are a careful doctor. " * 60}, MESSAGES[1]]
    async with model_at(**options) as model:  # type: ignore[arg-type]
        first = await model.say(said, seed=1, max_tokens=4)
        more = [*said, {"role": "assistant", "content": first.text}, {"role": "user", "content": "Since yesterday."}]
        second = await model.say(more, seed=2, max_tokens=4)
    assert second.usage.cached > first.usage.prompt / 2
    assert second.usage.cached <= second.usage.prompt


async def test_a_too_long_prompt_is_the_agents_own_failure(options: dict[str, object]) -> None:
    async with model_at(**options, owner="patient") as model:  # type: ignore[arg-type]
        with pytest.raises(AgentFailure) as caught:
            await model.say([{"role": "user", "content": "pain " * 30_000}], seed=1)
    assert (caught.value.owner, caught.value.kind) == ("patient", "context_overflow")


async def test_preflight_knows_the_servers_models_and_context(tiny_server: TinyServer) -> None:
    async with model_at(tiny_server.url, model=tiny_server.models[0]) as model:
        await model.preflight(8000)
        with pytest.raises(InputError, match="--max-model-len 9000"):
            await model.preflight(9000)
    async with model_at(tiny_server.url, model="tiny-qwen") as model:
        with pytest.raises(UnknownName, match="Did you mean 'tiny-qwen2"):
            await model.preflight(100)


async def test_an_unknown_model_and_a_bad_request_are_named(options: dict[str, object]) -> None:
    async with model_at(**{**options, "model": "nobody"}) as model:  # type: ignore[arg-type]
        with pytest.raises(AgentFailure, match="nobody") as caught:
            await model.say(MESSAGES, seed=1)
        assert caught.value.kind == "unknown_model"
    async with model_at(**options, extra_body={"min_p": 9}) as model:  # type: ignore[arg-type]
        with pytest.raises(AgentFailure, match="min_p") as caught:
            await model.say(MESSAGES, seed=1)
    assert (caught.value.owner, caught.value.kind) == ("infrastructure", "bad_request")
