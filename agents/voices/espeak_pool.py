"""Several espeak-ng processes and the queue before them; it knows utterances, no texts, no voices, no event loop.

Each process has a thread of its own that hands it one utterance at a time. Threads and processes come with the first
utterances and go when nothing was said for a while.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from agents.voices.espeak_process import EspeakProcess, ProcessGone, Utterance
from scenarios.errors import AgentFailure

T = TypeVar("T")
TRIES = 3
IDLE_S = 60.0

Say = Callable[[Utterance], bytearray]


class Job(Generic[T]):
    """A piece of work for a thread that has a process: ``work`` gets the way to let it speak."""

    def __init__(self, work: Callable[[Say], T]) -> None:
        """Keep the work; ``done`` is where its result appears."""
        self.work = work
        self.done: Future[T] = Future()

    def run(self, say: Say) -> None:
        """Do the work unless nobody waits any more."""
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            self.done.set_result(self.work(say))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            self.done.set_exception(error)


class EspeakPool:
    """At most ``workers`` processes and ``waiting`` utterances in the queue; usable from any thread and event loop."""

    def __init__(self, workers: int, waiting: int, idle_s: float = IDLE_S) -> None:
        """Start nothing yet."""
        self._workers, self._waiting, self._idle_s = workers, waiting, idle_s
        self._jobs: deque[Job[object]] = deque()
        self._news = threading.Condition()
        self._staff: set[_Worker] = set()
        self._free = 0

    def submit(self, work: Callable[[Say], T]) -> Future[T]:
        """Let a free worker do ``work``. Raises AgentFailure(infrastructure, busy) when too many wait already."""
        job = Job(work)
        with self._news:
            if len(self._jobs) >= self._waiting:
                raise AgentFailure(
                    "infrastructure", "busy", f"{self._waiting} texts wait for espeak already", retryable=True
                )
            self._jobs.append(job)  # type: ignore[arg-type]
            if self._free < len(self._jobs) and len(self._staff) < self._workers:
                worker = _Worker(self)
                self._staff.add(worker)
                worker.start()
            self._news.notify()
        return job.done

    def pids(self) -> list[int]:
        """Return the process numbers of the processes that run now."""
        with self._news:
            return [process.pid for worker in self._staff if (process := worker.process) is not None]

    def close(self) -> None:
        """Finish what is queued, then end all processes; the next utterance starts them anew."""
        with self._news:
            leaving = list(self._staff)
            self._staff.clear()
            self._news.notify_all()
        for worker in leaving:
            worker.join()

    def next_job(self, worker: _Worker) -> Job[object] | None:
        """Wait for work; None when the worker may go."""
        with self._news:
            self._free += 1
            self._news.wait_for(lambda: self._jobs or worker not in self._staff, self._idle_s)
            self._free -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._staff.discard(worker)
            return None


class _Worker(threading.Thread):
    """A thread with its process; the process ends with it."""

    def __init__(self, pool: EspeakPool) -> None:
        super().__init__(name="espeak", daemon=True)
        self._pool = pool
        self.process: EspeakProcess | None = None

    def run(self) -> None:
        try:
            while (job := self._pool.next_job(self)) is not None:
                job.run(self._say)
                del job
        finally:
            self._drop()

    def _say(self, utterance: Utterance) -> bytearray:
        """Return the sound; a process that dies meanwhile is replaced, and the utterance said again."""
        for _ in range(TRIES):
            try:
                if self.process is None:
                    self.process = EspeakProcess()
                return self.process.say(utterance)
            except ProcessGone:
                self._drop(at_once=True)
        raise AgentFailure("voice", "crashed", f"espeak-ng died {TRIES} times over one text", retryable=True)

    def _drop(self, *, at_once: bool = False) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.end(at_once=at_once)
