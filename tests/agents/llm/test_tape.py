"""A run's tape keeps every reply under its request, and plays it again without any server."""

from __future__ import annotations

from typing import Any

import pytest

from agents.llm.tape import Reply, on_tape
from scenarios.errors import AgentFailure
from tests.agents.llm.setting import MESSAGES, Score, model_at
from tests.fault_server import Answer, FaultServer


class Tape:
    def __init__(self, kept: dict[str, Reply] | None = None) -> None:
        self.replaying = kept is not None
        self.kept: dict[str, Reply] = {} if kept is None else kept

    def find(self, request: str) -> Reply | None:
        return self.kept.get(request)

    def keep(self, request: str, reply: Reply) -> None:
        self.kept[request] = reply


async def test_a_recorded_run_is_played_again_without_a_server(server: FaultServer) -> None:
    tape = Tape()
    server.script.append(Answer(text="not JSON at first"))
    async with model_at(server.url, "judge") as model:
        with on_tape(tape):
            filled = await model.fill(MESSAGES, Score, seed=1)
            said = await model.say(MESSAGES, seed=2)
    server.stop()
    assert len(tape.kept) == 3
    async with model_at("http://127.0.0.1:9/v1", "judge", api_key_env="NOT_SET_ANYWHERE") as model:
        with on_tape(Tape(tape.kept)):
            again = await model.fill(MESSAGES, Score, seed=1)
            assert (again.form, again.completion.usage) == (filled.form, filled.completion.usage)
            assert (await model.say(MESSAGES, seed=2)).text == said.text


@pytest.mark.parametrize("changed", [
    {"model": "other"}, {"temperature": 0.1}, {"top_p": 0.5}, {"max_tokens": 7}, {"extra_body": {"top_k": 1}},
])
async def test_a_request_that_was_not_recorded_is_never_made(server: FaultServer, changed: dict[str, Any]) -> None:
    tape = Tape()
    async with model_at(server.url) as model:
        with on_tape(tape):
            await model.say(MESSAGES, seed=1)
    async with model_at(server.url, **changed) as model:
        with on_tape(Tape(tape.kept)), pytest.raises(AgentFailure, match="no reply to this request") as caught:
            await model.say(MESSAGES, seed=1)
    assert (caught.value.owner, caught.value.kind) == ("infrastructure", "not_recorded")
    assert len(server.requests) == 1


async def test_what_cannot_change_a_word_does_not_change_the_recording(server: FaultServer) -> None:
    tape = Tape()
    async with model_at(server.url) as model:
        with on_tape(tape):
            first = await model.say(MESSAGES, seed=1)
    async with model_at("http://127.0.0.1:9/v1", stream=True, timeout_s=5, max_concurrency=1) as model:
        with on_tape(Tape(tape.kept)):
            assert (await model.say(MESSAGES, seed=1)).text == first.text


async def test_a_refusal_is_recorded_as_one(server: FaultServer) -> None:
    tape = Tape()
    server.script.append(Answer(refusal="no"))
    async with model_at(server.url, rereads=0) as model:
        for each in (tape, Tape(tape.kept)):
            with on_tape(each), pytest.raises(AgentFailure, match="refusal"):
                await model.say(MESSAGES, seed=1)
    assert len(server.requests) == 1
