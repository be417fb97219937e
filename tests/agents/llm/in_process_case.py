"""Runs in vLLM's own environment: the in-process engine keeps what the client promises; see test_in_process_vllm.py."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agents.llm.client import open_model
from agents.llm.engines import engines
from agents.llm.hearing import heard_by
from agents.llm.options import LLMOptions
from agents.llm.types import Model
from scenarios.errors import AgentFailure, InputError
from tests.agents.llm.setting import MESSAGES, Ear, Score

ARGS = {
    "max_model_len": 2048, "enforce_eager": True, "block_size": 32, "enable_prefix_caching": True,
    "kv_cache_memory_bytes": 2**27,
    "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


def opened(owner: Any = "doctor", **options: Any) -> Model:
    given = {"model": os.environ["CLINIC_TINY_MODEL"], "engine": "in-process", "engine_args": ARGS, "max_tokens": 120}
    return open_model(LLMOptions(**{**given, **options}), owner)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[Model]:
    model = opened()
    await model.preflight(1000)
    yield model
    await model.aclose()


async def test_all_agents_share_one_engine(model: Model) -> None:
    other = opened("judge", stream=True, max_concurrency=2)
    first, again = await asyncio.gather(
        model.say(MESSAGES, seed=2**62, max_tokens=30), other.say(MESSAGES, seed=2**62, max_tokens=30)
    )
    assert first.text == again.text and first.usage.completion == 30 and first.finish == "length"
    assert first.first_s is None and again.first_s is not None and again.first_s < again.total_s
    transports = [engine.holders for engine in engines()._loaded.values()]
    assert [len(holders) for holders in transports] == [2]
    await other.aclose()
    assert (await model.say(MESSAGES, seed=1, max_tokens=5)).text


async def test_its_words_are_those_of_the_server(model: Model) -> None:
    if not (expected := os.environ.get("CLINIC_SERVER_SAID")):
        pytest.skip("no server to compare with")
    assert (await model.say(MESSAGES, seed=7, max_tokens=40)).text == expected


async def test_forms_are_filled_in(model: Model) -> None:
    filled = await asyncio.gather(*[model.fill(MESSAGES, Score, seed=seed) for seed in range(4)])
    assert all(isinstance(one.form, Score) for one in filled)
    assert sum(one.completion.usage.calls for one in filled) == 4


async def test_who_listens_hears_the_words_as_they_come(model: Model) -> None:
    ear = Ear()
    with heard_by(ear):
        said = await model.say(MESSAGES, seed=5, max_tokens=150)
    assert ear.heard == [said.text] and len(ear.tries[0]) > 1 and said.first_s is not None
    assert (await model.say(MESSAGES, seed=5, max_tokens=150)).text == said.text


async def test_a_growing_dialogue_hits_the_prefix_cache(model: Model) -> None:
    said = [{"role": "system", "content": "You are a careful doctor. " * 40}, MESSAGES[1]]
    await model.say(said, seed=1, max_tokens=4)
    assert (await model.say([*said, *MESSAGES[1:]], seed=1, max_tokens=4)).usage.cached > 100


async def test_what_does_not_fit_is_named(model: Model) -> None:
    with pytest.raises(InputError, match="2048"):
        await model.preflight(5000)
    with pytest.raises(AgentFailure, match="context_overflow") as caught:
        await model.say([{"role": "user", "content": "pain " * 5000}], seed=1)
    assert caught.value.owner == "doctor"


async def test_bad_parameters_and_arguments_are_named(model: Model) -> None:
    wrong = opened(extra_body={"top_kk": 3})
    with pytest.raises(AgentFailure, match="top_kk") as caught:
        await wrong.say(MESSAGES, seed=1)
    assert caught.value.kind == "bad_request"
    await wrong.aclose()
    with pytest.raises(InputError, match="Did you mean 'max_model_len'"):
        await opened(engine_args={"max_model_length": 5}).preflight(10)


async def test_a_cancelled_request_leaves_the_engine_to_others(model: Model) -> None:
    task = asyncio.create_task(model.say(MESSAGES, seed=1, max_tokens=1500))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await model.say(MESSAGES, seed=2, max_tokens=5)).text
