"""Requests that wait at the same time are worked on together, in one thread."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from agents.doctors.batching import Batcher
from agents.patience import time_limit


def nothing() -> None:
    """End without further ado."""


async def test_results_come_back_to_whoever_asked_and_one_batch_runs_at_a_time() -> None:
    batches: list[list[int]] = []
    threads = set()

    def work(jobs: list[int]) -> list[int]:
        batches.append(jobs)
        threads.add(threading.get_ident())
        return [job * 10 for job in jobs]

    batcher = Batcher(work, 4, 0.01)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(10))) == [n * 10 for n in range(10)]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert len(threads) == 1 and threading.get_ident() not in threads
    await batcher.aclose(nothing)


async def test_waiting_for_a_place_does_not_count_and_work_does() -> None:
    def work(jobs: list[int]) -> list[int]:
        time.sleep(0.15)
        return jobs

    async def limited(seconds: float) -> int | str:
        try:
            async with time_limit(seconds):
                return await batcher.submit(1)
        except TimeoutError:
            return "late"

    batcher = Batcher(work, 1, 0.0)
    assert await asyncio.gather(*(limited(0.4) for _ in range(5))) == [1] * 5, "the last waited 0.6 s"
    assert await limited(0.05) == "late"
    await batcher.aclose(nothing)


async def test_who_gives_up_while_waiting_is_never_worked_on_and_disturbs_nobody() -> None:
    seen: list[int] = []

    def work(jobs: list[int]) -> list[int]:
        time.sleep(0.05)
        seen.extend(jobs)
        return jobs

    batcher = Batcher(work, 1, 0.0)
    tasks = [asyncio.create_task(batcher.submit(n)) for n in range(4)]
    await asyncio.sleep(0.02)
    tasks[1].cancel()
    tasks[2].cancel()
    assert await tasks[0] == 0 and await tasks[3] == 3
    assert seen == [0, 3]
    assert all(task.cancelled() for task in tasks[1:3])
    await batcher.aclose(nothing)


async def test_a_failure_reaches_everybody_of_its_batch_and_nobody_else() -> None:
    def work(jobs: list[int]) -> list[int]:
        if 1 in jobs:
            raise ValueError("broken")
        return jobs

    batcher = Batcher(work, 2, 0.01)
    got = await asyncio.gather(*(batcher.submit(n) for n in range(4)), return_exceptions=True)
    assert [type(one).__name__ for one in got] == ["ValueError", "ValueError", "int", "int"]
    await batcher.aclose(nothing)


async def test_the_end_leaves_nobody_waiting_for_ever() -> None:
    def work(jobs: list[int]) -> list[int]:
        time.sleep(0.1)
        return jobs

    batcher = Batcher(work, 1, 0.0)
    tasks = [asyncio.create_task(batcher.submit(n)) for n in range(3)]
    await asyncio.sleep(0.02)
    await batcher.aclose(nothing)
    done, waiting = await asyncio.wait(tasks, timeout=1)
    assert not waiting
    for task in done:
        with pytest.raises(asyncio.CancelledError):
            task.result()
