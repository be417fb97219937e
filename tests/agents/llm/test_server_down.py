"""A server that goes away is waited for: by one probe for all callers, within the patience, at nobody's cost."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import structlog
from structlog.testing import capture_logs

from agents.llm import breaker
from agents.patience import time_limit
from scenarios.errors import AgentFailure
from tests.agents.llm.setting import MESSAGES, model_at
from tests.fault_server import Answer, FaultServer, broken

pytestmark = pytest.mark.usefixtures("short_pauses")


def later(seconds: float, server: FaultServer) -> threading.Timer:
    timer = threading.Timer(seconds, server.start)
    timer.start()
    return timer


async def test_a_dead_server_is_waited_for_without_using_up_retries_or_the_turns_time(server: FaultServer) -> None:
    server.stop()
    later(1.0, server)
    async with model_at(server.url, retries=0, total_timeout_s=0.7, timeout_s=0.7) as model, time_limit(0.7):
        start = time.monotonic()
        assert (await model.say(MESSAGES, seed=1)).text
    assert time.monotonic() - start > 0.9


async def test_all_callers_of_all_agents_wait_behind_one_probe(server: FaultServer) -> None:
    server.stop()
    async with model_at(server.url) as one, model_at(server.url, "judge") as other:
        calls = [asyncio.create_task(model.say(MESSAGES, seed=s)) for s in range(30) for model in (one, other)]
        await asyncio.sleep(0.6)
        server.settings["latency_s"] = 0.01
        await asyncio.to_thread(server.start)
        server.hub.healthy = False
        began = time.monotonic()
        await asyncio.sleep(0.6)
        most = (time.monotonic() - began) / 0.2 + 2
        asked, done = server.hub.health_asked, [call for call in calls if call.done()]
        assert 2 <= asked <= most, "one probe with a growing interval up to 0.2 s, not sixty"
        assert done == [] and server.requests == [], "nobody goes on before the server says it is healthy"
        server.hub.healthy = True
        assert all(reply.text for reply in await asyncio.gather(*calls))


async def test_requests_under_way_when_the_server_dies_are_asked_again_when_it_is_back(server: FaultServer) -> None:
    server.hub.latency_s = 0.4
    async with model_at(server.url, retries=0) as model:
        expected = [(await model.say(MESSAGES, seed=seed)).text for seed in range(2)]
        calls = [asyncio.create_task(model.say(MESSAGES, seed=seed)) for seed in range(2)]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.stop)
        later(0.3, server)
        assert [reply.text for reply in await asyncio.gather(*calls)] == expected


@pytest.fixture
def all_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that another test ran may have set the logs to warnings only."""
    everything = structlog.make_filtering_bound_logger(0)
    monkeypatch.setattr(breaker, "log", structlog.wrap_logger(None, wrapper_class=everything))


@pytest.mark.usefixtures("all_levels")
async def test_it_is_said_once_when_a_server_goes_and_once_when_it_is_back(server: FaultServer) -> None:
    server.stop()
    with capture_logs() as logs:
        later(0.5, server)
        async with model_at(server.url) as model:
            await asyncio.gather(*[model.say(MESSAGES, seed=seed) for seed in range(20)])
    assert [(log["log_level"], log["event"], log["url"]) for log in logs] == [
        ("warning", "model server is away; waiting for it", server.url), ("info", "model server is back", server.url),
    ]
    assert logs[1]["away_s"] > 0


async def test_patience_ends_with_what_to_do(server: FaultServer) -> None:
    server.stop()
    async with model_at(server.url, patience_s=0.5) as model:
        start = time.monotonic()
        calls = [model.say(MESSAGES, seed=seed) for seed in range(5)]
        failures = await asyncio.gather(*calls, return_exceptions=True)
    assert 0.4 < time.monotonic() - start < 1.5
    for failure in failures:
        assert isinstance(failure, AgentFailure)
        assert (failure.owner, failure.kind, failure.retryable) == ("infrastructure", "server_down", False)
        assert server.url in failure.message and "--resume" in failure.message


async def test_without_patience_a_dead_server_fails_at_once(server: FaultServer) -> None:
    server.stop()
    async with model_at(server.url, patience_s=0) as model:
        async with asyncio.timeout(1):
            with pytest.raises(AgentFailure, match="server_down"):
                await model.say(MESSAGES, seed=1)


async def test_a_gateway_without_its_server_counts_as_dead_after_a_few_errors(server: FaultServer) -> None:
    server.script.extend([broken(502), broken(503), broken(504), broken(502)])
    async with model_at(server.url, retries=2) as model:
        assert (await model.say(MESSAGES, seed=1)).text
    assert len(server.requests) == 5, "two errors were retried, two were waited out"
    assert server.hub.health_asked >= 1


async def test_a_server_that_only_seems_to_come_back_does_not_outlast_the_patience(server: FaultServer) -> None:
    server.script.extend([broken(503)] * 500)
    async with model_at(server.url, patience_s=1.0) as model:
        start = time.monotonic()
        with pytest.raises(AgentFailure, match="server_down"):
            await model.say(MESSAGES, seed=1)
    assert 0.8 < time.monotonic() - start < 3
    assert len(server.requests) < 60, "the pauses grow although every probe says the server is healthy"


async def test_one_broken_connection_to_a_living_server_is_not_its_death(server: FaultServer) -> None:
    server.script.append(Answer(reset_after=0))
    with capture_logs() as logs:
        async with model_at(server.url) as model:
            assert (await model.say(MESSAGES, seed=1)).text
    assert logs == []


async def test_an_agent_may_let_go_while_the_server_is_away(server: FaultServer) -> None:
    server.stop()
    async with model_at(server.url) as model:
        waiting = asyncio.create_task(model.say(MESSAGES, seed=1))
        await asyncio.sleep(0.1)
        waiting.cancel()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.done()]
    await asyncio.gather(*others, return_exceptions=True)
    assert len(asyncio.all_tasks()) == 1, "no probe is left behind"
