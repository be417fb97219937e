"""The local engine: one asyncio loop, a fixed number of workers on one lazy stream of jobs; keeps no results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


async def run_local(
    jobs: Iterator[Job],
    hold: Callable[[Job], Awaitable[Done]],
    done: Callable[[Done], None],
    *,
    concurrency: int,
    stop: asyncio.Event,
) -> None:
    """Hold every job, at most ``concurrency`` at once, calling ``done`` with each result as it ends.

    Memory does not grow with finished jobs. When ``stop`` is set, jobs in flight are cancelled and the call
    returns. The first exception of ``hold`` or ``done`` ends everything and is raised as it is.
    """

    async def worker() -> None:
        for job in jobs:
            done(await hold(job))
            await asyncio.sleep(0)

    workers = [asyncio.create_task(worker()) for _ in range(concurrency)]
    stopping = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[object]] = {*workers, stopping}
    try:
        while len(pending) > 1 and not stopping.done():
            finished, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in finished - {stopping}:
                task.result()
    finally:
        for task in (*workers, stopping):
            task.cancel()
        await asyncio.gather(*workers, stopping, return_exceptions=True)
