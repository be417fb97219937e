"""The local engine: one asyncio loop, a fixed number of workers on one lazy stream of jobs; keeps no results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

Job = TypeVar("Job")
Held = TypeVar("Held")
Done = TypeVar("Done")

HEAD_START_S = 0.005
"""How long a conclusion may keep the next one from starting."""
RAMP_S = 0.001
"""Pause between the starts of two workers: consultations in step would all speak, and be served, at once."""


class LocalEngine(Generic[Job, Held, Done]):
    """Holds jobs, concludes what was held, hands over what is done.

    A worker goes on to its next job while its last one is being concluded: judging takes no place from
    talking. At most ``concurrency`` jobs are held and as many concluded at once; memory does not grow with
    finished jobs.
    """

    def __init__(
        self,
        hold: Callable[[Job], Awaitable[Held]],
        conclude: Callable[[Held], Awaitable[Done]],
        done: Callable[[Done], None],
        concurrency: int,
        head_start_s: float = HEAD_START_S,
    ) -> None:
        """Keep the three steps; nothing runs yet."""
        self._hold, self._conclude, self._done = hold, conclude, done
        self._concurrency, self._head_start_s = concurrency, head_start_s
        self._places = asyncio.Semaphore(concurrency)
        self._turnstile = asyncio.Lock()
        self._concluding: set[asyncio.Task[None]] = set()

    async def run(self, jobs: Iterator[Job], stop: asyncio.Event) -> None:
        """Work off ``jobs``; when ``stop`` is set, cancel what is in flight and return.

        The first exception of a step ends everything and is raised as it is.
        """
        work = asyncio.create_task(self._all(jobs))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, stopping, *self._concluding):
                task.cancel()
            await asyncio.gather(work, stopping, *self._concluding, return_exceptions=True)

    async def _all(self, jobs: Iterator[Job]) -> None:
        workers: list[asyncio.Task[None]] = []
        try:
            for _ in range(self._concurrency):
                workers.append(asyncio.create_task(self._worker(jobs)))
                await asyncio.sleep(RAMP_S)
            await asyncio.gather(*workers)
            await asyncio.gather(*self._concluding)
        finally:
            for worker in workers:
                worker.cancel()

    async def _worker(self, jobs: Iterator[Job]) -> None:
        for job in jobs:
            held = await self._hold(job)
            await self._places.acquire()
            self._raise_failed()
            task = asyncio.create_task(self._finish(held))
            self._concluding.add(task)

    async def _finish(self, held: Held) -> None:
        """Conclude through a turnstile.

        Many consultations end at the same moment. Judges that compute go one after the other between the
        turns of those who talk; judges that wait for a server are soon out of the turnstile and overlap.
        """
        task: asyncio.Future[Done] | None = None
        try:
            async with self._turnstile:
                task = asyncio.ensure_future(self._conclude(held))
                await asyncio.wait({task}, timeout=self._head_start_s)
            self._done(await task)
        finally:
            if task is not None:
                task.cancel()
            self._places.release()

    def _raise_failed(self) -> None:
        """Let go of concluded jobs; a failed one ends the worker that notices it, and so the run."""
        for task in [task for task in self._concluding if task.done()]:
            self._concluding.discard(task)
            task.result()
