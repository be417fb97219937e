"""Layer 3, batch: a plan, an engine and a run folder; resumes, counts and reports, decides nothing about content."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog

from scenarios.errors import Interrupted
from scenarios.schema import Case, Consultation, Key, KeyId
from simulator.build import Staff
from simulator.engines.local import LocalEngine
from simulator.plan import Plan
from simulator.run_one import Held, conclude, hold
from simulator.store import RunWriter

log = structlog.get_logger(__name__)


class Progress(Protocol):
    """What a progress display must be able to do."""

    def start(self, total: int, already: int) -> None:
        """Say how many consultations there are and how many an earlier run finished."""

    def consultation(self, done: Consultation) -> None:
        """Note one finished consultation."""


@dataclass
class Tally:
    """What happened in this process: counts only, so that memory stays bounded."""

    total: int = 0
    already: int = 0
    held: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    def note(self, done: Consultation) -> None:
        """Count one finished consultation."""
        self.held += 1
        self.failures.update(failure.owner for failure in done.failures)


@dataclass(frozen=True)
class Quiet:
    """A progress display that shows nothing."""

    def start(self, total: int, already: int) -> None:
        """Show nothing."""

    def consultation(self, done: Consultation) -> None:
        """Show nothing."""


def run_batch(
    plan: Plan,
    staff: Staff,
    folder: Path,
    info: dict[str, Any],
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Tally:
    """Hold every consultation of ``plan`` that ``folder`` has not finished yet.

    Raises:
        RunFolderError: the folder is unsuitable or cannot be written; what was finished is kept.
        Interrupted: Ctrl-C or SIGTERM; the journal is whole and the message says how to go on.
    """
    writer = RunWriter(folder, plan.identity(), info, resume=resume)
    try:
        writer.write_cases(plan.all_cases)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner, _settled_memory():
            tally = runner.run(_run(plan, staff, writer, progress or Quiet()))
    finally:
        writer.close()
    if tally.stopped:
        raise Interrupted(
            f"stopped after {tally.already + tally.held} of {tally.total} consultations; everything finished is in "
            f"{folder}. Run the same command with --resume to go on."
        )
    return tally


async def _run(plan: Plan, staff: Staff, writer: RunWriter, progress: Progress) -> Tally:
    finished = writer.finished()
    begun = writer.unfinished(finished)
    tally = Tally(total=len(plan))
    tally.already = sum(1 for key, _ in plan.jobs() if _name(key) in finished) if finished else 0
    log.info("batch starts", consultations=tally.total, finished=tally.already, begun=len(begun))
    progress.start(tally.total, tally.already)

    async def converse(job: tuple[Key, Case]) -> Held:
        key, case = job
        said = begun.pop(_name(key), ())
        return await hold(staff.rooms[key.doctor], case, key, said=said, on_turn=writer.turn_writer(key))

    def done(record: Consultation) -> None:
        writer.consultation(record)
        tally.note(record)
        progress.consultation(record)

    stop = asyncio.Event()
    let_go = _stop_on_signals(stop)
    try:
        jobs = _open_jobs(plan, finished)
        workers = max(1, min(plan.batch.concurrency, tally.total - tally.already))
        await LocalEngine(converse, conclude, done, workers).run(jobs, stop)
    finally:
        let_go()
        await staff.close()
    tally.stopped = stop.is_set()
    return tally


def _open_jobs(plan: Plan, finished: set[KeyId]) -> Iterator[tuple[Key, Case]]:
    return ((key, case) for key, case in plan.jobs() if _name(key) not in finished)


def _name(key: Key) -> KeyId:
    return KeyId(key.case, key.doctor, key.trial)


def _stop_on_signals(stop: asyncio.Event) -> Callable[[], None]:
    """Let SIGINT and SIGTERM set ``stop``; returns what undoes it. Does nothing outside the main thread."""
    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
            caught.append(number)
        except (NotImplementedError, RuntimeError, ValueError):
            log.debug("signal not caught", signal=number)

    def let_go() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    return let_go


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Keep the garbage collector from visiting what lives as long as the batch: modules, cases, knowledge."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


