"""A model over HTTP says and fills in what it is asked; usage, seeds, keys, places and connections are as promised."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from agents.llm.client import open_model
from agents.llm.options import LLMOptions
from agents.llm.tape import on_tape
from agents.patience import time_limit
from scenarios.errors import AgentFailure, InputError
from scenarios.identity import derive_seed
from tests.agents.llm.setting import MESSAGES, Score, model_at
from tests.fault_server import Answer, FaultServer

BIG_SEED = 2**62 + 12345


async def test_a_model_says_the_same_thing_streamed_and_whole_and_streaming_tells_the_first_token(
    server: FaultServer,
) -> None:
    server.hub.latency_s = 0.2
    async with model_at(server.url) as whole, model_at(server.url, stream=True) as streamed:
        one = await whole.say(MESSAGES, seed=BIG_SEED)
        other = await streamed.say(MESSAGES, seed=BIG_SEED)
    assert one.text and one.text == other.text
    assert one.first_s is None
    assert other.first_s is not None and other.first_s < other.total_s / 2
    assert one.usage.prompt == other.usage.prompt > 0 and one.usage.completion == other.usage.completion > 0


async def test_usage_counts_cached_tokens_and_costs_what_the_price_says(server: FaultServer) -> None:
    price = {"prompt": 2.0, "cached": 0.5, "completion": 8.0}
    async with model_at(server.url, price=price) as model:
        await model.say(MESSAGES, seed=1)
        longer = [*MESSAGES, {"role": "assistant", "content": "Since when?"}, {"role": "user", "content": "Yesterday."}]
        usage = (await model.say(longer, seed=1)).usage
    assert 0 < usage.cached < usage.prompt
    expected = ((usage.prompt - usage.cached) * 2.0 + usage.cached * 0.5 + usage.completion * 8.0) / 1e6
    assert usage.cost == pytest.approx(expected)


async def test_a_long_seed_reaches_the_server_within_31_bits(server: FaultServer) -> None:
    async with model_at(server.url) as model:
        await model.say(MESSAGES, seed=BIG_SEED)
        await model.say(MESSAGES, seed=BIG_SEED + 1)
    first, second = [request["seed"] for request in server.requests]
    assert 0 <= first < 2**31 and 0 <= second < 2**31 and first != second


async def test_extra_keys_are_sent_and_a_null_takes_a_key_out(server: FaultServer) -> None:
    extra = {"top_k": 20, "seed": None, "max_tokens": None, "max_completion_tokens": 9, "model": "another"}
    async with model_at(server.url, extra_body=extra) as model:
        await model.say(MESSAGES, seed=1)
    sent = server.requests[0]
    assert sent["top_k"] == 20 and sent["max_completion_tokens"] == 9
    assert "seed" not in sent and "max_tokens" not in sent
    assert sent["model"] == "good", "what is asked of whom is not for extra_body to change"


async def test_a_reply_cut_at_its_token_limit_says_so(server: FaultServer) -> None:
    async with model_at(server.url, max_tokens=300) as model:
        assert (await model.say(MESSAGES, seed=1, max_tokens=5)).finish == "length"
        assert (await model.say(MESSAGES, seed=1)).finish == "stop"
    assert [request["max_tokens"] for request in server.requests] == [5, 300]


async def test_text_in_content_parts_is_joined(server: FaultServer) -> None:
    parts = b'{"choices":[{"message":{"content":[{"type":"text","text":"one "},{"type":"text","text":"two"}]}}]}'
    server.script.append(Answer(raw=parts))
    async with model_at(server.url) as model:
        reply = await model.say(MESSAGES, seed=1)
    assert reply.text == "one two" and reply.usage.prompt == 0


async def test_half_a_surrogate_in_a_message_does_not_stop_the_request(server: FaultServer) -> None:
    async with model_at(server.url) as model:
        assert (await model.say([{"role": "user", "content": "broken \ud83d here"}], seed=1)).text


async def test_the_key_comes_from_its_variable_and_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CLINIC_TEST_KEY", "sk-very-secret")
    kept: list[Any] = []

    class Tape:
        replaying = False

        def find(self, request: str) -> None: ...

        def keep(self, request: str, reply: Any) -> None:
            kept.append((request, reply))

    with FaultServer(key="sk-very-secret") as server:
        async with model_at(server.url, api_key_env="CLINIC_TEST_KEY") as model:
            with on_tape(Tape()):
                assert (await model.say(MESSAGES, seed=1)).text
            server.script.append(Answer(400, error="no"))
            with pytest.raises(AgentFailure) as caught:
                await model.say(MESSAGES, seed=1)
    told = f"{kept}{model}{vars(model)}{caught.value!r}{''.join(capfd.readouterr())}"
    assert kept and "very-secret" not in told


async def test_a_key_variable_that_is_not_set_is_named(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLINIC_TEST_KEY", raising=False)
    async with model_at(server.url, api_key_env="CLINIC_TEST_KEY") as model:
        with pytest.raises(InputError, match=r"CLINIC_TEST_KEY, which is not set"):
            await model.preflight(100)
        with pytest.raises(AgentFailure, match="CLINIC_TEST_KEY") as caught:
            await model.say(MESSAGES, seed=1)
    assert (caught.value.owner, caught.value.kind) == ("infrastructure", "unauthorised")
    assert server.requests == []


async def test_without_an_address_the_variable_names_the_server(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIC_BASE_URL", server.url + "/")
    async with model_at("") as model:
        assert (await model.say(MESSAGES, seed=1)).text


async def test_a_proxy_in_the_environment_is_not_asked_about_this_machine(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with model_at(server.url) as model:
        assert (await model.say(MESSAGES, seed=1)).text


async def test_agents_on_one_server_share_the_smaller_of_their_limits(server: FaultServer) -> None:
    server.hub.latency_s = 0.05
    async with (
        model_at(server.url, max_concurrency=9) as one, model_at(server.url, "judge", max_concurrency=3) as other,
    ):
        calls = [model.say(MESSAGES, seed=seed) for seed in range(8) for model in (one, other)]
        await one.say(MESSAGES, seed=99)
        await other.say(MESSAGES, seed=99)
        await asyncio.gather(*calls)
    assert server.hub.most_at_once == 3


async def test_waiting_for_a_place_does_not_use_up_the_turns_time(server: FaultServer) -> None:
    server.hub.latency_s = 0.15

    async def turn(seed: int) -> str:
        async with time_limit(0.4):
            return (await model.say(MESSAGES, seed=seed)).text

    async with model_at(server.url, max_concurrency=1) as model:
        start = time.perf_counter()
        texts = await asyncio.gather(*[turn(seed) for seed in range(6)])
    assert all(texts) and time.perf_counter() - start > 0.4 * 2


async def test_a_cancelled_caller_leaves_its_place_to_the_next(server: FaultServer) -> None:
    server.script.append(Answer(hang=True))
    async with model_at(server.url, max_concurrency=1) as model:
        hanging = asyncio.create_task(model.say(MESSAGES, seed=1))
        await asyncio.sleep(0.1)
        queued = asyncio.create_task(model.say(MESSAGES, seed=2))
        last = asyncio.create_task(model.say(MESSAGES, seed=3))
        await asyncio.sleep(0.05)
        queued.cancel()
        hanging.cancel()
        assert (await asyncio.wait_for(last, 2)).text


async def test_many_requests_at_once_use_many_connections_and_close_them_all(server: FaultServer) -> None:
    server.hub.latency_s = 0.2
    async with model_at(server.url) as model:
        await asyncio.gather(*[model.say(MESSAGES, seed=seed) for seed in range(40)])
        assert server.hub.most_at_once == 40
        opened = server.hub.connections
        await asyncio.gather(*[model.say(MESSAGES, seed=seed) for seed in range(40)])
        assert server.hub.connections == opened, "connections are used again"
    await _until(lambda: not server.hub.open)


async def test_an_agent_that_lets_go_leaves_the_others_their_connections(server: FaultServer) -> None:
    options = LLMOptions(model="good", base_url=server.url)
    one, other = open_model(options, "doctor"), open_model(options, "judge")
    await one.say(MESSAGES, seed=1)
    await other.say(MESSAGES, seed=1)
    await one.aclose()
    assert (await other.say(MESSAGES, seed=2)).text
    assert server.hub.connections == 1
    await other.aclose()
    await other.aclose()
    await _until(lambda: not server.hub.open)


def test_a_model_can_be_used_in_one_event_loop_after_another(server: FaultServer) -> None:
    model = open_model(LLMOptions(model="good", base_url=server.url), "doctor")

    async def consult(seed: int) -> str:
        text = (await model.say(MESSAGES, seed=seed)).text
        await model.aclose()
        return text

    assert asyncio.run(consult(1)) == asyncio.run(consult(1)) != asyncio.run(consult(2))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_reply_is_not_read_to_its_end(server: FaultServer, stream: bool) -> None:
    server.script.append(Answer(pad_bytes=40_000_000))
    async with model_at(server.url, stream=stream, max_reply_bytes=100_000, retries=0) as model:
        with pytest.raises(AgentFailure, match="longer than 100000 bytes") as caught:
            await model.say(MESSAGES, seed=1)
        assert (caught.value.owner, caught.value.kind) == ("infrastructure", "oversized_reply")
        assert (await model.say(MESSAGES, seed=1)).text, "the server can still be used"
    assert server.hub.bytes_out < 20_000_000, "the rest stayed with the server"


@pytest.mark.parametrize(("answer", "kind"), [
    (Answer(text="  \n"), "empty_reply"),
    (Answer(refusal="I cannot help with that."), "refusal"),
    (Answer(finish="content_filter"), "refusal"),
])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_without_an_answer_is_the_agents_own_failure_after_some_tries(
    server: FaultServer, answer: Answer, kind: str, stream: bool
) -> None:
    server.script.extend([answer] * 3)
    async with model_at(server.url, "patient", rereads=2, stream=stream) as model:
        with pytest.raises(AgentFailure) as caught:
            await model.say(MESSAGES, seed=1)
    failure = caught.value
    assert (failure.owner, failure.kind, failure.retryable) == ("patient", kind, False)
    assert len(server.requests) == 3


async def test_an_unusable_reply_is_asked_for_again_with_another_seed_and_all_tries_are_paid_for(
    server: FaultServer,
) -> None:
    server.script.extend([Answer(text=""), Answer(text="no JSON at all")])
    async with model_at(server.url, "judge") as model:
        filled = await model.fill(MESSAGES, Score, seed=5)
    assert filled.completion.usage.calls == 3
    assert filled.completion.usage.prompt == 3 * (await _prompt_of(server))
    expected = [5, *(derive_seed(5, "reread", n) % 2**31 for n in (1, 2))]
    assert [request["seed"] for request in server.requests[:3]] == expected


async def test_nothing_is_left_open_when_a_stream_is_cancelled(server: FaultServer) -> None:
    server.hub.latency_s = 5.0
    async with model_at(server.url, stream=True) as model:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await model.say(MESSAGES, seed=1)
        await _until(lambda: not server.hub.open)
    gc.collect()


async def _prompt_of(server: FaultServer) -> int:
    async with model_at(server.url) as model:
        return (await model.say(MESSAGES, seed=5)).usage.prompt


async def _until(true: Any) -> None:
    async with asyncio.timeout(3):
        while not true():
            await asyncio.sleep(0.02)
