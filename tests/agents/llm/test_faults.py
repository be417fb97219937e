"""What a server does wrong gets its name, its owner, and as many tries as may help."""

from __future__ import annotations

import email.utils
import time

import pytest

from agents.llm.faults import in_words, of_status, retry_after_s
from agents.llm.retrying import FIRST_PAUSE_S, pause_s
from agents.patience import time_limit
from scenarios.errors import AgentFailure
from tests.agents.llm.setting import MESSAGES, model_at
from tests.fault_server import Answer, FaultServer, broken, overflow, too_many

pytestmark = pytest.mark.usefixtures("short_pauses")

OVERFLOWS = {
    "vllm": (400, '{"error":{"message":"This model\'s maximum context length is 8192 tokens. However, you requested '
                  '512 output tokens and your prompt contains 9000 tokens","type":"BadRequestError","code":400}}'),
    "vllm-prompt": (400, '{"error":{"message":"The decoder prompt (length 9001) is longer than the maximum model '
                         'length of 8192. Make sure that `max_model_len` is no smaller"}}'),
    "openai": (400, '{"error":{"message":"Your input exceeds the limit","code":"context_length_exceeded"}}'),
    "llama.cpp": (400, '{"error":{"code":400,"message":"the request exceeds the available context size, try increasing '
                       'it","type":"exceed_context_size_error","n_ctx":4096}}'),
    "ollama": (400, '{"error":"the input length exceeds the context length"}'),
    "ollama-prompt": (500, '{"error":{"message":"prompt too long; exceeded max context length by 5 tokens"}}'),
    "sglang": (400, '{"message":"The input (9001 tokens) is longer than the model\'s context length (8192 tokens)."}'),
}


@pytest.mark.parametrize("server_kind", OVERFLOWS)
def test_a_too_long_prompt_is_known_in_every_servers_words(server_kind: str) -> None:
    status, body = OVERFLOWS[server_kind]
    fault = of_status(status, {}, body)
    assert (fault.kind, fault.retry) == ("context_overflow", False)


@pytest.mark.parametrize(("status", "body", "kind", "retry"), [
    (400, '{"error":{"message":"temperature must be positive"}}', "bad_request", False),
    (400, '{"error":{"message":"messages must alternate; context of the dialogue is unclear"}}', "bad_request", False),
    (401, "", "unauthorised", False),
    (403, "", "unauthorised", False),
    (404, '{"error":{"message":"The model `x` does not exist."}}', "unknown_model", False),
    (404, '{"detail":"Not Found"}', "bad_request", False),
    (408, "", "server_error", True),
    (429, '{"error":{"message":"slow down"}}', "rate_limited", True),
    (429, '{"error":{"message":"pay first","code":"insufficient_quota"}}', "rate_limited", False),
    (500, "<html>oops</html>", "server_error", True),
    (503, "", "server_error", True),
    (529, "", "server_error", True),
])
def test_each_status_has_its_name_and_says_whether_to_try_again(
    status: int, body: str, kind: str, retry: bool
) -> None:
    fault = of_status(status, {}, body)
    assert (fault.kind, fault.retry) == (kind, retry)


@pytest.mark.parametrize(
    "body", ["", "plain words", '"text"', "[1, 2]", '{"error": null}', '{"error": {"message": 5}}', "{"]
)
def test_an_error_of_any_shape_becomes_one_short_line(body: str) -> None:
    assert "\n" not in in_words(body) and len(in_words("x\n" * 9999)) <= 301


def test_the_servers_wish_for_a_pause_is_read_in_all_its_forms() -> None:
    soon = email.utils.formatdate(time.time() + 7, usegmt=True)
    assert retry_after_s({"retry-after": "3"}) == 3
    assert retry_after_s({"retry-after-ms": "250", "retry-after": "3"}) == 0.25
    assert retry_after_s({"retry-after": soon}) == pytest.approx(6.5, abs=1.2)
    assert retry_after_s({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({}) is None


def test_pauses_double_with_full_jitter_up_to_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.llm.retrying.FIRST_PAUSE_S", FIRST_PAUSE_S)
    most = [max(pause_s(tries, None) for _ in range(400)) for tries in (1, 3, 5, 20)]
    least = [min(pause_s(tries, None) for _ in range(400)) for tries in (1, 3, 5, 20)]
    assert most == pytest.approx([0.5, 2, 8, 30], rel=0.1)
    assert max(least) < 1
    assert all(4 <= pause_s(tries, 4.0) <= 4.5 for tries in (1, 9))


async def test_a_busy_server_is_asked_again_when_it_says(server: FaultServer) -> None:
    server.script.extend([too_many("1"), too_many(**{"retry-after-ms": "200"})])
    async with model_at(server.url) as model:
        start = time.monotonic()
        assert (await model.say(MESSAGES, seed=1)).usage.calls == 1
    assert 1.2 <= time.monotonic() - start < 2.5
    assert len(server.requests) == 3


async def test_a_busy_servers_pause_does_not_use_up_the_turns_time(server: FaultServer) -> None:
    server.script.append(too_many("1"))
    async with model_at(server.url) as model, time_limit(0.6):
        assert (await model.say(MESSAGES, seed=1)).text


async def test_errors_are_retried_with_the_same_request_until_one_is_answered(server: FaultServer) -> None:
    server.script.extend([broken(500), Answer(reset_after=0), broken(503), Answer(raw=b"<html>"), too_many()])
    async with model_at(server.url, retries=5) as model:
        assert (await model.say(MESSAGES, seed=1)).text
    assert len(server.requests) == 6 and all(request == server.requests[0] for request in server.requests)


@pytest.mark.parametrize(("answer", "kind"), [
    (broken(500), "server_error"), (too_many(), "rate_limited"), (Answer(reset_after=0), "connection"),
    (Answer(raw=b'{"choices": []}'), "server_error"), (Answer(raw=b'{"choices":' + b"[" * 100_000), "server_error"),
])
async def test_what_stays_wrong_is_the_infrastructures_failure_after_the_retries(
    server: FaultServer, answer: Answer, kind: str
) -> None:
    server.script.extend([answer] * 9)
    async with model_at(server.url, retries=2) as model:
        with pytest.raises(AgentFailure) as caught:
            await model.say(MESSAGES, seed=1)
    failure = caught.value
    assert (failure.owner, failure.kind, failure.retryable) == ("infrastructure", kind, False)
    assert len(server.requests) == 3


@pytest.mark.parametrize(("answer", "owner", "kind"), [
    (overflow(), "patient", "context_overflow"), (Answer(401), "infrastructure", "unauthorised"),
    (Answer(400, error="bad"), "infrastructure", "bad_request"),
])
async def test_what_trying_again_cannot_mend_is_tried_once(
    server: FaultServer, answer: Answer, owner: str, kind: str
) -> None:
    server.script.append(answer)
    async with model_at(server.url, "patient") as model:
        with pytest.raises(AgentFailure) as caught:
            await model.say(MESSAGES, seed=1)
    assert (caught.value.owner, caught.value.kind) == (owner, kind)
    assert len(server.requests) == 1


async def test_an_unknown_model_is_named(server: FaultServer) -> None:
    async with model_at(server.url, model="bad") as model:
        with pytest.raises(AgentFailure, match="`bad` does not exist") as caught:
            await model.say(MESSAGES, seed=1)
    assert caught.value.kind == "unknown_model"


@pytest.mark.parametrize("answer", [Answer(hang=True), Answer(hang_after=2), Answer(reset_after=2)])
async def test_a_stream_that_stops_anywhere_is_asked_for_again(server: FaultServer, answer: Answer) -> None:
    server.script.append(answer)
    async with model_at(server.url, stream=True, timeout_s=0.5) as model:
        reply = await model.say(MESSAGES, seed=1)
        assert reply.text == (await model.say(MESSAGES, seed=1)).text, "nothing of the broken reply is left in it"
    assert len(server.requests) == 3


async def test_a_stream_that_ends_without_its_end_is_a_broken_connection(server: FaultServer) -> None:
    server.script.append(Answer(raw=b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n'))
    async with model_at(server.url, stream=True) as model:
        assert (await model.say(MESSAGES, seed=1)).text != "half"


async def test_an_error_inside_a_stream_is_treated_as_its_code_says(server: FaultServer) -> None:
    server.script.append(Answer(raw=b'data: {"error": {"message": "maximum context length is 5", "code": 400}}\n\n'))
    server.script.append(Answer(raw=b'data: {"error": {"message": "engine died", "code": 500}}\n\n'))
    async with model_at(server.url, stream=True) as model:
        with pytest.raises(AgentFailure) as caught:
            await model.say(MESSAGES, seed=1)
        assert caught.value.kind == "context_overflow"
        assert (await model.say(MESSAGES, seed=1)).text


async def test_a_server_that_hangs_is_given_up_after_the_time_of_all_tries(server: FaultServer) -> None:
    server.script.extend([Answer(hang=True)] * 50)
    async with model_at(server.url, timeout_s=0.2, total_timeout_s=0.7, retries=50) as model:
        start = time.monotonic()
        with pytest.raises(AgentFailure, match="did not answer within") as caught:
            await model.say(MESSAGES, seed=1)
    assert (caught.value.owner, caught.value.kind) == ("infrastructure", "timeout")
    assert 0.6 < time.monotonic() - start < 1.2
    assert 3 <= len(server.requests) <= 5


async def test_half_a_surrogate_pair_in_a_reply_is_replaced(server: FaultServer) -> None:
    server.script.append(Answer(raw=rb'{"choices":[{"message":{"content":"ache \ud83d, smile \ud83d\ude00"}}]}'))
    async with model_at(server.url) as model:
        assert (await model.say(MESSAGES, seed=1)).text == "ache \ufffd, smile \U0001f600"
