"""Lets requests that wait at the same time be worked on together, in one thread; it knows no model."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from agents.patience import waiting

Job = TypeVar("Job")
Result = TypeVar("Result")
T = TypeVar("T")


class _Waiter(Generic[Job, Result]):
    def __init__(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        self.job = job
        self.started: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[Result] = loop.create_future()


class Batcher(Generic[Job, Result]):
    """``work`` gets up to ``size`` jobs at once and returns as many results; one call of it runs at a time."""

    def __init__(self, work: Callable[[list[Job]], list[Result]], size: int, wait_s: float) -> None:
        """Start the worker with the first job."""
        self._work, self._size, self._wait_s = work, size, wait_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._queue: deque[_Waiter[Job, Result]] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, job: Job) -> Result:
        """Return the job's result; waiting for its turn does not count towards a turn's time.

        Raises what ``work`` raises, for every job of that batch. A cancelled job that waits is never worked on.
        """
        waiter: _Waiter[Job, Result] = _Waiter(job)
        self._queue.append(waiter)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._drain())
        try:
            with waiting():
                await waiter.started
            return await waiter.done
        finally:
            waiter.started.cancel()
            waiter.done.cancel()

    async def run(self, work: Callable[[], T]) -> T:
        """Do something else in the worker's thread."""
        with waiting():
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def aclose(self, last: Callable[[], None]) -> None:
        """Do ``last`` in the thread when all is done, and end it."""
        if self._runner is not None and not self._runner.done():
            self._runner.cancel()
            await asyncio.wait([self._runner])
        for waiter in self._queue:
            waiter.done.cancel()
            waiter.started.cancel()
        await self.run(last)
        self._thread.shutdown(wait=False)

    async def _drain(self) -> None:
        while self._queue:
            if len(self._queue) < self._size and self._wait_s:
                await asyncio.sleep(self._wait_s)
            batch = self._next_batch()
            if not batch:
                continue
            for waiter in batch:
                waiter.started.set_result(None)
            running = asyncio.get_running_loop().run_in_executor(self._thread, self._work, [w.job for w in batch])
            try:
                await asyncio.wait([running])
                self._hand_out(batch, running)
            finally:
                for waiter in batch:
                    waiter.done.cancel()

    def _next_batch(self) -> list[_Waiter[Job, Result]]:
        batch: list[_Waiter[Job, Result]] = []
        while self._queue and len(batch) < self._size:
            waiter = self._queue.popleft()
            if not (waiter.started.done() or waiter.done.done()):
                batch.append(waiter)
        return batch

    @staticmethod
    def _hand_out(batch: list[_Waiter[Job, Result]], running: asyncio.Future[list[Result]]) -> None:
        error = running.exception()
        for index, waiter in enumerate(batch):
            if waiter.done.done():
                continue
            if error is not None:
                waiter.done.set_exception(error)
            else:
                waiter.done.set_result(running.result()[index])
