"""The worker's thread answers callers in other threads and loops, and tells them when the engine has failed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace

import pytest

from model.errors import EngineClosed, SpeechLMError
from model.processor import Prompt
from model.streaming.types import Ended, Message, TextPiece
from model.streaming.worker import Worker
from tests.model import recorded
from tests.model.streaming.running import GREEDY, TEXT, engine

HELLO = [Message("user", ("你好",))]


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(engine())
    yield made
    made.close()


def wait(worker: Worker) -> None:
    """Until nothing runs any more."""
    until = time.monotonic() + 20
    while (worker.counters.running or worker.counters.waiting) and time.monotonic() < until:
        time.sleep(0.005)
    assert worker.counters.running == worker.counters.waiting == worker.counters.text_rows == 0


def test_threads_are_answered_at_the_same_time(worker: Worker) -> None:
    names = ("t1", "d1", "t1", "d1")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: list(worker.answer(recorded.dialogue(name), TEXT)), names))
    for name, events in zip(names, answers, strict=True):
        assert isinstance(events[-1], Ended)
        assert list(events[-1].text_ids) == recorded.tensors()[f"{name}.text_ids"].tolist()


async def test_a_loop_gets_its_events_and_leaving_early_cancels(worker: Worker) -> None:
    whole = [event async for event in worker.stream(recorded.dialogue("t1"), TEXT)]
    ended = whole[-1]
    assert isinstance(ended, Ended) and list(ended.text_ids) == recorded.tensors()["t1.text_ids"].tolist()
    async with aclosing(worker.stream(recorded.dialogue("d1"), GREEDY)) as events:
        async for event in events:
            assert isinstance(event, TextPiece)
            break
    await asyncio.to_thread(wait, worker)
    assert worker.counters.cancelled == 1


def test_leaving_a_blocking_answer_early_cancels_it(worker: Worker) -> None:
    events = worker.answer(recorded.dialogue("d1"), GREEDY)
    next(events)
    events.close()
    wait(worker)
    assert worker.counters.cancelled == 1


async def test_a_cancelled_task_frees_its_answer(worker: Worker) -> None:
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in worker.stream(recorded.dialogue("d1"), GREEDY):
            begun.set()

    task = asyncio.create_task(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait, worker)


async def test_refusals_reach_the_caller(worker: Worker) -> None:
    with pytest.raises(SpeechLMError, match="max_new_tokens"):
        await anext(worker.stream(HELLO, replace(TEXT, max_new_tokens=0)))
    with pytest.raises(SpeechLMError, match="top_p"):
        next(worker.answer(HELLO, replace(TEXT, top_p=2.0)))


def test_closing_ends_answers_and_the_thread(worker: Worker) -> None:
    events = worker.answer(recorded.dialogue("d1"), GREEDY)
    next(events)
    worker.close()
    worker.close()
    last = list(events)[-1]
    assert isinstance(last, Ended) and last.finish == "cancelled"
    assert not worker._thread.is_alive()
    with pytest.raises(EngineClosed, match="closed"):
        next(worker.answer(HELLO, TEXT))


def test_a_broken_engine_tells_everybody_why(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("illegal memory access")

    first = worker.answer(recorded.dialogue("d1"), GREEDY)
    next(first)
    monkeypatch.setattr(worker.engine, "_write", broken)
    last = list(first)[-1]
    assert isinstance(last, Ended) and last.finish == "error" and "illegal memory access" in last.error
    with pytest.raises(EngineClosed, match="illegal memory access"):
        next(worker.answer(HELLO, TEXT))
    assert worker.counters.cache_bytes == 0


def test_many_callers_come_and_go(worker: Worker) -> None:
    """Threads that submit, read a little, leave: nobody hangs, nothing stays."""

    def caller(number: int) -> int:
        heard = 0
        for event in worker.answer([Message("user", (str(number % 3),))], replace(TEXT, max_new_tokens=6)):
            heard += 1
            if number % 4 == heard or isinstance(event, Ended):
                break
        return heard

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(caller, range(24)))
    wait(worker)
    assert threading.active_count() < 20


async def test_a_caller_who_goes_while_the_prompt_is_made_leaves_nothing_running(worker: Worker) -> None:
    made = worker.engine.processor.prompt

    def slowly(messages: Sequence[Message]) -> Prompt:
        time.sleep(0.3)
        return made(messages)

    worker.engine.processor.prompt = slowly  # type: ignore[method-assign]
    try:
        task = asyncio.create_task(anext(worker.stream(recorded.dialogue("t1"), TEXT)))
        began = time.monotonic()
        await asyncio.sleep(0.05)
        assert time.monotonic() - began < 0.25, "the loop goes on meanwhile"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        until = time.monotonic() + 5
        while not worker.counters.cancelled and time.monotonic() < until:
            await asyncio.sleep(0.02)
    finally:
        worker.engine.processor.prompt = made  # type: ignore[method-assign]
    assert worker.counters.answers == worker.counters.cancelled == 1
    await asyncio.to_thread(wait, worker)
